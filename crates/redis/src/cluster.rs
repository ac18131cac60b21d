//! The nodes of the cluster: where they are, and what they all know.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex as Lock, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use hubbub_core::{BackplaneError, Cluster, ClusterNode, NodeId, Secret};
use tokio::sync::{Mutex, watch};

use crate::{
    Options, Running, keys,
    links::{Failure, Lane},
    listeners::State,
    nodes::{self, Life},
    shards::Shards,
};

/// How long a node's address is fresh, and how long it is believed that there is no such node.
const BELIEVED: Duration = Duration::from_secs(1);
const MISSED: Duration = Duration::from_millis(100);

/// The field of the secret. Nodes' fields have a prefix.
const SECRET: &str = "secret";

/// The cluster, seen from one node.
#[derive(Debug)]
pub(crate) struct RedisCluster {
    directory: Arc<Directory>,
    _running: Arc<Running>,
}

impl RedisCluster {
    pub(crate) fn new(directory: Arc<Directory>, running: Arc<Running>) -> Self {
        Self { directory, _running: running }
    }
}

#[async_trait]
impl Cluster for RedisCluster {
    /// Whatever comes of it, it is said again whenever this node begins a new lease.
    async fn advertise(
        &self,
        node: &NodeId,
        address: Option<String>,
        port: u16,
    ) -> Result<(), BackplaneError> {
        self.directory.advertise(Advert { node: node.clone(), address, port }).await
    }

    /// What was known a second ago, or last while Redis is away.
    async fn address(&self, node: &NodeId) -> Result<Option<String>, BackplaneError> {
        self.directory.address(node).await.map_err(BackplaneError::new)
    }

    async fn secret(&self) -> Result<Secret, BackplaneError> {
        self.directory.secret().await
    }

    async fn nodes(&self) -> Result<Vec<ClusterNode>, BackplaneError> {
        self.directory.alive().await.map_err(BackplaneError::new)
    }

    fn healthy(&self) -> bool {
        self.directory.state.borrow().is_live()
    }
}

/// The hash that all nodes share.
#[derive(Debug)]
pub(crate) struct Directory {
    shards: Arc<Shards>,
    state: watch::Receiver<State>,
    patience: Duration,
    advert: Lock<Option<Advert>>,
    secret: Mutex<Option<Secret>>,
    nodes: Lock<Nodes>,
    /// Whoever asks for a node that is not known.
    reading: Mutex<()>,
    refreshing: AtomicBool,
}

/// Where this node says it is.
#[derive(Debug, Clone)]
struct Advert {
    node: NodeId,
    address: Option<String>,
    port: u16,
}

#[derive(Debug, Default)]
struct Nodes {
    addresses: HashMap<String, String>,
    read: Option<Instant>,
}

impl Nodes {
    /// A node's address, and whether that can be relied on.
    fn look_up(&self, node: &NodeId) -> (Option<String>, bool) {
        let known = self.addresses.get(node.as_str()).cloned();
        let believed = if known.is_some() { BELIEVED } else { MISSED };
        (known, self.read.is_some_and(|read| read.elapsed() < believed))
    }
}

impl Directory {
    pub(crate) fn new(shards: Arc<Shards>, state: watch::Receiver<State>, options: &Options) -> Self {
        let patience = options.response_timeout * 2;
        Self {
            shards,
            state,
            patience,
            advert: Lock::default(),
            secret: Mutex::default(),
            nodes: Lock::default(),
            reading: Mutex::default(),
            refreshing: AtomicBool::new(false),
        }
    }

    async fn advertise(&self, advert: Advert) -> Result<(), BackplaneError> {
        *self.advert.lock().unwrap_or_else(PoisonError::into_inner) = Some(advert);
        self.announce().await
    }

    /// Says again what Redis may have lost: this node's address, and the secret that is in use.
    pub(crate) async fn announce(&self) -> Result<(), BackplaneError> {
        if let Some(secret) = &*self.secret.lock().await {
            self.make_secret(secret).await.map_err(BackplaneError::new)?;
        }
        let advert = self.advert.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(Advert { node, address, port }) = advert else { return Ok(()) };
        let address = match address {
            Some(address) => address,
            None => SocketAddr::new(self.local().await?, port).to_string(),
        };
        self.set(&node, &address).await.map_err(BackplaneError::new)
    }

    async fn local(&self) -> Result<IpAddr, BackplaneError> {
        let mut state = self.state.clone();
        let known = tokio::time::timeout(self.patience, state.wait_for(|state| state.local.is_some())).await;
        let local = known.ok().and_then(Result::ok).and_then(|state| state.local);
        local.ok_or_else(|| {
            BackplaneError::new("no connection to redis that could tell this machine's address")
        })
    }

    async fn set(&self, node: &NodeId, address: &str) -> Result<(), Failure> {
        let make = |_: &_| {
            let mut cmd = redis::cmd("HSET");
            cmd.arg(keys::CLUSTER).arg(field(node.as_str())).arg(address);
            cmd
        };
        self.shards.call(keys::CLUSTER, Lane::Quick, "advertise", make).await
    }

