//! One thing for each of a few rooms. A session keeps three of these, most of them empty or with one room in it.

use crate::RoomId;

/// Sorted by room, and no larger than it must be: the first entry of a `HashMap` takes room for four.
#[derive(Debug)]
pub(crate) struct ByRoom<T>(Vec<(RoomId, T)>);

impl<T> Default for ByRoom<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByRoom<T> {
    pub(crate) fn get(&self, room: &RoomId) -> Option<&T> {
        self.place(room).ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn has(&self, room: &RoomId) -> bool {
        self.place(room).is_ok()
    }

    pub(crate) fn rooms(&self) -> impl Iterator<Item = &RoomId> {
        self.0.iter().map(|(room, _)| room)
    }

    /// In the place of what was there before, which is given back.
    pub(crate) fn insert(&mut self, room: RoomId, thing: T) -> Option<T> {
        match self.place(&room) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, thing)),
            Err(at) => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(self.0.len().max(1));
                }
                self.0.insert(at, (room, thing));
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, room: &RoomId) -> Option<T> {
        let (_, thing) = self.0.remove(self.place(room).ok()?);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        Some(thing)
    }

    fn place(&self, room: &RoomId) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(room))
    }
}

impl<T> IntoIterator for ByRoom<T> {
    type Item = (RoomId, T);
    type IntoIter = std::vec::IntoIter<(RoomId, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_map_would_find(steps in prop::collection::vec((0..8_u8, any::<Option<u8>>()), 0..64)) {
            let (mut known, mut expected) = (ByRoom::default(), HashMap::new());
            for (room, thing) in steps {
                let room = RoomId::parse(&format!("room {room}")).expect("a room");
                match thing {
                    Some(thing) => prop_assert_eq!(known.insert(room.clone(), thing), expected.insert(room, thing)),
                    None => prop_assert_eq!(known.remove(&room), expected.remove(&room)),
                }
                prop_assert!(known.rooms().all(|room| known.get(room) == expected.get(room)));
                prop_assert_eq!(known.rooms().count(), expected.len());
            }
            prop_assert_eq!(known.into_iter().collect::<HashMap<_, _>>(), expected);
        }
    }

    #[test]
    fn one_room_takes_the_memory_of_one_and_none_takes_none() {
        let mut known = ByRoom::default();
        let room = RoomId::names();
        known.insert(room.clone(), 1);
        assert_eq!(known.0.capacity(), 1);
        known.remove(&room);
        assert_eq!(known.0.capacity(), 0);
    }
}
