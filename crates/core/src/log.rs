//! A room's log in one process's memory.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::{Draft, Envelope, Event, Millis, Place, Position, Receipt};

/// How long a retry with the same key is said only once.
const REMEMBERED: Duration = Duration::from_mins(5);

/// Keys that one log remembers. A room as lively as that forgets the oldest before their time.
const KEYS: usize = 10_000;

/// The last messages of a room, and the keys that they were said under.
#[derive(Debug)]
pub(crate) struct Log {
    top: Position,
    length: usize,
    entries: VecDeque<Envelope>,
    keys: HashMap<String, Receipt>,
    expiry: VecDeque<(Instant, String)>,
}

impl Log {
    pub(crate) fn new(epoch: u64, length: usize) -> Self {
        let top = Position { epoch, seq: 0 };
        Self { top, length, entries: VecDeque::new(), keys: HashMap::new(), expiry: VecDeque::new() }
    }

    /// When its last message was said.
    pub(crate) fn last_said(&self) -> Option<Millis> {
        self.entries.back().map(|envelope| envelope.at)
    }

    pub(crate) fn top(&self) -> Position {
        self.top
    }

    /// Appends it, or finds it under its key: then there is no envelope.
    pub(crate) fn append(&mut self, draft: Draft, now: Instant, at: Millis) -> (Receipt, Option<Envelope>) {
        self.forget_keys(now);
        if let Some(receipt) = self.keys.get(&draft.key) {
            return (Receipt { duplicate: true, ..*receipt }, None);
        }
        self.top.seq += 1;
        let receipt = Receipt { position: self.top, at, duplicate: false };
        self.keys.insert(draft.key.clone(), receipt);
        self.expiry.push_back((now + REMEMBERED, draft.key));
        let place = Place::Logged(self.top);
        let event = Event::Said(draft.message);
        let envelope = Envelope { room: draft.room, place, at, origin: draft.origin, event };
        self.entries.push_back(envelope.clone());
        self.entries.drain(..self.entries.len().saturating_sub(self.length));
        (receipt, Some(envelope))
    }

    /// What follows `since` without a hole, at most so much of it.
    pub(crate) fn since(&self, since: Position, limit: usize) -> Option<Vec<Envelope>> {
        let missing = usize::try_from(self.top.seq.checked_sub(since.seq)?).ok()?;
        if since.epoch != self.top.epoch || missing > self.entries.len() {
            return None;
        }
        let first = self.entries.len() - missing;
        Some(self.entries.range(first..first + missing.min(limit)).cloned().collect())
    }

    pub(crate) fn last(&self, limit: usize) -> Vec<Envelope> {
        self.entries.range(self.entries.len().saturating_sub(limit)..).cloned().collect()
    }

    fn forget_keys(&mut self, now: Instant) {
        let is_over = |(end, _): &(Instant, String)| *end <= now;
        while self.expiry.len() > KEYS || self.expiry.front().is_some_and(is_over) {
            if let Some((_, key)) = self.expiry.pop_front() {
                self.keys.remove(&key);
            }
        }
    }
}
