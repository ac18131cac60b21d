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
    keys::Partitions,
    links::{Lane, Links},
    logs::Logs,
    metrics,
    presence::RedisPresence,
    rooms::Rooms,
    source::Source,
    subscriber::{QUEUE, QUEUE_BYTES, State, Subscriber},
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
    let source = Source::parse(&options.url).map_err(ConnectError::Url)?;
    let links = Links::new(source, options.pool_size, options.response_timeout);
    if options.fail_fast {
        let pong: Result<String, _> = links.call(Lane::Quick, "ping", |_| redis::cmd("PING")).await;
        pong.map_err(|error| ConnectError::Unreachable(error.into()))?;
    }
    Ok(assemble(&Arc::new(links), &options))
}

fn assemble(links: &Arc<Links>, options: &Options) -> Backplane {
    let partitions = Partitions::ONE;
    let rooms = Arc::new(Rooms::default());
    let logs = Logs::new(links.clone(), options);
    let (queue, heard) = mpsc::channel(QUEUE);
    let (sender, inbox) = mpsc::channel(INBOX);
    let (state, is_live) = watch::channel(State::default());
    let directory = Arc::new(Directory::new(links.clone(), is_live, options));

    let bytes = Arc::new(Semaphore::new(QUEUE_BYTES));
    let mut tasks = JoinSet::new();
    tasks.spawn(
        Subscriber { links: links.clone(), rooms: rooms.clone(), partitions, queue, bytes, state }.run(),
    );
    tasks.spawn(
        Healer::new(rooms.clone(), logs.clone(), links.clone(), partitions, heard, sender, options.sweep)
            .run(),
    );
    let running = Arc::new(Running(tasks));

    Backplane {
        broker: Arc::new(RedisBroker::new(logs, links.clone(), rooms, options, running.clone())),
        presence: Arc::new(RedisPresence::new(
            links,
            directory.clone(),
            partitions,
            options,
            running.clone(),
        )),
        cluster: Arc::new(RedisCluster::new(directory, running)),
        inbox,
    }
}
