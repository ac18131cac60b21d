//! One client's way through its rooms: every step must follow the one before, or be announced.

use std::collections::{BTreeMap, BTreeSet};

use super::{Excuses, Finding, Verdict, seen::Seen, truth::Truth};
use crate::log::{Entry, Log, Position, Room};

/// A client's ways, by room.
#[derive(Debug, Default)]
pub(super) struct Walks(BTreeMap<Room, Walk>);

/// Where a client stood in a room, and what it has seen of it.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// It was in the room from here on: `None` before that.
    pub(super) start: Option<Position>,
    pub(super) told: Seen,
    pub(super) shown: Seen,
    /// Told that something between may be missing.
    pub(super) announced: Vec<Hole>,
    last: Option<Position>,
    /// What this connection has told.
    here: Seen,
    /// Not told that something between is missing.
    silent: Vec<Hole>,
}

/// What is after one position and not after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hole {
    pub(super) from: Position,
    pub(super) to: Position,
}

impl Hole {
    pub(super) fn has(&self, position: Position) -> bool {
        self.from < position && position <= self.to
    }
}

impl Walks {
    pub(super) fn of(log: &Log, verdict: &mut Verdict) -> Self {
        let mut walks = Self::default();
        for (at, entry) in &log.entries {
            let mut find = |finding, what: &str, room: Room| {
                verdict.find(finding, || format!("{} in {} at {at:?}: {what}", log.client, room.name()));
            };
            walks.step(*entry, &mut find);
            count(*entry, verdict);
        }
        walks.end(log, verdict);
        walks
    }

    pub(super) fn rooms(&self) -> impl Iterator<Item = (Room, &Walk)> {
        self.0.iter().map(|(room, walk)| (*room, walk))
    }

    pub(super) fn room(&self, room: Room) -> Option<&Walk> {
        self.0.get(&room)
    }

    fn step(&mut self, entry: Entry, find: &mut impl FnMut(Finding, &str, Room)) {
        match entry {
            Entry::Connected => self.0.values_mut().for_each(|walk| walk.here = Seen::default()),
            Entry::Resumed { room, at, recovered, .. } => self.walk(room).resume(at, recovered),
            Entry::Gap { room, position } => self.walk(room).jump(position),
            Entry::Shown { room, position, .. } => {
                self.walk(room).shown.add(position);
            }
            Entry::Told { room, position, .. } => {
                if let Some((finding, what)) = self.walk(room).hear(position) {
                    find(finding, &what, room);
                }
            }
            Entry::Lost | Entry::Whole | Entry::Acked { .. } => {}
        }
    }

    fn walk(&mut self, room: Room) -> &mut Walk {
        self.0.entry(room).or_default()
    }

    /// A hole that was filled later is a matter of order, and was found as such.
    fn end(&self, log: &Log, verdict: &mut Verdict) {
        for (room, walk) in self.rooms() {
            for hole in walk.silent.iter().filter(|hole| !walk.has_filled(hole)) {
                let Hole { from, to } = hole;
                let what = || format!("{} in {}: {from} then after {to}", log.client, room.name());
                verdict.find(Finding::SilentHole, what);
            }
        }
    }
}

impl Walk {
    pub(super) fn has_seen(&self, position: Position) -> bool {
        self.told.has(position) || self.shown.has(position)
    }

    fn resume(&mut self, at: Position, recovered: bool) {
        if self.last.is_none() {
            (self.start, self.last) = (Some(at), Some(at));
        } else if !recovered {
            self.jump(at);
        }
    }

    fn jump(&mut self, to: Position) {
        if let Some(from) = self.last.filter(|last| *last != to) {
            self.announced.push(Hole { from, to });
        }
        self.last = Some(to);
    }

    fn hear(&mut self, position: Position) -> Option<(Finding, String)> {
        let Some(last) = self.last else {
            (self.start, self.last) = (Some(position), Some(position));
            return Some((Finding::OutOfOrder, format!("{position} before it was in the room")));
        };
        if !self.here.add(position) {
            return Some((Finding::ToldTwice, format!("{position} twice")));
        }
        if position <= last {
            let known = !self.told.add(position) || self.shown.has(position);
            let is_repeat = known && position.epoch == last.epoch;
            return (!is_repeat).then(|| (Finding::OutOfOrder, format!("{position} after {last}")));
        }
        self.told.add(position);
        self.last = Some(position);
        let follows = position.epoch == last.epoch && position.seq == last.seq + 1;
        if !follows {
            let to = Position { seq: position.seq.saturating_sub(1), ..position };
            self.silent.push(Hole { from: last, to });
        }
        None
    }

    fn has_filled(&self, hole: &Hole) -> bool {
        let Hole { from, to } = *hole;
        let mut missed = (from.seq + 1..=to.seq).map(|seq| Position { seq, ..to });
        from.epoch == to.epoch && missed.all(|position| self.told.has(position))
    }
}

fn count(entry: Entry, verdict: &mut Verdict) {
    match entry {
        Entry::Told { .. } => verdict.told += 1,
        Entry::Gap { .. } => verdict.gaps += 1,
        Entry::Resumed { since: Some(_), recovered: true, .. } => verdict.recovered += 1,
        Entry::Resumed { since: Some(_), recovered: false, .. } => verdict.unrecovered += 1,
        _ => {}
    }
}

/// A gap needs a reason: a new epoch, for which Redis must have ended, or an absence longer than the log.
pub(super) fn excuse(logs: &[Log], walks: &[Walks], excuses: Excuses, truth: &Truth, verdict: &mut Verdict) {
    for (log, walks) in logs.iter().zip(walks) {
        for (room, walk) in walks.rooms() {
            for Hole { from, to } in &walk.announced {
                let trimmed = from.epoch == to.epoch && to.seq.saturating_sub(from.seq) > excuses.kept;
                let renewed = from.epoch < to.epoch && excuses.restarts > 0;
                if !trimmed && !renewed {
                    let what = || format!("{} in {}: a gap from {from} to {to}", log.client, room.name());
                    verdict.find(Finding::Unjustified, what);
                }
            }
        }
    }
    for (room, epochs) in truth.epochs() {
        if epochs.len() > 1 + excuses.restarts {
            let what =
                || format!("{} has the epochs {epochs:?} by {} restarts", room.name(), excuses.restarts);
            verdict.find(Finding::Unjustified, what);
        }
    }
}

/// The epochs of each room.
pub(super) type Epochs = BTreeMap<Room, BTreeSet<u64>>;
