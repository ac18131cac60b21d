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
mod tests {
    use hubbub_core::Position;

    use super::*;

    const WRITE: Duration = Duration::from_millis(1);

    fn event(room: &str, seq: u64) -> Inbound {
        Inbound::Gap { room: RoomId::parse(room).expect("a room"), top: Position { epoch: 1, seq } }
    }

    fn lobby() -> RoomId {
        RoomId::parse("lobby").expect("a room")
    }

    /// The room and the numbers of its events.
    fn next(pace: &mut Pace, now: Instant) -> Option<(String, Vec<u64>)> {
        let (room, events) = pace.next(now)?;
        Some((room.to_string(), events.iter().map(seq).collect()))
    }

    fn seq(inbound: &Inbound) -> u64 {
        match inbound {
            Inbound::Gap { top, .. } => top.seq,
            _ => 0,
        }
    }

    #[test]
    fn a_calm_room_is_written_to_at_once_and_one_that_was_just_written_to_when_it_has_rested() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.arrived(event("lobby", 1), start);
        assert_eq!(next(&mut pace, start), Some(("lobby".into(), vec![1])));
        pace.wrote(lobby(), 1, WRITE, start);
        pace.arrived(event("lobby", 2), start);
        pace.arrived(event("lobby", 3), start);
        assert_eq!(next(&mut pace, start), None);
        assert_eq!(pace.due(), Some(start + WRITE * FOLD));
        assert_eq!(next(&mut pace, start + WRITE * FOLD), Some(("lobby".into(), vec![2, 3])));
    }

    #[test]
    fn others_are_written_to_while_a_room_rests() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.wrote(lobby(), 1, WRITE, start);
        pace.arrived(event("lobby", 1), start);
        pace.arrived(event("attic", 2), start);
        assert_eq!(next(&mut pace, start), Some(("attic".into(), vec![2])));
        assert_eq!(next(&mut pace, start), None);
    }

    #[test]
    fn the_more_events_a_write_had_the_shorter_is_the_rest_and_none_is_long() {
        assert_eq!(rest(1, WRITE), WRITE * FOLD);
        assert_eq!(rest(8, WRITE), WRITE * FOLD / 8);
        assert_eq!(rest(1, Duration::from_secs(1)), LONGEST);
        assert_eq!(rest(0, Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_cheap_write_is_followed_by_no_rest_and_leaves_nothing_behind() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.wrote(lobby(), 1, SHORTEST / FOLD / 2, start);
        assert_eq!(pace.due(), None);
        pace.wrote(lobby(), 1, WRITE, start);
        assert_eq!(next(&mut pace, start + LONGEST), None);
        assert_eq!((pace.due(), pace.rooms.len()), (None, 0));
    }

    #[test]
    fn a_whole_write_waits_for_nothing_and_what_is_more_goes_with_the_next() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.wrote(lobby(), 1, WRITE, start);
        let count = u64::try_from(AT_ONCE).expect("a small number");
        for seq in 1..count {
            pace.arrived(event("lobby", seq), start);
        }
        assert_eq!(next(&mut pace, start), None);
        pace.arrived(event("lobby", count), start);
        pace.arrived(event("lobby", count + 1), start);
        assert_eq!(next(&mut pace, start), Some(("lobby".into(), (1..=count).collect())));
        assert_eq!(next(&mut pace, start), Some(("lobby".into(), vec![count + 1])));
        assert_eq!(next(&mut pace, start + LONGEST), None);
    }

    #[test]
    fn what_waits_is_taken_out_of_turn_in_its_order() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.wrote(lobby(), 1, WRITE, start);
        pace.arrived(event("lobby", 1), start);
        pace.arrived(event("lobby", 2), start);
        assert_eq!(pace.take(&lobby()).iter().map(seq).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(next(&mut pace, start + LONGEST), None);
    }
}
