//! A node's life: put together, ready, drained, gone.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_core::{Backplane, Buried, Chat, Cluster, Limits, NodeId, Presence, Secret};
use socketioxide::{ParserConfig, SocketIo, SocketIoBuilder};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin::{self, Admin, Readiness},
    config::{Config, Drain, SocketIo as SocketIoConfig},
    connection::Bounds,
    delivery::{Copies, Delivery},
    engine::{Engine, Kick, Listening, Peers, Settings, listen},
    farewell::farewells,
    floor::Floor,
    http, namespaces,
    neighbours::Neighbours,
    rooms::Rooms,
    tokens::Tokens,
};

/// Binary attachments of one event. The chat has no use for any; a few are harmless.
const ATTACHMENTS: usize = 4;
/// What the library reads of a WebSocket at once: the smallest, for memory is what idle connections cost.
const READ_BUFFER: usize = 256;
/// Packets that the library may keep for one client: its own alone, for the chat's go another way.
const LIBRARY_PACKETS: usize = 32;
/// While the backplane is not there, a start or an address is tried again this often.
const AGAIN: Duration = Duration::from_millis(500);
/// Sockets that are closed at once while draining.
const DRAIN_STEPS: u32 = 100;
/// Sessions that have not ended by then end with the process.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A running node.
#[derive(Debug)]
pub struct Node {
    http: SocketAddr,
    admin: SocketAddr,
    engine: Arc<Engine>,
    floor: Arc<Floor>,
    presence: Arc<dyn Presence>,
    readiness: Arc<Readiness>,
    listening: Listening,
    drain: Drain,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Node {
    /// Starts serving on both listeners. Clients are served at once, and `/readyz` says so as soon as the backplane
    /// is there.
    pub async fn start(
        config: &Config,
        backplane: Backplane,
        http: TcpListener,
        admin: TcpListener,
    ) -> io::Result<Self> {
        let Backplane { broker, presence, cluster, inbox } = backplane;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let seats = Arc::new(Semaphore::new(config.http.max_connections));
        let readiness = Arc::new(Readiness::new(seats.clone(), cluster.clone(), *config.redis.ready_grace));
        let (http_address, admin_address) = (http.local_addr()?, admin.local_addr()?);
        let node = config.node.id.clone();
        let known = Admin::new(readiness.clone(), node.clone(), cluster.clone(), presence.clone());
        tasks.spawn(admin::serve(admin, known, stop.clone()));

        let secret = secret(config, &cluster).await;
        let rooms = Arc::new(Rooms::default());
        let (delivery, lists) = Delivery::new(rooms.clone(), presence.clone());
        let limits = limits(config);
        let floor = Arc::new(Floor {
            node: node.clone(),
            text_limit: limits.text,
            room_limit: limits.rooms,
            holding: Bounds { words: config.limits.held, time: *config.limits.patience },
            chat: Chat::new(broker, presence.clone(), Arc::new(Copies(lists.clone())), limits),
            rooms,
            lists,
            tokens: Tokens::new(secret.clone()),
            sessions: TaskTracker::new(),
        });
        let (service, io) = socketio(&config.socketio).build_svc();
        namespaces::open(&io, &floor);
        let peers = Peers::new(cluster.clone(), secret);
        let engine = Engine::new(service, node.clone(), peers, settings(config));
        let listening = listen(http, engine.clone(), http::router(config), seats);

        tasks.spawn(delivery.run(inbox, stop.clone()));
        let neighbours = Neighbours::new(node.clone(), cluster.clone());
        tasks.spawn(beat(presence.clone(), neighbours, readiness.clone(), stop.clone()));
        let address = Address { node, advertise: config.node.advertise.clone(), port: http_address.port() };
        tasks.spawn(advertise(cluster, address, readiness.clone(), stop.clone()));
        Ok(Self {
            http: http_address,
            admin: admin_address,
            engine,
            floor,
            presence,
            readiness,
            listening,
            drain: config.drain.clone(),
            tasks,
            stop,
        })
    }

    /// Where clients connect.
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where `/readyz` and `/metrics` are.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin
    }

