//! The ports: what a node needs from the outside, kept by one process's memory or by Redis.
//!
//! One contract suite holds every implementation to these words.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{
    Change, Envelope, Hint, Message, Millis, Name, NodeId, Occupant, Position, RoomId, SessionId, UserId,
};

/// Everything a node needs from the outside, chosen once at startup, by one `match` in main.
#[derive(Debug)]
pub struct Backplane {
    /// Says things to rooms, and remembers them.
    pub broker: Arc<dyn Broker>,
    /// Knows who is here.
    pub presence: Arc<dyn Presence>,
    /// Knows the other nodes.
    pub cluster: Arc<dyn Cluster>,
    /// What this node's rooms hear. In order per room; the sender's node hears its own the same way.
    pub inbox: mpsc::Receiver<Inbound>,
}

/// What comes out of the backplane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// The room's next event.
    Heard(Envelope),
    /// Events of this room are missing for good, or it has a new epoch: what follows comes after `top`.
    Gap {
        /// The room.
        room: RoomId,
        /// The position that what follows comes after.
        top: Position,
    },
    /// Presence changes of this room may have been missed: read its [`Presence::occupants`] again.
    PresenceGap {
        /// The room.
        room: RoomId,
    },
}

impl Inbound {
    /// The room that it is about.
    pub fn room(&self) -> &RoomId {
        match self {
            Self::Heard(envelope) => &envelope.room,
            Self::Gap { room, .. } | Self::PresenceGap { room } => room,
        }
    }

    /// Bytes of text in it, which is most of what it costs to say.
    pub fn text_length(&self) -> usize {
        match self {
            Self::Heard(envelope) => envelope.event.text_length(),
            Self::Gap { .. } | Self::PresenceGap { .. } => 0,
        }
    }
}

/// Says things to rooms and remembers them.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync {
    /// Says it to every subscribed node, this one included, in one order per room. It is appended to the room's log in
    /// the same step. `Ok` means it is there.
    ///
    /// An error may still have been applied: a retry must carry the same [`Draft::key`], and then is said once.
    async fn publish(&self, draft: Draft) -> Result<Receipt, BackplaneError>;

    /// Changes a message that was said, in the history and for every subscribed node, in the same order as what is said.
    /// Otherwise like [`Broker::publish`], also for a retry. What it comes to is decided in the step that makes it.
    async fn revise(&self, revision: Revision) -> Result<Revised, BackplaneError>;

    /// Tells every subscribed node, this one included, at most once, in order with nothing. It is kept nowhere: who does
    /// not listen now never hears of it. It is not to be tried again; an error may still have been heard.
    async fn hint(&self, room: &RoomId, hint: Hint, origin: SessionId) -> Result<(), BackplaneError>;

    /// Listens to a room for as long as the guard lives. When this returns, everything published from then on
    /// reaches the inbox.
    async fn subscribe(&self, room: &RoomId) -> Result<Subscription, BackplaneError>;

    /// The log's top and what follows `since`, without a hole, read in one step: at most `limit` entries, fewer where they
    /// are long, and at least one where there is any. Whoever reads on from the last one until it is the top has missed
    /// nothing. `None`: that cannot be proved, for `since` is of another epoch, in the future, or followed by what the
    /// log has no more.
    async fn read_on(
        &self,
        room: &RoomId,
        since: Position,
        limit: usize,
    ) -> Result<Option<Recent>, BackplaneError>;

    /// The log's top and the room's last `limit` messages, the oldest first, read in one step.
    async fn recent(&self, room: &RoomId, limit: usize) -> Result<Recent, BackplaneError>;

    /// The messages next to a position, as they are now, at most `limit`. `None`: there is no such position.
    async fn history(
        &self,
        room: &RoomId,
        side: Side,
        limit: usize,
    ) -> Result<Option<History>, BackplaneError>;
}

/// Something to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Where.
    pub room: RoomId,
    /// What.
    pub message: Message,
    /// Scopes idempotency: the same key in the same room is said once, for five minutes.
    pub key: String,
    /// The session that says it.
    pub origin: Option<SessionId>,
}

/// A change to be made to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Where it was said.
    pub room: RoomId,
    /// Which one.
    pub target: Position,
    /// Who changes it.
    pub user: UserId,
    /// What they are called.
    pub name: Name,
    /// What they do.
    pub change: Change,
    /// The client's own id of the change.
    pub cid: Option<String>,
    /// Scopes idempotency, together with [`Draft::key`].
    pub key: String,
    /// The session that changes it.
    pub origin: SessionId,
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revised {
    /// It is made, or was before under the same key.
    Done(Receipt),
    /// It is as they want it already: nothing was said. This is the log's top.
    Unchanged(Position),
    /// There is no such message, any more.
    NotFound,
    /// Only its author may do that.
    Forbidden,
    /// It has as many reactions as a message may have.
    Full,
}

/// Reactions that one message may have, over all people and emoji.
pub const REACTIONS: usize = 1_000;

/// Where a page of the history lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The last messages.
    End,
    /// Those right before this position.
    Before(Position),
    /// Those right after it.
    After(Position),
}

/// A page of a room's history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The oldest first.
    pub envelopes: Vec<Envelope>,
    /// There are more on that side.
    pub more: bool,
}

/// The proof that something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Where it stands.
    pub position: Position,
    /// When the backplane accepted it.
    pub at: Millis,
    /// It had been said before, under the same key; this is that one's position.
    pub duplicate: bool,
}

/// A part of a room's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// The log's last position: what comes after it is new.
    pub top: Position,
    /// What was asked for of the log up to it, the oldest first.
    pub envelopes: Vec<Envelope>,
}

