//! One client's connection.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    rc::Rc,
};

use bytes::{Buf, Bytes};
use tokio::{io::Interest, net::TcpStream, sync::Notify};

use crate::{
    frame::{self, Kind},
    hub::{Hub, PING_INTERVAL},
    upgrade,
};

pub(crate) struct Member {
    stream: TcpStream,
    /// What the kernel would not take yet.
    waiting: RefCell<VecDeque<Bytes>>,
    stalled: Notify,
}

/// From the upgrade to the end.
pub(crate) async fn attend(stream: TcpStream, hub: &Hub) -> io::Result<()> {
    stream.set_nodelay(true)?;
    upgrade::accept(&stream).await?;
    let member = Rc::new(Member { stream, waiting: RefCell::default(), stalled: Notify::new() });
    member.push(&open());
    let mut seat = Seat { member: &member, hub, number: None };
    let mut unread = Vec::new();
    while member.turn(&mut unread, &mut seat).await? {}
    Ok(())
}

fn open() -> Bytes {
    let interval = PING_INTERVAL.as_millis();
    let packet = format!(
        r#"0{{"sid":"raw","upgrades":[],"pingInterval":{interval},"pingTimeout":20000,"maxPayload":1000000}}"#
    );
    frame::text(packet.as_bytes()).into()
}

/// A place among those who hear, from CONNECT on; given back when dropped.
struct Seat<'a> {
    member: &'a Rc<Member>,
    hub: &'a Hub,
    number: Option<u64>,
}

impl Seat<'_> {
    fn hear(&mut self, packet: &[u8]) {
        if let Some(arguments) = packet.strip_prefix(br#"42["message","#) {
            self.hub.say(&frame::text(&[br#"42["response","#, arguments].concat()));
        } else if packet == b"40" {
            self.member.push(&frame::text(br#"40{"sid":"raw"}"#).into());
            self.number.get_or_insert_with(|| self.hub.enter(self.member));
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.number.inspect(|&number| self.hub.leave(number));
    }
}

impl Member {
    /// Written at once, or queued behind what waits.
    pub(crate) fn push(&self, bytes: &Bytes) {
        let mut waiting = self.waiting.borrow_mut();
        let written = if waiting.is_empty() { self.stream.try_write(bytes).unwrap_or(0) } else { 0 };
        if written < bytes.len() {
            waiting.push_back(bytes.slice(written..));
            self.stalled.notify_one();
        }
    }

    /// Waits for something to read or, if something waits, to write. False at the end.
    async fn turn(&self, unread: &mut Vec<u8>, seat: &mut Seat<'_>) -> io::Result<bool> {
        let ready = tokio::select! {
            ready = self.stream.ready(self.interest()) => ready?,
            () = self.stalled.notified() => return Ok(true),
        };
        if ready.is_writable() {
            self.drain()?;
        }
        if !ready.is_readable() {
            return Ok(true);
        }
        let goes_on = self.read(unread)?;
        let read = frame::each(unread, |kind, payload| match kind {
            Kind::Text => seat.hear(payload),
            Kind::Other => {}
        });
        unread.drain(..read);
        if unread.is_empty() {
            // An idle connection keeps no buffer.
            *unread = Vec::new();
        }
        Ok(goes_on)
    }

    fn interest(&self) -> Interest {
        if self.waiting.borrow().is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        }
    }

    fn read(&self, unread: &mut Vec<u8>) -> io::Result<bool> {
        unread.reserve(READING);
        match self.stream.try_read_buf(unread) {
            Ok(read) => Ok(read > 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn drain(&self) -> io::Result<()> {
        let mut waiting = self.waiting.borrow_mut();
        while !waiting.is_empty() {
            let slices: Vec<_> = waiting.iter().take(SLICES).map(|bytes| IoSlice::new(bytes)).collect();
            match self.stream.try_write_vectored(&slices) {
                Ok(written) => advance(&mut waiting, written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn advance(waiting: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(first) = waiting.front_mut() {
        if written < first.len() {
            first.advance(written);
            return;
        }
        written -= first.len();
        waiting.pop_front();
    }
}

const READING: usize = 4_096;
const SLICES: usize = 64;
