//! Several nodes over one Redis, from the socket to the socket.

mod handover;
mod meeting;
mod official;
mod outage;
