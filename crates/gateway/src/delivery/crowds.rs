//! Who is in the rooms of this node: kept up by what the backplane announces, told in lists and differences, answered in
//! pages. All by the one task that delivers, so that an answer and what is told around it go together.

use std::{
    cell::LazyCell,
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_core::{Occupancy, Occupant, Page, PageOf, Presence, RoomId, Roster};
use hubbub_dialects::Told;
use tokio::sync::mpsc;

use crate::{
    batch::Label,
    people::{Change, People},
    rooms::{Opening, Rooms},
};

use super::{
    answered::{Answered, of, of_difference, tell},
    news::News,
    wanted::{REQUESTS, Wanted, What},
};

/// A room that could not be read is read again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// Rooms that nobody hears any more are forgotten within this, on a node where anything happens.
const FORGOTTEN: Duration = Duration::from_secs(1);
/// Bytes of names that one list may have. More people than that are there all the same; nobody reads such a list.
const LIST: usize = 64 * 1_024;

/// All rooms that somebody here hears and whose people were asked for.
#[derive(Debug)]
pub(super) struct Crowds {
    rooms: Arc<Rooms>,
    presence: Arc<dyn Presence>,
    known: HashMap<RoomId, Crowd>,
    /// Those with something to tell or to answer.
    busy: HashSet<RoomId>,
    /// When those that nobody hears any more were last looked for: each has all its people.
    swept: Instant,
    readings: (mpsc::Sender<Reading>, mpsc::Receiver<Reading>),
}

/// What the backplane had of a room.
pub(super) type Reading = (RoomId, Opening, Occupancy);

/// One room's people, as long as the room is heard without a break.
#[derive(Debug, Default)]
struct Crowd {
    opening: Opening,
    people: People,
    waiting: Vec<Wanted>,
    answered: Answered,
}

impl Crowds {
    pub(super) fn new(rooms: Arc<Rooms>, presence: Arc<dyn Presence>) -> Self {
        let (known, busy, readings) = (HashMap::new(), HashSet::new(), mpsc::channel(REQUESTS));
        Self { rooms, presence, known, busy, swept: Instant::now(), readings }
    }

    /// The backplane announced a change: what is to be told at once.
    pub(super) fn heard(&mut self, room: &RoomId, change: Change) -> Vec<News> {
        let Some(crowd) = self.crowd(room) else { return Vec::new() };
        let heard = crowd.people.heard(change);
        self.busy.insert(room.clone());
        if heard.read {
            self.read_later(room);
        }
        heard.news.into_iter().map(News::from).collect()
    }

    /// Changes may have been missed.
    pub(super) fn doubt(&mut self, room: &RoomId) {
        if self.crowd(room).is_some_and(|crowd| crowd.people.doubt()) {
            self.read_later(room);
        }
    }

    /// A session asks. Where nobody hears the room any more, its sender is dropped.
    pub(super) fn want(&mut self, wanted: Wanted) {
        let room = wanted.room.clone();
        let Some(crowd) = self.crowd(&room) else { return };
        crowd.wait(wanted);
        if !crowd.people.known() && crowd.people.ask() {
            self.read_later(&room);
        }
        self.busy.insert(room);
    }

    /// A room that was being read.
    pub(super) async fn next_reading(&mut self) -> Option<Reading> {
        self.readings.1.recv().await
    }

    /// It has been read: what is to be told at once.
    pub(super) fn read(&mut self, (room, opening, occupancy): Reading) -> (RoomId, Vec<News>) {
        if self.rooms.opening(&room) != Some(opening) {
            return (room, Vec::new());
        }
        let Some(crowd) = self.crowd(&room) else { return (room, Vec::new()) };
        let version = occupancy.version;
        let heard = crowd.people.read(occupancy);
        self.busy.insert(room.clone());
        if heard.went_back {
            tracing::warn!(%room, version, "changes of who is in a room were lost");
            let groups = self.rooms.groups(&room);
            groups
                .iter()
                .flat_map(|hearers| hearers.peers.iter())
                .for_each(|peer| peer.people_go_back(&room, version));
        }
        if heard.read {
            self.read_later(&room);
        }
        (room, heard.news.into_iter().map(News::from).collect())
    }

    /// When the next room has something to be done.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.busy.iter().filter_map(|room| self.known.get(room)?.due(now)).min()
    }

    /// Tells and answers what is due.
    pub(super) fn settle(&mut self, now: Instant) {
        for room in std::mem::take(&mut self.busy) {
            self.settle_one(&room, now);
        }
        if now.saturating_duration_since(self.swept) >= FORGOTTEN {
            self.swept = now;
            self.known.retain(|room, crowd| self.rooms.opening(room) == Some(crowd.opening));
        }
    }

    fn settle_one(&mut self, room: &RoomId, now: Instant) {
        let Some(crowd) = self.known.get_mut(room) else { return };
        if self.rooms.opening(room) != Some(crowd.opening) {
            return crowd.waiting.clear();
        }
        crowd.answer();
        crowd.answered.tell_newcomers(&crowd.people, &self.rooms, room);
        if crowd.has_to_tell() && crowd.people.may_tell(now) <= now {
            crowd.tell(&self.rooms, room, now);
        }
        if crowd.people.known() && !crowd.people.has_changed() {
            crowd.people.is_told();
            crowd.answered.clear();
        }
        if crowd.is_late(now) {
            self.doubt(room);
        } else if crowd.due(now).is_some() {
            self.busy.insert(room.clone());
        }
    }

    /// What is known of the room since it is heard without a break; `None`: nobody hears it.
    fn crowd(&mut self, room: &RoomId) -> Option<&mut Crowd> {
        let opening = self.rooms.opening(room)?;
        let crowd = self.known.entry(room.clone()).or_default();
        if crowd.opening != opening {
            *crowd = Crowd { opening, ..Crowd::default() };
        }
        Some(crowd)
    }

    /// Reads who is in the room, as often as it takes while somebody hears it.
    fn read_later(&mut self, room: &RoomId) {
        let Some(opening) = self.rooms.opening(room) else { return };
        if let Some(crowd) = self.known.get_mut(room) {
            // What is read from now on is later than what anybody asks for.
            crowd.waiting.iter_mut().for_each(|wanted| wanted.since = 0);
        }
        let (presence, rooms, room, done) =
            (self.presence.clone(), self.rooms.clone(), room.clone(), self.readings.0.clone());
        tokio::spawn(async move {
            while rooms.opening(&room) == Some(opening) {
                match presence.occupants(&room).await {
                    Ok(occupancy) => {
                        // A closed channel means that the node stops.
                        let _stopping = done.send((room, opening, occupancy)).await;
                        return;
                    }
                    Err(error) => {
                        tracing::debug!(%error, %room, "could not read who is in a room; trying again");
                    }
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
    }
}

impl Crowd {
    fn due(&self, now: Instant) -> Option<Instant> {
        if !self.people.known() {
            return None;
        }
        let told = self.has_to_tell().then(|| self.people.may_tell(now));
        told.into_iter()
            .chain(self.waiting.iter().filter(|wanted| !self.shows(wanted)).map(Wanted::late))
            .min()
    }

    /// Whether what is known is as new as what was asked for.
    fn shows(&self, wanted: &Wanted) -> bool {
        self.people.known() && self.people.roster().version() >= wanted.since
    }

    fn has_to_tell(&self) -> bool {
        self.people.has_changed() || self.waiting.iter().any(|wanted| wanted.is_list() && self.shows(wanted))
    }

    fn is_late(&self, now: Instant) -> bool {
        self.people.known() && self.waiting.iter().any(|wanted| !self.shows(wanted) && wanted.late() <= now)
    }

    /// While the room cannot be read, those who ask give up and ask again: before there is more to be kept, what nobody
    /// waits for any more goes.
    fn wait(&mut self, wanted: Wanted) {
        if self.waiting.len() == self.waiting.capacity() {
            self.waiting.retain(|wanted| !wanted.is_given_up());
        }
        self.waiting.push(wanted);
    }

    /// Pages go out as soon as they can.
    fn answer(&mut self) {
        let (people, waiting) = (&self.people, &mut self.waiting);
        if !people.known() {
            return;
        }
        let roster = people.roster();
        let is_ready = |wanted: &mut Wanted| !wanted.is_list() && roster.version() >= wanted.since;
        for wanted in waiting.extract_if(.., is_ready) {
            if let What::Page(wanted, reply) = wanted.what {
                self.answered.add(wanted.reader, roster.version());
                // Who asked may have given up.
                let _gone = reply.send(page(roster, &wanted));
            }
        }
    }

    fn tell(&mut self, rooms: &Rooms, room: &RoomId, now: Instant) {
        let version = self.people.roster().version();
        let newcomers = self.waiting.extract_if(.., |wanted| wanted.is_list() && version >= wanted.since);
        let newcomers: Vec<_> = newcomers.collect();
        let bytes = if self.people.has_changed() {
            let bytes = self.tell_all(rooms, room);
            self.people.is_told();
            self.answered.clear();
            bytes
        } else {
            newcomers.iter().map(|wanted| tell_list(wanted, self.people.roster())).sum()
        };
        self.people.has_told(bytes, now);
    }

    fn tell_all(&mut self, rooms: &Rooms, room: &RoomId) -> usize {
        let everyone = LazyCell::new(|| list(self.people.roster()));
        let difference = LazyCell::new(|| self.people.difference_since(self.people.told()));
        let mut bytes = 0;
        for hearers in rooms.groups(room) {
            bytes += if hearers.dialect.lists_people() {
                tell(room, &hearers, &of(room, &hearers, Label::None, &Told::Roster(&everyone)))
            } else {
                let batch = of_difference(&self.people, room, &hearers, self.people.told(), &difference);
                tell(room, &hearers, &batch)
            };
        }
        bytes + self.answered.tell_rest(&self.people, rooms, room, &difference)
    }
}

/// Answers with the bytes that it took, about.
fn tell_list(wanted: &Wanted, roster: &Roster) -> usize {
    let What::List(dialect, peer) = &wanted.what else { return 0 };
    let everyone = list(roster);
    peer.tell(&dialect.encode(&wanted.room, &Told::Roster(&everyone)), None);
    2 * everyone.iter().map(|who| who.name.as_str().len()).sum::<usize>()
}

/// As many of them as a list may name.
fn list(roster: &Roster) -> Vec<Occupant> {
    let mut bytes = 0;
    let fit = roster.people(None).take_while(|who| {
        bytes += who.name.as_str().len();
        bytes <= LIST
    });
    fit.cloned().collect()
}

fn page(roster: &Roster, wanted: &PageOf) -> Page {
    let mut rest = roster.people(wanted.after.as_ref());
    let members = rest.by_ref().take(wanted.limit).cloned().collect();
    Page { version: roster.version(), members, count: roster.count(), more: rest.next().is_some() }
}

#[cfg(test)]
mod tests {
    use hubbub_core::{Reader, SessionId};

    use super::*;

    #[test]
    fn what_nobody_waits_for_any_more_is_not_kept() {
        let mut crowd = Crowd::default();
        let room = RoomId::parse("lobby").expect("a room");
        let wanted = || {
            let reader = Reader::Looks(SessionId::random());
            Wanted::page(PageOf { room: room.clone(), since: 0, after: None, limit: 1, reader })
        };
        let (patient, _page) = wanted();
        crowd.wait(patient);
        for _ in 0..1_000 {
            let (given_up, _) = wanted();
            crowd.wait(given_up);
        }
        assert!(crowd.waiting.len() < 10, "{}", crowd.waiting.len());
        assert!(!crowd.waiting[0].is_given_up());
    }
}
