//! One client's engine session: its outbox, and the transport that empties it.

use std::{
    fmt,
    future::poll_fn,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering},
    },
};

use bytes::{Buf, Bytes};
use tokio::{
    net::TcpStream,
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::metrics;

use super::{
    Engine,
    asked::Asked,
    first_head::Seat,
    marker::{Marker, Namespace, Turn, marker_of},
    outbox::{Flow, Outbox, Ping},
    route::Caller,
};

/// Why the gateway itself ends a connection. Labels of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kick {
    /// More bytes wait for it than its outbox may hold, or they wait for too long.
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

/// What is known of a client's engine session for as long as the engine keeps it.
pub(crate) struct Link {
    /// Engine.IO protocol 3: Socket.IO 1.x and 2.x.
    pub(crate) eio3: bool,
    /// It came by the path of seed 003.
    pub(crate) own_path: bool,
    /// What it says of itself, where its protocol has no `auth`: of the handshake's query.
    pub(crate) auth: Option<Box<str>>,
    /// Packets that it reads of one poll's answer.
    at_once: usize,
    /// Where it came from.
    peer: IpAddr,
    pub(super) engine: Weak<Engine>,
    _seat: Seat,
    bound: usize,
    sid: OnceLock<Box<str>>,
    /// It counts among the connections.
    counted: AtomicBool,
    /// Why a namespace of it ended first.
    reason: OnceLock<&'static str>,
    pub(super) tcp: OnceLock<TcpStream>,
    pub(super) out: Mutex<Outbox>,
    visits: AtomicUsize,
    /// It was told to go.
    pub(super) leaving: AtomicBool,
    /// Why nothing is read from it: a bit for each namespace that is [`crowded`] or [`connecting`].
    paused: AtomicU16,
    resumed: Notify,
}

/// The namespace's mailbox is half full.
fn crowded(namespace: Namespace) -> u16 {
    1 << (namespace & 7)
}

/// The namespace's CONNECT is being answered.
fn connecting(namespace: Namespace) -> u16 {
    crowded(namespace) << 8
}

/// Sessions that one client may have at a time, those that are still ending among them. There are four namespaces; who
/// connects and leaves faster than the backplane keeps up is cut off.
const VISITS: usize = 16;

/// One session's place among its client's. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Visit(Arc<Link>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.visits.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connection is over; whoever asked need do nothing more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Link {
    pub(super) fn new(engine: &Arc<Engine>, seat: Seat, asked: &Asked, from: Caller) -> Arc<Self> {
        let eio3 = asked.eio3();
        Arc::new(Self {
            eio3,
            own_path: from.own_path,
            auth: asked.auth.clone(),
            at_once: from.at_once,
            peer: from.peer,
            engine: Arc::downgrade(engine),
            _seat: seat,
            bound: engine.settings.outbox,
            sid: OnceLock::new(),
            counted: AtomicBool::new(false),
            reason: OnceLock::new(),
            tcp: OnceLock::new(),
            out: Mutex::new(Outbox::new(if eio3 { Ping::Usual } else { Ping::Early })),
            visits: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
            // Clients of protocol 3 are connected to `/` without asking, and some speak before they are told.
            paused: AtomicU16::new(if eio3 { connecting(0) } else { 0 }),
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

    /// A session begins; `None`: there are too many.
    pub(crate) fn visit(self: &Arc<Self>) -> Option<Visit> {
        let visit = Visit(self.clone());
        let before = self.visits.fetch_add(1, Ordering::Relaxed);
        (before < VISITS).then_some(visit)
    }

    /// Connects a namespace: what is said to it waits for its marker, which this emits.
    pub(crate) fn connect(&self, namespace: Namespace, marker: &Arc<dyn Marker>) {
        self.lock().connect(namespace, marker);
    }

    /// The namespace's CONNECT is about to be answered: until [`Link::connected`] nothing is read from the client. The
    /// library drops another CONNECT that comes before it is done with this one, and a client that leaves and comes
    /// back would wait for its answer for ever.
    pub(crate) fn connecting(&self, namespace: Namespace) {
        self.paused.fetch_or(connecting(namespace), Ordering::SeqCst);
    }

    /// The library is done with the namespace's CONNECT.
    pub(crate) fn connected(&self, namespace: Namespace) {
        self.go_on(connecting(namespace));
    }

    /// Why the library says that it ends.
    pub(crate) fn ends(&self, reason: &'static str) {
        let _known = self.reason.set(reason);
    }

    /// The namespace is gone, and what waited for it.
    pub(crate) fn disconnect(&self, namespace: Namespace) {
        self.lock().disconnect(namespace);
        self.resume(namespace);
    }

    /// Sends finished frames of a namespace, in order with all that was pushed before. It never waits: a client that
    /// has more than its bound waiting is cut off, never skipped.
    pub(crate) fn push(self: &Arc<Self>, namespace: Namespace, frames: Bytes) -> Result<(), Gone> {
        if self.leaving.load(Ordering::Relaxed) { Err(Gone) } else { self.put(namespace, frames) }
    }

    pub(super) fn put(self: &Arc<Self>, namespace: Namespace, mut frames: Bytes) -> Result<(), Gone> {
        let mut out = self.lock();
        if out.flow == Flow::Over {
            return Err(Gone);
        }
        if !out.wait(namespace, &frames) {
            let mut written = 0;
            if out.flow == Flow::Open && out.queue.is_empty() && out.written.at_boundary() {
                written = self.try_write(&frames).inspect_err(|error| out.fail(error)).map_err(|_| Gone)?;
                frames.advance(written);
            }
            if frames.is_empty() {
                return Ok(());
            }
            out.queue(namespace, frames, written > 0);
            self.take_away(&mut out);
        }
        if out.queued() <= self.bound {
            self.watch(&mut out);
            return Ok(());
        }
        drop(out);
        self.kick(Kick::Slow);
        Err(Gone)
    }

    /// Sees to it that nothing waits for longer than it may. The task ends when nothing waits, so that a connection
    /// which is quiet or keeps up has none.
    fn watch(self: &Arc<Self>, out: &mut Outbox) {
        if std::mem::replace(&mut out.watched, true) {
            return;
        }
        let link = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(due) = link.upgrade().and_then(|link| link.due()) {
                sleep_until(due).await;
            }
        });
    }

    /// When what waits has waited for too long; if it has, that is the end. `None`: nobody needs to look.
    fn due(self: &Arc<Self>) -> Option<Instant> {
        let age = self.engine.upgrade()?.settings.outbox_age;
        let mut out = self.lock();
        let due = out.oldest().map(|since| since + age);
        out.watched = due.is_some();
        drop(out);
        if due.is_some_and(|due| due <= Instant::now()) {
            self.kick(Kick::Slow);
            return None;
        }
        due
    }

    /// Sees to it that the queue goes out: by a task that waits for the socket, or where the next marker comes by.
    fn take_away(self: &Arc<Self>, out: &mut Outbox) {
        if out.flow == Flow::Open {
            self.drain_later(out);
        } else {
            out.signal();
        }
    }

    /// The marker of a namespace came by on the WebSocket.
    pub(super) fn opened(self: &Arc<Self>, out: &mut Outbox, marker: (Namespace, Turn)) {
        out.passed(marker);
        out.flow = Flow::Open;
        if !out.queue.is_empty() {
            self.drain_later(out);
        }
    }

    /// A poll's answer is made of these packets of the engine's: takes out the first ping and the marker, and puts
    /// what waits in its place, up to about `budget` bytes. More than clients read at once waits for the next poll. The
    /// flag says that the engine must be fed a pong.
    pub(super) fn fill(&self, packets: &[&str], budget: usize) -> (Vec<Bytes>, bool) {
        let mut out = self.lock();
        let since = out.oldest();
        let (mut filled, mut pong) = (Vec::new(), false);
        for packet in packets {
            if *packet == "2" && out.ping == Ping::Early {
                (out.ping, pong) = (Ping::Usual, true);
            } else if let Some(marker) = marker_of(packet) {
                out.passed(marker);
                out.take(budget, &mut filled);
            } else {
                filled.push(Bytes::copy_from_slice(packet.as_bytes()));
            }
        }
        let rest = filled.split_off(filled.len().min(self.at_once));
        out.put_back(&rest, since.unwrap_or_else(Instant::now));
        if !out.queue.is_empty() {
            out.signal();
        }
        (filled, pong)
    }

    /// Waits until the client has taken what was pushed, but for a little: at most 32 KiB of it wait, or the connection
    /// is over. Cut short, it leaves nothing behind.
    pub(crate) async fn roomy(&self) {
        poll_fn(|cx| self.lock().poll_roomy(cx)).await;
    }

    /// Whether so much waits for it that it should be told no more than it must.
    pub(crate) fn is_behind(&self) -> bool {
        self.lock().is_behind()
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
        tracing::debug!(client = %self.peer, transport = self.transport(), eio = self.eio(), "connected");
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

    /// The namespace's mailbox is half full: nothing more is read from the client until [`Link::resume`].
    pub(crate) fn pause(&self, namespace: Namespace) {
        self.paused.fetch_or(crowded(namespace), Ordering::SeqCst);
    }

    /// Reads again, as far as this namespace is concerned.
    pub(crate) fn resume(&self, namespace: Namespace) {
        self.go_on(crowded(namespace));
    }

    fn go_on(&self, bits: u16) {
        let before = self.paused.fetch_and(!bits, Ordering::SeqCst);
        if before != 0 && before & !bits == 0 {
            self.resumed.notify_waiters();
            if let Some(reader) = self.lock().reader.take() {
                reader.wake();
            }
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst) != 0
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

    pub(super) fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
            tracing::debug!(client = %self.peer, reason, "disconnected");
            metrics::connection_closed(self.transport(), self.eio(), reason);
        }
        if let Some(engine) = self.engine.upgrade() {
            engine.forget(self);
        }
    }
}
