//! How this side ends a client's connection, and the last that the client hears.

use std::{
    future::poll_fn,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::timeout;

use crate::metrics;

use super::{
    link::{Kick, Link},
    marker::Namespace,
    outbox::Flow,
};

/// How long a client has to take its farewell.
const PATIENCE: Duration = Duration::from_secs(1);

/// Finished frames of the namespace that has a word for it.
#[derive(Debug, Clone)]
pub(crate) struct Farewells {
    pub(crate) namespace: Namespace,
    pub(crate) slow: Bytes,
    pub(crate) drain: Bytes,
}

impl Farewells {
    /// What is said when a connection ends for this reason; `None`: nothing is.
    pub(super) fn of(&self, kick: Kick) -> Option<&Bytes> {
        match kick {
            Kick::Slow => Some(&self.slow),
            Kick::Drain => Some(&self.drain),
            Kick::Flood => None,
        }
    }
}

impl Link {
    /// Ends the connection from this side: the client sees a lost transport and comes back by itself. It hears why where
    /// that can be said at once, or by its next poll.
    pub(crate) fn kick(self: &Arc<Self>, kick: Kick) {
        let farewell = self.farewell(kick);
        if self.on_websocket() || self.is_leaving() || farewell.is_none() {
            return self.end(kick, farewell);
        }
        let dropped = self.lock().clear();
        metrics::dropped(kick.as_str(), dropped);
        tokio::spawn(self.see_off(kick));
    }

    /// The same, but not before the client has taken its farewell and all that waits before it, or a second has
    /// passed. From now on nothing else is said to it.
    pub(crate) fn see_off(self: &Arc<Self>, kick: Kick) -> impl Future<Output = ()> + use<> {
        self.leaving.store(true, Ordering::Relaxed);
        self.lock().kicked.get_or_insert(kick);
        let told = self.farewell(kick).is_some_and(|(namespace, frames)| self.put(namespace, frames).is_ok());
        let link = self.clone();
        async move {
            if told {
                let empty = poll_fn(|cx| link.lock().poll_empty(cx));
                let _taken_or_not = timeout(PATIENCE, empty).await;
            }
            link.end(kick, None);
        }
    }

    /// What this client is told at its end, if its vocabulary has a word for it.
    fn farewell(&self, kick: Kick) -> Option<(Namespace, Bytes)> {
        let engine = self.engine.upgrade()?;
        let Farewells { namespace, .. } = engine.settings.farewells;
        let frames = engine.settings.farewells.of(kick)?.clone();
        self.lock().is_connected(namespace).then_some((namespace, frames))
    }

    fn end(&self, kick: Kick, farewell: Option<(Namespace, Bytes)>) {
        let mut out = self.lock();
        if out.flow == Flow::Over {
            return;
        }
        let (between, dropped) = (out.is_between(), out.clear());
        out.kicked.get_or_insert(kick);
        if let (true, Some((_, frames))) = (between, farewell) {
            // All of it, a part or nothing: there is no later.
            let _written = self.try_write(&frames);
        }
        out.end();
        drop(out);
        metrics::dropped(kick.as_str(), dropped);
        self.shut_down();
    }

    /// Whether it is over, or will be as soon as its client has taken its farewell.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed) || self.is_over()
    }
}
