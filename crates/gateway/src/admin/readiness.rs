//! Whether the node takes new sessions.
//!
//! A balancer that reads 404 sends no new sessions and leaves those that are here; one that reads 503 takes them away.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use http::StatusCode;
use hubbub_core::Cluster;
use tokio::sync::Semaphore;

use crate::metrics;

/// What a node says about itself, and what it sees of the backplane.
#[derive(Debug)]
pub(crate) struct Readiness {
    started: AtomicBool,
    draining: AtomicBool,
    seats: Arc<Semaphore>,
    cluster: Arc<dyn Cluster>,
    grace: Duration,
    gone_since: Mutex<Option<Instant>>,
}

impl Readiness {
    /// Not started yet. Full when every one of the `seats` for connections is taken. The backplane may be gone for
    /// `grace` before that counts.
    pub(crate) fn new(seats: Arc<Semaphore>, cluster: Arc<dyn Cluster>, grace: Duration) -> Self {
        Self {
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            seats,
            cluster,
            grace,
            gone_since: Mutex::new(None),
        }
    }

    /// Everything is there that the first session needs.
    pub(crate) fn started(&self) {
        self.started.store(true, Relaxed);
    }

    /// The node is about to stop; there is no way back.
    pub(crate) fn draining(&self) {
        self.draining.store(true, Relaxed);
    }

    /// The answer. An outage of the backplane counts from the first look that finds it: this must be asked regularly,
    /// as balancers and [`Self::observe`] do.
    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        Facts {
            started: self.started.load(Relaxed),
            draining: self.draining.load(Relaxed),
            full: self.seats.available_permits() == 0,
            outage: self.observe(now),
            grace: self.grace,
        }
        .verdict()
    }

    /// Looks at the backplane, and says for how long it has been gone.
    pub(crate) fn observe(&self, now: Instant) -> Option<Duration> {
        let mut gone_since = self.gone_since.lock().unwrap_or_else(PoisonError::into_inner);
        if self.cluster.healthy() {
            *gone_since = None;
            return None;
        }
        let since = *gone_since.get_or_insert(now);
        Some(now.saturating_duration_since(since))
    }

    /// Puts what it finds into the metrics.
    pub(super) fn measure(&self, now: Instant) {
        let ready = self.verdict(now) == Verdict::Ready;
        metrics::health(ready, self.draining.load(Relaxed), self.cluster.healthy());
    }
}

/// All that matters for the answer.
#[derive(Debug, Clone, Copy)]
struct Facts {
    started: bool,
    draining: bool,
    full: bool,
    outage: Option<Duration>,
    grace: Duration,
}

/// Whether the node takes new sessions, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ready,
    Draining,
    Starting,
    Cut,
    Full,
}

impl Facts {
    fn verdict(self) -> Verdict {
        if self.draining {
            Verdict::Draining
        } else if !self.started {
            Verdict::Starting
        } else if self.outage.is_some_and(|outage| outage >= self.grace) {
            Verdict::Cut
        } else if self.full {
            Verdict::Full
        } else {
            Verdict::Ready
        }
    }
}

impl Verdict {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Ready => StatusCode::OK,
            Self::Draining | Self::Cut => StatusCode::NOT_FOUND,
            Self::Starting | Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Ready => "ready\n",
            Self::Draining => "draining\n",
            Self::Starting => "starting\n",
            Self::Cut => "the backplane is gone\n",
            Self::Full => "full\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use hubbub_core::{BackplaneError, ClusterNode, NodeId, Secret};

    use super::*;

    const READY: Facts =
        Facts { started: true, draining: false, full: false, outage: None, grace: Duration::from_secs(30) };

    #[test]
    fn a_started_node_with_room_is_ready() {
        assert_eq!(READY.verdict().status(), StatusCode::OK);
        assert_eq!(Facts { started: false, ..READY }.verdict().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(Facts { full: true, ..READY }.verdict().status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn a_draining_node_keeps_its_sessions_whatever_else_is_the_matter() {
        let draining =
            Facts { started: false, draining: true, full: true, outage: Some(Duration::MAX), ..READY };
        assert_eq!(draining.verdict().status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn an_outage_counts_after_its_grace_and_sessions_stay() {
        let gone = |seconds| Facts { outage: Some(Duration::from_secs(seconds)), ..READY };
        assert_eq!(gone(29).verdict(), Verdict::Ready);
        assert_eq!(gone(30).verdict().status(), StatusCode::NOT_FOUND);
        assert_eq!(Facts { full: true, ..gone(30) }.verdict(), Verdict::Cut);
    }

    #[test]
    fn an_outage_ends_when_the_backplane_is_back() {
        let cluster = Arc::new(Flickering::default());
        let readiness = Readiness::new(Arc::new(Semaphore::new(1)), cluster.clone(), Duration::from_secs(30));
        readiness.started();
        let begin = Instant::now();
        let after = |seconds| readiness.verdict(begin + Duration::from_secs(seconds));
        assert_eq!((after(0), after(29), after(30)), (Verdict::Ready, Verdict::Ready, Verdict::Cut));
        cluster.0.store(true, Relaxed);
        assert_eq!(after(40), Verdict::Ready);
        cluster.0.store(false, Relaxed);
        assert_eq!((after(50), after(79), after(80)), (Verdict::Ready, Verdict::Ready, Verdict::Cut));
    }

    #[derive(Debug, Default)]
    struct Flickering(AtomicBool);

    #[async_trait]
    impl Cluster for Flickering {
        async fn advertise(&self, _: &NodeId, _: Option<String>, _: u16) -> Result<(), BackplaneError> {
            Ok(())
        }

        async fn address(&self, _: &NodeId) -> Result<Option<String>, BackplaneError> {
            Ok(None)
        }

        async fn secret(&self) -> Result<Secret, BackplaneError> {
            Ok(Secret([0; 32]))
        }

        async fn nodes(&self) -> Result<Vec<ClusterNode>, BackplaneError> {
            Ok(Vec::new())
        }

        fn healthy(&self) -> bool {
            self.0.load(Relaxed)
        }
    }
}
