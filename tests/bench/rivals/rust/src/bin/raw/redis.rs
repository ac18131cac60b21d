//! Redis's pub/sub by hand: a connection to publish, one to listen.

use std::{
    cell::{Cell, RefCell},
    io::{self, ErrorKind},
    rc::Rc,
};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    task::spawn_local,
};

pub(crate) struct Redis {
    outgoing: Rc<Outgoing>,
    subscription: Cell<Option<Subscription>>,
}

#[derive(Default)]
struct Outgoing {
    commands: RefCell<BytesMut>,
    filled: Notify,
}

pub(crate) struct Subscription {
    reader: OwnedReadHalf,
    /// Dropped, it would close the connection's other half.
    _writer: OwnedWriteHalf,
    unread: BytesMut,
}

/// `redis://HOST:PORT`; when it returns, everything that is published will be heard.
pub(crate) async fn connect(url: &str) -> io::Result<Redis> {
    let address = url.strip_prefix("redis://").ok_or(ErrorKind::InvalidInput)?.trim_end_matches('/');
    let (mut answers, writer) = line(address).await?.into_split();
    let outgoing = Rc::new(Outgoing::default());
    spawn_local(write(Rc::clone(&outgoing), writer));
    spawn_local(async move {
        // How many have heard it: nobody wants to know.
        let mut scratch = vec![0; 65_536];
        while answers.read(&mut scratch).await.is_ok_and(|read| read > 0) {}
    });
    let subscription = subscribe(address).await?;
    Ok(Redis { outgoing, subscription: Cell::new(Some(subscription)) })
}

impl Redis {
    pub(crate) fn publish(&self, frame: &[u8]) {
        self.outgoing.commands.borrow_mut().extend_from_slice(&command(&[b"PUBLISH", CHANNEL, frame]));
        self.outgoing.filled.notify_one();
    }

    /// Once.
    pub(crate) fn take_subscription(&self) -> Option<Subscription> {
        self.subscription.take()
    }
}

/// Everything that was published since the last write goes in one.
async fn write(outgoing: Rc<Outgoing>, mut writer: OwnedWriteHalf) -> io::Result<()> {
    loop {
        outgoing.filled.notified().await;
        let commands = outgoing.commands.take();
        writer.write_all(&commands).await?;
    }
}

async fn subscribe(address: &str) -> io::Result<Subscription> {
    let (reader, mut writer) = line(address).await?.into_split();
    writer.write_all(&command(&[b"SUBSCRIBE", CHANNEL])).await?;
    let mut subscription = Subscription { reader, _writer: writer, unread: BytesMut::new() };
    while subscription.next().is_none() {
        subscription.read().await?;
    }
    Ok(subscription)
}

impl Subscription {
    pub(crate) async fn listen(mut self, hear: impl Fn(&[u8])) {
        while self.read().await.is_ok() {
            while let Some(frame) = self.next() {
                hear(&frame);
            }
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        let read = self.reader.read_buf(&mut self.unread).await?;
        if read > 0 { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    /// The last of the three parts that everything consists of that comes here.
    fn next(&mut self) -> Option<BytesMut> {
        let (_, mut start) = number(&self.unread, 0)?;
        let mut part = 0..0;
        for _ in 0..3 {
            let (length, after) = number(&self.unread, start)?;
            // An integer is its own line; a string follows its length.
            let is_string = self.unread[start] == b'$';
            part = after..after + if is_string { length } else { 0 };
            start = part.end + if is_string { 2 } else { 0 };
        }
        if self.unread.len() < start {
            return None;
        }
        let mut whole = self.unread.split_to(start);
        whole.truncate(part.end);
        whole.advance(part.start);
        Some(whole)
    }
}

/// The number on the line that starts here, behind its sign, and where the next line starts.
fn number(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    let line = bytes.get(start + 1..)?;
    let end = line.windows(2).position(|pair| pair == b"\r\n")?;
    let number = std::str::from_utf8(&line[..end]).ok()?.parse().ok()?;
    Some((number, start + 1 + end + 2))
}

fn command(parts: &[&[u8]]) -> Vec<u8> {
    let mut command = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        command.extend(format!("${}\r\n", part.len()).as_bytes());
        command.extend_from_slice(part);
        command.extend_from_slice(b"\r\n");
    }
    command
}

async fn line(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

const CHANNEL: &[u8] = b"chat";
