//! One thread of the load generator: what its clients share, so that nothing needs a lock.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc, sync::atomic::Ordering, time::Duration};

use crate::{crowd::board::Board, plan::Plan, report::latency::Latencies, wire::pool::Pool};

#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) thread: u32,
    pub(crate) plan: Arc<Plan>,
    pub(crate) board: Arc<Board>,
    /// For those that poll.
    pub(crate) pool: Rc<Pool>,
    /// Whoever reads borrows it for that one reading.
    pub(crate) buffer: RefCell<Vec<u8>>,
    pub(crate) ledger: RefCell<Ledger>,
}

/// What the clients of a thread have met, all together.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// From saying to hearing, while the measurement runs.
    pub(crate) deliveries: Latencies,
    /// How late this thread was woken while the measurement ran.
    pub(crate) lag: Latencies,
    /// From the first byte of a connection to being let in.
    pub(crate) arrivals: Latencies,
    /// From being cut off to being in again.
    pub(crate) returns: Latencies,
    /// How often somebody who came back was told that something may be missing.
    pub(crate) unproved: u64,
    /// Refused messages by their code.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Why connections ended that should not have, and how many did.
    pub(crate) endings: BTreeMap<String, u64>,
}

impl Shard {
    pub(crate) fn new(thread: u32, plan: Arc<Plan>, board: Arc<Board>) -> Self {
        let pool = Rc::new(Pool::new(&plan.nodes, Arc::clone(&board.answers)));
        Self { thread, plan, board, pool, buffer: RefCell::new(vec![0; BUFFER]), ledger: RefCell::default() }
    }

    pub(crate) fn record_delivery(&self, nanos: u64) {
        if self.board.is_measuring.load(Ordering::Relaxed) {
            self.ledger.borrow_mut().deliveries.record_nanos(nanos);
        }
    }

    pub(crate) fn record_lag(&self, late: Duration) {
        if self.board.is_measuring.load(Ordering::Relaxed) {
            self.ledger.borrow_mut().lag.record(late);
        }
    }

    /// Somebody will not come back, who has heard so much.
    pub(crate) fn note_gone(&self, heard: u64) {
        self.board.gone.fetch_add(1, Ordering::Relaxed);
        self.board.heard_by_gone.fetch_add(heard, Ordering::Relaxed);
    }

    pub(crate) fn note_ending(&self, reason: String) {
        self.board.cut_off.fetch_add(1, Ordering::Relaxed);
        *self.ledger.borrow_mut().endings.entry(reason).or_default() += 1;
    }
}

impl Ledger {
    pub(crate) fn add(&mut self, other: Self) {
        self.deliveries.add(&other.deliveries);
        self.lag.add(&other.lag);
        self.returns.add(&other.returns);
        self.unproved += other.unproved;
        self.arrivals.add(&other.arrivals);
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        for (reason, count) in other.endings {
            *self.endings.entry(reason).or_default() += count;
        }
    }
}

/// Large enough for what a socket holds, small enough to stay in the processor's cache.
const BUFFER: usize = 256 * 1024;
