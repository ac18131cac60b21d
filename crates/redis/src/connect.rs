//! Puts a node's backplane together.

use std::sync::Arc;

use hubbub_core::Backplane;
use redis::RedisError;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};

use crate::{
    Options,
    broker::RedisBroker,
    cluster::{Directory, RedisCluster},
    healer::{Healer, INBOX},
    keys,
    links::{Lane, Links},
    listeners::{Listeners, State},
    logs::Logs,
    metrics,
    place::Place,
    presence::RedisPresence,
    rooms::Rooms,
    scout::Scout,
    shards::{Doubts, Shards, View},
    subscriber::{QUEUE, QUEUE_BYTES},
};

/// Why there is no backplane.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none of Redis's. Its text is not repeated here: it may hold a password.
    #[error("the Redis URL is not understood: {0}")]
    Url(#[source] RedisError),
    /// Redis does not answer, or refuses; only where [`Options::fail_fast`] asks for it.
    #[error("Redis cannot be used: {0}")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A node's tasks. They end with the last part of its backplane.
#[derive(Debug)]
pub(crate) struct Running(
    #[expect(dead_code, reason = "held, so that the tasks end when it is dropped")] JoinSet<()>,
);

/// A backplane over Redis, whether Redis is there already or not: until it is, [`hubbub_core::Cluster::healthy`] is false
/// and every call fails within a few seconds. It comes back by itself after any outage.
///
/// Must be called within a tokio runtime. Dropping the whole backplane ends its connections.
pub async fn connect(options: Options) -> Result<Backplane, ConnectError> {
    metrics::start();
    let place = Place::parse(&options.url).map_err(ConnectError::Url)?;
    let mut tasks = JoinSet::new();
    let (view, doubts) = look(place, &options, &mut tasks);
    let shards = Shards::new(view.clone(), doubts.clone(), options.response_timeout);
    if options.fail_fast {
        let pong: Result<String, _> =
            shards.call(keys::CLUSTER, Lane::Quick, "ping", |_| redis::cmd("PING")).await;
        pong.map_err(|error| ConnectError::Unreachable(error.into()))?;
    }
    Ok(assemble(view, doubts, &Arc::new(shards), &options, tasks))
}

/// One Redis is where it is; a cluster is looked at again and again.
fn look(place: Place, options: &Options, tasks: &mut JoinSet<()>) -> (watch::Receiver<View>, Option<Doubts>) {
    match place {
        Place::Master(source) => {
            let links = Links::new(source, options.pool_size, options.response_timeout);
            (watch::channel(View::one(links)).1, None)
        }
        Place::Cluster { manners, seeds } => {
            let (seen, view) = watch::channel(View::unknown());
            let (doubts, doubted) = mpsc::channel(1);
            tasks.spawn(Scout::new(manners, seeds, options).run(seen, doubted));
            (view, Some(doubts))
        }
    }
}

fn assemble(
    view: watch::Receiver<View>,
    doubts: Option<Doubts>,
    shards: &Arc<Shards>,
    options: &Options,
    mut tasks: JoinSet<()>,
) -> Backplane {
    let rooms = Arc::new(Rooms::new(view.borrow().layout.clone()));
    let logs = Logs::new(shards.clone(), options);
    let (queue, heard) = mpsc::channel(QUEUE);
    let (sender, inbox) = mpsc::channel(INBOX);
    let (state, is_live) = watch::channel(State::default());
    let directory = Arc::new(Directory::new(shards.clone(), is_live, options));

    let (bytes, state) = (Arc::new(Semaphore::new(QUEUE_BYTES)), Arc::new(state));
    tasks.spawn(Listeners { view, doubts, rooms: rooms.clone(), queue, bytes, state }.run());
    tasks.spawn(Healer::new(rooms.clone(), logs.clone(), shards.clone(), heard, sender, options.sweep).run());
    let running = Arc::new(Running(tasks));

    Backplane {
        broker: Arc::new(RedisBroker::new(logs, shards.clone(), rooms, options, running.clone())),
        presence: Arc::new(RedisPresence::new(shards, directory.clone(), options, running.clone())),
        cluster: Arc::new(RedisCluster::new(directory, running)),
        inbox,
    }
}
