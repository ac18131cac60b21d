//! Presence of one node, alone.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::{
    Arrival, BackplaneError, Buried, Claim, Departure, Enter, Envelope, Event, Exit, Holders, Leave, Name,
    Occupancy, Occupant, Place, Presence, RoomId, SessionId, UserId,
    memory::{Outlet, now},
};

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
    /// No room that is forgotten had a higher version, so none ever counts backwards.
    floor: u64,
    resigned: bool,
}

#[derive(Debug)]
struct Room {
    version: u64,
    people: BTreeMap<UserId, Name>,
}

impl Rooms {
    fn of(&mut self, room: &RoomId) -> &mut Room {
        let version = self.floor;
        self.known.entry(room.clone()).or_insert_with(|| Room { version, people: BTreeMap::new() })
    }

    fn forget(&mut self, room: &RoomId) {
        if let Some(room) = self.known.remove(room) {
            self.floor = self.floor.max(room.version);
        }
    }
}

impl MemoryPresence {
    pub(crate) fn new(outlet: Outlet) -> Self {
        Self { holders: Holders::default(), rooms: Mutex::default(), outlet }
    }

    async fn say(&self, room: RoomId, version: u64, session: SessionId, event: Event) {
        let place = Place::Presence(version);
        self.outlet.say(Envelope { room, place, at: now(), origin: Some(session), event }).await;
    }
}

#[async_trait]
impl Presence for MemoryPresence {
    async fn enter(&self, claim: Claim) -> Result<Arrival, BackplaneError> {
        let mut rooms = self.rooms.lock().await;
        if rooms.resigned {
            return Err(BackplaneError::new("the node has resigned"));
        }
        match self.holders.enter(&claim) {
            Enter::Taken => return Ok(Arrival::Taken),
            Enter::Again => return Ok(Arrival::Again),
            Enter::First => {}
        }
        let room = rooms.of(&claim.room);
        room.version += 1;
        room.people.insert(claim.user.clone(), claim.name.clone());
        let (version, count) = (room.version, room.people.len());
        let joined = Event::Joined(Occupant { user: claim.user, name: claim.name });
        self.say(claim.room, version, claim.session, joined).await;
        Ok(Arrival::First { version, count })
    }

    async fn leave(&self, exit: Exit) -> Result<Departure, BackplaneError> {
        let mut rooms = self.rooms.lock().await;
        if self.holders.leave(&exit) == Leave::Silent {
            return Ok(Departure::Silent);
        }
        let Some(room) = rooms.known.get_mut(&exit.room) else { return Ok(Departure::Silent) };
        let Some(name) = room.people.remove(&exit.user) else { return Ok(Departure::Silent) };
        room.version += 1;
        let version = room.version;
        if room.people.is_empty() {
            rooms.forget(&exit.room);
        }
        let left = Event::Left(Occupant { user: exit.user, name });
        self.say(exit.room, version, exit.session, left).await;
        Ok(Departure::Last { version })
    }

    async fn occupants(&self, room: &RoomId) -> Result<Occupancy, BackplaneError> {
        let rooms = self.rooms.lock().await;
        let Some(room) = rooms.known.get(room) else {
            return Ok(Occupancy { version: rooms.floor, occupants: Vec::new() });
        };
        let occupants = room
            .people
            .iter()
            .map(|(user, name)| Occupant { user: user.clone(), name: name.clone() })
            .collect();
        Ok(Occupancy { version: room.version, occupants })
    }

    async fn count(&self, room: &RoomId) -> Result<usize, BackplaneError> {
        Ok(self.rooms.lock().await.known.get(room).map_or(0, |room| room.people.len()))
    }

    async fn heartbeat(&self) -> Result<Vec<Buried>, BackplaneError> {
        Ok(Vec::new())
    }

    fn beat(&self) -> Duration {
        Duration::from_mins(1)
    }

    async fn resign(&self) -> Result<(), BackplaneError> {
        self.rooms.lock().await.resigned = true;
        Ok(())
    }
}
