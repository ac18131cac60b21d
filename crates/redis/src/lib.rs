//! The backplane over Redis: several nodes, one chat. The only crate that knows Redis.
//!
//! [`connect()`] gives the same ports that one process's memory keeps; what they promise is written there, in
//! [`hubbub_core`]. What is kept in Redis, and why, is in `lua/`, a file a change, and in `keys.rs`.
//!
//! ```text
//!   publish ──► shards ──► publish.lua ──► PUBLISH ──► subscriber ──► queue ──► healer ──► inbox
//!                             │ the room's log                          jump? read the log ▲
//!   enter ────► shards ──► enter.lua  ──► PUBLISH ──────► the same way ─────────────────────┘
//! ```
//!
//! `shards` is the only master there is, or in a cluster the one that has the key; each has a subscriber of its own.

mod asking;
mod broker;
mod cluster;
mod connect;
mod healer;
mod keys;
mod layout;
mod lease;
mod line;
mod links;
mod listeners;
mod listening;
mod logs;
mod metrics;
mod nodes;
mod options;
mod pairs;
mod people;
mod place;
mod presence;
mod room;
mod rooms;
mod scout;
mod script;
mod sentinels;
mod shards;
mod slots;
mod source;
mod subscriber;
mod tenure;
mod track;
mod url;
mod versions;
mod wire;

pub use connect::{ConnectError, connect};
pub use options::Options;

use connect::Running;
