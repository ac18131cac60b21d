//! One client's engine session: its outbox, and the transport that empties it.
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
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak, atomic::AtomicBool, atomic::Ordering},
    task::Waker,
};

use bytes::{Buf, Bytes};
use smallvec::SmallVec;
use tokio::{net::TcpStream, sync::Notify};

use crate::metrics;

use super::{Engine, frames::Follower, frames::payloads};

/// The event's name in the marker packet. Clients never see it; one that sends it says nothing.
pub(crate) const MARKER: &str = "~";

/// A namespace's place in [`hubbub_dialects::NAMESPACES`].
pub(crate) type Namespace = u8;

/// Why the gateway itself ends a connection. Labels of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kick {
    /// More bytes wait for it than its outbox may hold.
    Slow,
    /// It says more than its mailbox can hold.
    Flood,
    /// The node stops.
    Drain,
}

impl Kick {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Flood => "flood",
            Self::Drain => "drain",
        }
    }
}

/// Emits the marker in its namespace, by way of socketioxide. `false`: that namespace is gone.
pub(crate) trait Marker: Send + Sync {
    fn emit(&self) -> bool;
}

/// What is known of a client's engine session for as long as the engine keeps it.
pub(crate) struct Link {
    /// Engine.IO protocol 3: Socket.IO 1.x and 2.x.
    pub(crate) eio3: bool,
    /// It came by the path of seed 003.
    pub(crate) own_path: bool,
    /// Where it came from.
    peer: Option<IpAddr>,
    engine: Weak<Engine>,
    bound: usize,
    sid: OnceLock<Box<str>>,
    /// It counts among the connections.
    counted: AtomicBool,
    /// Why a namespace of it ended first.
    reason: OnceLock<&'static str>,
    pub(super) tcp: OnceLock<TcpStream>,
    pub(super) out: Mutex<Out>,
    paused: AtomicBool,
    resumed: Notify,
}

/// What waits for the client, and how far the transport is.
pub(super) struct Out {
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
    kicked: Option<Kick>,
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

/// The connection is over; whoever asked need do nothing more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Link {
    pub(crate) fn new(engine: &Arc<Engine>, eio3: bool, own_path: bool, peer: Option<IpAddr>) -> Arc<Self> {
        Arc::new(Self {
            eio3,
            own_path,
            peer,
            engine: Arc::downgrade(engine),
            bound: engine.settings.outbox,
            sid: OnceLock::new(),
            counted: AtomicBool::new(false),
            reason: OnceLock::new(),
            tcp: OnceLock::new(),
            out: Mutex::new(Out::new(if eio3 { Ping::Usual } else { Ping::Early })),
            paused: AtomicBool::new(false),
            resumed: Notify::new(),
        })
    }

    /// The engine's id of the session: a capability, for nobody else's eyes.
    pub(super) fn name(&self, sid: &str) {
        let _named_before = self.sid.set(sid.into());
    }

    pub(super) fn sid(&self) -> Option<&str> {
        self.sid.get().map(AsRef::as_ref)
    }

    /// Unlike any other that is there at the same time.
    pub(super) fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Connects a namespace: what is said to it waits for its marker, which this emits.
    pub(crate) fn connect(&self, namespace: Namespace, marker: &Arc<dyn Marker>) {
        self.disconnect(namespace);
        let mut out = self.lock();
        out.waiting.push((namespace, Vec::new()));
        out.markers.push((namespace, Arc::downgrade(marker)));
        out.underway += u8::from(marker.emit());
    }

    /// Why the library says that it ends.
    pub(crate) fn ends(&self, reason: &'static str) {
        let _known = self.reason.set(reason);
    }

    /// The namespace is gone, and what waited for it.
    pub(crate) fn disconnect(&self, namespace: Namespace) {
        let mut out = self.lock();
        out.markers.retain(|(known, _)| *known != namespace);
        out.unwait(namespace);
    }

    /// Sends finished frames of a namespace, in order with all that was pushed before. It never waits: a client that
    /// has more than its bound waiting is cut off, never skipped.
    pub(crate) fn push(self: &Arc<Self>, namespace: Namespace, mut frames: Bytes) -> Result<(), Gone> {
        let mut out = self.lock();
        if out.flow == Flow::Over {
            return Err(Gone);
        }
        if let Some((_, waiting)) = out.waiting.iter_mut().find(|(waits, _)| *waits == namespace) {
            waiting.push(frames.clone());
            return self.account(out, frames.len());
        }
        if out.flow == Flow::Open && out.queue.is_empty() && out.written.at_boundary() {
            let written = self.try_write(&frames).inspect_err(|_| out.flow = Flow::Over)?;
            frames.advance(written);
        }
        if frames.is_empty() {
            return Ok(());
        }
        let length = frames.len();
        out.queue.push_back(frames);
        if out.flow == Flow::Open {
            self.drain_later(&mut out);
        } else {
            signal(&mut out);
        }
        self.account(out, length)
    }

    fn account(&self, mut out: MutexGuard<'_, Out>, more: usize) -> Result<(), Gone> {
        out.queued += more;
        if out.queued <= self.bound {
            return Ok(());
        }
        drop(out);
        self.kick(Kick::Slow);
        Err(Gone)
    }

    /// The marker of a namespace came by on the WebSocket.
    pub(super) fn opened(self: &Arc<Self>, out: &mut Out, namespace: Namespace) {
        out.passed(namespace);
        out.flow = Flow::Open;
        if !out.queue.is_empty() {
            self.drain_later(out);
        }
    }

