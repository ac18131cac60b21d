//! The port to a node's own copies of who is in its rooms.

use std::fmt;

use async_trait::async_trait;

use crate::{BackplaneError, Occupant, RoomId, SessionId, UserId};

/// Who is in the rooms that this node hears, as far as it has told its sessions: nobody reads a whole room from the
/// backplane for one page of it, and what a page says is what the events after it go on from.
#[async_trait]
pub trait Rosters: fmt::Debug + Send + Sync {
    /// A page of a room that somebody on this node hears.
    async fn page(&self, wanted: PageOf) -> Result<Page, BackplaneError>;
}

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOf {
    /// Of this room.
    pub room: RoomId,
    /// As it was at this version or later.
    pub since: u64,
    /// Only those after this user, by id.
    pub after: Option<UserId>,
    /// At most so many.
    pub limit: usize,
    /// For whom.
    pub reader: Reader,
}

/// A session that is answered with a page, and what it is told from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// It begins with this page, and is told the difference to it.
    Begins(SessionId),
    /// It hears of the room already, and is told besides what the page showed in passing.
    Looks(SessionId),
}

/// A page of a room's people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The room's version that it shows.
    pub version: u64,
    /// Sorted by user.
    pub members: Vec<Occupant>,
    /// How many are in the room in all.
    pub count: usize,
    /// There are more after these.
    pub more: bool,
}
