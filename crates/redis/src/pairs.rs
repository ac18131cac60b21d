//! Single pairs, a person in a room each: one change at a time, and none forgotten.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Mutex as Lock, MutexGuard as LockGuard, PoisonError},
};

use hubbub_core::{Exit, RoomId, UserId};
use tokio::sync::{Mutex, MutexGuard};

/// Locks that pairs share. Two pairs with one lock wait for each other's round trip.
const LOCKS: usize = 4_096;

/// Leaves that may be owed to Redis. More are found by the comparison.
const OWED: usize = 100_000;

/// One change at a time for each pair.
#[derive(Debug)]
pub(crate) struct Pairs {
    locks: Box<[Mutex<()>]>,
    hasher: RandomState,
}

impl Default for Pairs {
    fn default() -> Self {
        Self { locks: (0..LOCKS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

impl Pairs {
    pub(crate) async fn lock(&self, room: &RoomId, user: &UserId) -> MutexGuard<'_, ()> {
        let hash = usize::try_from(self.hasher.hash_one((room, user)) % LOCKS as u64);
        self.locks[hash.expect("smaller than the number of locks")].lock().await
    }
}

/// Leaves that Redis may not have heard of.
#[derive(Debug, Default)]
pub(crate) struct Owed(Lock<HashMap<(RoomId, UserId), Exit>>);

impl Owed {
    pub(crate) fn add(&self, exit: &Exit) {
        let mut owed = self.lock();
        if owed.len() < OWED {
            owed.insert((exit.room.clone(), exit.user.clone()), exit.clone());
        }
    }

    pub(crate) fn settle(&self, room: &RoomId, user: &UserId) {
        self.lock().remove(&(room.clone(), user.clone()));
    }

    pub(crate) fn has(&self, exit: &Exit) -> bool {
        self.lock().contains_key(&(exit.room.clone(), exit.user.clone()))
    }

    pub(crate) fn all(&self) -> Vec<Exit> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> LockGuard<'_, HashMap<(RoomId, UserId), Exit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
