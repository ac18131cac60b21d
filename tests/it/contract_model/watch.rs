//! What a node that listens makes of what it hears: a copy of each room, and whatever in it cannot be.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hubbub_core::{Event, Inbound, Occupancy, Occupant, Place, Presence, RoomId};
use tokio::sync::mpsc;

/// User -> what they are called, and how many devices they have.
pub(super) type People = BTreeMap<String, (String, usize)>;

/// What one node has heard.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    rooms: BTreeMap<RoomId, Copy>,
    wrong: Vec<String>,
}

#[derive(Debug, Default)]
struct Copy {
    version: u64,
    /// The last version that was heard; a reading may have been newer.
    heard: u64,
    people: People,
    left: BTreeSet<String>,
}

impl Watch {
    /// Listens for as long as the node lives; of these rooms it knows what they begin with.
    pub(super) async fn begin(
        self,
        mut inbox: mpsc::Receiver<Inbound>,
        presence: Arc<dyn Presence>,
        rooms: Vec<RoomId>,
    ) {
        for room in &rooms {
            self.read(room, &*presence).await;
        }
        while let Some(inbound) = inbox.recv().await {
            if let Some(room) = self.hear(inbound) {
                self.read(&room, &*presence).await;
            }
        }
    }

    /// The room as the node knows it.
    pub(super) fn people(&self, room: &RoomId) -> People {
        self.seen().rooms.get(room).map(|copy| copy.people.clone()).unwrap_or_default()
    }

    /// Whether it has heard all that this reading knows. Nobody says anything of a room in which there is nobody.
    pub(super) fn is_up_to(&self, reading: &Occupancy, room: &RoomId) -> bool {
        let version = self.seen().rooms.get(room).map_or(0, |copy| copy.version);
        reading.occupants.is_empty() || version >= reading.version
    }

    /// Who has left the room since it was last asked.
    pub(super) fn take_left(&self, room: &RoomId) -> BTreeSet<String> {
        self.seen().rooms.get_mut(room).map(|copy| std::mem::take(&mut copy.left)).unwrap_or_default()
    }

    /// What it heard that cannot be.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.seen().wrong.clone()
    }

    /// The room that is to be read, if changes of it were missed.
    fn hear(&self, inbound: Inbound) -> Option<RoomId> {
        match inbound {
            Inbound::PresenceGap { room } => Some(room),
            Inbound::Heard(envelope) => {
                let Place::Presence { version, .. } = envelope.place else { return None };
                let mut seen = self.seen();
                let copy = seen.rooms.entry(envelope.room.clone()).or_default();
                let heard = copy.hear(version, &envelope.event);
                match heard {
                    Ok(is_whole) => (!is_whole).then_some(envelope.room),
                    Err(why) => {
                        seen.wrong.push(format!("{}, version {version}: {why}", envelope.room));
                        None
                    }
                }
            }
            Inbound::Gap { .. } => None,
        }
    }

    async fn read(&self, room: &RoomId, presence: &dyn Presence) {
        loop {
            match presence.occupants(room).await {
                Ok(fresh) => return self.seen().rooms.entry(room.clone()).or_default().replace(&fresh),
                // Redis is away, and back some time.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copy {
    /// Whether nothing is missing before it, or why it cannot be.
    fn hear(&mut self, version: u64, event: &Event) -> Result<bool, String> {
        if version <= self.heard {
            return Err(format!("{event:?} after version {}", self.heard));
        }
        self.heard = version;
        if version <= self.version {
            return Ok(true);
        }
        if version > self.version + 1 {
            return Ok(false);
        }
        self.version = version;
        self.apply(event).map(|()| true)
    }

    /// Joins and leaves alternate, and only who is there is counted.
    fn apply(&mut self, event: &Event) -> Result<(), String> {
        let known = |who: &Occupant| self.people.get(who.user.as_str()).map(|(name, _)| name.as_str());
        let can_be = match event {
            Event::Joined(who) => known(who) != Some(who.name.as_str()),
            Event::Counted(who) => known(who) == Some(who.name.as_str()),
            Event::Left(who) => known(who).is_some(),
            Event::Said(_) | Event::Updated(_) | Event::Hinted(_) => false,
        };
        if !can_be {
            return Err(format!("{event:?} among {:?}", self.people));
        }
        match event {
            Event::Joined(who) | Event::Counted(who) => self.people.extend([entry(who)]),
            Event::Left(who) => {
                self.people.remove(who.user.as_str());
                self.left.insert(who.user.to_string());
            }
            Event::Said(_) | Event::Updated(_) | Event::Hinted(_) => {}
        }
        Ok(())
    }

    fn replace(&mut self, fresh: &Occupancy) {
        if fresh.version < self.version {
            return;
        }
        let people = shown(fresh);
        let before = std::mem::replace(&mut self.people, people);
        self.left.extend(before.into_keys().filter(|user| !self.people.contains_key(user)));
        self.version = fresh.version;
    }
}

/// A reading, in short.
pub(super) fn shown(occupancy: &Occupancy) -> People {
    occupancy.occupants.iter().map(entry).collect()
}

fn entry(who: &Occupant) -> (String, (String, usize)) {
    (who.user.to_string(), (who.name.to_string(), who.devices))
}
