//! One node, from the socket to the socket.

mod basics;
mod bounds;
mod bursts;
mod connecting;
mod edges;
mod engine;
mod hostile;
mod official;
mod resuming;
mod rooms;
mod upgrades;
