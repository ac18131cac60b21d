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
    io,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{
    frames::{Follower, payloads, put_text},
    link::Kick,
    marker::{Marker, Namespace, Turn},
    tcp,
};

/// Bytes that may still wait for a client that counts as keeping up.
const ROOMY: usize = 32 * 1_024;

/// Of packets that were taken out of the queue once, whichever namespace they are of.
const NO_NAMESPACE: Namespace = Namespace::MAX;

/// What waits for the client, and how far the transport is.
pub(super) struct Outbox {
    /// Frames that may go, and their bytes together with the waiting ones'.
    pub(super) queue: VecDeque<Queued>,
    queued: usize,
    /// A part of the first frames is out.
    begun: bool,
    /// Namespaces whose marker has not come by, with what is said to them meanwhile.
    waiting: SmallVec<[(Namespace, Vec<Queued>); 1]>,
    /// The namespaces that are connected, and who emits their markers.
    connected: SmallVec<[Connected; 1]>,
    /// The next connect's.
    turn: Turn,
    /// Markers that are on their way.
    pub(super) underway: u8,
    pub(super) flow: Flow,
    pub(super) ping: Ping,
    /// A task waits for the socket, to write the queue out.
    pub(super) draining: bool,
    /// A task sees to it that nothing waits for too long.
    pub(super) watched: bool,
    pub(super) kicked: Option<Kick>,
    /// Where the library stands in the frame that it writes.
    pub(super) written: Follower,
    /// Wakes the library's reader, for a pong or because it is no longer paused.
    pub(super) reader: Option<Waker>,
    /// Those who wait until little is queued.
    waiters: Vec<Waker>,
}

/// Frames of one push.
#[derive(Debug, PartialEq)]
pub(super) struct Queued {
    namespace: Namespace,
    since: Instant,
    pub(super) frames: Bytes,
}

/// A namespace that is connected.
struct Connected {
    namespace: Namespace,
    turn: Turn,
    marker: Weak<dyn Marker>,
}

