//! One gateway node: Socket.IO clients on one side, the backplane on the other.
//!
//! A message's way, file by file: `engine` (the client's bytes) → `namespaces` → `mailbox` → `connection` → the chat of
//! `hubbub-core` → the backplane → `delivery` → `peer` → `engine` (the members' bytes).

mod admin;
mod batch;
pub mod config;
mod connection;
mod delivery;
mod ears;
mod engine;
mod farewell;
mod floor;
mod http;
mod lifecycle;
pub mod logging;
mod mailbox;
mod metrics;
mod namespaces;
mod neighbours;
mod packet;
mod peer;
mod people;
mod replay;
mod rooms;
#[cfg(test)]
mod sizes;
mod tokens;

pub use lifecycle::Node;
