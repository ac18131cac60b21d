//! What is read of the machine, of nodes and of Redis, while it runs.

pub(crate) mod limits;
pub(crate) mod metrics;
pub(crate) mod process;
pub(crate) mod spent;
pub(crate) mod store;
