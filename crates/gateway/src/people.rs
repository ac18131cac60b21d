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
    /// It is being read; these changes came meanwhile. `again`: others may have been missed meanwhile.
    Reading { first: bool, again: bool, meanwhile: Vec<Change> },
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
    /// The backplane has lost changes that were told: the next ones have versions that were given before.
    pub(crate) went_back: bool,
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
                self.state = State::Reading { first: true, again: false, meanwhile: vec![change] };
                Heard { read: true, ..Heard::default() }
            }
            State::Known => self.applied(change),
        }
    }

    fn applied(&mut self, change: Change) -> Heard {
        let before = person(&change.event).and_then(|who| self.roster.get(&who.user)).cloned();
        match self.roster.apply(change.version, &change.event) {
            Applied::Gap => {
                self.state = State::Reading { first: false, again: false, meanwhile: vec![change] };
                Heard { read: true, ..Heard::default() }
            }
            Applied::New => self.news(change, before),
            // It may be so because the first reading overtook it: then it is news all the same.
            Applied::Old => {
                let before = told_before(&change.event);
                self.news(change, before)
            }
            Applied::Silent => Heard::default(),
        }
    }

    /// Someone wants the list: it must be read, unless that is under way.
    pub(crate) fn ask(&mut self) -> bool {
        let first = match self.state {
            State::Reading { .. } => return false,
            State::Unknown => true,
            State::Known => false,
        };
        self.state = State::Reading { first, again: false, meanwhile: Vec::new() };
        true
    }

    /// Changes may have been missed: it must be read, and a reading that is under way may be older than they are.
    pub(crate) fn doubt(&mut self) -> bool {
        if let State::Reading { again, .. } = &mut self.state {
            *again = true;
            return false;
        }
        self.ask()
    }

    /// Whether the list is there.
    pub(crate) fn known(&self) -> bool {
        matches!(self.state, State::Known)
    }

    /// The room was read. At the first time only what happens from then on is news, later every difference. What came
    /// meanwhile may show that it must be read once more.
    pub(crate) fn read(&mut self, occupancy: Occupancy) -> Heard {
        let State::Reading { first, again, meanwhile } = &mut self.state else { return Heard::default() };
        let (first, again, meanwhile) = (*first, *again, std::mem::take(meanwhile));
        self.state = State::Known;
        let version = occupancy.version;
        let went_back = version < self.roster.version();
        let differences = self.roster.replace(occupancy);
        if went_back {
            self.go_back(version);
        }
        let mut heard = Heard { went_back, ..Heard::default() };
        if !first {
            heard.news = self.differences(version, differences);
        }
        for change in meanwhile {
            let next = self.heard(change);
            heard.news.extend(next.news);
            heard.read |= next.read;
        }
        heard.read |= again && self.ask();
        self.changed = true;
        heard
    }

    /// What was told, and what is to be told, was before this version now.
    fn go_back(&mut self, version: u64) {
        self.told = version.saturating_sub(1);
        self.gathered.iter_mut().for_each(|change| change.version = version);
    }

    /// The last of them made the roster what it is: so the counts are known from the last one back.
    fn differences(&mut self, version: u64, events: Vec<(Event, Option<Occupant>)>) -> Vec<Change> {
        let mut count = self.roster.count();
        let mut changes = Vec::with_capacity(events.len());
        for (event, told) in events.into_iter().rev() {
            let before = if matches!(event, Event::Left(_)) { count + 1 } else { count.saturating_sub(1) };
            let change =
                Change { version, count: std::mem::replace(&mut count, before), event, origin: None };
            self.gather(&change, told);
            changes.push(change);
        }
        changes.reverse();
        self.announced = version;
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

    /// Whether anybody has changed more than once since that was last told.
    pub(crate) fn may_be_undone(&self) -> bool {
        let mut seen = HashSet::new();
        !self.gathered.iter().all(|change| seen.insert(&change.user))
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

    fn news(&mut self, change: Change, before: Option<Occupant>) -> Heard {
        if change.version <= self.announced || matches!(change.event, Event::Counted(_)) {
            return Heard::default();
        }
        self.announced = change.version;
        self.gather(&change, before);
        Heard { news: vec![change], ..Heard::default() }
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
mod tests;
