//! One listening connection for each of Redis's processes that has rooms, however they change.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::{AbortHandle, JoinSet},
};

use crate::{
    layout::ShardId,
    rooms::Rooms,
    shards::{Doubts, View},
    subscriber::{Heard, Subscriber},
};

/// The state of the connections, for those who ask.
#[derive(Debug, Default)]
pub(crate) struct State {
    wanted: HashSet<ShardId>,
    live: HashSet<ShardId>,
    /// This machine's address on the way to Redis. Kept when the connection is gone.
    pub(crate) local: Option<IpAddr>,
}

impl State {
    /// Every room that is wanted is listened to.
    pub(crate) fn is_live(&self) -> bool {
        !self.wanted.is_empty() && self.wanted.is_subset(&self.live)
    }

    /// Every room that this one has is. Answers whether that is news.
    pub(crate) fn came(&mut self, shard: ShardId) -> bool {
        self.live.insert(shard)
    }

    /// This one's no longer are. Answers whether they were.
    pub(crate) fn went(&mut self, shard: ShardId) -> bool {
        self.live.remove(&shard)
    }

    pub(crate) fn is_there(&self, shard: ShardId) -> bool {
        self.live.contains(&shard)
    }
}

/// The listening side of a node.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) view: watch::Receiver<View>,
    pub(crate) doubts: Option<Doubts>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) queue: mpsc::Sender<Heard>,
    pub(crate) bytes: Arc<Semaphore>,
    pub(crate) state: Arc<watch::Sender<State>>,
}

impl Listeners {
    /// For ever: as many connections as there are masters, and every room at its own.
    pub(crate) async fn run(mut self) {
        let mut tasks = JoinSet::new();
        let mut connections = HashMap::new();
        loop {
            let view = self.view.borrow_and_update().clone();
            self.leave(&view, &mut connections);
            self.rooms.spread(view.layout.clone());
            self.join(&view, &mut connections, &mut tasks);
            self.state.send_modify(|state| state.wanted = view.shards.keys().copied().collect());
            tokio::select! {
                Ok(()) = self.view.changed() => {}
                Some(_) = tasks.join_next() => {}
                else => return,
            }
        }
    }

    fn leave(&self, view: &View, connections: &mut HashMap<ShardId, AbortHandle>) {
        connections.retain(|shard, connection| {
            let stays = view.shards.contains_key(shard);
            if !stays {
                connection.abort();
                self.state.send_if_modified(|state| state.went(*shard));
                self.rooms.cut(*shard);
            }
            stays
        });
    }

    fn join(&self, view: &View, connections: &mut HashMap<ShardId, AbortHandle>, tasks: &mut JoinSet<()>) {
        for (shard, links) in view.shards.iter() {
            connections.entry(*shard).or_insert_with(|| {
                let subscriber = Subscriber {
                    shard: *shard,
                    links: links.clone(),
                    rooms: self.rooms.clone(),
                    partitions: view.layout.partitions(),
                    doubts: self.doubts.clone(),
                    queue: self.queue.clone(),
                    bytes: self.bytes.clone(),
                    state: self.state.clone(),
                };
                tasks.spawn(subscriber.run())
            });
        }
    }
}
