//! What all connections of a node share.

use std::{sync::Arc, time::SystemTime};

use hubbub_core::{Chat, Identity, NodeId, Refusal, RefusalCode, Reply, Session, UserId, guest_name};
use hubbub_dialects::{Hello, Ready};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::{connection::Bounds, delivery::Wanted, rooms::Rooms, tokens::Tokens};

/// How often a guest is given another name when theirs is taken: one in a million is.
const GUEST_TRIES: usize = 3;

/// The chat, the rooms and the way to the delivery task.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) node: NodeId,
    pub(crate) chat: Chat,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) lists: mpsc::Sender<Wanted>,
    pub(crate) tokens: Tokens,
    pub(crate) text_limit: usize,
    pub(crate) room_limit: usize,
    pub(crate) holding: Bounds,
    /// Owns the sessions' tasks.
    pub(crate) sessions: TaskTracker,
}

impl Floor {
    /// Lets someone into v1: back as who they were, under the name they want, or as a guest.
    pub(crate) async fn admit(&self, session: &mut Session, hello: Hello) -> Result<Ready, Refusal> {
        let known = hello.session.as_deref().map(|token| self.known(token)).transpose()?;
        let nameless = known.is_none() && hello.name.is_none();
        let name = hello.name.or_else(|| known.as_ref().map(|known| known.name.clone()));
        let user = known.map_or_else(UserId::random, |known| known.user);
        let tries = if nameless { GUEST_TRIES } else { 1 };
        let mut taken = Err(Refusal::new(RefusalCode::NameTaken, "someone else has this name"));
        for _ in 0..tries {
            let identity = Identity { user: user.clone(), name: name.clone().unwrap_or_else(guest_name) };
            match self.chat.claim_name(session, identity.clone()).await {
                Ok(()) => return Ok(self.ready(identity)),
                Err(refusal) if refusal.code == RefusalCode::NameTaken => taken = Err(refusal),
                Err(refusal) => return Err(refusal),
            }
        }
        taken
    }

    fn known(&self, token: &str) -> Result<Identity, Refusal> {
        let checked = self.tokens.check(token, SystemTime::now());
        checked.map_err(|code| Refusal::new(code, "this session brings nobody back: come without it"))
    }

    /// Whoever has a new name is given a token that brings them back under it.
    pub(crate) fn with_token(&self, reply: Reply) -> Reply {
        match reply {
            Reply::Renamed { identity, .. } => {
                let session = Some(self.tokens.issue(&identity, SystemTime::now()));
                Reply::Renamed { identity, session }
            }
            other => other,
        }
    }

    fn ready(&self, identity: Identity) -> Ready {
        Ready {
            session: self.tokens.issue(&identity, SystemTime::now()),
            identity,
            guest: true,
            node: self.node.to_string(),
            text_limit: self.text_limit,
            room_limit: self.room_limit,
            rooms: Vec::new(),
        }
    }
}
