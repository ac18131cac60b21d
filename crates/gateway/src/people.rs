//! Who is in one room, for the sockets of this node: what to announce at once, and what to gather for a while.

use std::{
    collections::HashSet,
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
    /// Of the last change that was news.
    announced: u64,
    /// What has changed since that was last told, in order.
    gathered: Vec<Gathered>,
    /// The version that was told last.
    told: u64,
    changed: bool,
    /// When the next may be told.
    rests_until: Option<Instant>,
}

/// A change that is to be told.
#[derive(Debug)]
struct Gathered {
    version: u64,
    user: UserId,
    /// As whom they were there before it, if they were.
    before: Option<Occupant>,
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
    /// How many people were in the room right after it.
    pub(crate) count: usize,
    pub(crate) event: Event,
    pub(crate) origin: Option<SessionId>,
}

/// What a change asks for.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// To announce now, in this order.
    pub(crate) news: Vec<Change>,
    /// The room must be read.
    pub(crate) read: bool,
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
        let before = person(&change.event).and_then(|who| self.roster.get(&who.user)).cloned();
        match self.roster.apply(change.version, &change.event) {
            Applied::Gap => {
                self.state = State::Reading { first: false, meanwhile: vec![change] };
                Heard { news: Vec::new(), read: true }
            }
            Applied::New => Heard { news: self.news(change, before).into_iter().collect(), read: false },
            // It may be so because the first reading overtook it: then it is news all the same.
            Applied::Old => {
                let before = told_before(&change.event);
                Heard { news: self.news(change, before).into_iter().collect(), read: false }
            }
            Applied::Silent => Heard::default(),
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

    /// The room was read. At the first time only what happens from then on is news, later every difference. What came
    /// meanwhile may show that it must be read once more.
    pub(crate) fn read(&mut self, occupancy: Occupancy) -> Heard {
        let State::Reading { first, meanwhile } = &mut self.state else { return Heard::default() };
        let (first, meanwhile) = (*first, std::mem::take(meanwhile));
        self.state = State::Known;
        let version = occupancy.version;
        let differences = self.roster.replace(occupancy);
        let mut heard = Heard::default();
        if !first {
            heard.news = self.differences(version, differences);
        }
        for change in meanwhile {
            let next = self.heard(change);
            heard.news.extend(next.news);
            heard.read |= next.read;
        }
        self.changed = true;
        heard
    }

    /// The last of them made the roster what it is: so the counts are known from the last one back.
    fn differences(&mut self, version: u64, events: Vec<Event>) -> Vec<Change> {
        let mut count = self.roster.count();
        let mut changes = Vec::with_capacity(events.len());
        for event in events.into_iter().rev() {
            let before = if matches!(event, Event::Left(_)) { count + 1 } else { count.saturating_sub(1) };
            let count = std::mem::replace(&mut count, before);
            changes.push(Change { version, count, event, origin: None });
        }
        changes.reverse();
        changes.iter().for_each(|change| self.gather(change, told_before(&change.event)));
        self.announced = self.announced.max(version);
        changes
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

    /// Who came or has another name since this version, and who went.
    pub(crate) fn difference_since(&self, version: u64) -> (Vec<Occupant>, Vec<Occupant>) {
        let (mut joined, mut left, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for Gathered { user, before, .. } in self.gathered.iter().filter(|change| change.version > version) {
            // What they were before the first of their changes counts, and what they are now.
            if !seen.insert(user) {
                continue;
            }
            match (before, self.roster.get(user)) {
                (Some(before), None) => left.push(before.clone()),
                (Some(before), Some(now)) if before.name == now.name => {}
                (_, Some(now)) => joined.push(now.clone()),
                (None, None) => {}
            }
        }
        (joined, left)
    }

    /// The version that was told last: what was gathered comes after it.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    /// Everything that was gathered is told, or there is nothing.
    pub(crate) fn is_told(&mut self) {
        (self.changed, self.told) = (false, self.roster.version());
        self.gathered.clear();
    }

    /// The room as far as it is known.
    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    fn news(&mut self, change: Change, before: Option<Occupant>) -> Option<Change> {
        if change.version <= self.announced || matches!(change.event, Event::Counted(_)) {
            return None;
        }
        self.announced = change.version;
        self.gather(&change, before);
        Some(change)
    }

    fn gather(&mut self, change: &Change, before: Option<Occupant>) {
        if let Some(who) = person(&change.event) {
            self.gathered.push(Gathered { version: change.version, user: who.user.clone(), before });
        }
        self.changed = true;
    }
}

fn person(event: &Event) -> Option<&Occupant> {
    match event {
        Event::Joined(who) | Event::Left(who) | Event::Counted(who) => Some(who),
        Event::Said(_) | Event::Updated(_) | Event::Hinted(_) => None,
    }
}

/// What was told of someone before this, where the copy cannot say it any more.
fn told_before(event: &Event) -> Option<Occupant> {
    match event {
        Event::Left(who) => Some(who.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hubbub_core::Name;

    use super::*;

    fn joined(name: &str, version: u64) -> Change {
        Change { version, count: 1, event: Event::Joined(someone(name)), origin: None }
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
    fn what_the_first_reading_has_overtaken_is_news_when_it_comes() {
        let mut people = People::default();
        people.heard(joined("Ann", 5));
        assert_eq!(names(&people.read(occupancy(7, &["Ann", "Bob", "Cy"]))), ["Ann"]);
        assert_eq!(names(&people.heard(joined("Bob", 6))), ["Bob"]);
        assert_eq!(names(&people.heard(joined("Cy", 7))), ["Cy"]);
        assert!(people.heard(joined("Cy", 7)).news.is_empty());
    }

    #[test]
    fn each_difference_has_the_count_right_after_it_and_is_news_once() {
        let mut people = People::default();
        people.heard(joined("Eve", 9));
        people.read(occupancy(9, &["Bob", "Dan", "Eve"]));
        assert!(people.heard(joined("Flo", 13)).read);
        let heard = people.read(occupancy(13, &["Ann", "Eve", "Flo", "Gus"]));
        assert_eq!(names(&heard), ["Bob", "Dan", "Ann", "Flo", "Gus"]);
        assert_eq!(counts(&heard), [2, 1, 2, 3, 4]);
        assert!(people.heard(left("Bob", 11)).news.is_empty());
    }

    #[test]
    fn who_only_has_another_device_is_no_news_at_any_time() {
        let mut people = People::default();
        let two = |version| {
            let who = Occupant { devices: 2, ..someone("Ann") };
            Change { version, count: 1, event: Event::Counted(who), origin: None }
        };
        people.heard(two(5));
        assert!(names(&people.read(occupancy(5, &["Ann"]))).is_empty());
        people.is_told();
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
    fn who_takes_another_name_has_not_left_and_who_goes_right_after_that_has() {
        let called = |name: &str| Occupant { name: Name::parse(name).expect("a name"), ..someone("one") };
        let change = |version, event| Change { version, count: 0, event, origin: None };
        let mut people = People::default();
        let difference = |people: &mut People| {
            let difference = people.difference_since(people.told());
            people.is_told();
            difference
        };
        people.heard(change(5, Event::Joined(called("Ann"))));
        people.read(Occupancy { version: 5, occupants: vec![called("Ann")] });
        assert_eq!(difference(&mut people), (vec![called("Ann")], vec![]));
        people.heard(change(6, Event::Left(called("Ann"))));
        people.heard(change(7, Event::Joined(called("Bob"))));
        assert_eq!(difference(&mut people), (vec![called("Bob")], vec![]));
        people.heard(change(8, Event::Left(called("Bob"))));
        people.heard(change(9, Event::Joined(called("Cy"))));
        people.heard(change(10, Event::Left(called("Cy"))));
        assert_eq!(difference(&mut people), (vec![], vec![called("Bob")]));
        people.heard(change(11, Event::Joined(called("Dan"))));
        assert_eq!(difference(&mut people), (vec![called("Dan")], vec![]));
        people.heard(change(12, Event::Joined(called("Eve"))));
        people.heard(change(13, Event::Left(called("Eve"))));
        assert_eq!(difference(&mut people), (vec![], vec![called("Dan")]));
    }

    #[test]
    fn whoever_knows_a_part_of_what_has_changed_is_told_the_rest() {
        let mut people = People::default();
        people.heard(joined("Ann", 5));
        people.read(occupancy(5, &["Ann"]));
        people.is_told();
        for change in [joined("Bob", 6), joined("Cy", 7), left("Ann", 8), left("Bob", 9)] {
            people.heard(change);
        }
        assert_eq!(
            (people.told(), people.difference_since(5)),
            (5, (vec![someone("Cy")], vec![someone("Ann")]))
        );
        assert_eq!(people.difference_since(6), (vec![someone("Cy")], vec![someone("Ann"), someone("Bob")]));
        assert_eq!(people.difference_since(8), (vec![], vec![someone("Bob")]));
        assert_eq!(people.difference_since(9), (vec![], vec![]));
    }

    #[test]
    fn a_reading_that_nobody_waits_for_changes_nothing() {
        let mut people = People::default();
        assert!(people.read(occupancy(5, &["Ann"])).news.is_empty());
        assert!(!people.known());
    }
}
