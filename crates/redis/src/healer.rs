//! Delivers what the subscriber heard, and finds and fills what it did not hear.
//!
//! One task delivers, so that a room has one order; reading Redis happens beside it, so that a room that is being healed
//! holds up no other.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_core::{Inbound, Position, RoomId};
use redis::{FromRedisValue, Pipeline, Value};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    keys::{self, Side},
    links::{Lane, Link},
    logs::{self, Logs, Suffix, understood},
    metrics,
    room::{Ask, Effects, Heal},
    rooms::Rooms,
    shards::Shards,
    subscriber::Heard,
    wire,
};

/// Inbound events that may wait for the node. When they are more, the healer waits, and the subscriber drops.
pub(crate) const INBOX: usize = 4_096;

/// Entries of a log that are read at once.
const CHUNK: usize = 100;

/// Rooms that are read at once. More wait for their turn.
const HEALING: usize = 8;

/// Rooms that are compared in one round trip, and how many such round trips may be under way.
const COMPARED: usize = 200;
const COMPARING: usize = 4;

/// Time between pieces of a sweep: at most 2,000 rooms a second.
const TICK: Duration = Duration::from_millis(100);

/// Time until something that failed is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// The delivering side of a node.
#[derive(Debug)]
pub(crate) struct Healer {
    rooms: Arc<Rooms>,
    logs: Logs,
    shards: Arc<Shards>,
    queue: mpsc::Receiver<Heard>,
    inbox: mpsc::Sender<Inbound>,
    readings: JoinSet<Reading>,
    /// Places for rooms being read.
    places: Arc<Semaphore>,
    comparing: usize,
    sweep: Sweep,
}

/// What was read beside the delivery.
#[derive(Debug)]
enum Reading {
    /// These, but not those.
    Compared(Vec<(Ask, Position, Option<u64>)>, Vec<Ask>),
    NotCompared(Vec<Ask>),
    Healed(Heal, Suffix),
}

impl Healer {
    pub(crate) fn new(
        rooms: Arc<Rooms>,
        logs: Logs,
        shards: Arc<Shards>,
        queue: mpsc::Receiver<Heard>,
        inbox: mpsc::Sender<Inbound>,
        sweep: Duration,
    ) -> Self {
        Self {
            rooms,
            logs,
            shards,
            queue,
            inbox,
            readings: JoinSet::new(),
            places: Arc::new(Semaphore::new(HEALING)),
            comparing: 0,
            sweep: Sweep::new(sweep),
        }
    }

    /// Until the node stops.
    pub(crate) async fn run(mut self) {
        let mut ticks = interval(TICK.min(self.sweep.every / 5).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = self.queue.recv() => match heard {
                    Some(heard) => self.hear(heard).await,
                    None => return,
                },
                Some(reading) = self.readings.join_next() => {
                    // A reading that panicked has said so; its rooms are found again by the sweep.
                    if let Ok(reading) = reading {
                        self.read(reading).await;
                    }
                }
                () = self.rooms.due.notified() => self.compare_due(),
                _ = ticks.tick() => {
                    self.compare_due();
                    self.compare_quiet(ticks.period());
                }
            }
        }
    }

    async fn hear(&mut self, heard: Heard) {
        let Some((room, _)) = keys::parse_channel(&heard.message.channel) else { return };
        let Some(envelope) = understood(wire::envelope(&room, &heard.message.payload)) else {
            return;
        };
        let effects = self.rooms.hear(envelope, Some(heard.bytes));
        if effects.heal.is_some() {
            metrics::gaps(1);
        }
        self.deliver(effects).await;
    }

    async fn deliver(&mut self, effects: Effects) {
        for inbound in effects.out {
            // A node that no longer listens is stopping.
            let _stopping = self.inbox.send(inbound).await;
        }
        if let Some(heal) = effects.heal {
            self.readings.spawn(heal_room(self.logs.clone(), self.places.clone(), heal));
        }
    }

    async fn read(&mut self, reading: Reading) {
        match reading {
            Reading::Healed(Heal { room, birth, .. }, suffix) => {
                let effects = self.rooms.healed(room, birth, suffix);
                self.deliver(effects).await;
            }
            Reading::Compared(rooms, failed) => {
                if failed.is_empty() {
                    self.comparing -= 1;
                } else {
                    self.readings.spawn(again(failed));
                }
                for (ask, top, version) in rooms {
                    let effects = self.rooms.compared(ask, top, version);
                    if effects.heal.is_some() {
                        metrics::gaps(1);
                    }
                    self.deliver(effects).await;
                }
                self.compare_due();
            }
            Reading::NotCompared(asks) => {
                self.comparing -= 1;
                self.rooms.again(asks);
            }
        }
    }

    fn compare_due(&mut self) {
        while self.comparing < COMPARING {
            let asks = self.rooms.take_due(COMPARED);
            if asks.is_empty() {
                return;
            }
            self.compare(asks);
        }
    }

    fn compare_quiet(&mut self, tick: Duration) {
        if self.comparing == 0 {
            let names = self.sweep.next(tick, || self.rooms.names());
            let asks = self.rooms.quiet(names, self.sweep.every);
            if !asks.is_empty() {
                self.compare(asks);
            }
        }
    }

    fn compare(&mut self, asks: Vec<Ask>) {
        self.comparing += 1;
        self.readings.spawn(compare(self.logs.clone(), self.shards.clone(), asks));
    }
}

