//! Presence of one node, alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::{
    Arrival, BackplaneError, Buried, Claim, Departure, Enter, Envelope, Event, Exit, Holders, Leave, Name,
    Occupancy, Occupant, Place, Presence, RoomId, SessionId, UserId,
    memory::{Outlet, now},
};

/// How often it is looked whose grace is over.
const BEAT: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct MemoryPresence {
    holders: Holders,
    /// Held until the change is in the inbox: that makes the order one.
    rooms: Mutex<Rooms>,
    outlet: Outlet,
}

#[derive(Debug, Default)]
struct Rooms {
    known: HashMap<RoomId, Room>,
    /// Who has lost a session that may come back, and until when.
    graces: BTreeSet<(Instant, RoomId, UserId)>,
    /// No room that is forgotten had a higher version, so none ever counts backwards.
    floor: u64,
    resigned: bool,
}

#[derive(Debug)]
struct Room {
    version: u64,
    people: BTreeMap<UserId, Person>,
}

#[derive(Debug)]
struct Person {
    name: Name,
    subject: Option<String>,
    devices: usize,
    /// A session of theirs is lost and may come back until then.
    due: Option<Instant>,
}

/// A change of a room, to be said.
struct Changed {
    version: u64,
    count: usize,
    event: Event,
}

impl Rooms {
    fn is_of_another(&self, claim: &Claim) -> bool {
        let person = self.known.get(&claim.room).and_then(|room| room.people.get(&claim.user));
        person.is_some_and(|person| person.subject != claim.subject)
    }

    /// Someone is here with so many devices. `None`: nothing is different.
    fn put(&mut self, claim: &Claim, devices: usize) -> (Arrival, Option<Changed>) {
        let floor = self.floor;
        let new = || Room { version: floor, people: BTreeMap::new() };
        let room = self.known.entry(claim.room.clone()).or_insert_with(new);
        let Some(person) = room.people.get_mut(&claim.user) else {
            let (name, subject) = (claim.name.clone(), claim.subject.clone());
            room.people.insert(claim.user.clone(), Person { name, subject, devices, due: None });
            let joined = room.changed(&claim.user, Event::Joined);
            return (Arrival::First { version: room.version, count: room.people.len() }, joined);
        };
        if devices > person.devices
            && let Some(due) = person.due.take()
        {
            self.graces.remove(&(due, claim.room.clone(), claim.user.clone()));
        }
        let changed = match person.becomes(claim, devices) {
            Some(event) => room.changed(&claim.user, event),
            None => None,
        };
        (Arrival::Again { version: room.version, count: room.people.len() }, changed)
    }

    /// Someone is here with so many devices fewer, or not at all any more.
    fn take(&mut self, exit: &Exit, devices: usize) -> (Departure, Option<Changed>) {
        self.wait_for(exit);
        let found = self.known.get_mut(&exit.room).and_then(|room| room.people.get_mut(&exit.user));
        let Some(person) = found else { return (Departure::Silent, None) };
        person.devices = devices;
        if devices == 0 && person.due.is_none() {
            let changed = self.remove(&exit.room, &exit.user);
            let last = changed.as_ref().map(|changed| Departure::Last { version: changed.version });
            return (last.unwrap_or(Departure::Silent), changed);
        }
        let room = self.known.get_mut(&exit.room);
        (Departure::Silent, room.and_then(|room| room.changed(&exit.user, Event::Counted)))
    }

    /// A session that was lost may come back.
    fn wait_for(&mut self, exit: &Exit) {
        let found = self.known.get_mut(&exit.room).and_then(|room| room.people.get_mut(&exit.user));
        let Some(person) = found.filter(|_| !exit.grace.is_zero()) else { return };
        let due = Instant::now() + exit.grace;
        let pair = |due| (due, exit.room.clone(), exit.user.clone());
        if let Some(before) = person.due.replace(due) {
            self.graces.remove(&pair(before));
        }
        self.graces.insert(pair(due));
    }

    fn remove(&mut self, id: &RoomId, user: &UserId) -> Option<Changed> {
        let room = self.known.get_mut(id)?;
        let Person { name, .. } = room.people.remove(user)?;
        room.version += 1;
        let (version, count) = (room.version, room.people.len());
        if count == 0 {
            self.known.remove(id);
            self.floor = self.floor.max(version);
        }
        Some(Changed {
            version,
            count,
            event: Event::Left(Occupant { user: user.clone(), name, devices: 0 }),
        })
    }

