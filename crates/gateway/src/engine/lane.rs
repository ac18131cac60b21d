//! The stream under one WebSocket: what the library reads and writes, and the lane beside it.
//!
//! It follows the frames that the library writes (`written`) and lets the outbox write its own in between. Whoever
//! writes holds the outbox's lock, and nobody begins a frame before the other's is whole.
//!
//! ```text
//!   library ──► poll_write ───────────────┐   between two frames of its own it lets the queue go first
//!               │ swallows markers and    │
//!               │ the ping that is early  ├──► TcpStream
//!               ▼                         │
//!   push ──► at once, if it can ──────────┤   Open, nothing queued, and between two of the library's
//!        └─► queue ──► drain task ────────┘   waits for the socket; ends inside a frame of the library's, which starts
//!                                             it again at that frame's end
//!
//!   Held ── a marker came by ──► Open ── broken, ended or dropped ──► Over      (Held may be Over at once)
//! ```
//!
//! - *Held*: no marker has come by on this WebSocket, and all that is pushed waits. *Open*: it goes. *Over*: nothing
//!   goes any more.
//! - A marker is emitted through the library: with a namespace's connect, and by a push that waits for one. From then
//!   until it is swallowed it is `underway`. What waited for its namespace is queued there, behind the CONNECT's
//!   answer.
//! - While Held, while a marker is underway or the early ping is to come, the library's bytes pass one frame at a
//!   time, for it writes several at once, and what is to be swallowed may be among them. Otherwise they pass as they
//!   come.
//! - The early ping's pong is fed to the library's reader between two of the client's messages.
//!
//! Readiness has two kinds of waiters here: the library's own (`poll_write_ready`) and the drain task's (`writable`).
//! Tokio keeps them apart, so neither steals the other's wake-up.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    connects::Connects,
    first_head::Seat,
    frames,
    link::Link,
    marker::marker_of,
    outbox::{Flow, Outbox, Ping},
};

/// A ping of the library's, framed.
const PING: &[u8] = b"\x81\x012";
/// A client's pong, framed and masked with zeros.
const PONG: &[u8] = b"\x81\x81\0\0\0\x003";
/// Bytes that are read of a client of protocol 3 at once.
const AT_ONCE: usize = 512;
/// Most frames that one system call writes.
const VECTORS: usize = 64;

/// What socketioxide gets as the WebSocket's stream.
#[derive(Debug)]
pub(super) struct LaneIo {
    link: Arc<Link>,
    before: Bytes,
    read: frames::Follower,
    /// Of a client of protocol 3.
    connects: Option<Box<Connects>>,
    upgrades: bool,
    /// The session's opening packet is not out yet.
    opening: bool,
    /// How long a client may say nothing before its heartbeat is overdue, and when it said something last.
    silence: Duration,
    heard: Instant,
    /// While the library waits for the socket: until the client's silence has been too long.
    overdue: Option<Pin<Box<Sleep>>>,
    _seat: Seat,
}

impl LaneIo {
    /// `before`: bytes that came with the handshake. `upgrades`: it takes over a polling session. `None`: the session
    /// has a WebSocket already. It is boxed, for the library's task has room for three copies of its stream.
    pub(super) fn new(
        link: Arc<Link>,
        (tcp, seat): (TcpStream, Seat),
        before: Bytes,
        upgrades: bool,
        silence: Duration,
    ) -> Option<Box<Self>> {
        link.tcp.set(tcp).ok()?;
        link.carried(upgrades);
        Some(Box::new(Self {
            connects: link.eio3.then(Box::default),
            link,
            before,
            read: frames::Follower::default(),
            upgrades,
            opening: !upgrades,
            silence,
            heard: Instant::now(),
            overdue: None,
            _seat: seat,
        }))
    }

    fn tcp(&self) -> &TcpStream {
        self.link.tcp.get().expect("it is set before a LaneIo is made")
    }
}

impl Drop for LaneIo {
    /// The library is done with it, or gave up an upgrade without closing the polling session behind it, which then
    /// would never end. After an upgrade that was finished, closing it again changes nothing.
    fn drop(&mut self) {
        self.link.lock().end();
        self.link.shut_down();
        if self.upgrades {
            self.link.close_polling();
        }
    }
}

impl AsyncRead for LaneIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.feed_pong(cx, buf) {
            return Poll::Ready(Ok(()));
        }
        if self.link.is_paused() {
            return Poll::Pending;
        }
        let start = buf.filled().len();
        ready!(self.read_translated(cx, buf))?;
        self.heard = Instant::now();
        self.read.follow(&buf.filled()[start..]);
        crate::metrics::received(buf.filled().len() - start);
        Poll::Ready(Ok(()))
    }
}

