//! What the tests share: nodes, clients that speak the protocol by hand, and the real programs around them.

pub mod client;
pub mod faults;
pub mod http;
pub mod node;
pub mod person;
pub mod polling;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod redis_cluster;
pub mod redis_server;
pub mod scripts;
pub mod sentinel;
pub mod watched;
pub mod wire;

/// Whether tests that have a long form run it: `HUBBUB_LONG=1`.
#[must_use]
pub fn runs_long() -> bool {
    std::env::var_os("HUBBUB_LONG").is_some()
}