    /// A poll's answer is made of these packets of the engine's: takes out the first ping and the marker, and puts
    /// what waits in its place, up to about `budget` bytes. The flag says that the engine must be fed a pong.
    pub(super) fn fill(&self, packets: &[&str], budget: usize) -> (Vec<Bytes>, bool) {
        let mut out = self.lock();
        let (mut filled, mut pong) = (Vec::new(), false);
        for packet in packets {
            if *packet == "2" && out.ping == Ping::Early {
                (out.ping, pong) = (Ping::Usual, true);
            } else if let Some(namespace) = marker_of(packet) {
                out.passed(namespace);
                out.take(budget, &mut filled);
            } else {
                filled.push(Bytes::copy_from_slice(packet.as_bytes()));
            }
        }
        if !out.queue.is_empty() {
            signal(&mut out);
        }
        (filled, pong)
    }

    /// Ends the connection from this side: the client sees a lost transport and comes back by itself.
    pub(crate) fn kick(&self, kick: Kick) {
        let mut out = self.lock();
        out.flow = Flow::Over;
        out.kicked.get_or_insert(kick);
        let dropped = out.clear();
        drop(out);
        metrics::dropped(kick.as_str(), dropped);
        self.shut_down();
    }

    /// Whether nothing more goes out.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().flow == Flow::Over
    }

    /// Whether a WebSocket carries it.
    pub(crate) fn on_websocket(&self) -> bool {
        self.tcp.get().is_some()
    }

    /// The session is open: it counts among the connections from here to its end.
    pub(super) fn opens(self: &Arc<Self>) {
        if let Some(engine) = self.engine.upgrade() {
            engine.remember(self);
        }
        self.counted.store(true, Ordering::Relaxed);
        tracing::debug!(client = ?self.peer, transport = self.transport(), eio = self.eio(), "connected");
        metrics::connection_opened(self.transport(), self.eio());
    }

    /// A WebSocket carries it: a new session, or one that polled before.
    pub(super) fn carried(self: &Arc<Self>, upgrades: bool) {
        if upgrades {
            metrics::connection_upgraded(self.eio());
        } else {
            self.opens();
        }
    }

    fn transport(&self) -> &'static str {
        if self.on_websocket() { "websocket" } else { "polling" }
    }

    fn eio(&self) -> &'static str {
        if self.eio3 { "3" } else { "4" }
    }

    pub(super) fn shut_down(&self) {
        if let Some(tcp) = self.tcp.get() {
            let _closed_before = socket2::SockRef::from(tcp).shutdown(std::net::Shutdown::Both);
        } else {
            self.close_polling();
        }
    }

    /// Closes the polling session as its client would. Its TCP connections may be shared with strangers.
    pub(super) fn close_polling(&self) {
        if let (Some(engine), Some(sid)) = (self.engine.upgrade(), self.sid.get()) {
            engine.close(self.eio3, sid);
        }
    }

    /// Its mailboxes are half full: nothing more is read from it until [`Link::resume`].
    pub(crate) fn pause(&self) {
        self.paused.store(true, Ordering::SeqCst);
    }

    /// Reads again.
    pub(crate) fn resume(&self) {
        if self.paused.swap(false, Ordering::SeqCst) {
            self.resumed.notify_waiters();
            if let Some(reader) = self.lock().reader.take() {
                reader.wake();
            }
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// Waits until it may be read from.
    pub(super) async fn readable(&self) {
        loop {
            let resumed = self.resumed.notified();
            tokio::pin!(resumed);
            resumed.as_mut().enable();
            if !self.is_paused() {
                return;
            }
            resumed.await;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Out {
    fn new(ping: Ping) -> Self {
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

    /// A marker came by: what waited for its namespace may go.
    fn passed(&mut self, namespace: Namespace) {
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
    fn take(&mut self, budget: usize, packets: &mut Vec<Bytes>) {
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
    fn clear(&mut self) -> usize {
        let dropped = self.queue.len() + self.waiting.iter().map(|(_, frames)| frames.len()).sum::<usize>();
        (self.queue, self.waiting, self.queued) = (VecDeque::new(), SmallVec::new(), 0);
        dropped
    }
}

/// Has a marker emitted, unless one is on its way.
fn signal(out: &mut Out) {
    if out.underway == 0 {
        let mut markers = out.markers.iter().rev().filter_map(|(_, marker)| marker.upgrade());
        out.underway = u8::from(markers.any(|marker| marker.emit()));
    }
}

/// The namespace whose marker this Engine.IO packet is.
pub(super) fn marker_of(packet: &str) -> Option<Namespace> {
    let namespace = packet.strip_prefix("42")?.strip_suffix("[\"~\"]")?;
    let namespace = namespace.strip_suffix(',').unwrap_or("/");
    let at = hubbub_dialects::NAMESPACES.iter().position(|known| *known == namespace)?;
    Namespace::try_from(at).ok()
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("eio3", &self.eio3).finish_non_exhaustive()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if *self.counted.get_mut() {
            let kicked = self.lock().kicked.map(Kick::as_str);
            let reason = kicked.or_else(|| self.reason.get().copied()).unwrap_or("transport");
            tracing::debug!(client = ?self.peer, reason, "disconnected");
            metrics::connection_closed(self.transport(), self.eio(), reason);
        }
        if let Some(engine) = self.engine.upgrade() {
            engine.forget(self);
        }
    }
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
