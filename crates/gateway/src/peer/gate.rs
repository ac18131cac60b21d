//! What is held back from one session, and what it knows already.

use bytes::Bytes;
use hubbub_core::{Position, RoomId, UserId};

use crate::batch::{Batch, Label};

/// While a command that joins is under way, what its rooms say is held back, so that the reply comes first. What a room
/// says whose past is being told is held back until that is done.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) closed: bool,
    pub(super) held: Vec<(RoomId, Label, Bytes)>,
    pub(super) bytes: usize,
    /// How far rooms' logs were told from the log itself. What the node hears of them may still be behind that.
    pub(super) told: Vec<(RoomId, Position)>,
    /// Which version of rooms' people the client knows from an answer, and who it is there.
    pub(super) knows: Vec<(RoomId, u64, UserId)>,
    pub(super) replays: Vec<Replaying>,
    /// Rooms that stopped being heard while the gate was closed: what was on its way to this one is not for it.
    pub(super) forgotten: Vec<RoomId>,
}

/// A room whose past is being told.
#[derive(Debug)]
pub(super) struct Replaying {
    pub(super) room: RoomId,
    /// More was said meanwhile than is held back: from there on it is to be read from the log.
    pub(super) overrun: bool,
}

impl Gate {
    pub(super) fn replaying(&mut self, room: &RoomId) -> Option<&mut Replaying> {
        self.replays.iter_mut().find(|replaying| replaying.room == *room)
    }

    pub(super) fn hold(&mut self, room: &RoomId, label: Label, frames: Bytes) {
        if self.forgotten.contains(room) {
            return;
        }
        let is_in_log = matches!(label, Label::Logged(_));
        if is_in_log && self.replaying(room).is_some_and(|replaying| replaying.overrun) {
            return;
        }
        self.bytes += frames.len();
        self.held.push((room.clone(), label, frames));
    }

    /// Drops what the log will tell as well, of rooms whose past is being told.
    pub(super) fn overrun(&mut self) {
        let replays = &mut self.replays;
        replays.iter_mut().for_each(|replaying| replaying.overrun = true);
        self.held.retain(|(room, label, _)| {
            !matches!(label, Label::Logged(_)) || replays.iter().all(|replaying| replaying.room != *room)
        });
        self.bytes = self.held.iter().map(|(_, _, frames)| frames.len()).sum();
    }

    /// Whether something of this batch may have been told.
    pub(super) fn may_know(&self, room: &RoomId, batch: &Batch) -> bool {
        let is_told = self.told.iter().any(|(told, _)| told == room);
        is_told || batch.has_people() && self.knows.iter().any(|(known, ..)| known == room)
    }

    /// Whether it was not told yet.
    pub(super) fn is_new(&mut self, room: &RoomId, label: &Label) -> bool {
        match label {
            Label::None => true,
            Label::Logged(position) => self.is_after(room, *position),
            // Nobody is told of themselves. What is news of others is later than the answer.
            Label::Person(version, who) => {
                self.known(room).is_none_or(|(answered, user)| *version > answered && who != user)
            }
            // One that begins before the answer is not for who has that: they are told of the rest apart.
            Label::Difference { after, version } => {
                self.known(room).is_none_or(|(answered, _)| *version > answered && *after >= answered)
            }
        }
    }

    fn known(&self, room: &RoomId) -> Option<(u64, &UserId)> {
        let known = self.knows.iter().find(|(known, ..)| known == room);
        known.map(|(_, version, user)| (*version, user))
    }

    /// From the first new one on all are new, for a room has one order.
    fn is_after(&mut self, room: &RoomId, position: Position) -> bool {
        let Some(at) = self.told.iter().position(|(told, _)| told == room) else { return true };
        let (_, top) = self.told[at];
        // One of an earlier epoch is late too: whoever was told this one has left that one behind, and would take it for a
        // way back.
        if (position.epoch, position.seq) <= (top.epoch, top.seq) {
            return false;
        }
        self.told.swap_remove(at);
        true
    }

    pub(super) fn forget(&mut self, room: &RoomId) {
        self.held.retain(|(held, ..)| held != room);
        self.told.retain(|(told, _)| told != room);
        self.knows.retain(|(known, ..)| known != room);
        self.replays.retain(|replaying| replaying.room != *room);
        if self.closed {
            self.forgotten.push(room.clone());
        }
    }

