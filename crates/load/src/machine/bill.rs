//! What each process has cost from a workload's start to its end: processor time, and memory at its end and its peak.

use std::{
    convert::Infallible,
    sync::mpsc::{self, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;
use serde::Serialize;

use super::process::{self, Process};
use crate::{
    arguments::shared::Places,
    report::{Row, count, decimals, float},
};

/// Looks at the processes' memory again and again on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    processes: Vec<Watched>,
    own_cpu: Duration,
    /// Nothing is ever sent: its end is the end.
    over: mpsc::Sender<Infallible>,
    peaks: JoinHandle<Vec<u64>>,
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    role: Role,
    pid: u32,
    /// Until the beginning.
    cpu: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Server,
    Redis,
}

#[derive(Debug, Serialize)]
pub(crate) struct Bill {
    processes: Vec<Item>,
    /// Seconds of the load generator's own.
    own_cpu_s: f64,
}

/// One process's.
#[derive(Debug, Serialize)]
struct Item {
    role: Role,
    pid: u32,
    cpu_s: f64,
    /// Resident at the end.
    memory_kib: u64,
    /// Resident at most, of what was seen twenty times a second.
    peak_kib: u64,
}

impl Watch {
    pub(crate) fn begin(places: &Places) -> anyhow::Result<Self> {
        let watched = |role| move |&pid| Ok(Watched { role, pid, cpu: process::cpu_time(Process::Id(pid))? });
        let servers = places.pid.iter().map(watched(Role::Server));
        let stores = places.redis_pid.iter().map(watched(Role::Redis));
        let processes = servers.chain(stores).collect::<anyhow::Result<Vec<_>>>()?;
        let pids: Vec<u32> = processes.iter().map(|process| process.pid).collect();
        let (over, is_over) = mpsc::channel();
        let peaks = thread::Builder::new()
            .name("load-watch".into())
            .spawn(move || peaks(&pids, || is_over.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout)))?;
        Ok(Self { processes, own_cpu: process::cpu_time(Process::This)?, over, peaks })
    }

    pub(crate) fn end(self) -> anyhow::Result<Bill> {
        drop(self.over);
        let peaks = self.peaks.join().ok().context("the thread that watches processes panicked")?;
        let own_cpu_s = since(self.own_cpu, Process::This)?;
        let items = self.processes.into_iter().zip(peaks).map(|(process, peak)| process.item(peak));
        Ok(Bill { processes: items.collect::<anyhow::Result<_>>()?, own_cpu_s })
    }
}

/// What each had at most. Who is gone has nothing; that is told at the end.
fn peaks(pids: &[u32], mut goes_on: impl FnMut() -> bool) -> Vec<u64> {
    let mut peaks = vec![0; pids.len()];
    loop {
        for (peak, &pid) in peaks.iter_mut().zip(pids) {
            *peak = process::resident(Process::Id(pid)).unwrap_or_default().max(*peak);
        }
        if !goes_on() {
            return peaks;
        }
    }
}

fn since(then: Duration, process: Process) -> anyhow::Result<f64> {
    Ok(process::cpu_time(process)?.saturating_sub(then).as_secs_f64())
}

impl Watched {
    fn item(self, peak_kib: u64) -> anyhow::Result<Item> {
        let Self { role, pid, cpu } = self;
        let memory_kib = process::resident(Process::Id(pid))?;
        let peak_kib = peak_kib.max(memory_kib);
        Ok(Item { role, pid, cpu_s: since(cpu, Process::Id(pid))?, memory_kib, peak_kib })
    }
}

impl Bill {
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<_> = self.processes.iter().flat_map(Item::rows).collect();
        rows.push(("generator CPU in all, s", decimals(self.own_cpu_s)));
        rows
    }
}

impl Item {
    fn rows(&self) -> [Row; 2] {
        let Self { role, pid, cpu_s, memory_kib, peak_kib } = self;
        let [cpu, memory] = match role {
            Role::Server => ["server CPU in all, s", "server memory, then its peak, KiB"],
            Role::Redis => ["Redis CPU in all, s", "Redis memory, then its peak, KiB"],
        };
        let sizes = [memory_kib, peak_kib].map(|&kib| count(float(kib))).join(", ");
        [(cpu, format!("{} of {pid}", decimals(*cpu_s))), (memory, format!("{sizes} of {pid}"))]
    }
}

const GLANCE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_the_most_that_was_seen() {
        let before = process::resident(Process::This).unwrap();
        let mut held = Vec::new();
        let peaks = peaks(&[std::process::id()], || {
            let goes_on = held.is_empty();
            held = if goes_on { vec![1_u8; 64 << 20] } else { Vec::new() };
            goes_on
        });
        assert!(peaks[0] >= before + (32 << 10), "{before} {peaks:?}");
    }

    #[test]
    fn a_process_that_is_gone_has_no_bill() {
        let places = Places { url: vec![], path: None, pid: vec![u32::MAX], redis_pid: vec![], json: None };
        assert!(Watch::begin(&places).is_err());
    }
}
