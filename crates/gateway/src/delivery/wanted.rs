//! What sessions ask the delivery task for: who is in a room, in step with what it tells them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use hubbub_core::{BackplaneError, Page, PageOf, RoomId, Rosters};
use hubbub_dialects::Dialect;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::peer::Peer;

/// Requests that may wait; a full queue holds the asking session's task back.
pub(super) const REQUESTS: usize = 1_024;
/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// A change that was announced to a session is heard by its node within this, or the room is read.
const LATE: Duration = Duration::from_millis(200);

/// One request.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(super) room: RoomId,
    /// The version of the room's people that the asking session knows of.
    pub(super) since: u64,
    pub(super) what: What,
    asked: Instant,
}

#[derive(Debug)]
pub(super) enum What {
    /// The whole list, as the dialect has it, for this one.
    List(&'static dyn Dialect, Arc<Peer>),
    Page(PageOf, oneshot::Sender<Page>),
}

impl Wanted {
    /// The room's list for one socket, once it shows this version.
    pub(crate) fn list(room: RoomId, since: u64, dialect: &'static dyn Dialect, peer: Arc<Peer>) -> Self {
        Self { room, since, what: What::List(dialect, peer), asked: Instant::now() }
    }

    /// A page, and where it will be.
    pub(super) fn page(wanted: PageOf) -> (Self, oneshot::Receiver<Page>) {
        let (reply, page) = oneshot::channel();
        let (room, since) = (wanted.room.clone(), wanted.since);
        (Self { room, since, what: What::Page(wanted, reply), asked: Instant::now() }, page)
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.what, What::List(..))
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(&self.what, What::Page(_, reply) if reply.is_closed())
    }

    /// When the room is to be read for it.
    pub(super) fn late(&self) -> Instant {
        self.asked + LATE
    }
}

/// The way to ask for pages.
#[derive(Debug)]
pub(crate) struct Copies(pub(crate) mpsc::Sender<Wanted>);

#[async_trait]
impl Rosters for Copies {
    async fn page(&self, wanted: PageOf) -> Result<Page, BackplaneError> {
        let (request, page) = Wanted::page(wanted);
        self.0.send(request).await.map_err(BackplaneError::new)?;
        timeout(PATIENCE, page).await.map_err(BackplaneError::new)?.map_err(BackplaneError::new)
    }
}
