//! What has happened, and where in a room's order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{MessageId, Name, RoomId, SessionId, UserId};

/// Milliseconds since the Unix epoch, by the backplane's clock: one clock for all nodes.
pub type Millis = u64;

/// Where something stands in a room's log.
///
/// Within an epoch the sequence numbers of a room are contiguous. A log that was lost or may have lost its
/// end begins a new epoch: positions of different epochs cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Which log: a number below 2^53, so that JavaScript can hold it.
    pub epoch: u64,
    /// Which entry of it; 0 is before the first.
    pub seq: u64,
}

impl Position {
    /// Before everything, in no log: all that a log has is newer.
    pub const BEGINNING: Self = Self { epoch: 0, seq: 0 };

    /// The id of the message at this position.
    pub fn id(self) -> MessageId {
        MessageId::at(self)
    }

    /// The way back from [`Self::id`]. `None`: no id that it gives.
    pub fn of_id(id: &str) -> Option<Self> {
        let number = |hex: &str| u64::from_str_radix(hex, 16).ok();
        let (epoch, seq) = id.split_once('-')?;
        let position = Self { epoch: number(epoch)?, seq: number(seq)? };
        (position.id().as_str() == id).then_some(position)
    }
}

/// Who said it. In vocabularies that only label messages, the label is the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Who they are; `None` where the vocabulary has labels only.
    pub user: Option<UserId>,
    /// What they are called on this message.
    pub name: Name,
}

/// What someone said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who said it.
    pub author: Author,
    /// The text as it was said: nothing is escaped here.
    pub text: String,
    /// The sender's own id of it, given back to them.
    pub cid: Option<String>,
    /// The message that this one answers.
    pub reply_to: Option<MessageId>,
    /// A label that the vocabulary of seed 004 groups messages by.
    pub channel: Option<String>,
    /// What has become of it since, where it comes from the history. `None`: nothing has.
    pub fate: Option<Box<Fate>>,
}

/// What has become of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// When its text was last edited; it is the edited one.
    pub edited: Option<Millis>,
    /// It was deleted: its text is gone.
    pub deleted: bool,
    /// How many have reacted with what.
    pub reactions: BTreeMap<String, u64>,
}

/// A change to a message that was said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The message.
    pub target: MessageId,
    /// Who changed it.
    pub author: Author,
    /// What they did.
    pub change: Change,
    /// How many have reacted with that now; 0 where it is no reaction.
    pub count: u64,
    /// The sender's own id of it, given back to them.
    pub cid: Option<String>,
}

/// What can be done to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Its author says it differently.
    Edit {
        /// The text from then on.
        text: String,
    },
    /// Its author takes it back.
    Delete,
    /// Someone reacts to it.
    React {
        /// With what: one emoji, mostly.
        emoji: String,
    },
    /// Someone takes their reaction back.
    Unreact {
        /// Which one.
        emoji: String,
    },
}

/// Someone who is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// Who they are.
    pub user: UserId,
    /// What they are called.
    pub name: Name,
    /// How many sessions of theirs are in the room, over all nodes. 0: they are gone, or may come straight back.
    pub devices: usize,
}

/// What is true for a moment only: whoever misses it has missed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Someone types, or no longer does.
    Typing {
        /// Who, as a message of theirs would say.
        who: Author,
        /// They do.
        on: bool,
    },
    /// Someone has read the room up to here.
    Read {
        /// Who.
        who: Author,
        /// The last position that they have read.
        seq: u64,
    },
}

/// Something that a room hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message was said, and is in the log.
    Said(Message),
    /// A message was changed. That is in the log too, and the message in the history is as it is now.
    Updated(Update),
    /// Someone came in, or has another name.
    Joined(Occupant),
    /// Someone who is in has another number of devices.
    Counted(Occupant),
    /// Someone is gone.
    Left(Occupant),
    /// A hint was given. It is kept nowhere.
    Hinted(Hint),
}

impl Event {
    /// Bytes of text that it brings along, and of reactions, about.
    pub fn text_length(&self) -> usize {
        match self {
            Self::Said(message) => message.text.len() + message.fate.as_ref().map_or(0, |fate| fate.length()),
            Self::Updated(Update { change: Change::Edit { text }, .. }) => text.len(),
            Self::Updated(_) | Self::Joined(_) | Self::Counted(_) | Self::Left(_) | Self::Hinted(_) => 0,
        }
    }
}

/// What orders an event among its room's others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The room's log.
    Logged(Position),
    /// The room's presence.
    Presence {
        /// Every change raises it by one.
        version: u64,
        /// How many people are in the room with it.
        count: usize,
    },
    /// Nothing does: it is kept nowhere, and missed without notice.
    Volatile,
}

/// An event on its way from the backplane to a room's sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The room that hears it.
    pub room: RoomId,
    /// Where it stands among the room's events of its kind.
    pub place: Place,
    /// When the backplane accepted it; 0 where nothing is kept.
    pub at: Millis,
    /// The session that caused it, where one did: some vocabularies do not tell it to that one.
    pub origin: Option<SessionId>,
    /// What happened.
    pub event: Event,
}

impl Fate {
    /// Each reaction comes with quotes and a count.
    fn length(&self) -> usize {
        self.reactions.keys().map(|emoji| emoji.len() + 8).sum()
    }
}

impl Message {
    /// Whether it was taken back.
    pub fn is_deleted(&self) -> bool {
        self.fate.as_ref().is_some_and(|fate| fate.deleted)
    }
}

impl Envelope {
    /// Where it stands in the room's log; `None`: it is in none.
    pub fn position(&self) -> Option<Position> {
        match self.place {
            Place::Logged(position) => Some(position),
            Place::Presence { .. } | Place::Volatile => None,
        }
    }

    /// A hint on its way.
    pub fn volatile(room: &RoomId, hint: Hint, origin: Option<SessionId>) -> Self {
        Self { room: room.clone(), place: Place::Volatile, at: 0, origin, event: Event::Hinted(hint) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_position_and_nothing_else_does() {
        for (epoch, seq) in [(0, 0), (1_700_000_000_000_000, 42), (u64::MAX, u64::MAX)] {
            let position = Position { epoch, seq };
            assert_eq!(Position::of_id(position.id().as_str()), Some(position));
        }
        for strange in
            ["", "-", "1", "1-", "-1", "1-2-3", "+1-2", "01-2", "1-g", "A-1", " 1-2", "10000000000000000-1"]
        {
            assert_eq!(Position::of_id(strange), None, "{strange}");
        }
    }
}