    /// The room goes on after this. Where that is in an earlier epoch, its log was lost with its clock, and what was told
    /// says nothing about what is to come.
    pub(super) fn goes_on_after(&mut self, room: &RoomId, top: Position) {
        self.told.retain(|(told, at)| told != room || at.epoch <= top.epoch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: u64, seq: u64) -> Position {
        Position { epoch, seq }
    }

    #[test]
    fn what_was_told_from_the_log_is_not_told_again_however_late_the_node_hears_it() {
        let [lobby, kitchen] = ["lobby", "kitchen"].map(|name| RoomId::parse(name).expect("a room"));
        let top = at(2, 5);
        let mut gate = Gate { told: vec![(lobby.clone(), top), (kitchen.clone(), top)], ..Gate::default() };
        let mut is_new = |room, at| gate.is_new(room, &Label::Logged(at));
        assert!(!is_new(&lobby, at(2, 4)) && !is_new(&lobby, at(2, 5)));
        assert!(!is_new(&lobby, at(1, 9)) && !is_new(&lobby, at(2, 5)), "an earlier epoch");
        assert!(is_new(&lobby, at(2, 6)) && is_new(&lobby, at(2, 5)));
        assert!(is_new(&kitchen, at(3, 1)), "a later epoch");
        assert!(gate.is_new(&lobby, &Label::None), "what is in no log");
        assert!(gate.told.is_empty());
    }

    #[test]
    fn what_an_earlier_epoch_left_is_not_told_behind_the_next() {
        let lobby = RoomId::parse("lobby").expect("a room");
        let mut gate = Gate { told: vec![(lobby.clone(), at(2, 58))], ..Gate::default() };
        for late in [at(1, 56), at(1, 57), at(2, 57), at(2, 58)] {
            gate.goes_on_after(&lobby, at(2, 57));
            assert!(!gate.is_new(&lobby, &Label::Logged(late)), "{late:?}");
        }
        assert!(gate.is_new(&lobby, &Label::Logged(at(2, 59))) && gate.told.is_empty());
    }

    #[test]
    fn a_log_that_was_lost_with_its_clock_is_heard_again() {
        let lobby = RoomId::parse("lobby").expect("a room");
        let mut gate = Gate { told: vec![(lobby.clone(), at(2, 58))], ..Gate::default() };
        gate.goes_on_after(&lobby, at(1, 0));
        assert!(gate.is_new(&lobby, &Label::Logged(at(1, 1))));
    }

    #[test]
    fn what_is_on_its_way_from_a_room_that_is_heard_no_more_is_not_kept() {
        let [lobby, kitchen] = ["lobby", "kitchen"].map(|name| RoomId::parse(name).expect("a room"));
        let mut gate = Gate { closed: true, ..Gate::default() };
        gate.forget(&lobby);
        for room in [&lobby, &kitchen] {
            gate.hold(room, Label::Logged(at(1, 1)), "late".into());
        }
        assert_eq!(gate.held.iter().map(|(room, ..)| room).collect::<Vec<_>>(), [&kitchen]);
    }

    #[test]
    fn who_was_in_an_answer_is_not_told_behind_it_and_nobody_is_told_of_themselves() {
        let [lobby, kitchen] = ["lobby", "kitchen"].map(|name| RoomId::parse(name).expect("a room"));
        let [ann, bob] = ["ann", "bob"].map(UserId::new);
        let mut gate = Gate { knows: vec![(lobby.clone(), 7, ann.clone())], ..Gate::default() };
        let mut is_new =
            |room, version, who: &UserId| gate.is_new(room, &Label::Person(version, who.clone()));
        assert!(!is_new(&lobby, 6, &bob) && !is_new(&lobby, 7, &bob));
        assert!(is_new(&lobby, 8, &bob) && is_new(&kitchen, 1, &ann));
        assert!(!is_new(&lobby, 8, &ann));
        let mut is_new = |room, after, version| gate.is_new(room, &Label::Difference { after, version });
        assert!(!is_new(&lobby, 5, 6) && !is_new(&lobby, 5, 7) && !is_new(&lobby, 6, 9));
        assert!(is_new(&lobby, 7, 9) && is_new(&lobby, 9, 10) && is_new(&kitchen, 0, 1));
    }
}
