//! A gateway node inside the test's own process.

use std::net::SocketAddr;

use hubbub_core::{Backplane, memory};
use hubbub_gateway::config::{Config, Span};
use tokio::net::TcpListener;

use crate::http;

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
        Self::on(memory(), configure).await
    }

    /// A node on this backplane. Stopping does not wait for a balancer that is not there.
    pub async fn on(backplane: Backplane, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.drain.delay = Span::seconds(0);
        config.drain.window = Span::seconds(1);
        configure(&mut config);
        let (http, admin) = (free_port().await, free_port().await);
        Self(hubbub_gateway::Node::start(&config, backplane, http, admin).await.expect("the node starts"))
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.0.http_addr()
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
