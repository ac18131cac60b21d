//! What TCP may keep of a client's, and for how long.

use std::{io, time::Duration};

use socket2::SockRef;
use tokio::net::TcpStream;

/// What was sent must be acknowledged by the other host within this, or the connection is dead.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);
/// Bytes that a connection may keep in the kernel before they are sent. More of them wait in the outbox, which is
/// bounded and watched. What is underway is not limited, so a fast and distant client is as fast as before.
const UNSENT: u32 = 64 * 1_024;

/// Of every connection.
pub(super) fn prepare(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}

/// Of one that carries a single session: its kernel gives a client up that has taken nothing for this long although
/// there is something for it. That includes one that is there and whose window is closed. The kernel counts from its
/// first question after the window, some hundred milliseconds later, so it is given less.
pub(super) fn limit_age(tcp: &TcpStream, age: Duration) -> io::Result<()> {
    SockRef::from(tcp).set_tcp_user_timeout(Some(age / 10 * 9))
}

/// Whether the kernel gave the client up.
pub(super) fn is_given_up(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}
