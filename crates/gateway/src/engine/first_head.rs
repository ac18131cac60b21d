//! A connection that must say its first request within a few seconds.
//!
//! hyper's own timeout for heads also closes idle keep-alive connections, so it is long; this one is for strangers who
//! connect and say nothing, or one byte at a time.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};

/// How long the first head may take.
const FIRST_HEAD: Duration = Duration::from_secs(5);
const END: &[u8] = b"\r\n\r\n";

/// One of the connections that this node may have; whoever owns the connection holds it.
pub(super) type Seat = OwnedSemaphorePermit;

/// A TCP connection under that rule.
#[derive(Debug)]
pub(super) struct FirstHead {
    tcp: TcpStream,
    seat: Seat,
    /// Until the first head is whole: its deadline, and how much of its end was seen.
    pending: Option<(Pin<Box<Sleep>>, usize)>,
}

impl FirstHead {
    pub(super) fn new(tcp: TcpStream, seat: Seat) -> Self {
        Self { tcp, seat, pending: Some((Box::pin(sleep(FIRST_HEAD)), 0)) }
    }

    pub(super) fn into_parts(self) -> (TcpStream, Seat) {
        (self.tcp, self.seat)
    }

    fn look(&mut self, bytes: &[u8]) {
        let Some((_, seen)) = &mut self.pending else { return };
        for byte in bytes {
            *seen = match (*byte == END[*seen], *byte) {
                (true, _) => *seen + 1,
                (false, b'\r') => 1,
                _ => 0,
            };
            if *seen == END.len() {
                self.pending = None;
                return;
            }
        }
    }
}

impl AsyncRead for FirstHead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.tcp).poll_read(cx, buf) {
            self.look(&buf.filled()[before..]);
            return Poll::Ready(read);
        }
        match &mut self.pending {
            Some((deadline, _)) => deadline.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for FirstHead {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}
