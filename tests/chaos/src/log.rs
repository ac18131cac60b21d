//! What a client has seen, in the order in which it saw it. The checker knows nothing else.

use std::{fmt, time::Duration};

/// Everything that one client saw.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Who it was.
    pub client: String,
    /// What it saw, and when, counted from the beginning of the run.
    pub entries: Vec<(Duration, Entry)>,
}

/// A room, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Room(pub u16);

/// A place in a room's order. Epochs grow; within one, a room's numbers have no holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Which log.
    pub epoch: u64,
    /// Which entry of it.
    pub seq: u64,
}

/// What was sent, by its sender's count: a message, or a change of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cid {
    /// The number of the client that sent it.
    pub sender: u16,
    /// How many it had sent before.
    pub count: u32,
}

/// One thing that a client saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A connection began.
    Connected,
    /// It ended.
    Lost,
    /// The server lets it hear a room, again or for the first time.
    Resumed {
        /// The room.
        room: Room,
        /// What the client said it had; `None`: nothing.
        since: Option<Position>,
        /// The end of what is told again, or where the live order begins.
        at: Position,
        /// All from `since` to `at` will be told.
        recovered: bool,
    },
    /// All that was missed has arrived in all rooms.
    Whole,
    /// It was told something that has a position.
    Told {
        /// Where.
        room: Room,
        /// The position.
        position: Position,
        /// What it is.
        cid: Option<Cid>,
        /// Of everything in it that must be the same for all.
        digest: u64,
    },
    /// A message was among those of a history that it had asked for.
    Shown {
        /// Where.
        room: Room,
        /// The position.
        position: Position,
        /// What it is.
        cid: Option<Cid>,
    },
    /// It was told that what comes next comes after this position, and that something before it may be missing.
    Gap {
        /// Where.
        room: Room,
        /// The position.
        position: Position,
    },
    /// What it had sent was acknowledged.
    Acked {
        /// Where.
        room: Room,
        /// The position it got.
        position: Position,
        /// What it is.
        cid: Cid,
        /// It changes a message, so that a history does not show it as itself.
        changes: bool,
    },
}

impl Room {
    /// The name under which clients join it.
    pub fn name(self) -> String {
        format!("room-{}", self.0)
    }

    /// The way back.
    pub fn of_name(name: &str) -> Option<Self> {
        name.strip_prefix("room-")?.parse().ok().map(Self)
    }
}

impl Cid {
    /// What a text or a `cid` begins with.
    pub fn of_text(text: &str) -> Option<Self> {
        let (sender, count) = text.split(' ').next()?.split_once('-')?;
        Some(Self { sender: sender.parse().ok()?, count: count.parse().ok()? })
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.sender, self.count)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}
