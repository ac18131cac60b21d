//! A session as the rest of the gateway sees it: where to say something to it, and what it said.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use bytes::{Bytes, BytesMut};
use hubbub_core::{Ending, Position, RoomId, SessionId, UserId};
use hubbub_dialects::Utterance;
use serde_json::Value;
use socketioxide::socket::Socket;

use crate::{
    batch::{Batch, Label},
    engine::{Kick, Link, MARKER, Marker, Namespace, Turn},
    mailbox::{Filled, Mailbox, Word},
    metrics,
    packet::{put_ack, put_event},
};

/// Bytes that may be held back while a command is under way. More means that its rooms are louder than it is quick.
const HELD: usize = 1 << 20;

/// Bytes of a room that may be held back while its past is being told: little, for they go out at once. More is read from
/// the log in its turn.
const SPARED: usize = 64 * 1_024;

/// One client in one namespace.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: SessionId,
    pub(crate) namespace: Namespace,
    pub(crate) link: Arc<Link>,
    pub(crate) mailbox: Mailbox,
    socket: Weak<Socket>,
    gate: Mutex<Gate>,
    ended: AtomicBool,
    said_goodbye: AtomicBool,
}

/// While a command that joins is under way, what its rooms say is held back, so that the reply comes first. What a room
/// says whose past is being told is held back until that is done.
#[derive(Debug, Default)]
struct Gate {
    closed: bool,
    held: Vec<(RoomId, Label, Bytes)>,
    bytes: usize,
    /// How far rooms' logs were told from the log itself. What the node hears of them may still be behind that.
    told: Vec<(RoomId, Position)>,
    /// Which version of rooms' people the client knows from an answer, and who it is there.
    knows: Vec<(RoomId, u64, UserId)>,
    replays: Vec<Replaying>,
    /// Rooms that stopped being heard while the gate was closed: what was on its way to this one is not for it.
    forgotten: Vec<RoomId>,
}

/// A room whose past is being told.
#[derive(Debug)]
struct Replaying {
    room: RoomId,
    /// More was said meanwhile than is held back: from there on it is to be read from the log.
    overrun: bool,
}

impl Gate {
    fn replaying(&mut self, room: &RoomId) -> Option<&mut Replaying> {
        self.replays.iter_mut().find(|replaying| replaying.room == *room)
    }

