//! Who is in one room, for the sockets of this node: what to announce at once, and what to gather for a while.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hubbub_core::{Applied, Event, Occupancy, Occupant, Roster, SessionId, UserId};

/// Differences, and lists that cost little, go out at most this often: four times a second.
const PACE: Duration = Duration::from_millis(250);
/// A list that costs much makes the next one wait, but no longer than this.
const SLOWEST: Duration = Duration::from_secs(10);
/// Bytes of lists that one room may cost this node in a second: more people than that see theirs less often.
const COST: usize = 32 << 20;

/// One room's people.
#[derive(Debug, Default)]
pub(crate) struct People {
    roster: Roster,
    state: State,
    joined: BTreeMap<UserId, Occupant>,
    left: BTreeMap<UserId, Occupant>,
    changed: bool,
    /// When the next may be told.
    rests_until: Option<Instant>,
}

/// How well the roster is known.
#[derive(Debug, Default)]
enum State {
    /// Not at all yet: nobody has asked.
    #[default]
    Unknown,
    /// It is being read; these changes came meanwhile.
    Reading { first: bool, meanwhile: Vec<Change> },
    /// As of its version.
    Known,
}

/// A change as the backplane announced it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) event: Event,
    pub(crate) origin: Option<SessionId>,
}

/// What a change asks for.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// To announce now, in this order.
    pub(crate) news: Vec<Announcement>,
    /// The room must be read.
    pub(crate) read: bool,
}

/// A change to be announced.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) event: Event,
    pub(crate) origin: Option<SessionId>,
    /// The version of the room with it.
    pub(crate) version: u64,
    /// How many people were in the room right after it.
    pub(crate) count: usize,
}

impl People {
    /// The backplane announced a change.
    pub(crate) fn heard(&mut self, change: Change) -> Heard {
        match &mut self.state {
            State::Reading { meanwhile, .. } => {
                meanwhile.push(change);
                Heard::default()
            }
            State::Unknown => {
                self.state = State::Reading { first: true, meanwhile: vec![change] };
                Heard { news: Vec::new(), read: true }
            }
            State::Known => self.applied(change),
        }
    }

    fn applied(&mut self, change: Change) -> Heard {
        match self.roster.apply(change.version, &change.event) {
            Applied::Old | Applied::Silent => Heard::default(),
            Applied::New => {
                let count = self.roster.count();
                Heard { news: vec![self.note(change, count)], read: false }
            }
            Applied::Gap => {
                self.state = State::Reading { first: false, meanwhile: vec![change] };
                Heard { news: Vec::new(), read: true }
            }
        }
    }

    /// Changes may have been missed, or someone wants the list: it must be read, unless that is under way.
    pub(crate) fn ask(&mut self) -> bool {
        let first = match self.state {
            State::Reading { .. } => return false,
            State::Unknown => true,
            State::Known => false,
        };
        self.state = State::Reading { first, meanwhile: Vec::new() };
        true
    }

    /// Whether the list is there.
    pub(crate) fn known(&self) -> bool {
        matches!(self.state, State::Known)
    }

    /// The room was read. At the first time only what has just happened is news, later every difference. What came
    /// meanwhile may show that it must be read once more.
    pub(crate) fn read(&mut self, occupancy: Occupancy) -> Heard {
        let State::Reading { first, meanwhile } = &mut self.state else { return Heard::default() };
        let (first, meanwhile) = (*first, std::mem::take(meanwhile));
        self.state = State::Known;
        let version = occupancy.version;
        let differences = self.roster.replace(occupancy);
        let (had, after): (Vec<_>, _) = meanwhile.into_iter().partition(|change| change.version <= version);
        let news = if first {
            had.into_iter().filter(|change| !matches!(change.event, Event::Counted(_))).collect()
        } else {
            differences.into_iter().map(|event| Change { version, event, origin: None }).collect()
        };
        let mut heard = Heard { news: self.note_all(news), read: false };
        for change in after {
            let next = self.heard(change);
            heard.news.extend(next.news);
            heard.read |= next.read;
        }
        self.changed = true;
        heard
    }

    /// Notes changes, the last of which made the roster what it is: so the counts are known from the last one back.
    fn note_all(&mut self, changes: Vec<Change>) -> Vec<Announcement> {
        let mut count = self.roster.count();
        let mut noted = Vec::with_capacity(changes.len());
        for change in changes.into_iter().rev() {
            let before =
                if matches!(change.event, Event::Left(_)) { count + 1 } else { count.saturating_sub(1) };
            noted.push((change, std::mem::replace(&mut count, before)));
        }
        noted.into_iter().rev().map(|(change, count)| self.note(change, count)).collect()
    }

