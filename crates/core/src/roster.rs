//! A room's people as one node knows them, kept up by presence changes.

use std::{collections::BTreeMap, ops::Bound};

use crate::{Event, Occupancy, Occupant, UserId};

/// A copy of a room's presence.
#[derive(Debug, Default)]
pub struct Roster {
    version: u64,
    people: BTreeMap<UserId, Occupant>,
}

/// What a change did to the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Someone came, went, or has another name.
    New,
    /// The copy has it now, and nobody needs to be told.
    Silent,
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
        let is_news = match event {
            Event::Joined(who) | Event::Counted(who) => self.put(who),
            Event::Left(who) => self.people.remove(&who.user).is_some(),
            Event::Said(_) | Event::Updated(_) | Event::Hinted(_) => false,
        };
        if is_news { Applied::New } else { Applied::Silent }
    }

    fn put(&mut self, who: &Occupant) -> bool {
        let before = self.people.insert(who.user.clone(), who.clone());
        before.is_none_or(|before| before.name != who.name)
    }

    /// Takes over a fresh reading and says what is different, as events, each with who that was before. A reading may have
    /// an earlier version than the copy: then the backplane has lost what came after it.
    pub fn replace(&mut self, fresh: Occupancy) -> Vec<(Event, Option<Occupant>)> {
        let people: BTreeMap<_, _> = fresh.occupants.into_iter().map(|who| (who.user.clone(), who)).collect();
        let gone = self.people.values().filter(|who| !people.contains_key(&who.user));
        let left = gone.map(|who| (Event::Left(Occupant { devices: 0, ..who.clone() }), Some(who.clone())));
        let before = |who: &Occupant| self.people.get(&who.user).cloned();
        let come = people.values().map(|who| (who, before(who)));
        let come = come.filter(|(who, before)| before.as_ref().is_none_or(|old| old.name != who.name));
        let come = come.map(|(who, before)| (Event::Joined(who.clone()), before));
        let events = left.chain(come).collect();
        (self.version, self.people) = (fresh.version, people);
        events
    }

    /// The last change that it knows.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Someone, if they are here.
    pub fn get(&self, user: &UserId) -> Option<&Occupant> {
        self.people.get(user)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.people.len()
    }

    /// Everyone, sorted by user; only those after this one, if it is given.
    pub fn people(&self, after: Option<&UserId>) -> impl Iterator<Item = &Occupant> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.people.range::<UserId, _>((start, Bound::Unbounded)).map(|(_, who)| who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;

    fn someone(name: &str) -> Occupant {
        Occupant { user: UserId::new(name), name: Name::parse(name).expect("a name"), devices: 1 }
    }

    #[test]
    fn a_jump_in_versions_is_a_gap_and_a_fresh_reading_says_the_difference() {
        let mut roster = Roster::default();
        assert_eq!(roster.apply(1, &Event::Joined(someone("ann"))), Applied::New);
        assert_eq!(roster.apply(1, &Event::Joined(someone("ann"))), Applied::Old);
        assert_eq!(roster.apply(3, &Event::Joined(someone("cy"))), Applied::Gap);
        let events = roster.replace(Occupancy { version: 3, occupants: vec![someone("bob"), someone("cy")] });
        let ann = Occupant { devices: 0, ..someone("ann") };
        let expected = vec![
            (Event::Left(ann), Some(someone("ann"))),
            (Event::Joined(someone("bob")), None),
            (Event::Joined(someone("cy")), None),
        ];
        assert_eq!(events, expected);
        assert_eq!(roster.apply(4, &Event::Left(someone("bob"))), Applied::New);
        assert_eq!(roster.people(None).collect::<Vec<_>>(), [&someone("cy")]);
        assert_eq!(roster.people(Some(&UserId::new("cy"))).next(), None);
    }

    #[test]
    fn another_name_is_news_and_another_device_is_not() {
        let mut roster = Roster::default();
        let ann = someone("ann");
        roster.apply(1, &Event::Joined(ann.clone()));
        let two = Occupant { devices: 2, ..ann.clone() };
        assert_eq!(roster.apply(2, &Event::Counted(two.clone())), Applied::Silent);
        assert_eq!(roster.people(None).next(), Some(&two));
        let renamed = Occupant { name: Name::parse("Anna").expect("a name"), ..two };
        assert_eq!(roster.apply(3, &Event::Joined(renamed.clone())), Applied::New);
        let away = Occupant { devices: 0, ..renamed.clone() };
        assert!(roster.replace(Occupancy { version: 5, occupants: vec![away.clone()] }).is_empty());
        let events = roster.replace(Occupancy { version: 6, occupants: vec![ann.clone()] });
        assert_eq!(events, [(Event::Joined(ann), Some(away))]);
    }
}
