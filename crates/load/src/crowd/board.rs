//! Where the threads write what the main thread watches, and read what it wants.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use crate::wire::pool::Answers;

/// Counters only grow; all are relaxed, for each is a figure of its own.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// Clients that were let in.
    pub(crate) connected: AtomicU64,
    /// Clients that have heard a probe.
    pub(crate) probed: AtomicU32,
    /// Clients that were answered, but not let in. They count as cut off, too.
    pub(crate) turned_away: AtomicU32,
    /// Connections that ended although nobody wanted it.
    pub(crate) cut_off: AtomicU32,
    /// Clients that were cut off and try to come back.
    away: AtomicU32,
    /// Clients that will not come back.
    pub(crate) gone: AtomicU32,
    pub(crate) said: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// Deliveries, repeated ones too.
    pub(crate) heard: AtomicU64,
    /// Of these, the ones to clients that have gone since.
    pub(crate) heard_by_gone: AtomicU64,
    /// What polling was answered.
    pub(crate) answers: Arc<Answers>,
    /// The furthest that an open loop has fallen behind its rate, in nanoseconds.
    pub(crate) behind: AtomicU64,
    /// Whether latencies count.
    pub(crate) is_measuring: AtomicBool,
    /// The phase as what is said in a loop asks for it: without a lock.
    is_talking: AtomicBool,
    phase: watch::Sender<Phase>,
    failure: OnceLock<String>,
}

/// The course of a run, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    #[default]
    Arriving,
    /// The first sender says something now and then, until everybody has heard it.
    Probing,
    Talking,
    /// Nothing more is said; what is under way may still come.
    Draining,
    Over,
}

impl Board {
    pub(crate) fn enter(&self, phase: Phase) {
        self.is_talking.store(phase == Phase::Talking, Ordering::Relaxed);
        self.phase.send_replace(phase);
    }

    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Somebody is away as long as this is held.
    pub(crate) fn is_away(&self) -> Away<'_> {
        self.away.fetch_add(1, Ordering::Relaxed);
        Away(self)
    }

    pub(crate) fn anybody_is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn is_talking(&self) -> bool {
        self.is_talking.load(Ordering::Relaxed)
    }

    /// How late an open loop has said something.
    pub(crate) fn note_delay(&self, delay: Duration) {
        self.behind.fetch_max(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The first failure counts.
    pub(crate) fn fail(&self, reason: String) {
        let _ = self.failure.set(reason);
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }
}

#[derive(Debug)]
pub(crate) struct Away<'a>(&'a Board);

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.away.fetch_sub(1, Ordering::Relaxed);
    }
}
