//! Chaos: a cluster of real processes is broken on purpose, by a plan that a seed gives again, and judged by what its
//! clients have seen.
//!
//! ```text
//!   plan ──► fault ──► stage: Redis, nodes, a proxy before each and one behind each
//!                        ▲
//!              crowd of clients ──► logs ──► checker ──► verdict ──► report
//! ```

pub mod checker;
pub mod client;
pub mod crowd;
pub mod fault;
mod files;
pub mod line;
pub mod log;
pub mod phases;
pub mod plan;
pub mod polling;
pub mod presence;
pub mod proxy;
pub mod report;
pub mod script;
pub mod stage;
pub mod visit;
pub mod words;
