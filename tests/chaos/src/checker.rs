//! The judge: it reads what clients have seen, and knows nothing else of what happened.
//!
//! Positions are contiguous per room and epoch at each client, or a gap was announced; nothing is told twice on one
//! connection; a position holds the same thing for everyone; what was acknowledged stands where the acknowledgement
//! said, once, and reached every client that was in the room by then.

mod debts;
mod orders;
mod seen;
mod truth;
mod verdict;
mod walk;

use crate::log::Log;

pub use verdict::{Finding, Verdict};

use truth::Truth;
use walk::Walks;

/// What may excuse an announced gap.
#[derive(Debug, Clone, Copy)]
pub struct Excuses {
    /// How often Redis ended and began again: each may begin a new epoch in every room.
    pub restarts: usize,
    /// How many entries a room's log keeps: whoever was away for longer cannot be told all.
    pub kept: u64,
}

/// Judges a run by its clients' logs.
pub fn judge(logs: &[Log], excuses: Excuses) -> Verdict {
    let mut verdict = Verdict::default();
    let walks: Vec<Walks> = logs.iter().map(|log| Walks::of(log, &mut verdict)).collect();
    let truth = Truth::of(logs, &mut verdict);
    walk::excuse(logs, &walks, excuses, &truth, &mut verdict);
    debts::collect(logs, &walks, &truth, excuses, &mut verdict);
    orders::compare(logs, &walks, &mut verdict);
    verdict
}
