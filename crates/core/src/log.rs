//! A room's log in one process's memory.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    Author, Draft, Envelope, Event, History, Millis, Place, Position, Receipt, Revised, Revision, SessionId,
    Side, Update,
    reactions::{Reacted, Reactions},
};

/// How long a retry with the same key is said only once.
const REMEMBERED: Duration = Duration::from_mins(5);

/// Keys that one log remembers. A room as lively as that forgets the oldest before their time.
const KEYS: usize = 10_000;

/// What was said last in a room, the messages as they are now, and the keys that they were said under.
#[derive(Debug)]
pub(crate) struct Log {
    top: Position,
    length: usize,
    entries: VecDeque<Envelope>,
    messages: BTreeMap<u64, Kept>,
    keys: HashMap<String, Receipt>,
    expiry: VecDeque<(Instant, String)>,
}

/// A message as it is now.
#[derive(Debug)]
struct Kept {
    envelope: Envelope,
    reactions: Reactions,
}

impl Log {
    pub(crate) fn new(epoch: u64, length: usize) -> Self {
        Self {
            top: Position { epoch, seq: 0 },
            length,
            entries: VecDeque::new(),
            messages: BTreeMap::new(),
            keys: HashMap::new(),
            expiry: VecDeque::new(),
        }
    }

    /// When its last entry was made.
    pub(crate) fn last_said(&self) -> Option<Millis> {
        self.entries.back().map(|envelope| envelope.at)
    }

    pub(crate) fn top(&self) -> Position {
        self.top
    }

    /// Appends it, or finds it under its key: then there is no envelope.
    pub(crate) fn append(&mut self, draft: Draft, now: Instant, at: Millis) -> (Receipt, Option<Envelope>) {
        if let Some(receipt) = self.known(&draft.key, now) {
            return (receipt, None);
        }
        let receipt = self.take(draft.key, now, at);
        let place = Place::Logged(self.top);
        let event = Event::Said(draft.message);
        let envelope = Envelope { room: draft.room, place, at, origin: draft.origin, event };
        let kept = Kept { envelope: envelope.clone(), reactions: Reactions::default() };
        self.messages.insert(self.top.seq, kept);
        while self.messages.len() > self.length {
            self.messages.pop_first();
        }
        self.enter(envelope.clone());
        (receipt, Some(envelope))
    }

    /// Changes a message, if that changes anything: then there is an envelope.
    pub(crate) fn revise(
        &mut self,
        revision: Revision,
        now: Instant,
        at: Millis,
    ) -> (Revised, Option<Envelope>) {
        if let Some(receipt) = self.known(&revision.key, now) {
            return (Revised::Done(receipt), None);
        }
        let Some(kept) = self.messages.get_mut(&revision.target.seq).filter(|kept| kept.is_at(&revision))
        else {
            return (Revised::NotFound, None);
        };
        let count = match kept.change(&revision, at) {
            Reacted::Changed(count) => count,
            Reacted::Unchanged => return (Revised::Unchanged(self.top), None),
            Reacted::Forbidden => return (Revised::Forbidden, None),
            Reacted::Full => return (Revised::Full, None),
        };
        let receipt = self.take(revision.key.clone(), now, at);
        let envelope = updated(revision, self.top, at, count);
        self.enter(envelope.clone());
        (Revised::Done(receipt), Some(envelope))
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

    /// The last messages as they are now.
    pub(crate) fn last(&self, limit: usize) -> Vec<Envelope> {
        let mut last: Vec<_> =
            self.messages.values().rev().take(limit).map(|kept| kept.envelope.clone()).collect();
        last.reverse();
        last
    }

    /// A page of the messages as they are now.
    pub(crate) fn history(&self, side: Side, limit: usize) -> Option<History> {
        let anchor = match side {
            Side::End => return Some(page(self.messages.values().rev(), limit, true)),
            Side::Before(anchor) | Side::After(anchor) => anchor,
        };
        if anchor.epoch != self.top.epoch || anchor.seq > self.top.seq {
            return None;
        }
        Some(match side {
            Side::After(_) => page(self.messages.range(anchor.seq + 1..).map(|(_, kept)| kept), limit, false),
            _ => page(self.messages.range(..anchor.seq).rev().map(|(_, kept)| kept), limit, true),
        })
    }

    fn known(&mut self, key: &str, now: Instant) -> Option<Receipt> {
        self.forget_keys(now);
        self.keys.get(key).map(|receipt| Receipt { duplicate: true, ..*receipt })
    }

    /// The next position, under this key.
    fn take(&mut self, key: String, now: Instant, at: Millis) -> Receipt {
        self.top.seq += 1;
        let receipt = Receipt { position: self.top, at, duplicate: false };
        self.keys.insert(key.clone(), receipt);
        self.expiry.push_back((now + REMEMBERED, key));
        receipt
    }

    fn enter(&mut self, envelope: Envelope) {
        self.entries.push_back(envelope);
        self.entries.drain(..self.entries.len().saturating_sub(self.length));
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

impl Kept {
    fn is_at(&self, revision: &Revision) -> bool {
        let is_there = matches!(&self.envelope.event, Event::Said(message) if !message.is_deleted());
        is_there && self.envelope.position() == Some(revision.target)
    }

    fn change(&mut self, revision: &Revision, at: Millis) -> Reacted {
        match &mut self.envelope.event {
            Event::Said(message) => self.reactions.change(message, revision, at),
            _ => Reacted::Unchanged,
        }
    }
}

fn updated(revision: Revision, top: Position, at: Millis, count: u64) -> Envelope {
    let author = Author { user: Some(revision.user), name: revision.name };
    let (target, change, cid) = (revision.target.id(), revision.change, revision.cid);
    let event = Event::Updated(Update { target, author, change, count, cid });
    let origin: Option<SessionId> = Some(revision.origin);
    Envelope { room: revision.room, place: Place::Logged(top), at, origin, event }
}

fn page<'a>(messages: impl Iterator<Item = &'a Kept>, limit: usize, backwards: bool) -> History {
    let mut messages = messages.map(|kept| kept.envelope.clone());
    let mut envelopes: Vec<_> = messages.by_ref().take(limit).collect();
    if backwards {
        envelopes.reverse();
    }
    History { envelopes, more: messages.next().is_some() }
}
