//! A gateway node inside the test's own process.

use std::{net::SocketAddr, time::Duration};

use hubbub_core::{Backplane, HISTORY_LENGTH, NodeId, memory};
use hubbub_gateway::config::{Config, Span};
use hubbub_redis::Options;
use tokio::net::TcpListener;

use crate::{http, redis_server::RedisServer};

/// A running node on free ports of its own.
#[derive(Debug)]
pub struct Node(hubbub_gateway::Node);

impl Node {
    /// A node alone, in memory, as it comes.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, configured.
    pub async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::on(memory(HISTORY_LENGTH), configure).await
    }

    /// A node on this backplane. Stopping does not wait for a balancer that is not there.
    pub async fn on(backplane: Backplane, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.drain.delay = Span::seconds(0);
        config.drain.window = Span::seconds(1);
        configure(&mut config);
        let (http, admin) = (free_port().await, free_port().await);
        let address = http.local_addr().expect("it is bound");
        config.node.advertise.get_or_insert_with(|| address.to_string());
        Self(hubbub_gateway::Node::start(&config, backplane, http, admin).await.expect("the node starts"))
    }

    /// A node of this name in the cluster of a Redis, whose lease ends a second after its last beat.
    pub async fn joined(redis: &RedisServer, id: &str, configure: impl FnOnce(&mut Config)) -> Self {
        let id = NodeId::parse(id).expect("a node id");
        let mut options = Options::new(redis.url(), id.clone());
        (options.lease, options.beat) = (Duration::from_millis(1_500), Duration::from_millis(500));
        let backplane = hubbub_redis::connect(options).await.expect("a backplane");
        Self::on(backplane, |config| {
            config.node.id = id;
            config.node.advertise = None;
            configure(config);
        })
        .await
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.0.http_addr()
    }

    /// Where its operators ask.
    pub fn admin(&self) -> SocketAddr {
        self.0.admin_addr()
    }

    /// The whole of `/metrics`.
    pub async fn metrics(&self) -> String {
        http::get(self.0.admin_addr(), "/metrics").await.text()
    }

    /// The status of `/readyz`.
    pub async fn ready(&self) -> u16 {
        http::get(self.0.admin_addr(), "/readyz").await.status
    }

    /// Stops it in order.
    pub async fn drain(self) {
        self.0.drain().await;
    }
}

async fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}