    /// Whether somebody came, went or has another name since that was last told.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed && self.known()
    }

    /// When the next list or difference may be told.
    pub(crate) fn may_tell(&self, now: Instant) -> Instant {
        self.rests_until.map_or(now, |until| until.max(now))
    }

    /// So many bytes of lists or differences were told: the more, the later the next.
    pub(crate) fn has_told(&mut self, bytes: usize, now: Instant) {
        let cost = Duration::from_millis((bytes / (COST / 1_000)) as u64);
        self.rests_until = Some(now + cost.clamp(PACE, SLOWEST));
    }

    /// The gathered changes: who came, who went. Then there are none.
    pub(crate) fn gathered(&mut self) -> (Vec<Occupant>, Vec<Occupant>) {
        self.changed = false;
        (take(&mut self.joined), take(&mut self.left))
    }

    /// The room as far as it is known.
    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    fn note(&mut self, Change { version, event, origin }: Change, count: usize) -> Announcement {
        match &event {
            // Back within the time, but under another name, is news.
            Event::Joined(who) if self.left.remove(&who.user).is_none_or(|left| left.name != who.name) => {
                self.joined.insert(who.user.clone(), who.clone());
            }
            Event::Left(who) if self.joined.remove(&who.user).is_none() => {
                self.left.insert(who.user.clone(), who.clone());
            }
            _ => {}
        }
        self.changed = true;
        Announcement { event, origin, version, count }
    }
}

fn take(people: &mut BTreeMap<UserId, Occupant>) -> Vec<Occupant> {
    std::mem::take(people).into_values().collect()
}

#[cfg(test)]
mod tests {
    use hubbub_core::Name;

    use super::*;

    fn joined(name: &str, version: u64) -> Change {
        Change { version, event: Event::Joined(someone(name)), origin: None }
    }

    fn someone(name: &str) -> Occupant {
        Occupant { user: UserId::new(name), name: Name::parse(name).expect("a name"), devices: 1 }
    }

    fn names(heard: &Heard) -> Vec<&str> {
        heard.news.iter().map(|news| name(&news.event)).collect()
    }

    fn counts(heard: &Heard) -> Vec<usize> {
        heard.news.iter().map(|news| news.count).collect()
    }

    fn left(name: &str, version: u64) -> Change {
        Change { event: Event::Left(someone(name)), ..joined(name, version) }
    }

    fn name(event: &Event) -> &str {
        match event {
            Event::Joined(who) | Event::Left(who) => who.name.as_str(),
            Event::Counted(_) | Event::Said(_) | Event::Updated(_) | Event::Hinted(_) => {
                panic!("{event:?} is no change of presence")
            }
        }
    }

    fn occupancy(version: u64, people: &[&str]) -> Occupancy {
        Occupancy { version, occupants: people.iter().map(|name| someone(name)).collect() }
    }

    #[test]
    fn at_the_first_reading_only_what_just_happened_is_news() {
        let mut people = People::default();
        assert!(people.heard(joined("Cy", 13)).read);
        assert_eq!(names(&people.read(occupancy(13, &["Ann", "Bob", "Cy"]))), ["Cy"]);
        assert_eq!(people.roster().count(), 3);
    }

    #[test]
    fn a_reading_that_is_older_than_the_news_is_repeated() {
        let mut people = People::default();
        people.heard(joined("Ann", 7));
        people.heard(joined("Cy", 9));
        let heard = people.read(occupancy(7, &["Ann"]));
        assert!(heard.read && !people.known());
        assert_eq!(names(&heard), ["Ann"]);
        assert_eq!(names(&people.read(occupancy(9, &["Ann", "Bob", "Cy"]))), ["Bob", "Cy"]);
        assert!(people.known());
    }

    #[test]
    fn each_change_has_the_count_right_after_it() {
        let mut people = People::default();
        people.heard(joined("Bob", 5));
        people.heard(left("Ann", 6));
        people.heard(joined("Cy", 7));
        assert_eq!(counts(&people.read(occupancy(7, &["Bob", "Cy", "Dan"]))), [3, 2, 3]);
        assert_eq!(counts(&people.heard(joined("Eve", 8))), [4]);
        assert_eq!(counts(&people.heard(left("Cy", 9))), [3]);

        assert!(people.heard(joined("Flo", 13)).read);
        let heard = people.read(occupancy(13, &["Ann", "Eve", "Flo", "Gus"]));
        assert_eq!(names(&heard), ["Bob", "Dan", "Ann", "Flo", "Gus"]);
        assert_eq!(counts(&heard), [2, 1, 2, 3, 4]);
    }

    #[test]
    fn who_only_has_another_device_is_no_news_at_any_time() {
        let mut people = People::default();
        let two = |version| {
            let who = Occupant { devices: 2, ..someone("Ann") };
            Change { version, event: Event::Counted(who), origin: None }
        };
        people.heard(two(5));
        assert!(names(&people.read(occupancy(5, &["Ann"]))).is_empty());
        people.gathered();
        assert!(people.heard(two(6)).news.is_empty() && !people.has_changed());
    }

    #[test]
    fn dear_lists_are_told_less_often() {
        let (mut people, now) = (People::default(), Instant::now());
        assert_eq!(people.may_tell(now), now);
        for (bytes, pause) in [(1_000, PACE), (64 << 20, Duration::from_secs(2)), (usize::MAX, SLOWEST)] {
            people.has_told(bytes, now);
            let pauses = people.may_tell(now) - now;
            assert!(pauses.abs_diff(pause) < Duration::from_millis(10), "{bytes}: {pauses:?}");
        }
    }

    #[test]
    fn a_reading_that_nobody_waits_for_changes_nothing() {
        let mut people = People::default();
        assert!(people.read(occupancy(5, &["Ann"])).news.is_empty());
        assert!(!people.known());
    }
}
