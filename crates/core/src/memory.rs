//! The default backplane: one node, alone, in this process's memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{
    Backplane, BackplaneError, Broker, Cluster, ClusterNode, Draft, Envelope, Hint, History, Inbound, Millis,
    NodeId, Position, Presence as _, Receipt, Recent, Revised, Revision, RoomId, Secret, SessionId, Side,
    Subscription, log::Log, memory_presence::MemoryPresence,
};

/// Envelopes that may wait for the node; a full inbox holds the publishers back.
const INBOX: usize = 4_096;

/// Rooms whose log is kept. Beyond it the one that has been quiet for longest is forgotten.
const LOGS: usize = 10_000;

/// A backplane for one node, whose rooms remember their last `history` messages. It ends with the process.
pub fn memory(history: usize) -> Backplane {
    let (sender, inbox) = mpsc::channel(INBOX);
    let outlet = Outlet { sender, heard: Arc::default() };
    let presence = Arc::new(MemoryPresence::new(outlet.clone()));
    Backplane {
        broker: Arc::new(MemoryBroker::new(history, outlet)),
        cluster: Arc::new(Alone::new(presence.clone())),
        presence,
        inbox,
    }
}

/// The way into the inbox, for the rooms that are subscribed.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    sender: mpsc::Sender<Inbound>,
    heard: Arc<Mutex<HashMap<RoomId, usize>>>,
}

impl Outlet {
    /// Waits for room in the inbox. A node that has stopped hears nothing, which is no error.
    pub(crate) async fn say(&self, envelope: Envelope) {
        if lock(&self.heard).contains_key(&envelope.room) {
            let _stopped = self.sender.send(Inbound::Heard(envelope)).await;
        }
    }

    fn subscribe(&self, room: &RoomId) -> Subscription {
        *lock(&self.heard).entry(room.clone()).or_default() += 1;
        let (heard, room) = (self.heard.clone(), room.clone());
        Subscription::new(move || {
            let mut heard = lock(&heard);
            match heard.get_mut(&room) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(heard.remove(&room)),
            }
        })
    }
}

#[derive(Debug)]
struct MemoryBroker {
    history: usize,
    /// Held until the envelope is in the inbox: that makes the order one.
    logs: tokio::sync::Mutex<Logs>,
    outlet: Outlet,
}

#[derive(Debug)]
struct Logs {
    /// Of the logs that are begun from now on.
    epoch: u64,
    rooms: HashMap<RoomId, Log>,
}

impl MemoryBroker {
    fn new(history: usize, outlet: Outlet) -> Self {
        Self { history, logs: tokio::sync::Mutex::new(Logs { epoch: now(), rooms: HashMap::new() }), outlet }
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, draft: Draft) -> Result<Receipt, BackplaneError> {
        let mut logs = self.logs.lock().await;
        let log = logs.of(&draft.room, self.history);
        let (receipt, envelope) = log.append(draft, Instant::now(), now());
        if let Some(envelope) = envelope {
            self.outlet.say(envelope).await;
        }
        Ok(receipt)
    }

    async fn revise(&self, revision: Revision) -> Result<Revised, BackplaneError> {
        let mut logs = self.logs.lock().await;
        let log = logs.of(&revision.room, self.history);
        let (revised, envelope) = log.revise(revision, Instant::now(), now());
        if let Some(envelope) = envelope {
            self.outlet.say(envelope).await;
        }
        Ok(revised)
    }

    async fn hint(&self, room: &RoomId, hint: Hint, origin: SessionId) -> Result<(), BackplaneError> {
        self.outlet.say(Envelope::volatile(room, hint, Some(origin))).await;
        Ok(())
    }

    async fn subscribe(&self, room: &RoomId) -> Result<Subscription, BackplaneError> {
        Ok(self.outlet.subscribe(room))
    }

    async fn read_on(
        &self,
        room: &RoomId,
        since: Position,
        limit: usize,
    ) -> Result<Option<Recent>, BackplaneError> {
        let read =
            |log: &Log| log.since(since, limit.max(1)).map(|envelopes| Recent { top: log.top(), envelopes });
        Ok(self.logs.lock().await.read(room, read))
    }

    async fn recent(&self, room: &RoomId, limit: usize) -> Result<Recent, BackplaneError> {
        let recent = |log: &Log| Recent { top: log.top(), envelopes: log.last(limit) };
        Ok(self.logs.lock().await.read(room, recent))
    }

    async fn history(
        &self,
        room: &RoomId,
        side: Side,
        limit: usize,
    ) -> Result<Option<History>, BackplaneError> {
        Ok(self.logs.lock().await.read(room, |log| log.history(side, limit)))
    }
}

impl Logs {
    fn of(&mut self, room: &RoomId, length: usize) -> &mut Log {
        if self.rooms.len() >= LOGS && !self.rooms.contains_key(room) {
            self.forget_the_quietest();
        }
        self.rooms.entry(room.clone()).or_insert_with(|| Log::new(self.epoch, length))
    }

    /// Should that room speak again, it does so in a new epoch: its old positions mean nothing any more.
    fn forget_the_quietest(&mut self) {
        let quietest = self.rooms.iter().min_by_key(|(_, log)| log.last_said()).map(|(room, _)| room.clone());
        quietest.map(|room| self.rooms.remove(&room));
        self.epoch = now().max(self.epoch + 1);
    }

    fn read<T>(&self, room: &RoomId, read: impl FnOnce(&Log) -> T) -> T {
        match self.rooms.get(room) {
            Some(log) => read(log),
            None => read(&Log::new(self.epoch, 0)),
        }
    }
}

/// A cluster of one.
#[derive(Debug)]
struct Alone {
    secret: Secret,
    presence: Arc<MemoryPresence>,
    began: Instant,
    /// The node that it is, and where.
    advert: Mutex<Option<(NodeId, Option<String>)>>,
}

impl Alone {
    fn new(presence: Arc<MemoryPresence>) -> Self {
        Self { secret: Secret(rand::random()), presence, began: Instant::now(), advert: Mutex::default() }
    }
}

#[async_trait]
impl Cluster for Alone {
    async fn advertise(&self, node: &NodeId, address: Option<String>, _: u16) -> Result<(), BackplaneError> {
        *lock(&self.advert) = Some((node.clone(), address));
        Ok(())
    }

    async fn address(&self, _: &NodeId) -> Result<Option<String>, BackplaneError> {
        Ok(None)
    }

    async fn secret(&self) -> Result<Secret, BackplaneError> {
        Ok(self.secret.clone())
    }

    /// Itself, as soon as it has said who it is.
    async fn nodes(&self) -> Result<Vec<ClusterNode>, BackplaneError> {
        let node = lock(&self.advert).clone().map(|(id, address)| ClusterNode {
            incarnation: format!("{id}#1"),
            id,
            address,
            lease: None,
            held: self.began.elapsed(),
            people: self.presence.people(),
        });
        Ok(node.into_iter().collect())
    }

    fn healthy(&self) -> bool {
        true
    }
}

pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
