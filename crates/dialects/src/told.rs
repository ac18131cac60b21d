//! What goes out: the things a client is told, and the words they become.

use std::fmt;

use hubbub_core::{
    Author, Envelope, Event, Identity, Message, Millis, Occupant, Place, Position, Refusal, RoomId, Update,
};
use serde_json::{Value, json};
use smallvec::SmallVec;

/// Something that the sockets of a room, or one socket, are told.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// The connection is made. To one socket.
    Connected,
    /// v1: who you are. To one socket.
    Ready(&'a Ready),
    /// A message, at its place.
    Said {
        /// Where it stands.
        position: Position,
        /// When it was accepted.
        at: Millis,
        /// What was said.
        message: &'a Message,
    },
    /// A message was changed, at this place.
    Updated {
        /// Where the change stands.
        position: Position,
        /// When it was accepted.
        at: Millis,
        /// What was changed.
        update: &'a Update,
    },
    /// The log was cut or begun anew: what follows comes after this position, and what was before may be missing.
    Gap {
        /// The last position that is not told.
        top: Position,
    },
    /// Someone types, or no longer does. Not to the session that does.
    Typing {
        /// Who.
        who: &'a Author,
        /// They do.
        on: bool,
    },
    /// Someone has read so far. Not to the session that has.
    Read {
        /// Who.
        who: &'a Author,
        /// The last position that they have read.
        seq: u64,
    },
    /// Someone came in. Not to the session that did.
    Joined {
        /// Who.
        who: &'a Occupant,
        /// How many are there now.
        count: usize,
    },
    /// Someone is gone. Not to the session that left.
    Left {
        /// Who.
        who: &'a Occupant,
        /// How many are still there.
        count: usize,
    },
    /// v1: the node closes the connection next. To one socket.
    Bye {
        /// Why, in the wire's word.
        reason: &'static str,
        /// When the client may come back, in milliseconds; 0 is at once.
        retry_after: Millis,
    },
    /// Everyone who is there now.
    Roster(&'a [Occupant]),
    /// Who came and went since the last time.
    Changed {
        /// They came.
        joined: &'a [Occupant],
        /// They went.
        left: &'a [Occupant],
        /// So many are there now.
        count: usize,
    },
}

impl<'a> Told<'a> {
    /// What stands in a log; `None` for what is in none.
    pub fn logged(envelope: &'a Envelope) -> Option<Self> {
        match (&envelope.event, envelope.place) {
            (Event::Said(message), Place::Logged(position)) => {
                Some(Self::Said { position, at: envelope.at, message })
            }
            (Event::Updated(update), Place::Logged(position)) => {
                Some(Self::Updated { position, at: envelope.at, update })
            }
            _ => None,
        }
    }
}

/// What the vocabularies that have no word for it say of [`Told::Gap`].
pub(crate) const MISSING: &str = "some messages may be missing";
/// Who says what the server itself has to say.
pub(crate) const SERVER: &str = "Server";

/// What a v1 client is told first.
#[derive(Clone)]
pub struct Ready {
    /// A signed token that brings the same person back. It stays out of `Debug`, and so out of the logs.
    pub session: String,
    /// Who they are.
    pub identity: Identity,
    /// Whether they came without an account.
    pub guest: bool,
    /// The node that serves them.
    pub node: String,
    /// Longest text, in bytes.
    pub text_limit: usize,
    /// Most rooms at a time.
    pub room_limit: usize,
    /// The rooms that they are in again, or why not.
    pub rooms: Vec<(RoomId, Result<Resumed, Refusal>)>,
}

/// A room that a client is in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// Where the room's log ended then.
    pub top: Position,
    /// Everything up to there that they have not heard is told them now, without a hole.
    pub recovered: bool,
    /// How many people are there.
    pub count: usize,
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("identity", &self.identity)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// One event as a client hears it.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    /// The event's name.
    pub event: &'static str,
    /// Its arguments.
    pub args: Vec<Value>,
}

impl Utterance {
    /// An event with these arguments.
    pub fn new(event: &'static str, args: impl Into<Vec<Value>>) -> Self {
        Self { event, args: args.into() }
    }
}

/// What one happening becomes: mostly one event; seed 004 says two.
pub type Utterances = SmallVec<[Utterance; 2]>;

/// What a socket alone is told of its own command.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The arguments of the acknowledgement. `None`: there is none, so that the client asks again.
    pub ack: Option<Vec<Value>>,
    /// What it hears besides.
    pub told: Utterances,
}

/// An empty acknowledgement.
impl Default for Answer {
    fn default() -> Self {
        Self::acknowledged([])
    }
}

impl Answer {
    /// An acknowledgement with these arguments.
    pub(crate) fn acknowledged(args: impl Into<Vec<Value>>) -> Self {
        Self { ack: Some(args.into()), told: Utterances::new() }
    }

    /// None at all.
    pub(crate) fn silent() -> Self {
        Self { ack: None, told: Utterances::new() }
    }

    /// The acknowledgement of what was not done. The tutorials' own servers never refused anything, so it looks the
    /// same in every vocabulary: `{ok: false, error: {code, message, retry_after_ms?}}`.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self::acknowledged([json!({ "ok": false, "error": error(refusal) })])
    }
}

/// `{code, message, retry_after_ms?}`.
pub(crate) fn error(refusal: &Refusal) -> Value {
    let mut error = json!({ "code": refusal.code.as_str(), "message": refusal.message });
    if let Some(wait) = refusal.retry_after {
        error["retry_after_ms"] = wait.into();
    }
    error
}