    /// Stops in order: not ready, a while for the balancer to see it, clients sent elsewhere a few at a time, presence
    /// given back. When it returns nothing of the node is left.
    pub async fn drain(self) {
        self.readiness.draining();
        tokio::time::sleep(*self.drain.delay).await;
        self.engine.drain();
        self.send_away(*self.drain.window).await;
        self.listening.stop();
        self.floor.sessions.close();
        if tokio::time::timeout(LAST_WORDS, self.floor.sessions.wait()).await.is_err() {
            tracing::warn!("sessions were still ending");
        }
        if let Err(error) = self.presence.resign().await {
            tracing::warn!(%error, "could not give the lease back; other nodes bury it");
        }
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if tokio::time::timeout(LAST_WORDS, self.listening.ended()).await.is_err() {
            tracing::warn!("connections were still ending");
        }
    }

    /// Closes every transport, spread over the window. Clients take a lost transport for a reason to come back.
    async fn send_away(&self, window: Duration) {
        let step = self.engine.links().len().div_ceil(DRAIN_STEPS as usize).max(1);
        let mut leaving = JoinSet::new();
        loop {
            let links: Vec<_> = self.engine.links().into_iter().filter(|link| !link.is_leaving()).collect();
            for link in links.iter().take(step) {
                leaving.spawn(link.see_off(Kick::Drain));
            }
            if links.len() <= step {
                break;
            }
            tokio::time::sleep(window / DRAIN_STEPS).await;
        }
        leaving.join_all().await;
    }
}

/// The cluster's secret: configured, or the one that all nodes share through the backplane. Waits for it.
async fn secret(config: &Config, cluster: &Arc<dyn Cluster>) -> Secret {
    if let Some(secret) = &config.node.secret {
        return secret.derive();
    }
    let mut waiting = false;
    loop {
        match cluster.secret().await {
            Ok(secret) => return secret,
            Err(error) if !std::mem::replace(&mut waiting, true) => {
                tracing::warn!(%error, "not ready: waiting for the backplane");
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        text: config.limits.text.0,
        rooms: config.limits.rooms,
        grace: *config.presence.grace,
        tutorial_grace: *config.presence.tutorial_grace,
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        outbox: config.socketio.outbox.0,
        outbox_age: *config.socketio.outbox_age,
        max_payload: config.socketio.max_payload.0,
        ping_interval: *config.socketio.ping_interval,
        silence: *config.socketio.ping_interval + *config.socketio.ping_timeout,
        farewells: farewells(),
        sessions: config.http.max_connections,
        origins: config.security.origins.clone(),
    }
}

fn socketio(config: &SocketIoConfig) -> SocketIoBuilder {
    let largest = config.max_payload.0;
    SocketIo::builder()
        .ping_interval(*config.ping_interval)
        .ping_timeout(*config.ping_timeout)
        .connect_timeout(*config.connect_timeout)
        .max_payload(largest as u64)
        .ws_max_message_size(largest)
        .ws_max_frame_size(largest)
        .ws_read_buffer_size(READ_BUFFER)
        .max_buffer_size(LIBRARY_PACKETS)
        .with_parser(
            ParserConfig::common().max_incoming_binaries(ATTACHMENTS).max_incoming_binary_buf_size(largest),
        )
}

/// Keeps this node's lease, and an eye on the backplane and on the other nodes.
async fn beat(
    presence: Arc<dyn Presence>,
    mut neighbours: Neighbours,
    readiness: Arc<Readiness>,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(presence.beat());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        readiness.observe(Instant::now());
        match presence.heartbeat().await {
            Ok(buried) => {
                buried.iter().filter(|buried| buried.users > 0).for_each(tell_buried);
                neighbours.look().await;
            }
            Err(error) => tracing::warn!(%error, "could not keep the lease"),
        }
    }
}

fn tell_buried(buried: &Buried) {
    tracing::info!(incarnation = %buried.incarnation, users = buried.users, "announced that a dead node's people left");
}

/// What other nodes know of this one.
#[derive(Debug)]
struct Address {
    node: NodeId,
    advertise: Option<String>,
    port: u16,
}

/// Makes this node's address known, and keeps it known. Once it is, the node is ready for its first session.
async fn advertise(
    cluster: Arc<dyn Cluster>,
    address: Address,
    readiness: Arc<Readiness>,
    stop: CancellationToken,
) {
    loop {
        let known = cluster.advertise(&address.node, address.advertise.clone(), address.port).await;
        let pause = if known.is_ok() { REFRESH } else { AGAIN };
        match known {
            Ok(()) => readiness.started(),
            Err(error) => tracing::warn!(%error, "could not make this node's address known"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// An address that the store lost is back within this.
const REFRESH: Duration = Duration::from_secs(10);
