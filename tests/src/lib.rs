//! What the tests share: nodes, clients that speak the protocol by hand, and the real programs around them.

pub mod client;
pub mod http;
pub mod node;
pub mod process;
pub mod redis_server;
pub mod scripts;
