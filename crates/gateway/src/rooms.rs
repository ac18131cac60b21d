//! Which sockets of this node hear which room, and in which dialect.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hubbub_core::{RoomId, SessionId};
use hubbub_dialects::Dialect;

use crate::{engine::Namespace, metrics, peer::Peer};

type Said = &'static dyn Dialect;

/// The node's rooms. A room is there while someone hears it.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<RoomId, Room>,
    opened: u64,
}

#[derive(Debug)]
struct Room {
    opening: Opening,
    groups: Vec<Group>,
}

/// One uninterrupted time of a room being heard on this node. What was known of it in an earlier one is stale.
pub(crate) type Opening = u64;

/// The sockets of a room that hear the same bytes.
#[derive(Debug)]
struct Group {
    dialect: Said,
    namespace: Namespace,
    /// By their ids. Copied when someone comes or goes while it is being delivered to.
    peers: Arc<Vec<Arc<Peer>>>,
}

impl Rooms {
    /// From now on the peer hears the room in this dialect, and in no other.
    pub(crate) fn add(&self, room: &RoomId, dialect: Said, peer: &Arc<Peer>) {
        let mut state = self.lock();
        let groups = state.open(room);
        groups.iter_mut().for_each(|group| group.remove(peer.id));
        groups.retain(|group| !group.peers.is_empty());
        let of = |group: &Group| group.dialect.name() == dialect.name() && group.namespace == peer.namespace;
        if let Some(group) = groups.iter_mut().find(|group| of(group)) {
            group.add(peer.clone());
        } else {
            let peers = Arc::new(vec![peer.clone()]);
            // Most rooms speak one vocabulary: of a person's own there are as many as people.
            groups.reserve_exact(1);
            groups.push(Group { dialect, namespace: peer.namespace, peers });
        }
        metrics::rooms(state.rooms.len());
    }

    /// It does no longer.
    pub(crate) fn remove(&self, room: &RoomId, session: SessionId) {
        let mut state = self.lock();
        let Some(Room { groups, .. }) = state.rooms.get_mut(room) else { return };
        groups.iter_mut().for_each(|group| group.remove(session));
        groups.retain(|group| !group.peers.is_empty());
        if groups.is_empty() {
            state.rooms.remove(room);
        }
        metrics::rooms(state.rooms.len());
    }

    /// Who hears the room now.
    pub(crate) fn groups(&self, room: &RoomId) -> Vec<Hearers> {
        let state = self.lock();
        let groups = state.rooms.get(room).map_or(&[][..], |room| room.groups.as_slice());
        groups
            .iter()
            .map(|group| Hearers {
                dialect: group.dialect,
                namespace: group.namespace,
                peers: group.peers.clone(),
            })
            .collect()
    }

    /// One session that hears the room, by itself.
    pub(crate) fn hearer(&self, room: &RoomId, session: SessionId) -> Option<Hearers> {
        let state = self.lock();
        state.rooms.get(room)?.groups.iter().find_map(|group| {
            let peer = group.peers[group.place(session).ok()?].clone();
            Some(Hearers { dialect: group.dialect, namespace: group.namespace, peers: Arc::new(vec![peer]) })
        })
    }

    /// Since when the room is heard without a break; `None`: nobody hears it.
    pub(crate) fn opening(&self, room: &RoomId) -> Option<Opening> {
        self.lock().rooms.get(room).map(|room| room.opening)
    }

    /// Whether this session hears the room: it is one of this node's.
    pub(crate) fn has(&self, room: &RoomId, session: SessionId) -> bool {
        let state = self.lock();
        let mut groups = state.rooms.get(room).into_iter().flat_map(|room| &room.groups);
        groups.any(|group| group.place(session).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&mut self, room: &RoomId) -> &mut Vec<Group> {
        let opened = &mut self.opened;
        let opening = || {
            *opened += 1;
            Room { opening: *opened, groups: Vec::new() }
        };
        &mut self.rooms.entry(room.clone()).or_insert_with(opening).groups
    }
}

/// A group as it was when asked.
#[derive(Debug)]
pub(crate) struct Hearers {
    pub(crate) dialect: Said,
    pub(crate) namespace: Namespace,
    pub(crate) peers: Arc<Vec<Arc<Peer>>>,
}

impl Group {
    fn add(&mut self, peer: Arc<Peer>) {
        if let Err(place) = self.place(peer.id) {
            Arc::make_mut(&mut self.peers).insert(place, peer);
        }
    }

    fn remove(&mut self, session: SessionId) {
        if let Ok(place) = self.place(session) {
            Arc::make_mut(&mut self.peers).remove(place);
        }
    }

    fn place(&self, session: SessionId) -> Result<usize, usize> {
        self.peers.binary_search_by_key(&session, |peer| peer.id)
    }
}
