//! A session as the rest of the gateway sees it: where to say something to it, and what it said.

mod gate;

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
    batch::Batch,
    engine::{Kick, Link, MARKER, Marker, Namespace, Turn},
    mailbox::{Filled, Mailbox, Word},
    metrics,
    packet::{put_ack, put_event},
};

use self::gate::{Gate, Replaying};

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
