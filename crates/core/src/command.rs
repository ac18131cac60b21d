//! What a person may ask for, and what they are answered.

use std::fmt;

use crate::{
    Change, Envelope, History, Identity, MessageId, Millis, Name, Occupant, Position, Receipt, Recent,
    RoomId, Side, UserId,
};

/// What a session asks for, whatever the vocabulary it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Take this name in the room and be listed there. `None`: a guest's.
    Enter {
        /// The room of a vocabulary that knows people by name.
        room: RoomId,
        /// The name that they want.
        name: Option<Name>,
    },
    /// Put this name on what I say. Nobody is listed. `None`: a guest's.
    Label {
        /// The name that they want.
        name: Option<Name>,
    },
    /// Say this to a room that I hear.
    Send {
        /// Where.
        room: RoomId,
        /// What.
        said: Said,
    },
    /// Say this to one person, in the room of us two.
    Write {
        /// To whom.
        to: UserId,
        /// What.
        said: Said,
    },
    /// Change a message in a room that I hear.
    Modify {
        /// Where.
        room: RoomId,
        /// Which one.
        target: MessageId,
        /// How.
        change: Change,
        /// My own id of the change: the same id from the same person is done once.
        cid: Option<String>,
    },
    /// What was said in a room that I hear, as it is now.
    History {
        /// The room.
        room: RoomId,
        /// Next to which message.
        side: Side,
        /// At most so many.
        limit: usize,
    },
    /// Tell the others in a room that I hear how far I have read.
    Read {
        /// Where.
        room: RoomId,
        /// The last position that I have read.
        seq: u64,
    },
    /// Take another name in v1.
    Rename {
        /// The name that they want.
        name: Name,
    },
    /// Tell the others in a room that I hear whether I type.
    Type {
        /// Where.
        room: RoomId,
        /// I do.
        on: bool,
    },
    /// The latest messages of a room under this channel.
    Channel {
        /// The room.
        room: RoomId,
        /// The channel.
        channel: String,
    },
    /// Join a room: hear it from here on and be listed in it.
    Join {
        /// The room.
        room: RoomId,
        /// Where I stopped hearing it.
        since: Option<Position>,
        /// How many of the last messages to have with it, where what I missed is not known.
        limit: usize,
    },
    /// Leave a room, at once.
    Leave {
        /// The room.
        room: RoomId,
    },
    /// Who is in a room that I am in.
    Members {
        /// The room.
        room: RoomId,
        /// Only those after this user, by id.
        after: Option<UserId>,
        /// At most so many.
        limit: usize,
    },
}

impl Command {
    /// The room that it is about.
    pub fn room(&self) -> Option<&RoomId> {
        match self {
            Self::Enter { room, .. }
            | Self::Send { room, .. }
            | Self::Type { room, .. }
            | Self::Modify { room, .. }
            | Self::History { room, .. }
            | Self::Read { room, .. }
            | Self::Channel { room, .. }
            | Self::Join { room, .. }
            | Self::Leave { room }
            | Self::Members { room, .. } => Some(room),
            Self::Label { .. } | Self::Write { .. } | Self::Rename { .. } => None,
        }
    }
}

/// What someone wants to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The text as it came.
    pub text: String,
    /// The name to put on this message alone, where the vocabulary sends one with each.
    pub name: Option<Name>,
    /// The client's id of it: the same id from the same person is said once, however often it is sent.
    pub cid: Option<String>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The channel that it belongs to (seed 004).
    pub channel: Option<String>,
    /// What makes another attempt at the very same words the same message; [`crate::Session::fix_key`] sets it.
    pub key: Option<String>,
}

/// What was said in a room before someone began to hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Past {
    /// Its last messages. What they may have missed is not known.
    Recent(Recent),
    /// What they have missed, without a hole; if the last of it is not the top, the rest is to be read on.
    Missed {
        /// Where they had stopped.
        since: Position,
        /// What follows it.
        missed: Recent,
    },
}

impl Past {
    /// The log's top at that moment.
    pub fn top(&self) -> Position {
        match self {
            Self::Recent(recent) | Self::Missed { missed: recent, .. } => recent.top,
        }
    }

    /// What an answer that brought the last messages has not told.
    #[must_use]
    pub fn untold(mut self) -> Self {
        if let Self::Recent(recent) = &mut self {
            recent.envelopes.clear();
        }
        self
    }