    fn hold(&mut self, room: &RoomId, label: Label, frames: Bytes) {
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
    fn overrun(&mut self) {
        let replays = &mut self.replays;
        replays.iter_mut().for_each(|replaying| replaying.overrun = true);
        self.held.retain(|(room, label, _)| {
            !matches!(label, Label::Logged(_)) || replays.iter().all(|replaying| replaying.room != *room)
        });
        self.bytes = self.held.iter().map(|(_, _, frames)| frames.len()).sum();
    }

    /// Whether something of this batch may have been told.
    fn may_know(&self, room: &RoomId, batch: &Batch) -> bool {
        let is_told = self.told.iter().any(|(told, _)| told == room);
        is_told || batch.has_people() && self.knows.iter().any(|(known, ..)| known == room)
    }

    /// Whether it was not told yet.
    fn is_new(&mut self, room: &RoomId, label: &Label) -> bool {
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

    fn forget(&mut self, room: &RoomId) {
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
    fn goes_on_after(&mut self, room: &RoomId, top: Position) {
        self.told.retain(|(told, at)| told != room || at.epoch <= top.epoch);
    }
}

impl Peer {
    pub(crate) fn new(namespace: Namespace, link: Arc<Link>, socket: &Arc<Socket>) -> Arc<Self> {
        Arc::new(Self {
            id: SessionId::random(),
            namespace,
            link,
            mailbox: Mailbox::default(),
            socket: Arc::downgrade(socket),
            gate: Mutex::default(),
            ended: AtomicBool::new(false),
            said_goodbye: AtomicBool::new(false),
        })
    }

    /// The client said something. Its own bound holds it back first, and then ends it.
    pub(crate) fn said(&self, word: Word) {
        match self.mailbox.put(word) {
            Filled::Fits => {}
            Filled::Half => {
                self.link.pause(self.namespace);
                // Its task may have emptied the mailbox meanwhile, and not know of the pause.
                if self.mailbox.has_room() {
                    self.link.resume(self.namespace);
                }
            }
            Filled::Full => self.link.kick(Kick::Flood),
        }
    }

    /// Its inbox is to be read.
    pub(crate) fn nudge(&self) {
        self.mailbox.nudge();
    }

    /// What a room hears, for this one.
    pub(crate) fn deliver(&self, room: &RoomId, batch: &Batch) {
        if batch.volatile() > 0 && self.link.is_behind() {
            metrics::dropped("volatile", batch.volatile());
            return self.deliver(room, &batch.lasting());
        }
        let mut gate = self.gate();
        if gate.closed || gate.replaying(room).is_some() {
            return self.hold(gate, room, batch);
        }
        // Pushed under the gate's lock: what was held back goes before what comes now.
        if gate.may_know(room, batch) {
            let new = batch.pieces_for(self.id).filter(|(label, _)| gate.is_new(room, label));
            new.for_each(|(_, frames)| self.push(frames));
        } else {
            self.push(batch.frames_for(self.id));
        }
    }

    /// What a room hears next comes after this, whatever was told of it.
    pub(crate) fn goes_on_after(&self, room: &RoomId, top: Position) {
        self.gate().goes_on_after(room, top);
    }

    /// Changes of who is in the room were lost: this version and those after it are news, though they were given before.
    pub(crate) fn people_go_back(&self, room: &RoomId, version: u64) {
        let mut gate = self.gate();
        let known = gate.knows.iter_mut().filter(|(known, ..)| known == room);
        known.for_each(|(_, answered, _)| *answered = version.saturating_sub(1).min(*answered));
    }

    fn hold(&self, mut gate: MutexGuard<'_, Gate>, room: &RoomId, batch: &Batch) {
        if self.is_over() {
            gate.held = Vec::new();
            return;
        }
        batch.pieces_for(self.id).for_each(|(label, frames)| gate.hold(room, label.clone(), frames));
        if gate.bytes > SPARED {
            gate.overrun();
        }
        if gate.bytes > HELD {
            drop(gate);
            self.link.kick(Kick::Slow);
        }
    }

    /// Holds back what rooms say.
    pub(crate) fn close_gate(&self) {
        self.gate().closed = true;
    }

    /// Lets go what was held back, and from here on what rooms say, but for those whose past is being told.
    pub(crate) fn open_gate(&self) {
        let mut gate = self.gate();
        gate.closed = false;
        gate.forgotten.clear();
        self.let_go(&mut gate);
    }

    /// From here on the room's past is being told: what it says waits until [`Peer::catch_up`].
    pub(crate) fn replay(&self, room: &RoomId) {
        let mut gate = self.gate();
        if gate.replaying(room).is_none() {
            gate.replays.push(Replaying { room: room.clone(), overrun: false });
        }
    }

    /// An answer has told, or is about to tell, who is in the room at this version: as whom this one is in it.
    pub(crate) fn knows_people(&self, room: &RoomId, version: u64, user: UserId) {
        let mut gate = self.gate();
        gate.knows.retain(|(known, ..)| known != room);
        gate.knows.push((room.clone(), version, user));
    }

    /// The room's past is told up to here: lets go what it said since. `false`: that was too much to be held back. It is
    /// to be read from the log, and what comes from now on is held back again.
    pub(crate) fn catch_up(&self, room: &RoomId, told: Position) -> bool {
        let mut gate = self.gate();
        if gate.replaying(room).is_some_and(|replaying| std::mem::take(&mut replaying.overrun)) {
            return false;
        }
        gate.replays.retain(|replaying| replaying.room != *room);
        gate.told.retain(|(known, _)| known != room);
        gate.told.push((room.clone(), told));
        if !gate.closed {
            self.let_go(&mut gate);
        }
        true
    }

    fn let_go(&self, gate: &mut Gate) {
        gate.bytes = 0;
        for (room, label, frames) in std::mem::take(&mut gate.held) {
            if gate.replaying(&room).is_some() {
                gate.hold(&room, label, frames);
            } else if gate.is_new(&room, &label) {
                self.push(frames);
            }
        }
    }

    /// It hears this room from now on.
    pub(crate) fn listen(&self, room: &RoomId) {
        self.gate().forgotten.retain(|forgotten| forgotten != room);
    }

    /// It does not hear this room any more: what is held back of it is not for it.
    pub(crate) fn forget(&self, room: &RoomId) {
        self.gate().forget(room);
    }

    /// Says events to this one alone that are framed already.
    pub(crate) fn tell_framed(&self, writes: impl IntoIterator<Item = Bytes>) {
        writes.into_iter().for_each(|frames| self.push(frames));
    }

    /// Says events to this one alone, and answers what it asked.
    pub(crate) fn tell(&self, utterances: &[Utterance], ack: Option<(i64, &[Value])>) {
        let mut frames = BytesMut::new();
        if let Some((id, args)) = ack {
            put_ack(&mut frames, self.namespace, id, args);
        }
        utterances.iter().for_each(|utterance| put_event(&mut frames, self.namespace, utterance));
        self.push(frames.freeze());
    }

    fn push(&self, frames: Bytes) {
        // Gone means that its end is on its way to its own task.
        if !frames.is_empty() && !self.is_over() && self.link.push(self.namespace, frames).is_err() {
            metrics::dropped("closed", 1);
        }
    }

    /// The namespace is disconnected, for this reason; the first one counts.
    pub(crate) fn end(&self, reason: &'static str, ending: Ending) {
        self.said_goodbye.store(ending == Ending::Final, Ordering::Relaxed);
        self.ended.store(true, Ordering::Release);
        self.link.ends(reason);
        self.link.disconnect(self.namespace);
        self.mailbox.close();
    }

    /// How it ended. Before it has, as if it said goodbye: it has not begun.
    pub(crate) fn ending(&self) -> Ending {
        let is_lost = self.ended.load(Ordering::Acquire) && !self.said_goodbye.load(Ordering::Relaxed);
        if is_lost { Ending::Lost } else { Ending::Final }
    }

    /// Nothing is said to it any more: a later session of the same client may be in its place.
    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || self.link.is_over()
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Marker for Peer {
    fn emit(&self, turn: Turn) -> bool {
        self.socket.upgrade().is_some_and(|socket| socket.emit(MARKER, &turn).is_ok())
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
