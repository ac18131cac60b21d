//! When each room is written to: at once while it is calm; where broadcasts come faster than writing them to everybody
//! pays, several of them go out in one write.
//!
//! A write to each of a room's sockets costs a system call for each, whatever is in it. So a room rests after a write,
//! for as long as a few times what each of the events in it cost: the more there were, the less is to be gained by
//! waiting for more. A room of a few dozen never rests, a calm room has rested long before its next event, and one that
//! has a whole write's worth of events rests no longer.
//!
//! ```text
//!   inbox ──► arrived ──► [room: events, due] ──► next: the room that is due first ──► one write ──► rests, is due again
//! ```

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    time::{Duration, Instant},
};

use hubbub_core::{Inbound, RoomId};

/// How many times what an event cost its room rests.
const FOLD: u32 = 4;
/// No room rests for longer.
const LONGEST: Duration = Duration::from_millis(10);
/// A shorter rest is none: timers tick in milliseconds.
const SHORTEST: Duration = Duration::from_millis(1);
/// Bytes of text that go out in one write, about. A slow reader's bound is many such writes, so that a burst alone does
/// not exceed it.
const ONE_WRITE: usize = 64 * 1_024;
/// The same in events: some have no text.
const AT_ONCE: usize = 256;

/// Rooms with something to say, and those that rest.
#[derive(Debug, Default)]
pub(super) struct Pace {
    rooms: HashMap<RoomId, Waiting>,
    /// When each of them is due. An entry that the room itself does not agree with is stale.
    due: BinaryHeap<Reverse<(Instant, RoomId)>>,
}

/// What waits in a room, in the order in which it arrived.
#[derive(Debug)]
struct Waiting {
    due: Instant,
    events: Vec<Inbound>,
    bytes: usize,
}

impl Pace {
    /// One more event of its room's.
    pub(super) fn arrived(&mut self, inbound: Inbound, now: Instant) {
        let room = inbound.room();
        if let Some(waiting) = self.rooms.get_mut(room) {
            if waiting.fills_with(&inbound) && waiting.due > now {
                waiting.due = now;
                self.due.push(Reverse((now, room.clone())));
            }
            waiting.push(inbound);
        } else {
            let (room, mut waiting) = (room.clone(), Waiting::until(now));
            waiting.push(inbound);
            self.schedule(room, waiting);
        }
    }

    /// When the next room is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((due, _))| *due)
    }

    /// The next room that is due, and what fills one write to it.
    pub(super) fn next(&mut self, now: Instant) -> Option<(RoomId, Vec<Inbound>)> {
        while self.due().is_some_and(|due| due <= now) {
            let Reverse((due, room)) = self.due.pop()?;
            if self.rooms.get(&room).is_some_and(|waiting| waiting.due == due) {
                let events = self.take(&room);
                if !events.is_empty() {
                    return Some((room, events));
                }
            }
        }
        None
    }

    /// What fills one write to the room, whether it is due or not. Nothing: it rests no longer.
    pub(super) fn take(&mut self, room: &RoomId) -> Vec<Inbound> {
        let Some(mut waiting) = self.rooms.remove(room) else { return Vec::new() };
        let events = waiting.first_write();
        if !waiting.events.is_empty() {
            self.schedule(room.clone(), waiting);
        }
        events
    }

    /// Writing so many events took so long, until now.
    pub(super) fn wrote(&mut self, room: RoomId, events: usize, took: Duration, now: Instant) {
        let rest = rest(events, took);
        if rest >= SHORTEST && !self.rooms.contains_key(&room) {
            self.schedule(room, Waiting::until(now + rest));
        }
    }

    fn schedule(&mut self, room: RoomId, waiting: Waiting) {
        self.due.push(Reverse((waiting.due, room.clone())));
        self.rooms.insert(room, waiting);
    }
}

impl Waiting {
    fn until(due: Instant) -> Self {
        Self { due, events: Vec::new(), bytes: 0 }
    }

    fn push(&mut self, inbound: Inbound) {
        self.bytes += inbound.text_length();
        self.events.push(inbound);
    }

    /// Whether it is this event that makes it a whole write.
    fn fills_with(&self, inbound: &Inbound) -> bool {
        let is_full = |events, bytes| events >= AT_ONCE || bytes >= ONE_WRITE;
        !is_full(self.events.len(), self.bytes)
            && is_full(self.events.len() + 1, self.bytes + inbound.text_length())
    }

    fn first_write(&mut self) -> Vec<Inbound> {
        let mut bytes = 0;
        let fit = self.events.iter().take(AT_ONCE).take_while(|inbound| {
            bytes += inbound.text_length();
            bytes <= ONE_WRITE
        });
        let rest = self.events.split_off(fit.count().max(1).min(self.events.len()));
        self.bytes = rest.iter().map(Inbound::text_length).sum();
        std::mem::replace(&mut self.events, rest)
    }
}

fn rest(events: usize, took: Duration) -> Duration {
    let events = u32::try_from(events).unwrap_or(u32::MAX).max(1);
    (took * FOLD / events).min(LONGEST)
}

#[cfg(test)]
mod tests;