async fn heal_room(logs: Logs, places: Arc<Semaphore>, heal: Heal) -> Reading {
    loop {
        let place = places.acquire().await.expect("it is never closed");
        match logs.suffix(&heal.room, heal.since, CHUNK).await {
            Ok(suffix) => return Reading::Healed(heal, suffix),
            Err(error) => {
                tracing::debug!(%error, room = %heal.room, "could not read a room's log; trying again");
            }
        }
        drop(place);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn compare(logs: Logs, shards: Arc<Shards>, asks: Vec<Ask>) -> Reading {
    let tops = tops(&logs, &shards, &asks).await;
    let (mut compared, mut failed) = (Vec::new(), Vec::new());
    for (ask, top) in asks.into_iter().zip(tops) {
        match top {
            Some((top, version)) => compared.push((ask, top, version)),
            None => failed.push(ask),
        }
    }
    Reading::Compared(compared, failed)
}

/// Where Redis could not be asked, not at once.
async fn again(asks: Vec<Ask>) -> Reading {
    tracing::debug!(rooms = asks.len(), "could not compare rooms with their logs; trying again");
    tokio::time::sleep(PAUSE).await;
    Reading::NotCompared(asks)
}

/// The top of each room's log and the version of its presence.
async fn tops(logs: &Logs, shards: &Shards, asks: &[Ask]) -> Vec<Option<(Position, Option<u64>)>> {
    let partitions = shards.partitions();
    let channels = |ask: &Ask| Side::BOTH.map(|side| side.channel(&ask.room, partitions));
    let keys: Vec<_> = asks.iter().flat_map(channels).collect();
    let add = |pipeline: &mut Pipeline, link: &Link, number: usize| {
        let ask = &asks[number / 2];
        if number % 2 == 1 {
            pipeline.cmd("HGET").arg(partitions.of(&ask.room).room(&ask.room)).arg(keys::VERSION);
            return;
        }
        pipeline.add_command(logs.ask_recent(link, &ask.room, 0));
        if ask.keep {
            pipeline.add_command(logs::ask_keep(&ask.room)).ignore();
        }
    };
    let answers = shards.scatter(Lane::Long, "compare", &keys, add).await;
    answers.chunks_exact(2).map(top).collect()
}

fn top(answers: &[Option<Value>]) -> Option<(Position, Option<u64>)> {
    let [Some(log), Some(version)] = answers else { return None };
    let (epoch, seq, _): (u64, u64, Value) = FromRedisValue::from_redis_value_ref(log).ok()?;
    Some((Position { epoch, seq }, FromRedisValue::from_redis_value_ref(version).ok()?))
}

/// Goes through all rooms, a few at a time.
#[derive(Debug)]
struct Sweep {
    every: Duration,
    begun: Instant,
    rest: VecDeque<RoomId>,
    piece: usize,
}

impl Sweep {
    fn new(every: Duration) -> Self {
        Self { every, begun: Instant::now(), rest: VecDeque::new(), piece: 0 }
    }

    /// The next few. `all` are the rooms that there are when it begins anew.
    fn next(&mut self, tick: Duration, all: impl FnOnce() -> VecDeque<RoomId>) -> Vec<RoomId> {
        if self.rest.is_empty() && self.begun.elapsed() >= self.every {
            self.begun = Instant::now();
            self.rest = all();
            let pieces = usize::try_from(self.every.as_millis() / tick.as_millis().max(1)).unwrap_or(1);
            self.piece = self.rest.len().div_ceil(pieces.max(1)).min(COMPARED);
        }
        let count = self.piece.min(self.rest.len());
        self.rest.drain(..count).collect()
    }
}