    /// Without what has been read of it already, if that is more than may be kept: it is read again in its turn.
    #[must_use]
    pub fn within(mut self, bytes: &mut usize) -> Self {
        if let Self::Missed { missed, .. } = &mut self {
            let all: usize = missed.envelopes.iter().map(|envelope| envelope.event.text_length()).sum();
            match bytes.checked_sub(all) {
                Some(rest) => *bytes = rest,
                None => missed.envelopes = Vec::new(),
            }
        }
        self
    }

    /// Whether it is everything that they have missed.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Missed { .. })
    }
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Done, and there is nothing more to say.
    Done,
    /// You are listed under this name.
    Entered {
        /// Here.
        room: RoomId,
        /// The name that it became.
        name: Name,
        /// Nobody of that name was there before, so the room hears of it.
        first: bool,
        /// The room's version with them in it: who came and went up to it is in the count.
        version: u64,
        /// How many people are in the room with them.
        count: usize,
    },
    /// You hear the room from its past on.
    Joined {
        /// The room.
        room: RoomId,
        /// They said where they had stopped.
        is_back: bool,
        /// What was said there before.
        past: Past,
        /// The version of the room's people that the following two are of.
        version: u64,
        /// The first page of who is here.
        members: Vec<Occupant>,
        /// How many are here.
        count: usize,
    },
    /// It is in the log.
    Sent {
        /// Of this room.
        room: RoomId,
        /// There.
        receipt: Receipt,
    },
    /// The message is as they want it.
    Modified {
        /// Where the change stands, or the log's top where there was nothing to change.
        position: Position,
        /// It was like that before.
        duplicate: bool,
    },
    /// A page of a room's history.
    History {
        /// The room.
        room: RoomId,
        /// The page.
        history: History,
    },
    /// They have this name now.
    Renamed {
        /// Who they are.
        identity: Identity,
        /// The token that brings them back under it, once there is one.
        session: Option<String>,
    },
    /// A page of who is here.
    Members {
        /// Sorted by user.
        members: Vec<Occupant>,
        /// How many are here in all.
        count: usize,
        /// Where the next page goes on.
        next: Option<UserId>,
    },
    /// A channel's last messages.
    Channel {
        /// The channel.
        channel: String,
        /// The oldest first.
        messages: Vec<Envelope>,
    },
}

/// Why a command was not carried out. The code is part of the wire contract; nothing else about a failure leaves
/// the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The stable code.
    pub code: RefusalCode,
    /// For people, in plain words.
    pub message: String,
    /// Try again after this long.
    pub retry_after: Option<Millis>,
}

impl Refusal {
    /// A refusal that another try will not change.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// The backplane does not answer. What was asked may or may not have been done: a retry carries the same `cid`.
    pub fn unavailable() -> Self {
        Self {
            retry_after: Some(1_000),
            ..Self::new(RefusalCode::Unavailable, "the chat is unavailable for a moment")
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $text:literal, $status:literal;)*) => {
        /// Everything that a client can be refused for. A closed list: clients act on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum RefusalCode { $($(#[$doc])* $code,)* }

        impl RefusalCode {
            /// Every code, for metrics that start at 0.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// As clients see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => $text,)* }
            }

            /// Whether the same request may be granted a little later.
            pub fn is_passing(self) -> bool {
                matches!(self, Self::RateLimited | Self::Unavailable | Self::Draining)
            }

            /// Its HTTP twin.
            pub fn status(self) -> u16 {
                match self { $(Self::$code => $status,)* }
            }
        }
    };
}

codes! {
    /// A malformed request.
    BadRequest = "bad_request", 400;
    /// No valid credentials.
    Unauthorized = "unauthorized", 401;
    /// A token or session that was valid once.
    Expired = "expired", 401;
    /// Not this person, or not here.
    Forbidden = "forbidden", 403;
    /// Nothing of that name.
    NotFound = "not_found", 404;
    /// Only for those in the room.
    NotJoined = "not_joined", 404;
    /// Someone else holds the name.
    NameTaken = "name_taken", 409;
    /// No name for a person.
    NameInvalid = "name_invalid", 422;
    /// More than the limits allow.
    TooLarge = "too_large", 413;
    /// Faster than the limits allow.
    RateLimited = "rate_limited", 429;
    /// The backplane does not answer.
    Unavailable = "unavailable", 503;
    /// The node is about to stop.
    Draining = "draining", 503;
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
