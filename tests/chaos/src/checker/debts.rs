//! What was acknowledged is owed to everyone who was in the room by then.

use std::collections::{BTreeMap, HashMap};

use super::{
    Excuses, Finding, Verdict,
    truth::Truth,
    walk::{Hole, Walk, Walks},
};
use crate::log::{Cid, Entry, Log, Position, Room};

/// What was acknowledged, by room, and whether it changes a message.
type Owed = BTreeMap<Room, BTreeMap<Position, bool>>;

pub(super) fn collect(logs: &[Log], walks: &[Walks], truth: &Truth, excuses: Excuses, verdict: &mut Verdict) {
    let mut owed = Owed::new();
    let mut places = HashMap::new();
    for log in logs {
        let mut sent = Sent::default();
        for (_, entry) in &log.entries {
            let Entry::Acked { room, position, cid, changes } = *entry else { continue };
            acknowledged(truth, (room, position, cid), verdict);
            sent.follow(log, (room, position, cid), verdict);
            owed.entry(room).or_default().insert(position, changes);
            match places.insert(cid, (room, position)) {
                None => {
                    verdict.acknowledged += 1;
                    verdict.changed += u64::from(changes);
                }
                Some(before) if before == (room, position) => {}
                Some((_, other)) => {
                    let what = || format!("{cid} was acknowledged at {position} and at {other}");
                    verdict.find(Finding::SaidTwice, what);
                }
            }
        }
    }
    for (log, walks) in logs.iter().zip(walks) {
        for (room, positions) in &owed {
            if let Some(walk) = walks.room(*room) {
                claim(log, *room, walk, positions, excuses, verdict);
            }
        }
    }
}

fn acknowledged(truth: &Truth, (room, position, cid): (Room, Position, Cid), verdict: &mut Verdict) {
    let Some(fact) = truth.at(room, position) else {
        return verdict.find(Finding::Unheard, || format!("{cid} at {position} of {}", room.name()));
    };
    if let Some(other) = fact.cid.filter(|other| *other != cid) {
        let what = || format!("{cid} was acknowledged at {position} of {}, where {other} is", room.name());
        verdict.find(Finding::Misplaced, what);
    }
}

fn claim(
    log: &Log,
    room: Room,
    walk: &Walk,
    owed: &BTreeMap<Position, bool>,
    excuses: Excuses,
    verdict: &mut Verdict,
) {
    let Some(start) = walk.start else { return };
    for (&position, changes) in owed.iter().filter(|(at, _)| **at > start && !walk.has_seen(**at)) {
        let hole = walk.announced.iter().find(|hole| hole.has(position));
        // A history has messages as they are by now: a change that was missed in a gap is in them, and has no place.
        let is_shown = |hole: &Hole| *changes || hole.to.seq.saturating_sub(hole.from.seq) > excuses.kept;
        if hole.is_some_and(is_shown) {
            continue;
        }
        let finding = if hole.is_some() { Finding::Forgotten } else { Finding::Lost };
        let what = || format!("{} has not seen {position} of {}, {hole:?}", log.client, room.name());
        verdict.find(finding, what);
    }
}

/// The last thing that a client sent, in each room: it sends the next when that is acknowledged.
#[derive(Debug, Default)]
struct Sent(BTreeMap<Room, (Cid, Position)>);

impl Sent {
    fn follow(&mut self, log: &Log, (room, position, cid): (Room, Position, Cid), verdict: &mut Verdict) {
        let Some((before, earlier)) = self.0.insert(room, (cid, position)) else { return };
        if before.count < cid.count && position <= earlier {
            let what = || format!("{}: {cid} at {position} follows {before} at {earlier}", log.client);
            verdict.find(Finding::OutOfOrder, what);
        }
    }
}