impl Connected {
    fn emit(&self) -> bool {
        self.marker.upgrade().is_some_and(|marker| marker.emit(self.turn))
    }
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
            begun: false,
            waiting: SmallVec::new(),
            connected: SmallVec::new(),
            turn: 0,
            underway: 0,
            flow: Flow::Held,
            ping,
            draining: false,
            watched: false,
            kicked: None,
            written: Follower::default(),
            reader: None,
            waiters: Vec::new(),
        }
    }

    /// A namespace is connected: what is said to it waits for its marker, which this emits.
    pub(super) fn connect(&mut self, namespace: Namespace, marker: &Arc<dyn Marker>) {
        self.disconnect(namespace);
        self.waiting.push((namespace, Vec::new()));
        let connected = Connected { namespace, turn: self.turn, marker: Arc::downgrade(marker) };
        self.turn = self.turn.wrapping_add(1);
        self.underway = self.underway.saturating_add(u8::from(connected.emit()));
        self.connected.push(connected);
    }

    /// A namespace is gone, and what was still to be said to it: nothing of it may come behind a later CONNECT.
    pub(super) fn disconnect(&mut self, namespace: Namespace) {
        self.connected.retain(|known| known.namespace != namespace);
        self.unwait(namespace);
        let begun = self.begun.then(|| self.queue.pop_front()).flatten();
        self.queue.retain(|queued| {
            let stays = queued.namespace != namespace;
            self.queued -= if stays { 0 } else { queued.frames.len() };
            stays
        });
        if let Some(begun) = begun {
            self.queue.push_front(begun);
        }
        self.wake_waiters();
    }

    /// Keeps the frames until the namespace's marker comes by, if it has not yet.
    pub(super) fn wait(&mut self, namespace: Namespace, frames: &Bytes) -> bool {
        let Some((_, waiting)) = self.waiting.iter_mut().find(|(waits, _)| *waits == namespace) else {
            return false;
        };
        waiting.push(Queued { namespace, since: Instant::now(), frames: frames.clone() });
        self.queued += frames.len();
        if self.underway == 0 {
            self.signal_in(namespace);
        }
        true
    }

    /// Lines the frames up; `begun`: a part of them is out already.
    pub(super) fn queue(&mut self, namespace: Namespace, frames: Bytes, begun: bool) {
        self.queued += frames.len();
        self.begun |= begun;
        self.queue.push_back(Queued { namespace, since: Instant::now(), frames });
    }

    /// All bytes that it keeps.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Since when the oldest of them waits. What waited for its namespace's marker counts when its turn has come.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let waiting = self.waiting.iter().filter_map(|(_, waiting)| waiting.first());
        self.queue.front().into_iter().chain(waiting).map(|queued| queued.since).min()
    }

    /// Whether the namespace's client hears what is said to it.
    pub(super) fn is_connected(&self, namespace: Namespace) -> bool {
        self.connected.iter().any(|known| known.namespace == namespace)
    }

    /// Whether a frame may be written now, between two of the library's and of the queue's.
    pub(super) fn is_between(&self) -> bool {
        self.flow == Flow::Open && !self.begun && self.written.at_boundary()
    }

    /// The connection is broken.
    pub(super) fn fail(&mut self, error: &io::Error) {
        if tcp::is_given_up(error) {
            self.kicked.get_or_insert(Kick::Slow);
        }
        self.end();
    }

    /// Nothing goes any more, and nobody waits for it.
    pub(super) fn end(&mut self) {
        self.flow = Flow::Over;
        self.wake_waiters();
    }

    /// Whether the client does not keep up. A WebSocket takes everything at once, or it does not; a client that polls
    /// has something waiting whenever it does not ask just now.
    pub(super) fn is_behind(&self) -> bool {
        self.queued > if self.flow == Flow::Open { 0 } else { ROOMY }
    }

    /// Ready when little is queued, or nothing goes any more.
    pub(super) fn poll_roomy(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.poll_down_to(ROOMY, cx)
    }

    /// The same when nothing is queued.
    pub(super) fn poll_empty(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.poll_down_to(0, cx)
    }

    /// Who waits for less than [`ROOMY`] is woken from there on, by each step.
    fn poll_down_to(&mut self, most: usize, cx: &Context<'_>) -> Poll<()> {
        if self.queued <= most || self.flow == Flow::Over {
            return Poll::Ready(());
        }
        if !self.waiters.iter().any(|known| known.will_wake(cx.waker())) {
            self.waiters.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn wake_waiters(&mut self) {
        if !self.waiters.is_empty() && (self.queued <= ROOMY || self.flow == Flow::Over) {
            std::mem::take(&mut self.waiters).into_iter().for_each(Waker::wake);
        }
    }

    /// Has a marker emitted, unless one is on its way: frames go where it comes by.
    pub(super) fn signal(&mut self) {
        if self.underway == 0 {
            self.underway = u8::from(self.connected.iter().rev().any(Connected::emit));
        }
    }

    /// The same in this namespace, whose first marker found no way.
    fn signal_in(&mut self, namespace: Namespace) {
        let connected = self.connected.iter().find(|known| known.namespace == namespace);
        self.underway = u8::from(connected.is_some_and(Connected::emit));
    }

    /// A marker came by: what waited for its namespace may go, if it is this connect's.
    pub(super) fn passed(&mut self, (namespace, turn): (Namespace, Turn)) {
        self.underway = self.underway.saturating_sub(1);
        if !self.connected.iter().any(|known| (known.namespace, known.turn) == (namespace, turn)) {
            return;
        }
        let frames = self.unwait(namespace);
        self.queued += bytes(&frames);
        self.queue.extend(frames);
    }

    fn unwait(&mut self, namespace: Namespace) -> Vec<Queued> {
        let Some(at) = self.waiting.iter().position(|(waits, _)| *waits == namespace) else {
            return Vec::new();
        };
        let (_, frames) = self.waiting.remove(at);
        self.queued -= bytes(&frames);
        frames
    }

    /// Takes packets off the queue, as polling carries them: without the WebSocket's framing.
    pub(super) fn take(&mut self, budget: usize, packets: &mut Vec<Bytes>) {
        let mut taken = 0;
        while taken < budget {
            let Some(Queued { frames, .. }) = self.queue.pop_front() else { break };
            self.queued -= frames.len();
            taken += frames.len();
            packets.extend(payloads(&frames).map(|payload| frames.slice_ref(payload)));
        }
        self.wake_waiters();
    }

    /// Packets that a poll has no room for: they are the first of the next, and have waited since then.
    pub(super) fn put_back(&mut self, packets: &[Bytes], since: Instant) {
        for packet in packets.iter().rev() {
            let mut frame = BytesMut::new();
            put_text(&mut frame, &[packet]);
            self.queued += frame.len();
            let frames = frame.freeze();
            self.queue.push_front(Queued { namespace: NO_NAMESPACE, since, frames });
        }
    }

    /// These bytes of the first frames are out.
    pub(super) fn sent(&mut self, mut bytes: usize) {
        self.queued -= bytes;
        self.wake_waiters();
        while let Some(Queued { frames: first, .. }) = self.queue.front_mut() {
            if bytes < first.len() {
                first.advance(bytes);
                self.begun |= bytes > 0;
                return;
            }
            bytes -= first.len();
            self.begun = false;
            self.queue.pop_front();
        }
        self.queue = VecDeque::new();
    }

    /// Drops everything, and says how many pushes that was.
    pub(super) fn clear(&mut self) -> usize {
        let dropped = self.queue.len() + self.waiting.iter().map(|(_, frames)| frames.len()).sum::<usize>();
        (self.queue, self.waiting) = (VecDeque::new(), SmallVec::new());
        (self.queued, self.begun) = (0, false);
        dropped
    }
}

fn bytes(waiting: &[Queued]) -> usize {
    waiting.iter().map(|queued| queued.frames.len()).sum()
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    use super::*;

    fn queue(out: &Outbox) -> Vec<(Namespace, &str)> {
        let text = |queued| std::str::from_utf8(queued).expect("text");
        out.queue.iter().map(|queued| (queued.namespace, text(&queued.frames))).collect()
    }

    /// Markers that have been emitted and not come by.
    #[derive(Default)]
    struct Emitted(Mutex<Vec<Turn>>);

    impl Marker for Emitted {
        fn emit(&self, turn: Turn) -> bool {
            self.0.lock().expect("no panic").push(turn);
            true
        }
    }

    #[test]
    fn a_marker_of_an_earlier_connect_opens_nothing_for_a_later_one() {
        let emitted = Arc::new(Emitted::default());
        let marker: Arc<dyn Marker> = emitted.clone();
        let mut out = Outbox::new(Ping::Usual);
        out.connect(3, &marker);
        out.disconnect(3);
        out.connect(3, &marker);
        assert!(out.wait(3, &Bytes::from_static(b"hello")));
        assert!(out.oldest().is_some());
        out.passed((3, emitted.0.lock().expect("no panic")[0]));
        assert!(out.queue.is_empty());
        out.passed((3, emitted.0.lock().expect("no panic")[1]));
        assert_eq!(queue(&out), [(3, "hello")]);
    }

    #[test]
    fn what_a_namespace_has_not_been_told_goes_with_it_but_never_half_a_frame() {
        let mut out = Outbox::new(Ping::Usual);
        for (namespace, frames) in [(3, "begun"), (0, "other"), (3, "late"), (0, "last")] {
            out.queue(namespace, frames.into(), false);
        }
        out.sent(2);
        out.disconnect(3);
        assert_eq!(queue(&out), [(3, "gun"), (0, "other"), (0, "last")]);
        assert_eq!(out.queued(), 12);
        out.sent(3);
        out.disconnect(0);
        assert_eq!((out.queue.len(), out.queued()), (0, 0));
    }

    #[test]
    fn what_a_poll_has_no_room_for_is_the_first_of_the_next() {
        let mut out = Outbox::new(Ping::Usual);
        let since = Instant::now();
        out.put_back(&["42[3]".into()], since);
        out.put_back(&["42[1]".into(), "42[2]".into()], since);
        assert_eq!(out.oldest(), Some(since));
        let (waited, mut packets) = (out.queued(), Vec::new());
        out.take(waited, &mut packets);
        assert_eq!(packets, ["42[1]", "42[2]", "42[3]"]);
        assert_eq!(out.queued(), 0);
    }

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_waits_until_little_is_queued_is_woken_when_it_is_or_when_it_is_over() {
        let (first, second) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
        let wakers = [&first, &second].map(|woken| Waker::from(woken.clone()));
        let [one, two] = wakers.each_ref().map(Context::from_waker);
        let woken = || [&first, &second].map(|woken| woken.0.load(Ordering::Relaxed));
        let mut out = Outbox::new(Ping::Usual);
        out.queue(0, vec![0; ROOMY].into(), false);
        assert!(out.poll_roomy(&one).is_ready());
        out.queue(3, "more than little".into(), false);
        for context in [&one, &two, &one] {
            assert!(out.poll_roomy(context).is_pending());
        }
        out.sent(15);
        assert_eq!(woken(), [0, 0]);
        out.sent(1);
        assert_eq!(woken(), [1, 1]);
        out.queue(0, "again".into(), false);
        assert!(out.poll_roomy(&two).is_pending());
        out.disconnect(0);
        assert_eq!(woken(), [1, 2]);
        out.queue(0, vec![0; 2 * ROOMY].into(), false);
        assert!(out.poll_roomy(&one).is_pending());
        out.end();
        assert!(out.poll_roomy(&one).is_ready());
        assert_eq!(woken(), [2, 2]);
    }
}