/// Listens to a room until it is dropped.
#[must_use = "dropping it stops listening"]
pub struct Subscription(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Subscription {
    /// `end` runs once, when the last word has been heard. It must not block.
    pub fn new(end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(end)))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}

/// Who is where, over all nodes.
///
/// The unit is a person in a room, however many sessions they have there. Every change of it is an event in every
/// subscribed node's inbox, and raises the room's version by one: [`crate::Event::Joined`] for the first session that
/// enters and for another name, [`crate::Event::Counted`] for another number of sessions, [`crate::Event::Left`] for the
/// end of the last.
#[async_trait]
pub trait Presence: fmt::Debug + Send + Sync {
    /// The outcome is decided in the step that makes it. Entering twice with one session changes nothing.
    async fn enter(&self, claim: Claim) -> Result<Arrival, BackplaneError>;

    /// Takes back what this session entered; without that, nothing.
    async fn leave(&self, exit: Exit) -> Result<Departure, BackplaneError>;

    /// Everyone in a room, with the version that the next change will follow. Sorted by user.
    async fn occupants(&self, room: &RoomId) -> Result<Occupancy, BackplaneError>;

    /// How many people with a name of their own have a session on this node. Someone who is in several rooms or has
    /// several sessions here counts once; one who is on two nodes counts on both.
    fn people(&self) -> usize;

    /// Keeps this node's lease, buries the nodes whose lease has ended, and announces the leaves that were held back long
    /// enough. Called every [`Presence::beat`].
    async fn heartbeat(&self) -> Result<Vec<Buried>, BackplaneError>;

    /// How often [`Presence::heartbeat`] wants to be called.
    fn beat(&self) -> Duration;

    /// Gives this node's lease back. The leave of whoever still is on it is held back for their [`Claim::grace`]. Nothing
    /// can be entered after it.
    async fn resign(&self) -> Result<(), BackplaneError>;
}

/// Someone comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Where.
    pub room: RoomId,
    /// Who: unique in the room.
    pub user: UserId,
    /// What they are called.
    pub name: Name,
    /// Who may hold `user` besides: only sessions with the same subject. `None`: anyone, they are counted.
    pub subject: Option<String>,
    /// The session that enters.
    pub session: SessionId,
    /// `name` is theirs from now on, also where they are there under another. Otherwise they keep the one that they have, if
    /// a session of theirs is there.
    pub renames: bool,
    /// How long the news of their leave is held back if the node goes before the session does.
    pub grace: Duration,
}

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// They are new: the room hears it, with this version.
    First {
        /// The room's version after it.
        version: u64,
        /// How many people are in the room at that version.
        count: usize,
    },
    /// They were there already, with other sessions or until a moment ago.
    Again {
        /// The room's version after it.
        version: u64,
        /// How many people are in the room at that version.
        count: usize,
    },
    /// Another subject holds it. Nothing was changed.
    Taken,
}

/// Someone goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Where from.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// The session that leaves.
    pub session: SessionId,
    /// The session may come straight back: the news is held back for this long, also where another one is the last to
    /// leave. Zero: it is not waited for.
    pub grace: Duration,
}

/// What came of an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The last: the room hears it, with this version.
    Last {
        /// The room's version after it.
        version: u64,
    },
    /// Others of theirs are still there, or they were not there at all, or the news is held back.
    Silent,
}

/// A room's people at one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Every change raises it by one.
    pub version: u64,
    /// Sorted by user.
    pub occupants: Vec<Occupant>,
}

/// What a dead node left behind has been cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buried {
    /// The node and its incarnation.
    pub incarnation: String,
    /// How many people's leave this call announced.
    pub users: usize,
}

/// The nodes of the cluster, for requests that must go to a certain one.
#[async_trait]
pub trait Cluster: fmt::Debug + Send + Sync {
    /// Makes this node's address (`host:port` of its clients' port) known. Called once listening, and again after every
    /// loss of the store. `None`: the backplane's own idea of this machine's address, with that port.
    async fn advertise(
        &self,
        node: &NodeId,
        address: Option<String>,
        port: u16,
    ) -> Result<(), BackplaneError>;

    /// Where a node's clients' port is, or `None`: no such node.
    async fn address(&self, node: &NodeId) -> Result<Option<String>, BackplaneError>;

    /// What all nodes know and nobody else: made once, and then the same for all.
    async fn secret(&self) -> Result<Secret, BackplaneError>;

    /// The nodes that are taken to be alive, this one among them, as they were at one moment. Sorted by id. A node that
    /// has died is among them until it is buried, for the last part of that time with a lease that has ended.
    async fn nodes(&self) -> Result<Vec<ClusterNode>, BackplaneError>;

    /// Whether the backplane answered of late.
    fn healthy(&self) -> bool;
}

/// A node of the cluster, as the backplane knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterNode {
    /// Which one.
    pub id: NodeId,
    /// Which of its lives it is in, as in [`Buried::incarnation`]: a node that lost its lease goes on in another one.
    pub incarnation: String,
    /// Where its clients' port is. `None`: it has not said so.
    pub address: Option<String>,
    /// How long it is still believed to live if it does not renew its lease; zero: no longer. `None`: for ever, for it is
    /// alone.
    pub lease: Option<Duration>,
    /// How long it has lived without a break.
    pub held: Duration,
    /// Its [`Presence::people`] when it renewed its lease last.
    pub people: usize,
}

/// Key material. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The backplane failed. Nobody decides by its kind: outside it is `unavailable`, inside a log line.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BackplaneError(#[from] Box<dyn std::error::Error + Send + Sync>);

impl BackplaneError {
    /// Wraps whatever went wrong.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
