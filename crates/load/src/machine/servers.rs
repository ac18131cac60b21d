//! Processes of one kind on this machine, as one.

use std::time::Duration;

use super::process::{self, Process};

/// None: their figures stay unknown.
#[derive(Clone, Debug)]
pub(crate) struct Servers(pub(crate) Vec<u32>);

impl Servers {
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Option<Duration>> {
        self.sum(process::cpu_time)
    }

    /// KiB.
    pub(crate) fn memory(&self) -> anyhow::Result<Option<u64>> {
        self.sum(process::memory)
    }

    /// KiB, pages that are shared counted in each.
    pub(crate) fn resident(&self) -> anyhow::Result<Option<u64>> {
        self.sum(process::resident)
    }

    fn sum<T: std::iter::Sum>(&self, read: fn(Process) -> anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        self.0.iter().map(|&pid| read(Process::Id(pid))).sum::<anyhow::Result<T>>().map(Some)
    }
}
