//! A room's people as one node knows them, kept up by presence changes.

use std::collections::BTreeMap;

use crate::{Event, Name, Occupancy, Occupant, UserId};

/// A copy of a room's presence.
#[derive(Debug, Default)]
pub struct Roster {
    version: u64,
    people: BTreeMap<UserId, Name>,
}

/// What a change did to the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The copy has it now.
    New,
    /// The copy had it already.
    Old,
    /// Changes before it are missing: the room must be read again.
    Gap,
}

impl Roster {
    /// Applies the change that made this version.
    pub fn apply(&mut self, version: u64, event: &Event) -> Applied {
        if version <= self.version {
            return Applied::Old;
        }
        if version > self.version + 1 {
            return Applied::Gap;
        }
        self.version = version;
        match event {
            Event::Joined(who) => drop(self.people.insert(who.user.clone(), who.name.clone())),
            Event::Left(who) => drop(self.people.remove(&who.user)),
            Event::Said(_) | Event::Updated(_) | Event::Hinted(_) => {}
        }
        Applied::New
    }

    /// Takes over a fresh reading and says what is different, as events. An older reading changes nothing.
    pub fn replace(&mut self, fresh: Occupancy) -> Vec<Event> {
        if fresh.version < self.version {
            return Vec::new();
        }
        let people: BTreeMap<_, _> = fresh.occupants.into_iter().map(|o| (o.user, o.name)).collect();
        let left = only_in(&self.people, &people).map(Event::Left);
        let joined = only_in(&people, &self.people).map(Event::Joined);
        let events = left.chain(joined).collect();
        (self.version, self.people) = (fresh.version, people);
        events
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.people.len()
    }

    /// Everyone, sorted by user.
    pub fn people(&self) -> impl ExactSizeIterator<Item = Occupant> + '_ {
        self.people.iter().map(|(user, name)| Occupant { user: user.clone(), name: name.clone() })
    }
}

fn only_in<'a>(
    here: &'a BTreeMap<UserId, Name>,
    there: &'a BTreeMap<UserId, Name>,
) -> impl Iterator<Item = Occupant> + 'a {
    here.iter()
        .filter(|(user, _)| !there.contains_key(*user))
        .map(|(user, name)| Occupant { user: user.clone(), name: name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone(name: &str) -> Occupant {
        Occupant { user: UserId::new(name), name: Name::parse(name).expect("a name") }
    }

    #[test]
    fn a_jump_in_versions_is_a_gap_and_a_fresh_reading_says_the_difference() {
        let mut roster = Roster::default();
        assert_eq!(roster.apply(1, &Event::Joined(someone("ann"))), Applied::New);
        assert_eq!(roster.apply(1, &Event::Joined(someone("ann"))), Applied::Old);
        assert_eq!(roster.apply(3, &Event::Joined(someone("cy"))), Applied::Gap);
        let events = roster.replace(Occupancy { version: 3, occupants: vec![someone("bob"), someone("cy")] });
        let expected =
            vec![Event::Left(someone("ann")), Event::Joined(someone("bob")), Event::Joined(someone("cy"))];
        assert_eq!(events, expected);
        assert_eq!(roster.apply(4, &Event::Left(someone("bob"))), Applied::New);
        assert_eq!(roster.people().collect::<Vec<_>>(), vec![someone("cy")]);
    }
}
