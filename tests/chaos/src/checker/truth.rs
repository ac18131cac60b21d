//! What stands where: everybody must have been told the same.

use std::collections::HashMap;

use super::{Finding, Verdict, walk::Epochs};
use crate::log::{Cid, Entry, Log, Position, Room};

/// What clients were told to stand at a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub(super) cid: Option<Cid>,
    /// `None`: it was seen in a history only, as it was by then.
    digest: Option<u64>,
}

/// All that anybody has seen.
#[derive(Debug, Default)]
pub(super) struct Truth(HashMap<(Room, Position), Fact>);

impl Truth {
    pub(super) fn of(logs: &[Log], verdict: &mut Verdict) -> Self {
        let mut truth = Self::default();
        for log in logs {
            for (_, entry) in &log.entries {
                truth.take(log, *entry, verdict);
            }
        }
        truth.find_repeated(verdict);
        truth
    }

    pub(super) fn at(&self, room: Room, position: Position) -> Option<Fact> {
        self.0.get(&(room, position)).copied()
    }

    pub(super) fn epochs(&self) -> Epochs {
        let mut epochs = Epochs::new();
        for (room, position) in self.0.keys() {
            epochs.entry(*room).or_default().insert(position.epoch);
        }
        epochs
    }

    fn take(&mut self, log: &Log, entry: Entry, verdict: &mut Verdict) {
        let (room, position, seen) = match entry {
            Entry::Told { room, position, cid, digest } => {
                (room, position, Fact { cid, digest: Some(digest) })
            }
            Entry::Shown { room, position, cid } => (room, position, Fact { cid, digest: None }),
            _ => return,
        };
        let fact = self.0.entry((room, position)).or_insert(seen);
        let differs = matches!((fact.digest, seen.digest), (Some(one), Some(other)) if one != other);
        if differs || fact.cid != seen.cid {
            let what = || format!("{} at {position} of {}: {seen:?}, not {fact:?}", log.client, room.name());
            verdict.find(Finding::TwoOrders, what);
        }
        fact.digest = fact.digest.or(seen.digest);
    }

    fn find_repeated(&self, verdict: &mut Verdict) {
        let mut places = HashMap::new();
        for ((room, position), fact) in &self.0 {
            let Some(cid) = fact.cid else { continue };
            if let Some((_, other)) = places.insert(cid, (room, position)) {
                let what = || format!("{cid} in {} at {position} and at {other}", room.name());
                verdict.find(Finding::SaidTwice, what);
            }
        }
    }
}
