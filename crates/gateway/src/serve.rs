//! One node from its start to its end: listeners, backplane, signals.

use std::{net::SocketAddr, time::Instant};

use anyhow::{Context as _, anyhow};
use hubbub_core::Backplane;
use hubbub_gateway::{
    Node,
    config::{Config, RedisUrl},
    logging,
};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};

/// Serves until a signal says to stop, and then until the last client is gone.
pub(crate) fn serve(config: &Config, began: Instant) -> anyhow::Result<()> {
    logging::start(&config.log);
    open_many_files(config.http.max_connections);
    config.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let runtime =
        runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    let served = runtime.block_on(live(config, began));
    runtime.shutdown_background();
    served
}

async fn live(config: &Config, began: Instant) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let node = tokio::select! {
        node = start(config, began) => node?,
        () = signals.next() => return Ok(()),
    };
    signals.next().await;
    tracing::info!("stopping: clients are sent elsewhere");
    tokio::select! {
        () = node.drain() => tracing::info!("stopped"),
        () = signals.next() => tracing::warn!("stopped at once, by a second signal"),
    }
    Ok(())
}

async fn start(config: &Config, began: Instant) -> anyhow::Result<Node> {
    let http = bind("http.addr", config.http.addr).await?;
    let admin = bind("admin.addr", config.admin.addr).await?;
    let node =
        Node::start(config, backplane(config).await?, http, admin).await.context("cannot start the node")?;
    tracing::info!(
        node = %config.node.id,
        http = %node.http_addr(),
        admin = %node.admin_addr(),
        backplane = if config.redis.url.is_some() { "redis" } else { "memory" },
        milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "serving"
    );
    Ok(node)
}

async fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{key} {address}"))
}

/// The one place that decides between memory and Redis.
async fn backplane(config: &Config) -> anyhow::Result<Backplane> {
    match &config.redis.url {
        None => Ok(hubbub_core::memory(config.history.messages)),
        Some(url) => {
            let connected = hubbub_redis::connect(options(config, url)).await;
            connected.map_err(|error| anyhow!("redis.url {url}: {error}"))
        }
    }
}

fn options(config: &Config, url: &RedisUrl) -> hubbub_redis::Options {
    hubbub_redis::Options {
        history_length: config.history.messages,
        history_age: *config.history.age,
        lease: *config.presence.lease,
        beat: *config.presence.lease / 3,
        pool_size: config.redis.pool,
        fail_fast: config.redis.fail_fast,
        ..hubbub_redis::Options::new(url.reveal(), config.node.id.clone())
    }
}

/// A connection is an open file, and the limit that a shell or Docker begins with is often 1,024.
fn open_many_files(connections: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused or not: what counts is the limit that is read back.
    let _refused = setrlimit(Resource::Nofile, limit);
    if let Some(files) = getrlimit(Resource::Nofile).current.filter(|files| *files < connections as u64) {
        tracing::info!(
            "http.max_connections is {connections}, but only {files} open files are allowed (ulimit -n)"
        );
    }
}

/// What asks a process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
