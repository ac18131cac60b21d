//! What waits for one client, until its transport takes it.
//!
//! Everything that the chat says goes through here as finished WebSocket frames; only the handshake, heartbeats
//! and a marker go through socketioxide. The marker is a private packet that this side emits through socketioxide and
//! takes out again before the client sees it. Where it comes by, the outbox may flow: behind the CONNECT of its
//! namespace, and on the transport that carries the session now.
//!
//! ```text
//!  push ──► waiting (until the namespace's marker came by) ──► queue ─┬─► lane: between two frames of the library
//!                                                                     └─► poll: in place of the marker in an answer
//! ```

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    task::Waker,
};

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

use super::{
    frames::{Follower, payloads},
    link::Kick,
};

/// The event's name in the marker packet. Clients never see it; one that sends it says nothing.
pub(crate) const MARKER: &str = "~";

/// A namespace's place in [`hubbub_dialects::NAMESPACES`].
pub(crate) type Namespace = u8;

/// Emits the marker in its namespace, by way of socketioxide. `false`: that namespace is gone.
pub(crate) trait Marker: Send + Sync {
    fn emit(&self) -> bool;
}

/// What waits for the client, and how far the transport is.
pub(super) struct Outbox {
    /// Frames that may go, and their bytes together with the waiting ones'.
    pub(super) queue: VecDeque<Bytes>,
    queued: usize,
    /// Namespaces whose marker has not come by, with what is said to them meanwhile.
    waiting: SmallVec<[(Namespace, Vec<Bytes>); 1]>,
    /// Who can emit the marker: the namespaces that are connected.
    markers: SmallVec<[(Namespace, Weak<dyn Marker>); 1]>,
    /// Markers that are on their way.
    pub(super) underway: u8,
    pub(super) flow: Flow,
    pub(super) ping: Ping,
    /// A task waits for the socket, to write the queue out.
    pub(super) draining: bool,
    pub(super) kicked: Option<Kick>,
    /// Where the library stands in the frame that it writes.
    pub(super) written: Follower,
    /// Wakes the library's reader, for a pong or because it is no longer paused.
    pub(super) reader: Option<Waker>,
}

/// How far the WebSocket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// There is none, or no marker came by on it yet.
    Held,
    /// Frames may go between the library's.
    Open,
    /// Nothing goes any more, by any transport.
    Over,
}

/// The first ping, which the library sends at once. Clients of protocol 4 expect it after an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ping {
    /// It is still to come, and to be swallowed.
    Early,
    /// It was swallowed; its pong is still to be fed to the library.
    Unanswered,
    /// All others are the client's own affair.
    Usual,
}

impl Outbox {
    pub(super) fn new(ping: Ping) -> Self {
        Self {
            queue: VecDeque::new(),
            queued: 0,
            waiting: SmallVec::new(),
            markers: SmallVec::new(),
            underway: 0,
            flow: Flow::Held,
            ping,
            draining: false,
            kicked: None,
            written: Follower::default(),
            reader: None,
        }
    }

    /// A namespace is connected: what is said to it waits for its marker, which this emits.
    pub(super) fn connect(&mut self, namespace: Namespace, marker: &Arc<dyn Marker>) {
        self.disconnect(namespace);
        self.waiting.push((namespace, Vec::new()));
        self.markers.push((namespace, Arc::downgrade(marker)));
        self.underway = self.underway.saturating_add(u8::from(marker.emit()));
    }

    /// A namespace is gone, and what waited for it.
    pub(super) fn disconnect(&mut self, namespace: Namespace) {
        self.markers.retain(|(known, _)| *known != namespace);
        self.unwait(namespace);
    }

    /// Keeps the frames until the namespace's marker comes by, if it has not yet.
    pub(super) fn wait(&mut self, namespace: Namespace, frames: &Bytes) -> bool {
        let Some((_, waiting)) = self.waiting.iter_mut().find(|(waits, _)| *waits == namespace) else {
            return false;
        };
        waiting.push(frames.clone());
        self.queued += frames.len();
        if self.underway == 0 {
            self.signal_in(namespace);
        }
        true
    }

    /// Lines the frames up.
    pub(super) fn queue(&mut self, frames: Bytes) {
        self.queued += frames.len();
        self.queue.push_back(frames);
    }

    /// All bytes that it keeps.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Has a marker emitted, unless one is on its way: frames go where it comes by.
    pub(super) fn signal(&mut self) {
        if self.underway == 0 {
            let mut markers = self.markers.iter().rev().filter_map(|(_, marker)| marker.upgrade());
            self.underway = u8::from(markers.any(|marker| marker.emit()));
        }
    }

    /// The same in this namespace, whose first marker found no way.
    fn signal_in(&mut self, namespace: Namespace) {
        let marker = self.markers.iter().find(|(known, _)| *known == namespace);
        let emitted = marker.and_then(|(_, marker)| marker.upgrade()).is_some_and(|marker| marker.emit());
        self.underway = u8::from(emitted);
    }

    /// A marker came by: what waited for its namespace may go.
    pub(super) fn passed(&mut self, namespace: Namespace) {
        self.underway = self.underway.saturating_sub(1);
        let frames = self.unwait(namespace);
        self.queued += frames.iter().map(Bytes::len).sum::<usize>();
        self.queue.extend(frames);
    }

    fn unwait(&mut self, namespace: Namespace) -> Vec<Bytes> {
        let Some(at) = self.waiting.iter().position(|(waits, _)| *waits == namespace) else {
            return Vec::new();
        };
        let (_, frames) = self.waiting.remove(at);
        self.queued -= frames.iter().map(Bytes::len).sum::<usize>();
        frames
    }

    /// Takes packets off the queue, as polling carries them: without the WebSocket's framing.
    pub(super) fn take(&mut self, budget: usize, packets: &mut Vec<Bytes>) {
        let mut taken = 0;
        while taken < budget {
            let Some(frames) = self.queue.pop_front() else { break };
            self.queued -= frames.len();
            taken += frames.len();
            packets.extend(payloads(&frames).map(|payload| frames.slice_ref(payload)));
        }
    }

    /// These bytes of the first frames are out.
    pub(super) fn sent(&mut self, mut bytes: usize) {
        self.queued -= bytes;
        while let Some(first) = self.queue.front_mut() {
            if bytes < first.len() {
                first.advance(bytes);
                return;
            }
            bytes -= first.len();
            self.queue.pop_front();
        }
        self.queue = VecDeque::new();
    }

    /// Drops everything, and says how many pushes that was.
    pub(super) fn clear(&mut self) -> usize {
        let dropped = self.queue.len() + self.waiting.iter().map(|(_, frames)| frames.len()).sum::<usize>();
        (self.queue, self.waiting, self.queued) = (VecDeque::new(), SmallVec::new(), 0);
        dropped
    }
}

/// The namespace whose marker this Engine.IO packet is.
pub(super) fn marker_of(packet: &str) -> Option<Namespace> {
    let namespace = packet.strip_prefix("42")?.strip_suffix("[\"~\"]")?;
    let namespace = namespace.strip_suffix(',').unwrap_or("/");
    let at = hubbub_dialects::NAMESPACES.iter().position(|known| *known == namespace)?;
    Namespace::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_known_in_every_namespace_and_nothing_else_is_one() {
        assert_eq!(marker_of("42[\"~\"]"), Some(0));
        assert_eq!(marker_of("42/iss,[\"~\"]"), Some(2));
        assert_eq!(marker_of("42/nowhere,[\"~\"]"), None);
        assert_eq!(marker_of("42[\"message\",\"~\"]"), None);
    }
}
