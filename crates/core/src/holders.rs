//! Who holds a person's place in a room on this node: presence hears of the first session and of the last.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use crate::{Claim, Exit, Name, RoomId, SessionId, UserId};

type Pair = (RoomId, UserId);

/// Counts sessions per (room, user), for one node.
///
/// It decides nothing across nodes. Changes to one pair must not overlap: callers hold their own lock across the
/// call here and the step that it asks for.
#[derive(Debug, Default)]
pub struct Holders(Mutex<HashMap<Pair, Held>>);

#[derive(Debug)]
struct Held {
    name: Name,
    subject: Option<String>,
    sessions: HashSet<SessionId>,
}

/// What an entering session means for the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enter {
    /// The node's first of this pair: the cluster must hear of it.
    First,
    /// The node has the pair already.
    Again,
    /// The node has it for another subject.
    Taken,
}

/// What a leaving session means for the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The node's last of this pair: the cluster must hear of it.
    Last,
    /// Others hold it still, or this session never did.
    Silent,
}

impl Holders {
    /// Adds the session, unless another subject holds the pair.
    pub fn enter(&self, claim: &Claim) -> Enter {
        let mut pairs = self.lock();
        let pair = (claim.room.clone(), claim.user.clone());
        let Some(held) = pairs.get_mut(&pair) else {
            let sessions = HashSet::from([claim.session]);
            pairs.insert(pair, Held { name: claim.name.clone(), subject: claim.subject.clone(), sessions });
            return Enter::First;
        };
        if held.subject != claim.subject {
            return Enter::Taken;
        }
        held.sessions.insert(claim.session);
        Enter::Again
    }

    /// Takes the session out.
    pub fn leave(&self, exit: &Exit) -> Leave {
        let mut pairs = self.lock();
        let pair = (exit.room.clone(), exit.user.clone());
        let Some(held) = pairs.get_mut(&pair) else { return Leave::Silent };
        if !held.sessions.remove(&exit.session) || !held.sessions.is_empty() {
            return Leave::Silent;
        }
        pairs.remove(&pair);
        Leave::Last
    }

    /// Everything held, one claim a pair: what a node says again after its lease was lost.
    pub fn claims(&self) -> Vec<Claim> {
        let pairs = self.lock();
        pairs.iter().filter_map(|((room, user), held)| claim(room, user, held)).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Pair, Held>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn claim(room: &RoomId, user: &UserId, held: &Held) -> Option<Claim> {
    Some(Claim {
        room: room.clone(),
        user: user.clone(),
        name: held.name.clone(),
        subject: held.subject.clone(),
        session: *held.sessions.iter().next()?,
    })
}
