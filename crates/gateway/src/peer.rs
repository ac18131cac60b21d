//! A session as the rest of the gateway sees it: where to say something to it, and what it said.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use bytes::{Bytes, BytesMut};
use hubbub_core::{Position, RoomId, SessionId};
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

/// Bytes that may be held back while a command is under way. More means that its rooms are louder than it is quick.
const HELD: usize = 1 << 20;

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
}

/// While a command that joins is under way, what its rooms say is held back, so that the reply comes first.
#[derive(Debug, Default)]
struct Gate {
    closed: bool,
    held: Vec<(RoomId, Option<Position>, Bytes)>,
    bytes: usize,
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
        })
    }

    /// The client said something. Its own bound holds it back first, and then ends it.
    pub(crate) fn said(&self, word: Word) {
        match self.mailbox.put(word) {
            Filled::Fits => {}
            Filled::Half => {
                self.link.pause();
                // Its task may have emptied the mailbox meanwhile, and not know of the pause.
                if self.mailbox.has_room() {
                    self.link.resume();
                }
            }
            Filled::Full => self.link.kick(Kick::Flood),
        }
    }

    /// What a room hears, for this one.
    pub(crate) fn deliver(&self, room: &RoomId, batch: &Batch) {
        let mut gate = self.gate();
        if gate.closed {
            return self.hold(gate, room, batch);
        }
        // Pushed under the gate's lock: what was held back goes before what comes now.
        self.push(batch.frames_for(self.id));
        gate.bytes = 0;
    }

    fn hold(&self, mut gate: MutexGuard<'_, Gate>, room: &RoomId, batch: &Batch) {
        if self.is_over() {
            gate.held = Vec::new();
            return;
        }
        for (position, frames) in batch.pieces_for(self.id) {
            gate.bytes += frames.len();
            gate.held.push((room.clone(), position, frames));
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

    /// Lets go what was held back, without what the reply told already: rooms' logs up to these positions.
    pub(crate) fn open_gate(&self, told: &[(RoomId, Position)]) {
        let mut gate = self.gate();
        for (room, position, frames) in std::mem::take(&mut gate.held) {
            let is_old = |at: Position| {
                told.iter().any(|(told, top)| *told == room && at.epoch == top.epoch && at.seq <= top.seq)
            };
            if !position.is_some_and(is_old) {
                self.push(frames);
            }
        }
        (gate.closed, gate.bytes) = (false, 0);
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
    pub(crate) fn end(&self, reason: &'static str) {
        self.ended.store(true, Ordering::Relaxed);
        self.link.ends(reason);
        self.link.disconnect(self.namespace);
        self.mailbox.close();
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
