//! Who holds a person's place in a room on this node, and with how many sessions.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Claim, Exit, RoomId, SessionId, UserId};

type Pair = (RoomId, UserId);

/// Counts sessions per (room, user), for one node.
///
/// It decides nothing across nodes. Changes to one pair must not overlap: callers hold their own lock across the
/// call here and the step that it asks for.
#[derive(Debug, Default)]
pub struct Holders(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pairs: HashMap<Pair, Held>,
    people: usize,
}

#[derive(Debug)]
struct Held {
    /// As the first of them came, or the last that was renamed.
    claim: Claim,
    /// Sorted. Most people have one, and a set would take room for four.
    sessions: Vec<SessionId>,
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
        let mut state = self.lock();
        let State { pairs, people } = &mut *state;
        let new = || Held { claim: claim.clone(), sessions: Vec::new() };
        let held = pairs.entry((claim.room.clone(), claim.user.clone())).or_insert_with(new);
        if held.claim.subject != claim.subject {
            return Enter::Taken;
        }
        if claim.renames {
            held.claim.name = claim.name.clone();
        }
        if let Err(place) = held.sessions.binary_search(&claim.session) {
            held.sessions.reserve_exact(usize::from(held.sessions.is_empty()));
            held.sessions.insert(place, claim.session);
            *people += usize::from(held.sessions.len() == 1 && is_home(&claim.room));
        }
        Enter::Held(held.sessions.len())
    }

    /// Whether this session is in already.
    pub fn has(&self, claim: &Claim) -> bool {
        let pair = (claim.room.clone(), claim.user.clone());
        self.lock().pairs.get(&pair).is_some_and(|held| held.sessions.binary_search(&claim.session).is_ok())
    }

    /// Takes the session out.
    pub fn leave(&self, exit: &Exit) -> Leave {
        let mut state = self.lock();
        let State { pairs, people } = &mut *state;
        let pair = (exit.room.clone(), exit.user.clone());
        let Some(held) = pairs.get_mut(&pair) else { return Leave::Silent };
        let Ok(place) = held.sessions.binary_search(&exit.session) else { return Leave::Silent };
        held.sessions.remove(place);
        let left = held.sessions.len();
        if left == 0 {
            pairs.remove(&pair);
            *people -= usize::from(is_home(&exit.room));
        }
        Leave::Held(left)
    }

    /// How many people with a name of their own have a session here.
    pub fn people(&self) -> usize {
        self.lock().people
    }

    /// How many sessions hold a pair.
    pub fn count(&self, room: &RoomId, user: &UserId) -> usize {
        self.lock().pairs.get(&(room.clone(), user.clone())).map_or(0, |held| held.sessions.len())
    }

    /// Everything held, one claim a pair and how many sessions hold it: what a node says again after its lease was lost.
    pub fn claims(&self) -> Vec<(Claim, usize)> {
        let held = |held: &Held| (Claim { renames: false, ..held.claim.clone() }, held.sessions.len());
        self.lock().pairs.values().map(held).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everyone who has a name is in one such room, however many others they are in: where the names are that are taken, or
/// in their vocabulary's own.
fn is_home(room: &RoomId) -> bool {
    *room == RoomId::names() || room.is_vocabularys()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Name;

    #[test]
    fn someone_in_many_rooms_and_sessions_is_one_person() {
        let holders = Holders::default();
        let names = RoomId::names();
        let rooms = ["lobby", "den"].map(|name| RoomId::parse(name).expect("a room"));
        let [first, second] = [(); 2].map(|()| SessionId::random());
        for session in [first, second, second] {
            for room in rooms.iter().chain([&names]) {
                holders.enter(&claim(room, session));
            }
        }
        assert_eq!(holders.people(), 1);
        holders.enter(&claim(&RoomId::reserved("basics"), first));
        assert_eq!(holders.people(), 2, "who is in a vocabulary is somebody else");
        for session in [first, first, second] {
            assert_eq!(holders.people(), 2);
            holders.leave(&exit(&names, session));
        }
        assert_eq!(holders.people(), 1);
    }

    #[test]
    fn of_many_sessions_each_is_counted_once_until_it_leaves() {
        let (holders, room) = (Holders::default(), RoomId::names());
        let sessions: Vec<_> = (0..100).map(|_| SessionId::random()).collect();
        for (before, session) in sessions.iter().enumerate() {
            let claim = claim(&room, *session);
            assert!(!holders.has(&claim));
            assert_eq!(holders.enter(&claim), Enter::Held(before + 1));
            assert_eq!(holders.enter(&claim), Enter::Held(before + 1));
            assert!(holders.has(&claim));
        }
        for (gone, session) in sessions.iter().enumerate() {
            assert_eq!(holders.leave(&exit(&room, *session)), Leave::Held(99 - gone));
            assert_eq!(holders.leave(&exit(&room, *session)), Leave::Silent);
        }
    }

    fn claim(room: &RoomId, session: SessionId) -> Claim {
        let (user, name) = (UserId::new("ann"), Name::parse("Ann").expect("a name"));
        Claim {
            room: room.clone(),
            user,
            name,
            subject: None,
            session,
            renames: false,
            grace: Duration::ZERO,
        }
    }

    fn exit(room: &RoomId, session: SessionId) -> Exit {
        Exit { room: room.clone(), user: UserId::new("ann"), session, grace: Duration::ZERO }
    }
}
