//! Who is where, held by leases, one for each partition.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use hubbub_core::{Arrival, BackplaneError, Buried, Claim, Departure, Exit, Occupancy, Presence, RoomId};

use crate::{
    Options, Running, cluster::Directory, keys::Partitions, metrics, pairs::Pairs, shards::Shards,
    tenure::Tenure,
};

/// The presence of one node.
#[derive(Debug)]
pub(crate) struct RedisPresence {
    partitions: Partitions,
    tenures: Vec<Tenure>,
    directory: Arc<Directory>,
    beat: Duration,
    _running: Arc<Running>,
}

impl RedisPresence {
    pub(crate) fn new(
        shards: &Arc<Shards>,
        directory: Arc<Directory>,
        options: &Options,
        running: Arc<Running>,
    ) -> Self {
        let (partitions, pairs) = (shards.partitions(), Arc::new(Pairs::default()));
        let tenure =
            |partition| Tenure::new(shards.clone(), directory.clone(), pairs.clone(), partition, options);
        Self {
            partitions,
            tenures: partitions.all().map(tenure).collect(),
            beat: options.beat.min(options.lease / 3),
            directory,
            _running: running,
        }
    }

    fn tenure(&self, room: &RoomId) -> &Tenure {
        &self.tenures[self.partitions.of(room).index()]
    }
}

#[async_trait]
impl Presence for RedisPresence {
    async fn enter(&self, claim: Claim) -> Result<Arrival, BackplaneError> {
        self.tenure(&claim.room).enter(claim).await
    }

    async fn leave(&self, exit: Exit) -> Result<Departure, BackplaneError> {
        Ok(self.tenure(&exit.room).leave(exit).await)
    }

    async fn occupants(&self, room: &RoomId) -> Result<Occupancy, BackplaneError> {
        self.tenure(room).occupants(room).await.map_err(BackplaneError::new)
    }

    fn people(&self) -> usize {
        self.tenures.iter().map(Tenure::people).sum()
    }

    /// All partitions at once, so that one whose shard is away takes no time from the others'.
    async fn heartbeat(&self) -> Result<Vec<Buried>, BackplaneError> {
        let people = self.people();
        let beats = join_all(self.tenures.iter().map(|tenure| tenure.heartbeat(people))).await;
        metrics::lease_age(self.tenures.iter().map(Tenure::age).max().unwrap_or_default());
        Ok(beats.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Half the time between renewals: the dead are looked for more often than the lease is renewed.
    fn beat(&self) -> Duration {
        self.beat / 2
    }

    async fn resign(&self) -> Result<(), BackplaneError> {
        self.directory.resign().await;
        let resigned = join_all(self.tenures.iter().map(Tenure::resign)).await;
        resigned.into_iter().collect::<Result<(), _>>().map_err(BackplaneError::new)
    }
}