    /// This node is going: nobody should be sent to it.
    pub(crate) async fn resign(&self) {
        let advert = self.advert.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Advert { node, .. }) = advert
            && let Err(error) = self.forget(node.as_str()).await
        {
            tracing::warn!(%error, "could not take this node's address back");
        }
    }

    /// Nobody should be sent to nodes that have no lease. One that is about to have its first says its address after it.
    pub(crate) async fn forget_the_dead(&self) -> Result<(), Failure> {
        let (lives, addresses) = Box::pin(self.look()).await?;
        for node in addresses.into_keys().filter(|node| lives.iter().all(|life| !life.is_of(node))) {
            self.forget(&node).await?;
        }
        Ok(())
    }

    async fn forget(&self, node: &str) -> Result<(), Failure> {
        let make = |_: &_| {
            let mut cmd = redis::cmd("HDEL");
            cmd.arg(keys::CLUSTER).arg(field(node));
            cmd
        };
        self.shards.call(keys::CLUSTER, Lane::Quick, "forget", make).await
    }

    /// What is known is answered at once, however slow Redis is, and read again beside it when it is no longer fresh.
    /// All addresses are read at once, so that asking for nodes that never were costs Redis nothing.
    async fn address(self: &Arc<Self>, node: &NodeId) -> Result<Option<String>, Failure> {
        let (known, is_fresh) = self.nodes().look_up(node);
        if is_fresh || known.is_some() {
            if !is_fresh && !self.refreshing.swap(true, Ordering::Relaxed) {
                tokio::spawn(self.clone().refresh());
            }
            return Ok(known);
        }
        let _one_at_a_time = self.reading.lock().await;
        let (known, is_fresh) = self.nodes().look_up(node);
        if !is_fresh {
            let addresses = self.read().await?;
            *self.nodes() = Nodes { addresses, read: Some(Instant::now()) };
            return Ok(self.nodes().look_up(node).0);
        }
        Ok(known)
    }

    /// Where Redis is away, what is known is believed for another while.
    async fn refresh(self: Arc<Self>) {
        let addresses = self.read().await;
        let mut nodes = self.nodes();
        nodes.read = Some(Instant::now());
        if let Ok(addresses) = addresses {
            nodes.addresses = addresses;
        }
        drop(nodes);
        self.refreshing.store(false, Ordering::Relaxed);
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn alive(&self) -> Result<Vec<ClusterNode>, Failure> {
        let (lives, addresses) = Box::pin(self.look()).await?;
        let nodes = lives.into_iter().map(|life| life.at(&addresses)).collect();
        *self.nodes() = Nodes { addresses, read: Some(Instant::now()) };
        Ok(nodes)
    }

    /// Leases and addresses are in different slots, and read at the same time.
    async fn look(&self) -> Result<(Vec<Life>, HashMap<String, String>), Failure> {
        tokio::try_join!(nodes::lives(&self.shards), self.read())
    }

    async fn read(&self) -> Result<HashMap<String, String>, Failure> {
        let make = |_: &_| {
            let mut cmd = redis::cmd("HGETALL");
            cmd.arg(keys::CLUSTER);
            cmd
        };
        let fields: HashMap<String, Vec<u8>> =
            self.shards.call(keys::CLUSTER, Lane::Long, "addresses", make).await?;
        let addresses = fields.into_iter().filter_map(|(field, address)| {
            Some((field.strip_prefix("node:")?.to_owned(), String::from_utf8(address).ok()?))
        });
        Ok(addresses.collect())
    }

    async fn secret(&self) -> Result<Secret, BackplaneError> {
        let mut secret = self.secret.lock().await;
        if let Some(secret) = &*secret {
            return Ok(secret.clone());
        }
        let made = self.make_secret(&Secret(rand::random())).await.map_err(BackplaneError::new)?;
        Ok(secret.insert(made).clone())
    }

    /// The first one there is everyone's.
    async fn make_secret(&self, mine: &Secret) -> Result<Secret, Failure> {
        let make = |_: &_| {
            let mut pipeline = redis::pipe();
            pipeline.cmd("HSETNX").arg(keys::CLUSTER).arg(SECRET).arg(&mine.0[..]).ignore();
            pipeline.cmd("HGET").arg(keys::CLUSTER).arg(SECRET);
            pipeline
        };
        let (bytes,): (Vec<u8>,) = self.shards.pipeline(keys::CLUSTER, Lane::Quick, "secret", make).await?;
        let strange = (redis::ErrorKind::UnexpectedReturnType, "the cluster's secret is not 32 bytes long");
        bytes.try_into().map(Secret).map_err(|_| Failure::Refused("secret", strange.into()))
    }
}

fn field(node: &str) -> String {
    format!("node:{node}")
}
