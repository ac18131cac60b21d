//! One person's connection to one namespace, as the chat sees it.

use std::{fmt, sync::Arc, time::Instant};

use crate::{Author, Command, Name, RoomId, SessionId, Subscription, UserId, by_room::ByRoom, guest_name};

/// The gateway's side of a session: where its rooms' events go.
pub trait Listener: fmt::Debug + Send + Sync {
    /// From now on the room's events go to this session. They wait until the reply to the command under way is out.
    fn listen(&self, room: &RoomId);

    /// They do no longer.
    fn forget(&self, room: &RoomId);
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The client has said goodbye, or was sent away for good.
    Final,
    /// Its connection was lost: it may come straight back.
    Lost,
}

/// Who a session is, where the vocabulary has accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who they are.
    pub user: UserId,
    /// What they are called.
    pub name: Name,
}

/// What the chat remembers of a session. One task owns it.
#[derive(Debug)]
pub struct Session {
    /// Its own id.
    pub id: SessionId,
    /// Who it is; `None` in vocabularies that know labels only.
    pub identity: Option<Identity>,
    /// What its messages are labelled with until it gives a name.
    pub fallback: Option<Name>,
    pub(crate) label: Option<Name>,
    pub(crate) listener: Arc<dyn Listener>,
    pub(crate) hears: ByRoom<Subscription>,
    pub(crate) entered: ByRoom<UserId>,
    /// The rooms of two that were told of in their inboxes, and when.
    pub(crate) addressed: ByRoom<Instant>,
    said: u64,
}

impl Session {
    /// A session that hears nothing yet.
    pub fn new(id: SessionId, listener: Arc<dyn Listener>) -> Self {
        Self {
            id,
            listener,
            identity: None,
            fallback: None,
            label: None,
            hears: ByRoom::default(),
            entered: ByRoom::default(),
            addressed: ByRoom::default(),
            said: 0,
        }
    }

    /// Whether the room's events come here.
    pub fn hears(&self, room: &RoomId) -> bool {
        self.hears.has(room)
    }

    /// How many rooms it has joined.
    pub(crate) fn rooms(&self) -> usize {
        self.hears.rooms().filter(|room| !room.is_direct() && !room.is_inbox()).count()
    }

    /// How many rooms of two it hears.
    pub(crate) fn directs(&self) -> usize {
        self.hears.rooms().filter(|room| room.is_direct()).count()
    }

    /// Stops hearing a room that it is not listed in.
    pub fn forget(&mut self, room: &RoomId) {
        self.listener.forget(room);
        self.hears.remove(room);
    }

    /// Who says the next message: this name on it, or the session's own, or a guest's that then stays.
    pub(crate) fn author(&mut self, given: Option<Name>) -> Author {
        if let Some(Identity { user, name }) = &self.identity {
            return Author { user: Some(user.clone()), name: name.clone() };
        }
        let own = given.or_else(|| self.label.clone()).or_else(|| self.fallback.clone());
        Author { user: None, name: own.unwrap_or_else(|| self.label.insert(guest_name()).clone()) }
    }

    /// Sees to it that the command can be carried out again without being carried out twice.
    pub fn fix_key(&mut self, command: &mut Command) {
        if let Command::Send { said, .. } | Command::Write { said, .. } = command
            && said.key.is_none()
        {
            said.key = Some(self.key(said.cid.as_deref()));
        }
    }

    /// What makes a retry of this message the same one in its room. Without a client's own id it is new every time.
    pub(crate) fn key(&mut self, cid: Option<&str>) -> String {
        match (cid, &self.identity) {
            (Some(cid), Some(Identity { user, .. })) => format!("{user}:{cid}"),
            // Nobody knows who this is, and the retry may come by another connection.
            (Some(cid), None) => format!("cid:{cid}"),
            (None, _) => {
                self.said += 1;
                format!("{:x}:{}", self.id.as_u128(), self.said)
            }
        }
    }
}
