//! The last that a client hears before this side ends its connection.

use bytes::Bytes;

use super::{link::Kick, outbox::Namespace};

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
