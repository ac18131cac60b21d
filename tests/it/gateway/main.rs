//! One node, from the socket to the socket.

mod basics;
mod bounds;
mod engine;
mod hostile;
mod official;
mod rooms;
