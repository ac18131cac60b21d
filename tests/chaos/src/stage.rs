//! What is broken: a Redis and its nodes, as processes, with a proxy on every way to them.

use std::{
    ffi::OsStr,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hubbub_tests::{http, process::NodeProcess, redis_server::RedisServer};
use tempfile::TempDir;
use tokio::{task::block_in_place, time};

use crate::proxy::{Proxy, Target, Way};

/// A Redis that writes everything to disk before it answers, and nodes that reach it each by a proxy of its own.
#[derive(Debug)]
pub struct Stage {
    places: Vec<Place>,
    balancer: Proxy,
    redis: RedisServer,
    _logs: TempDir,
}

/// Where a node is, whether it runs or not.
#[derive(Debug)]
struct Place {
    node: NodeProcess,
    /// Clients come by it.
    front: Proxy,
    /// The node goes to Redis by it.
    back: Proxy,
}

impl Stage {
    /// So many nodes, ready. It needs a runtime of several threads. A silent connection is noticed in six seconds
    /// instead of 45, so that black holes are worth their time.
    pub async fn open(nodes: u8) -> io::Result<Self> {
        Self::with(nodes, &HASTY).await
    }

    /// The same with heartbeats as they come, which do not notice a client before its outbox does.
    pub async fn open_patient(nodes: u8) -> io::Result<Self> {
        Self::with(nodes, &[]).await
    }

    /// The same with these variables in the nodes' environment.
    pub async fn with(nodes: u8, settings: &[(&str, &str)]) -> io::Result<Self> {
        let redis = block_in_place(RedisServer::start);
        let logs = TempDir::new()?;
        let mut places = Vec::new();
        for number in 1..=nodes {
            places.push(Place::open(number, &redis, &logs, settings).await?);
        }
        let all = places.iter().map(|place| place.node.http()).collect();
        let balancer = Proxy::to(Target::Balanced(all)).await?;
        Ok(Self { places, balancer, redis, _logs: logs })
    }

    /// How many nodes it has.
    pub fn nodes(&self) -> usize {
        self.places.len()
    }

    /// Where clients come in, by node.
    pub fn doors(&self) -> Vec<SocketAddr> {
        self.places.iter().map(|place| place.front.addr()).collect()
    }

    /// One door for all nodes, each connection to the next.
    pub fn balancer(&self) -> SocketAddr {
        self.balancer.addr()
    }

    /// Where clients come in without a proxy, whose buffers would hide that they do not read.
    pub fn direct(&self, node: usize) -> SocketAddr {
        self.places[node].node.http()
    }

    /// Ends a node at once, as a crash does.
    pub fn kill(&mut self, node: usize) {
        block_in_place(|| self.places[node].node.kill());
    }

    /// Starts it again where it was, and does not wait for it.
    pub fn start_again(&mut self, node: usize) {
        self.places[node].node.start_again();
    }

    /// Asks a node to end in order.
    pub fn stop(&self, node: usize) {
        block_in_place(|| self.places[node].node.stop());
    }

    /// Whether its process has not ended.
    pub fn is_running(&mut self, node: usize) -> bool {
        self.places[node].node.is_running()
    }

    /// Stops a node in its tracks.
    pub fn pause(&self, node: usize) {
        block_in_place(|| self.places[node].node.pause());
    }

    /// Lets it go on.
    pub fn resume(&self, node: usize) {
        block_in_place(|| self.places[node].node.resume());
    }

    /// The way of a node's clients.
    pub fn front(&self, node: usize) -> &Proxy {
        &self.places[node].front
    }

    /// A node's way to Redis.
    pub fn back(&self, node: usize) -> &Proxy {
        &self.places[node].back
    }

    /// Every node's way to Redis.
    pub fn backs(&self, way: Way) {
        self.places.iter().for_each(|place| place.back.set(way));
    }

    /// What the nodes share.
    pub fn redis(&self) -> &RedisServer {
        &self.redis
    }

    /// Ends Redis at once, as a crash does.
    pub fn kill_redis(&mut self) {
        block_in_place(|| self.redis.kill());
    }

    /// Starts it again with all that it had.
    pub fn restart_redis(&mut self) {
        block_in_place(|| self.redis.restart());
    }

    /// Redis throws the nodes' listening connections out.
    pub fn kick_subscribers(&self) {
        block_in_place(|| self.redis.cli(["CLIENT", "KILL", "TYPE", "pubsub"]));
    }

    /// A series of a node's metrics; 0 where nobody answers.
    pub async fn metric(&self, node: usize, series: &str) -> u64 {
        let admin = self.places[node].node.admin();
        let asked = http::attempt(admin, ::http::Method::GET, "/metrics", &[], "");
        let Ok(Some(answer)) = time::timeout(Duration::from_secs(2), asked).await else { return 0 };
        let answer = answer.text();
        let value = answer.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        value.unwrap_or(0)
    }

    /// The nodes that have ended without having been asked to, with the last that they logged.
    pub fn fallen(&mut self) -> Vec<String> {
        let fallen =
            self.places.iter_mut().filter_map(|place| (!place.node.is_running()).then(|| place.node.log()));
        fallen.map(|log| log.lines().rev().take(LINES_SHOWN).collect::<Vec<_>>().join("\n")).collect()
    }
}

impl Place {
    async fn open(
        number: u8,
        redis: &RedisServer,
        logs: &TempDir,
        settings: &[(&str, &str)],
    ) -> io::Result<Self> {
        let back = Proxy::to(Target::Unix(redis.socket())).await?;
        let url = RedisServer::url_at(back.addr());
        let url = [("HUBBUB__LOG__LEVEL", "warn"), ("HUBBUB__REDIS__URL", &url)];
        let settings: Vec<_> =
            settings.iter().chain(&url).map(|(key, value)| (*key, OsStr::new(value))).collect();
        // An address of its own: while it is down, nobody's outgoing connection takes its port.
        let ip = IpAddr::from([127, 0, 1, number]);
        let id = format!("node-{number}");
        let node = block_in_place(|| NodeProcess::start(&id, ip, logs.path(), &settings));
        let front = Proxy::to(Target::Tcp(node.http())).await?;
        Ok(Self { node, front, back })
    }
}

const HASTY: [(&str, &str); 2] =
    [("HUBBUB__SOCKETIO__PING_INTERVAL", "3s"), ("HUBBUB__SOCKETIO__PING_TIMEOUT", "3s")];
const LINES_SHOWN: usize = 10;
