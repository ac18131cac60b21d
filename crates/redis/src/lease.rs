//! A node's lease on a partition of presence: the right to hold people, by Redis's own clock.
//!
//! An incarnation, `node#epoch`, is one unbroken lease. When it ends (the node was paused or cut off for too long, or
//! Redis lost its data) everything it held is announced as gone by whoever notices, and the node begins a new one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hubbub_core::{Buried, Millis, NodeId};

use crate::{
    Options,
    keys::Partition,
    links::{Failure, Lane, Link},
    logs::millis,
    metrics, script,
    shards::Shards,
};

/// Pairs that one call buries: a few milliseconds of Redis.
const PAIRS: usize = 150;

/// Calls in a row, so that a heartbeat ends. The next one goes on.
const CALLS: usize = 64;

/// What a node asks of Redis about its own and others' leases.
#[derive(Debug)]
pub(crate) struct Leases {
    shards: Arc<Shards>,
    partition: Partition,
    node: NodeId,
    lease: Millis,
    process: Mutex<Process>,
}

/// The Redis process that was asked last.
#[derive(Debug, Default)]
struct Process {
    run: Option<Arc<str>>,
    has_changed: bool,
}

/// How a piece of burying went.
#[derive(Debug)]
pub(crate) struct Burial {
    pub(crate) buried: Buried,
    is_more: bool,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    Incarnation,
    Node,
}

impl Burial {
    /// Whether the node is gone for good with it.
    pub(crate) fn is_a_nodes(&self) -> bool {
        self.end == End::Node
    }
}

impl Leases {
    pub(crate) fn new(shards: Arc<Shards>, partition: Partition, options: &Options) -> Self {
        Self {
            shards,
            partition,
            node: options.node.clone(),
            lease: millis(options.lease),
            process: Mutex::default(),
        }
    }

    /// Begins a new incarnation, and fences the node's earlier ones.
    pub(crate) async fn register(&self) -> Result<String, Failure> {
        let p = self.partition;
        let keys = [p.meta(), p.nodes(), p.dead(), p.about()];
        let call = |link: &Link| {
            self.see(link);
            let mut cmd = script::REGISTER.on(&keys);
            cmd.arg(self.node.as_str()).arg(self.lease);
            cmd
        };
        self.shards.call(&keys[0], Lane::Quick, script::REGISTER.name, call).await
    }

    /// Prolongs the lease, or says that it is gone. How many people the node has is told once, on the first partition.
    pub(crate) async fn renew(&self, incarnation: &str, people: usize) -> Result<bool, Failure> {
        let p = self.partition;
        let keys = [p.meta(), p.nodes(), p.about()];
        let people = if p.is_first() { people.to_string() } else { String::new() };
        let call = |link: &Link| {
            self.see(link);
            let mut cmd = script::RENEW.on(&keys);
            cmd.arg(incarnation).arg(self.lease).arg(&people);
            cmd
        };
        self.shards.call(&keys[0], Lane::Quick, script::RENEW.name, call).await
    }

    /// Whether the lease is with another Redis process than when this was asked last.
    pub(crate) fn is_elsewhere(&self) -> bool {
        std::mem::take(&mut self.process().has_changed)
    }

    fn see(&self, link: &Link) {
        let mut process = self.process();
        let before = process.run.replace(link.run.clone());
        process.has_changed |= before.is_some_and(|before| before != link.run);
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Buries whoever is dead, and announces the leaves whose time has come.
    pub(crate) async fn bury(&self) -> Result<Vec<Burial>, Failure> {
        let mut burials: Vec<Burial> = Vec::new();
        for _ in 0..CALLS {
            let next = self.bury_some("").await?;
            let is_more = next.is_more;
            match burials.iter_mut().find(|burial| burial.buried.incarnation == next.buried.incarnation) {
                Some(burial) => {
                    burial.buried.users += next.buried.users;
                    burial.end = next.end;
                }
                None => burials.push(next),
            }
            if !is_more {
                break;
            }
        }
        Ok(burials)
    }

    /// Gives up an incarnation, and announces everyone it holds as gone.
    pub(crate) async fn resign(&self, incarnation: &str) -> Result<(), Failure> {
        while self.bury_some(incarnation).await?.end == End::NotYet {}
        Ok(())
    }

    async fn bury_some(&self, resigning: &str) -> Result<Burial, Failure> {
        let p = self.partition;
        let keys = [p.meta(), p.nodes(), p.dead(), p.grace()];
        let call = |_: &_| {
            let mut cmd = script::BURY.on(&keys);
            cmd.arg(p.prefix()).arg(self.lease).arg(PAIRS).arg(resigning).arg(self.shards.say);
            cmd
        };
        let (incarnation, users, is_more, end): (String, usize, bool, u8) =
            self.shards.call(&keys[0], Lane::Quick, script::BURY.name, call).await?;
        metrics::buried_users(users as u64);
        let end = match end {
            0 => End::NotYet,
            1 => End::Incarnation,
            _ => End::Node,
        };
        Ok(Burial { buried: Buried { incarnation, users }, is_more, end })
    }
}
