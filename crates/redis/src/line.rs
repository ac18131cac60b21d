//! A connection that listens, below its meaning: what Redis is asked on it, and what it says.
//!
//! It is our own, for the client library's does not know shard channels, and hands messages on through a queue that has
//! no bound. Here nothing is read before it is wanted, and a Redis that does not read holds up nobody.

use std::{io, pin::Pin};

use bytes::{Buf, BytesMut};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use redis::{Cmd, ErrorKind, RedisConnectionInfo, RedisError, RedisResult, Value};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

/// What Redis says.
#[derive(Debug)]
pub(crate) enum Word {
    Message(Message),
    Subscribed(String),
    Unsubscribed(String),
    /// It is there.
    Pong,
    /// It will not do what it was asked.
    Refused(RedisError),
}

/// What was said on a channel.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) channel: String,
    pub(crate) payload: Vec<u8>,
}

/// A connection that listens.
pub(crate) struct Line {
    values: BoxStream<'static, RedisResult<Value>>,
    writer: Pin<Box<dyn AsyncWrite + Send + Sync>>,
    unsent: BytesMut,
}

impl Line {
    /// Over a socket of this machine, as this user.
    pub(crate) async fn over_unix(stream: UnixStream, who: &RedisConnectionInfo) -> RedisResult<Self> {
        let (reader, writer) = stream.into_split();
        Self::open(reader, writer, who).await
    }

    /// Over the network, as this user.
    pub(crate) async fn over_tcp(stream: TcpStream, who: &RedisConnectionInfo) -> RedisResult<Self> {
        let (reader, writer) = stream.into_split();
        Self::open(reader, writer, who).await
    }

    async fn open(
        reader: impl AsyncRead + Send + Sync + Unpin + 'static,
        writer: impl AsyncWrite + Send + Sync + 'static,
        who: &RedisConnectionInfo,
    ) -> RedisResult<Self> {
        let values = Box::pin(values(reader));
        let mut line = Self { values, writer: Box::pin(writer), unsent: BytesMut::new() };
        for cmd in introduction(who) {
            line.ask(&cmd);
            line.value().await?.extract_error()?;
        }
        Ok(line)
    }

    /// Sends it as soon as Redis reads, while [`Self::next`] is waited for.
    pub(crate) fn ask(&mut self, cmd: &Cmd) {
        self.unsent.extend_from_slice(&cmd.get_packed_command());
    }

    /// The next word that means something. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> RedisResult<Word> {
        loop {
            if let Some(word) = word(self.value().await?)? {
                return Ok(word);
            }
        }
    }

    async fn value(&mut self) -> RedisResult<Value> {
        loop {
            tokio::select! {
                value = self.values.next() => return value.unwrap_or_else(|| Err(closed())),
                written = self.writer.write_buf(&mut self.unsent), if self.unsent.has_remaining() => {
                    if written? == 0 {
                        return Err(closed());
                    }
                }
            }
        }
    }
}

fn introduction(who: &RedisConnectionInfo) -> Vec<Cmd> {
    let mut cmds = Vec::new();
    if let Some(password) = who.password() {
        let mut auth = redis::cmd("AUTH");
        auth.arg(who.username()).arg(password);
        cmds.push(auth);
    }
    if who.db() != 0 {
        let mut select = redis::cmd("SELECT");
        select.arg(who.db());
        cmds.push(select);
    }
    cmds
}

fn values(
    reader: impl AsyncRead + Send + Sync + Unpin + 'static,
) -> impl futures_util::Stream<Item = RedisResult<Value>> + Send {
    stream::unfold((reader, combine::stream::Decoder::new()), |(mut reader, mut decoder)| async {
        let value = redis::parse_redis_value_async(&mut decoder, &mut reader).await;
        Some((value, (reader, decoder)))
    })
}

fn closed() -> RedisError {
    io::Error::from(io::ErrorKind::UnexpectedEof).into()
}

/// `None`: nothing that matters here.
fn word(value: Value) -> RedisResult<Option<Word>> {
    let parts = match value {
        Value::Array(parts) => parts,
        Value::ServerError(error) => return Ok(Some(Word::Refused(error.into()))),
        Value::SimpleString(_) | Value::Okay => return Ok(Some(Word::Pong)),
        _ => return Err(strange()),
    };
    let mut parts = parts.into_iter();
    let kind = text(parts.next()).ok_or_else(strange)?;
    Ok(match kind.as_str() {
        "message" | "smessage" => message(parts.next(), parts.next()).map(Word::Message),
        "subscribe" | "ssubscribe" => text(parts.next()).map(Word::Subscribed),
        "unsubscribe" | "sunsubscribe" => text(parts.next()).map(Word::Unsubscribed),
        "pong" => Some(Word::Pong),
        _ => return Err(strange()),
    })
}

fn message(channel: Option<Value>, payload: Option<Value>) -> Option<Message> {
    let Some(Value::BulkString(payload)) = payload else { return None };
    Some(Message { channel: text(channel)?, payload })
}

fn text(value: Option<Value>) -> Option<String> {
    let Some(Value::BulkString(bytes)) = value else { return None };
    String::from_utf8(bytes).ok()
}

fn strange() -> RedisError {
    (ErrorKind::UnexpectedReturnType, "redis said what no subscriber expects").into()
}
