//! Who was answered since a room's difference was last told: each knows a part of the next one, and is told the rest.
//!
//! When thousands come at once, a rest for each of them would be as long as all who came after: millions of names. So
//! they are told in batches: those of one batch know the same from then on, and share what follows.

use std::collections::HashSet;

use hubbub_core::{Occupant, Reader, RoomId};
use hubbub_dialects::Told;

use crate::{
    batch::{Batch, Label},
    packet::put_event,
    people::People,
    rooms::{Hearers, Rooms},
};

use super::deliver;

/// Newcomers who are told a rest of their own, before the difference is due.
const BATCH: usize = 32;

/// Who came, and who went.
pub(super) type Difference = (Vec<Occupant>, Vec<Occupant>);

/// They, in the order of their answers, and at which version each knows the room.
#[derive(Debug, Default)]
pub(super) struct Answered {
    readers: Vec<(Reader, u64)>,
    /// So many of them, from the first on, are in a batch that was told.
    told: usize,
}

impl Answered {
    pub(super) fn add(&mut self, reader: Reader, version: u64) {
        self.readers.push((reader, version));
    }

    pub(super) fn clear(&mut self) {
        self.readers.clear();
        self.told = 0;
    }

    /// Once they are a batch, the newcomers are told what is different now, and know that version.
    pub(super) fn tell_newcomers(&mut self, people: &People, rooms: &Rooms, room: &RoomId) {
        if self.readers.len() < self.told + BATCH || !people.known() {
            return;
        }
        let fresh = &mut self.readers[self.told..];
        tell_begun(fresh, people, rooms, room);
        let begun = fresh.iter_mut().filter(|(reader, _)| matches!(reader, Reader::Begins(_)));
        begun.for_each(|(_, version)| *version = people.roster().version());
        self.told = self.readers.len();
    }

    /// Tells all of them what they do not know of the difference that everyone else was just told. Answers with the bytes
    /// that it took.
    pub(super) fn tell_rest(
        &self,
        people: &People,
        rooms: &Rooms,
        room: &RoomId,
        told: &Difference,
    ) -> usize {
        if people.may_be_undone() {
            self.tell_undone(people, rooms, room, told);
        }
        tell_begun(&self.readers, people, rooms, room)
    }

    /// Who looked may have seen someone come or go that everyone else is not told of, for it was undone.
    fn tell_undone(&self, people: &People, rooms: &Rooms, room: &RoomId, told: &Difference) {
        let told: HashSet<_> = told.0.iter().chain(&told.1).map(|who| &who.user).collect();
        let rest = |mut all: Vec<Occupant>| {
            all.retain(|who| !told.contains(&who.user));
            all
        };
        for (reader, version) in &self.readers {
            let Reader::Looks(session) = reader else { continue };
            let Some(hearer) = rooms.hearer(room, *session) else { continue };
            let (joined, left) = people.difference_since(*version);
            let (joined, left) = (rest(joined), rest(left));
            if !joined.is_empty() || !left.is_empty() {
                let told = Told::Changed { joined: &joined, left: &left, count: people.roster().count() };
                tell(room, &hearer, &of(room, &hearer, Label::None, &told));
            }
        }
    }
}

/// Tells those who have begun what is different since. Those who know the same version share it.
fn tell_begun(readers: &[(Reader, u64)], people: &People, rooms: &Rooms, room: &RoomId) -> usize {
    let (mut shared, mut bytes) = (None, 0);
    for (reader, version) in readers.iter().filter(|(_, version)| *version > people.told()) {
        let Reader::Begins(session) = reader else { continue };
        let hearer = rooms.hearer(room, *session).filter(|hearer| !hearer.dialect.lists_people());
        let Some(hearer) = hearer else { continue };
        let batch = match shared.take() {
            Some((known, batch)) if known == *version => batch,
            _ => of_difference(people, room, &hearer, *version, &people.difference_since(*version)),
        };
        bytes += tell(room, &hearer, &batch);
        shared = Some((*version, batch));
    }
    bytes
}

/// A difference, framed for these; nothing where there is none.
pub(super) fn of_difference(
    people: &People,
    room: &RoomId,
    hearers: &Hearers,
    after: u64,
    (joined, left): &Difference,
) -> Batch {
    if joined.is_empty() && left.is_empty() {
        return Batch::default();
    }
    let roster = people.roster();
    let label = Label::Difference { after, version: roster.version() };
    of(room, hearers, label, &Told::Changed { joined, left, count: roster.count() })
}

/// Framed for these.
pub(super) fn of(room: &RoomId, hearers: &Hearers, label: Label, told: &Told<'_>) -> Batch {
    let mut batch = Batch::default();
    batch.add(label, None, |out| {
        let utterances = hearers.dialect.encode(room, told);
        utterances.iter().for_each(|utterance| put_event(out, hearers.namespace, utterance));
    });
    batch.finish()
}

/// Answers with the bytes that it took.
pub(super) fn tell(room: &RoomId, hearers: &Hearers, batch: &Batch) -> usize {
    deliver(room, hearers, batch);
    batch.length() * hearers.peers.len()
}
