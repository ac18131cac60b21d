//! Says things to rooms through Redis, and reads their logs.

use std::{sync::Arc, time::Duration};

use crate::{Options, Running, keys::Log, logs::Logs, rooms::Rooms, shards::Shards, wire};
use async_trait::async_trait;
use hubbub_core::{
    BackplaneError, Broker, Draft, Hint, History, Position, Receipt, Recent, Revised, Revision, RoomId,
    SessionId, Side, Subscription,
};

/// The broker of one node.
#[derive(Debug)]
pub(crate) struct RedisBroker {
    logs: Logs,
    shards: Arc<Shards>,
    rooms: Arc<Rooms>,
    /// How long a subscription may take.
    patience: Duration,
    _running: Arc<Running>,
}

impl RedisBroker {
    pub(crate) fn new(
        logs: Logs,
        shards: Arc<Shards>,
        rooms: Arc<Rooms>,
        options: &Options,
        running: Arc<Running>,
    ) -> Self {
        Self { logs, shards, rooms, patience: options.response_timeout * 2, _running: running }
    }
}

#[async_trait]
impl Broker for RedisBroker {
    async fn publish(&self, draft: Draft) -> Result<Receipt, BackplaneError> {
        self.logs.publish(&draft).await.map_err(BackplaneError::new)
    }

    async fn revise(&self, revision: Revision) -> Result<Revised, BackplaneError> {
        self.logs.revise(&revision).await.map_err(BackplaneError::new)
    }

    async fn hint(&self, room: &RoomId, hint: Hint, origin: SessionId) -> Result<(), BackplaneError> {
        let channel = Log(room).channel();
        let mut cmd = redis::cmd(self.shards.say);
        cmd.arg(&channel).arg(wire::hint(&hint, origin));
        let _nodes: u64 = self.shards.once(&channel, "hint", cmd).await.map_err(BackplaneError::new)?;
        Ok(())
    }

    async fn subscribe(&self, room: &RoomId) -> Result<Subscription, BackplaneError> {
        let (subscription, ready) = self.rooms.listen(room);
        let Some(ready) = ready else { return Ok(subscription) };
        match tokio::time::timeout(self.patience, ready).await {
            Ok(Ok(())) => Ok(subscription),
            _ => Err(BackplaneError::new("redis did not confirm a subscription in time")),
        }
    }

    async fn read_on(
        &self,
        room: &RoomId,
        since: Position,
        limit: usize,
    ) -> Result<Option<Recent>, BackplaneError> {
        let suffix = self.logs.suffix(room, since, limit.max(1)).await.map_err(BackplaneError::new)?;
        Ok(suffix.without_a_hole(since))
    }

    async fn recent(&self, room: &RoomId, limit: usize) -> Result<Recent, BackplaneError> {
        self.logs.recent(room, limit).await.map_err(BackplaneError::new)
    }

    async fn history(
        &self,
        room: &RoomId,
        side: Side,
        limit: usize,
    ) -> Result<Option<History>, BackplaneError> {
        self.logs.history(room, side, limit).await.map_err(BackplaneError::new)
    }
}