    /// Nobody has come back; other sessions of theirs may be there.
    fn let_go(&mut self, id: &RoomId, user: &UserId) -> Option<Changed> {
        let person = self.known.get_mut(id)?.people.get_mut(user)?;
        person.due = None;
        if person.devices > 0 {
            return None;
        }
        self.remove(id, user)
    }

    fn due(&mut self, now: Instant) -> Option<(RoomId, Changed)> {
        while self.graces.first().is_some_and(|(due, ..)| *due <= now) {
            let (_, room, user) = self.graces.pop_first()?;
            if let Some(changed) = self.let_go(&room, &user) {
                return Some((room, changed));
            }
        }
        None
    }
}

impl Room {
    /// Raises the version for what has become of someone.
    fn changed(&mut self, user: &UserId, event: fn(Occupant) -> Event) -> Option<Changed> {
        let person = self.people.get(user)?;
        self.version += 1;
        let event = event(person.occupant(user));
        Some(Changed { version: self.version, count: self.people.len(), event })
    }
}

impl Person {
    /// What is different about them, if anything is.
    fn becomes(&mut self, claim: &Claim, devices: usize) -> Option<fn(Occupant) -> Event> {
        let before = std::mem::replace(&mut self.devices, devices);
        if (claim.renames || before == 0) && self.name != claim.name {
            self.name = claim.name.clone();
            return Some(Event::Joined);
        }
        (before != devices).then_some(Event::Counted)
    }

    fn occupant(&self, user: &UserId) -> Occupant {
        Occupant { user: user.clone(), name: self.name.clone(), devices: self.devices }
    }
}

impl MemoryPresence {
    pub(crate) fn new(outlet: Outlet) -> Self {
        Self { holders: Holders::default(), rooms: Mutex::default(), outlet }
    }

    async fn say(&self, room: &RoomId, origin: Option<SessionId>, changed: Option<Changed>) {
        let Some(Changed { version, count, event }) = changed else { return };
        let place = Place::Presence { version, count };
        self.outlet.say(Envelope { room: room.clone(), place, at: now(), origin, event }).await;
    }
}

#[async_trait]
impl Presence for MemoryPresence {
    async fn enter(&self, claim: Claim) -> Result<Arrival, BackplaneError> {
        let mut rooms = self.rooms.lock().await;
        if rooms.resigned {
            return Err(BackplaneError::new("the node has resigned"));
        }
        if rooms.is_of_another(&claim) {
            return Ok(Arrival::Taken);
        }
        let Enter::Held(devices) = self.holders.enter(&claim) else { return Ok(Arrival::Taken) };
        let (arrival, changed) = rooms.put(&claim, devices);
        self.say(&claim.room, Some(claim.session), changed).await;
        Ok(arrival)
    }

    async fn leave(&self, exit: Exit) -> Result<Departure, BackplaneError> {
        let mut rooms = self.rooms.lock().await;
        let Leave::Held(devices) = self.holders.leave(&exit) else { return Ok(Departure::Silent) };
        let (departure, changed) = rooms.take(&exit, devices);
        self.say(&exit.room, Some(exit.session), changed).await;
        Ok(departure)
    }

    async fn occupants(&self, room: &RoomId) -> Result<Occupancy, BackplaneError> {
        let rooms = self.rooms.lock().await;
        let Some(room) = rooms.known.get(room) else {
            return Ok(Occupancy { version: rooms.floor, occupants: Vec::new() });
        };
        let occupants = room.people.iter().map(|(user, person)| person.occupant(user)).collect();
        Ok(Occupancy { version: room.version, occupants })
    }

    fn people(&self) -> usize {
        self.holders.people()
    }

    /// The only node there is has no lease to keep, but leaves to announce whose time has come.
    async fn heartbeat(&self) -> Result<Vec<Buried>, BackplaneError> {
        let mut rooms = self.rooms.lock().await;
        while let Some((room, changed)) = rooms.due(Instant::now()) {
            self.say(&room, None, Some(changed)).await;
        }
        Ok(Vec::new())
    }

    fn beat(&self) -> Duration {
        BEAT
    }

    async fn resign(&self) -> Result<(), BackplaneError> {
        self.rooms.lock().await.resigned = true;
        Ok(())
    }
}
