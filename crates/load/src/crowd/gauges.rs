//! Readings of counters and clocks, and what happened between two of them.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::{
    crowd::board::Board,
    machine::{
        process::{self, Process},
        spent::Meter,
    },
    report::{float, ratio},
};

/// All at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    at: Instant,
    connected: u64,
    said: u64,
    heard: u64,
    answered: u64,
    server_cpu: Option<Duration>,
    redis_cpu: Option<Duration>,
    own_cpu: Duration,
    machine_cpu: Duration,
}

impl Reading {
    pub(crate) fn take(board: &Board, meter: &Meter) -> anyhow::Result<Self> {
        Ok(Self {
            at: Instant::now(),
            connected: board.connected.load(Ordering::Relaxed),
            said: board.said.load(Ordering::Relaxed),
            heard: board.heard.load(Ordering::Relaxed),
            answered: board.answers.total(),
            server_cpu: meter.servers.cpu_time()?,
            redis_cpu: meter.store.cpu_time()?,
            own_cpu: process::cpu_time(Process::This)?,
            machine_cpu: process::machine_time()?,
        })
    }

    pub(crate) fn since(&self, earlier: &Self) -> Span {
        Span {
            seconds: (self.at - earlier.at).as_secs_f64(),
            connected: self.connected - earlier.connected,
            said: self.said - earlier.said,
            heard: self.heard - earlier.heard,
            answered: self.answered - earlier.answered,
            server_cpu: self.server_cpu.zip(earlier.server_cpu).map(|(now, then)| seconds(now, then)),
            redis_cpu: self.redis_cpu.zip(earlier.redis_cpu).map(|(now, then)| seconds(now, then)),
            own_cpu: seconds(self.own_cpu, earlier.own_cpu),
            machine_cpu: seconds(self.machine_cpu, earlier.machine_cpu),
        }
    }
}

fn seconds(now: Duration, then: Duration) -> f64 {
    now.saturating_sub(then).as_secs_f64()
}

/// What happened between two readings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) seconds: f64,
    pub(crate) connected: u64,
    pub(crate) said: u64,
    pub(crate) heard: u64,
    /// Polling's requests.
    pub(crate) answered: u64,
    /// Seconds of CPU.
    pub(crate) server_cpu: Option<f64>,
    pub(crate) redis_cpu: Option<f64>,
    pub(crate) own_cpu: f64,
    /// Of everybody on this machine.
    pub(crate) machine_cpu: f64,
}

impl Span {
    pub(crate) fn per_second(&self, count: u64) -> f64 {
        float(count) / self.seconds
    }

    /// `None` when nothing was heard.
    pub(crate) fn per_million_heard(&self, cpu: f64) -> Option<f64> {
        ratio(cpu * 1e6, self.heard)
    }

    /// Threads kept busy.
    pub(crate) fn load(&self, cpu: f64) -> f64 {
        cpu / self.seconds
    }
}
