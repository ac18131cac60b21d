//! One hash over what all observers of a room heard, where they heard it together.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{Verdict, walk::Walks};
use crate::log::{Entry, Log, Position, Room};

/// From the last one's first to the first one's last.
type Together = BTreeMap<(Room, u64), (u64, u64)>;

/// Observers that missed something of an epoch hash nothing of it: what they missed was announced, or was found.
pub(super) fn compare(logs: &[Log], walks: &[Walks], verdict: &mut Verdict) {
    let mut together = Together::new();
    for (room, (epoch, first, last)) in walks.iter().flat_map(whole) {
        let span = together.entry((room, epoch)).or_insert((first, last));
        *span = (span.0.max(first), span.1.min(last));
    }
    for (log, walks) in logs.iter().zip(walks) {
        let observed: BTreeSet<_> = whole(walks).map(|(room, (epoch, ..))| (room, epoch)).collect();
        for (place, hash) in hashes(log, &observed, &together) {
            verdict.orders.entry(place).or_default().insert(hash);
            *verdict.observers.entry(place).or_default() += 1;
        }
    }
}

fn whole(walks: &Walks) -> impl Iterator<Item = (Room, (u64, u64, u64))> {
    walks.rooms().flat_map(|(room, walk)| walk.told.whole_epochs().map(move |span| (room, span)))
}

fn hashes(log: &Log, observed: &BTreeSet<(Room, u64)>, together: &Together) -> BTreeMap<(Room, u64), u64> {
    let mut hashers: BTreeMap<(Room, u64), (u64, DefaultHasher)> = BTreeMap::new();
    for (_, entry) in &log.entries {
        let Entry::Told { room, position: Position { epoch, seq }, digest, .. } = *entry else { continue };
        let (place, within) = ((room, epoch), together.get(&(room, epoch)));
        let within = within.is_some_and(|(first, last)| (*first..=*last).contains(&seq));
        if !within || !observed.contains(&place) {
            continue;
        }
        let (last, hasher) = hashers.entry(place).or_default();
        if seq > *last {
            *last = seq;
            (seq, digest).hash(hasher);
        }
    }
    hashers.into_iter().map(|(place, (_, hasher))| (place, hasher.finish())).collect()
}