impl LaneIo {
    /// Reads until something may be passed on, or the client has ended.
    fn read_translated(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.connects.is_none() {
            return self.read_some(cx, buf);
        }
        let mut raw = [0; AT_ONCE];
        while let Some(connects) = &mut self.connects
            && !connects.give(buf)
        {
            let mut raw = ReadBuf::new(&mut raw);
            ready!(self.read_some(cx, &mut raw))?;
            if raw.filled().is_empty() {
                break;
            }
            if let Some(connects) = &mut self.connects {
                connects.pass(raw.filled());
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Feeds the swallowed ping's pong between two of the client's messages, or leaves the waker that a pong or the
    /// end of a pause needs.
    fn feed_pong(&self, cx: &Context<'_>, buf: &mut ReadBuf<'_>) -> bool {
        let mut out = self.link.lock();
        if out.ping == Ping::Unanswered && self.read.between_messages() {
            out.ping = Ping::Usual;
            buf.put_slice(PONG);
            return true;
        }
        if !out.reader.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            out.reader = Some(cx.waker().clone());
        }
        false
    }

    fn read_some(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.before.is_empty() {
            return self.read_tcp(cx, buf);
        }
        let length = self.before.len().min(buf.remaining());
        buf.put_slice(&self.before.split_to(length));
        Poll::Ready(Ok(()))
    }

    fn read_tcp(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.tcp().poll_read_ready(cx))?;
            match self.tcp().try_read(buf.initialize_unfilled()) {
                Ok(length) => {
                    buf.advance(length);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    self.link.lock().fail(&error);
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl AsyncWrite for LaneIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // A session whose opening cannot be written stays for ever in the library. So it is taken, and reading ends it.
        let opening = std::mem::take(&mut self.opening);
        loop {
            match self.write_now(bytes) {
                Err(_) if opening => return Poll::Ready(Ok(bytes.len())),
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Some(written)) => {
                    self.overdue = None;
                    return Poll::Ready(Ok(written));
                }
                Ok(None) if self.is_overdue(cx) => {
                    self.link.shut_down();
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Ok(None) => ready!(self.tcp().poll_write_ready(cx))?,
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.shut_down();
        Poll::Ready(Ok(()))
    }
}

impl LaneIo {
    /// Whether the client has been silent for too long. The library's heartbeat ends the session then, but closing it
    /// waits for what is being written, and a client that does not read either would be listed until TCP gives it up.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = self.heard + self.silence;
        let overdue = self.overdue.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if overdue.deadline() != deadline {
            overdue.as_mut().reset(deadline);
        }
        overdue.as_mut().poll(cx).is_ready()
    }

    /// Writes what can be written of the library's bytes; `None`: the socket is full. As long as something is still to
    /// be swallowed, one frame at a time.
    fn write_now(&self, mut bytes: &[u8]) -> io::Result<Option<usize>> {
        let mut out = self.link.lock();
        if out.flow == Flow::Over {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let alone = out.flow == Flow::Held || out.ping == Ping::Early || out.underway > 0;
        if out.written.at_boundary() {
            if alone {
                bytes = &bytes[..frames::first(bytes)];
                if self.swallow(&mut out, bytes) {
                    return Ok(Some(bytes.len()));
                }
            }
            if out.flow == Flow::Open && !self.link.drain(&mut out)? {
                return Ok(None);
            }
        } else if alone {
            bytes = &bytes[..out.written.rest_in(bytes)];
        }
        let written = self.tcp().write_some(&[IoSlice::new(bytes)]);
        let Some(written) = written.inspect_err(|error| out.fail(error))? else { return Ok(None) };
        out.written.follow(&bytes[..written]);
        if out.flow == Flow::Open && out.written.at_boundary() && !out.queue.is_empty() {
            self.link.drain_later(&mut out);
        }
        Ok(Some(written))
    }

    /// Whether the client must not see this frame: a marker, or the ping that comes too early.
    fn swallow(&self, out: &mut Outbox, frame: &[u8]) -> bool {
        if out.ping == Ping::Early && frame == PING {
            out.ping = Ping::Unanswered;
            out.reader.take().into_iter().for_each(std::task::Waker::wake);
            return true;
        }
        let marker =
            frames::payloads(frame).next().and_then(|text| marker_of(std::str::from_utf8(text).ok()?));
        if let Some(marker) = marker {
            self.link.opened(out, marker);
        }
        marker.is_some()
    }
}

impl Link {
    /// Writes the queue out; `false`: the socket is full.
    fn drain(&self, out: &mut Outbox) -> io::Result<bool> {
        while !out.queue.is_empty() {
            match self.write_queue(out) {
                Ok(Some(written)) => out.sent(written),
                Ok(None) => return Ok(false),
                Err(error) => {
                    out.fail(&error);
                    return Err(error);
                }
            }
        }
        Ok(true)
    }

    fn write_queue(&self, out: &Outbox) -> io::Result<Option<usize>> {
        let Some(tcp) = self.tcp.get() else { return Ok(None) };
        let slices: SmallVec<[IoSlice<'_>; VECTORS]> =
            out.queue.iter().take(VECTORS).map(|queued| IoSlice::new(&queued.frames)).collect();
        tcp.write_some(&slices)
    }

    /// Writes the queue out as soon as the socket takes it.
    pub(super) fn drain_later(self: &Arc<Self>, out: &mut Outbox) {
        if std::mem::replace(&mut out.draining, true) {
            return;
        }
        let link = self.clone();
        tokio::spawn(async move { while link.drain_more().await {} });
    }

    /// Whether there is more to do for the drain task. Inside a frame of the library's there is not: its own writing
    /// goes on then, and starts the task again.
    async fn drain_more(&self) -> bool {
        let writable = match self.tcp.get() {
            Some(tcp) => tcp.writable().await.is_ok(),
            None => false,
        };
        let mut out = self.lock();
        out.draining = writable
            && out.flow == Flow::Open
            && out.written.at_boundary()
            && matches!(self.drain(&mut out), Ok(false));
        out.draining
    }

    pub(super) fn try_write(&self, bytes: &Bytes) -> io::Result<usize> {
        let Some(tcp) = self.tcp.get() else { return Ok(0) };
        tcp.write_some(&[IoSlice::new(bytes)]).map(Option::unwrap_or_default)
    }
}

/// One attempt to write. `None`: the socket is full.
trait WriteSome {
    fn write_some(&self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>>;
}

impl WriteSome for TcpStream {
    fn write_some(&self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        // For one slice the kernel has a shorter way.
        let tried =
            if let [slice] = slices { self.try_write(slice) } else { self.try_write_vectored(slices) };
        match tried {
            Ok(written) => {
                crate::metrics::sent(written);
                Ok(Some(written))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
