//! Who is in one room, for the sockets of this node: what to announce at once, and what to gather for a while.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hubbub_core::{Applied, Event, Name, Occupancy, Occupant, Roster, SessionId, UserId};

/// Lists and differences go out at most this often: four times a second.
const PACE: Duration = Duration::from_millis(250);

/// One room's people.
#[derive(Debug, Default)]
pub(crate) struct People {
    roster: Roster,
    state: State,
    joined: BTreeMap<UserId, Name>,
    left: BTreeMap<UserId, Name>,
    changed: bool,
    told: Option<Instant>,
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
    pub(crate) news: Vec<(Event, Option<SessionId>)>,
    /// The room must be read.
    pub(crate) read: bool,
}

impl People {
    /// The backplane announced a change.
    pub(crate) fn heard(&mut self, change: Change) -> Heard {
        if let State::Reading { meanwhile, .. } = &mut self.state {
            meanwhile.push(change);
            return Heard::default();
        }
        match self.roster.apply(change.version, &change.event) {
            Applied::Old => Heard::default(),
            Applied::New => Heard { news: vec![self.note(change.event, change.origin)], read: false },
            Applied::Gap => {
                let first = matches!(self.state, State::Unknown);
                self.state = State::Reading { first, meanwhile: vec![change] };
                Heard { news: Vec::new(), read: true }
            }
        }
    }

    /// Changes may have been missed, or someone wants the list: it must be read, unless that is under way.
    pub(crate) fn ask(&mut self) -> bool {
        if matches!(self.state, State::Reading { .. }) {
            return false;
        }
        let first = matches!(self.state, State::Unknown);
        self.state = State::Reading { first, meanwhile: Vec::new() };
        true
    }

    /// Whether the list is there.
    pub(crate) fn known(&self) -> bool {
        matches!(self.state, State::Known)
    }

    /// The room was read. At the first time only what has just happened is news, later every difference.
    pub(crate) fn read(&mut self, occupancy: Occupancy) -> Vec<(Event, Option<SessionId>)> {
        let State::Reading { first, meanwhile } = std::mem::replace(&mut self.state, State::Known) else {
            return Vec::new();
        };
        let version = occupancy.version;
        let differences = self.roster.replace(occupancy);
        let mut news = Vec::new();
        if !first {
            news.extend(differences.into_iter().map(|event| self.note(event, None)));
        }
        for change in meanwhile {
            if first && change.version <= version {
                news.push(self.note(change.event, change.origin));
            } else {
                news.extend(self.heard(change).news);
            }
        }
        self.changed = true;
        news
    }

    /// The room could not be read: the next change tries again.
    pub(crate) fn unread(&mut self) {
        self.state = State::Unknown;
    }

    /// When the gathered changes are due; `None`: there are none.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let ready = self.changed && self.known();
        ready.then(|| self.told.map_or(now, |told| told + PACE))
    }

    /// The gathered changes: who came, who went. Then there are none.
    pub(crate) fn gathered(&mut self, now: Instant) -> (Vec<Occupant>, Vec<Occupant>) {
        (self.changed, self.told) = (false, Some(now));
        (occupants(std::mem::take(&mut self.joined)), occupants(std::mem::take(&mut self.left)))
    }

    /// Everyone, sorted by user.
    pub(crate) fn everyone(&self) -> Vec<Occupant> {
        self.roster.people().collect()
    }

    fn note(&mut self, event: Event, origin: Option<SessionId>) -> (Event, Option<SessionId>) {
        match &event {
            Event::Joined(who) if self.left.remove(&who.user).is_none() => {
                self.joined.insert(who.user.clone(), who.name.clone());
            }
            Event::Left(who) if self.joined.remove(&who.user).is_none() => {
                self.left.insert(who.user.clone(), who.name.clone());
            }
            _ => {}
        }
        self.changed = true;
        (event, origin)
    }
}

fn occupants(people: BTreeMap<UserId, Name>) -> Vec<Occupant> {
    people.into_iter().map(|(user, name)| Occupant { user, name }).collect()
}
