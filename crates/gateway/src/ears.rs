//! Where a session's rooms are heard: the gateway's side of joining one.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hubbub_core::{Listener, RoomId};
use hubbub_dialects::Dialect;

use crate::{peer::Peer, rooms::Rooms};

type Dialects = &'static [&'static dyn Dialect];

/// The dialects that a socket may speak: all of its namespace's, or the one that it has decided for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spoken {
    Any(Dialects),
    Only([&'static dyn Dialect; 1]),
}

impl Deref for Spoken {
    type Target = [&'static dyn Dialect];

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Any(dialects) => dialects,
            Self::Only(dialect) => dialect,
        }
    }
}

/// One session's place in the node's rooms.
#[derive(Debug)]
pub(crate) struct Ears {
    peer: Arc<Peer>,
    rooms: Arc<Rooms>,
    spoken: Mutex<Spoken>,
}

impl Ears {
    pub(crate) fn new(peer: Arc<Peer>, rooms: Arc<Rooms>, spoken: Dialects) -> Arc<Self> {
        Arc::new(Self { peer, rooms, spoken: Mutex::new(Spoken::Any(spoken)) })
    }

    /// The dialects that the socket may speak.
    pub(crate) fn spoken(&self) -> Spoken {
        *self.lock()
    }

    /// It speaks this one, and hears its room accordingly if it hears it already.
    pub(crate) fn decide(&self, dialect: &'static dyn Dialect) {
        *self.lock() = Spoken::Only([dialect]);
        if let Some(room) = dialect.room().filter(|room| self.rooms.has(room, self.peer.id)) {
            self.rooms.add(&room, dialect, &self.peer);
        }
    }

    /// Of the dialects that share a room, the first is the one that an undecided socket hears.
    pub(crate) fn dialect_of(&self, room: &RoomId) -> Option<&'static dyn Dialect> {
        let spoken = self.lock();
        let own = spoken.iter().find(|dialect| dialect.room().as_ref() == Some(room));
        own.or_else(|| spoken.iter().find(|dialect| dialect.room().is_none())).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Spoken> {
        self.spoken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Ears {
    fn listen(&self, room: &RoomId) {
        if let Some(dialect) = self.dialect_of(room) {
            self.peer.close_gate();
            self.peer.listen(room);
            self.rooms.add(room, dialect, &self.peer);
        }
    }

    fn forget(&self, room: &RoomId) {
        self.rooms.remove(room, self.peer.id);
        self.peer.forget(room);
    }
}
