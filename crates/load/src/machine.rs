//! What is read of the machine, of nodes and of Redis, while it runs.

pub(crate) mod bill;
pub(crate) mod limits;
pub(crate) mod metrics;
pub(crate) mod process;
pub(crate) mod servers;
pub(crate) mod spent;
pub(crate) mod store;
