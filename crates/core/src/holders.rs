//! Who holds a person's place in a room on this node, and with how many sessions.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Claim, Exit, RoomId, SessionId, UserId};

type Pair = (RoomId, UserId);

/// Counts sessions per (room, user), for one node.
///
/// It decides nothing across nodes. Changes to one pair must not overlap: callers hold their own lock across the
/// call here and the step that it asks for.
#[derive(Debug, Default)]
pub struct Holders(Mutex<HashMap<Pair, Held>>);

#[derive(Debug)]
struct Held {
    /// As the first of them came, or the last that was renamed.
    claim: Claim,
    sessions: HashSet<SessionId>,
}

/// What an entering session means for the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enter {
    /// The node has the pair with so many sessions now, this one among them.
    Held(usize),
    /// The node has it for another subject.
    Taken,
}

/// What a leaving session means for the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// So many sessions of the pair are left.
    Held(usize),
    /// This session did not hold it.
    Silent,
}

impl Holders {
    /// Adds the session, unless another subject holds the pair.
    pub fn enter(&self, claim: &Claim) -> Enter {
        let mut pairs = self.lock();
        let new = || Held { claim: claim.clone(), sessions: HashSet::new() };
        let held = pairs.entry((claim.room.clone(), claim.user.clone())).or_insert_with(new);
        if held.claim.subject != claim.subject {
            return Enter::Taken;
        }
        if claim.renames {
            held.claim.name = claim.name.clone();
        }
        held.sessions.insert(claim.session);
        Enter::Held(held.sessions.len())
    }

    /// Whether this session is in already.
    pub fn has(&self, claim: &Claim) -> bool {
        let pair = (claim.room.clone(), claim.user.clone());
        self.lock().get(&pair).is_some_and(|held| held.sessions.contains(&claim.session))
    }

    /// Takes the session out.
    pub fn leave(&self, exit: &Exit) -> Leave {
        let mut pairs = self.lock();
        let pair = (exit.room.clone(), exit.user.clone());
        let Some(held) = pairs.get_mut(&pair) else { return Leave::Silent };
        if !held.sessions.remove(&exit.session) {
            return Leave::Silent;
        }
        let left = held.sessions.len();
        if left == 0 {
            pairs.remove(&pair);
        }
        Leave::Held(left)
    }

    /// How many sessions hold a pair.
    pub fn count(&self, room: &RoomId, user: &UserId) -> usize {
        self.lock().get(&(room.clone(), user.clone())).map_or(0, |held| held.sessions.len())
    }

    /// Everything held, one claim a pair and how many sessions hold it: what a node says again after its lease was lost.
    pub fn claims(&self) -> Vec<(Claim, usize)> {
        let held = |held: &Held| (Claim { renames: false, ..held.claim.clone() }, held.sessions.len());
        self.lock().values().map(held).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Pair, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
