//! The receiving half of a connection: bytes to messages, without a copy where the server did not cut them.
//!
//! All connections of a thread read into the same large buffer, one after the other. What a frame still lacks
//! at a reading's end is kept aside, and put in front of the next.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::OwnedReadHalf,
};

use crate::{
    crowd::{client::Client, shard::Shard},
    wire::frame::{self, Frame, FrameError, FrameKind},
};

#[derive(Debug)]
pub(crate) struct Reader {
    half: OwnedReadHalf,
    /// The beginning of a frame that is not whole yet.
    rest: Vec<u8>,
    /// The rest was read by somebody else, and may hold whole frames.
    is_rest_unseen: bool,
    fragments: Fragments,
}

/// One message of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    Close,
}

/// Why a connection has ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("connection lost: {0}")]
    Lost(#[from] io::Error),
    #[error("not WebSocket: {0}")]
    Garbled(#[from] FrameError),
    #[error("{0}")]
    Told(String),
    #[error("{0:#}")]
    Unanswered(#[from] anyhow::Error),
}

impl Reader {
    pub(crate) fn new(half: OwnedReadHalf, already_read: Vec<u8>) -> Self {
        let is_rest_unseen = !already_read.is_empty();
        Self { half, rest: already_read, is_rest_unseen, fragments: Fragments::default() }
    }

    /// Waits for bytes and lets the client hear every message that they complete.
    pub(crate) async fn turn(&mut self, client: &RefCell<Client>, shard: &Shard) -> Result<(), Ended> {
        let mut now = None;
        let hear = |message: Message<'_>| {
            let now = *now.get_or_insert_with(|| shard.plan.now());
            client.borrow_mut().hear(&message, now);
        };
        self.read(&shard.buffer, hear).await?;
        client.borrow_mut().end_turn()
    }

    /// The same for anybody. It stops only between two readings, so that nothing is lost when it is given up.
    pub(crate) async fn read(
        &mut self,
        buffer: &RefCell<Vec<u8>>,
        mut hear: impl FnMut(Message<'_>),
    ) -> Result<(), Ended> {
        poll_fn(|context| {
            let buffer = &mut *buffer.borrow_mut();
            let filled = ready!(self.poll_fill(context, buffer))?;
            Poll::Ready(Ok(self.deliver(&buffer[..filled], &mut hear)?))
        })
        .await
    }

    /// How much of the buffer, from its start, is to be read as frames.
    fn poll_fill(&mut self, context: &mut Context<'_>, buffer: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        let kept = self.rest.len();
        if kept * 2 > buffer.len() {
            buffer.resize(kept * 2, 0);
        }
        if std::mem::take(&mut self.is_rest_unseen) {
            buffer[..kept].copy_from_slice(&self.rest);
            return Poll::Ready(Ok(kept));
        }
        let mut space = ReadBuf::new(&mut buffer[kept..]);
        ready!(Pin::new(&mut self.half).poll_read(context, &mut space))?;
        let read = space.filled().len();
        if read == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        buffer[..kept].copy_from_slice(&self.rest);
        Poll::Ready(Ok(kept + read))
    }

    fn deliver(&mut self, mut bytes: &[u8], mut hear: impl FnMut(Message<'_>)) -> Result<(), FrameError> {
        while let Some(frame) = frame::take(&mut bytes)? {
            self.fragments.join(&frame, &mut hear)?;
        }
        self.rest.clear();
        self.rest.extend_from_slice(bytes);
        Ok(())
    }
}

/// Puts together what a server sent in several frames, which hardly any does.
#[derive(Debug, Default)]
struct Fragments {
    joined: Vec<u8>,
    is_open: bool,
}

impl Fragments {
    fn join(&mut self, frame: &Frame<'_>, hear: &mut impl FnMut(Message<'_>)) -> Result<(), FrameError> {
        match (frame.kind, self.is_open) {
            (FrameKind::Text | FrameKind::Binary, false) if frame.is_last => {
                hear(Message::Text(frame.payload));
            }
            (FrameKind::Text | FrameKind::Binary, false) => self.add(frame.payload)?,
            (FrameKind::Continuation, true) => {
                self.add(frame.payload)?;
                if frame.is_last {
                    hear(Message::Text(&self.joined));
                    *self = Self::default();
                }
            }
            (FrameKind::Ping, _) => hear(Message::Ping(frame.payload)),
            (FrameKind::Close, _) => hear(Message::Close),
            (FrameKind::Pong, _) => {}
            _ => return Err(FrameError::Misplaced),
        }
        Ok(())
    }

    fn add(&mut self, fragment: &[u8]) -> Result<(), FrameError> {
        self.is_open = true;
        self.joined.extend_from_slice(fragment);
        match self.joined.len() as u64 {
            length if length > frame::LONGEST => Err(FrameError::TooLong(length)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::tests::from_server;

    fn joined(frames: &[Vec<u8>]) -> Result<Vec<String>, FrameError> {
        let (mut fragments, mut heard) = (Fragments::default(), Vec::new());
        for bytes in frames {
            let frame = frame::take(&mut &bytes[..])?.unwrap();
            fragments.join(&frame, &mut |message| heard.push(format!("{message:?}")))?;
        }
        Ok(heard)
    }

    fn text(text: &str) -> String {
        format!("{:?}", Message::Text(text.as_bytes()))
    }

    #[test]
    fn fragments_become_one_message_even_with_a_ping_between() {
        let frames = [
            from_server(0x01, b"a"),
            from_server(0x89, b""),
            from_server(0x00, b"b"),
            from_server(0x80, b"c"),
        ];
        let ping = format!("{:?}", Message::Ping(b""));
        assert_eq!(joined(&frames), Ok(vec![ping, text("abc")]));
    }

    #[test]
    fn whole_messages_follow_each_other() {
        let frames = [from_server(0x81, b"a"), from_server(0x81, b"b")];
        assert_eq!(joined(&frames), Ok(vec![text("a"), text("b")]));
    }

    #[test]
    fn fragments_out_of_place_are_an_error() {
        assert_eq!(joined(&[from_server(0x80, b"a")]), Err(FrameError::Misplaced));
        assert_eq!(joined(&[from_server(0x01, b"a"), from_server(0x81, b"b")]), Err(FrameError::Misplaced));
    }

    /// Whatever the server or the network cuts, the messages are the same.
    #[tokio::test]
    async fn a_stream_cut_at_any_byte_gives_the_same_messages() {
        let bytes =
            [from_server(0x81, b"first"), from_server(0x81, &[b'x'; 200]), from_server(0x81, b"last")]
                .concat();
        for cut in 0..=bytes.len() {
            let mut reader = Reader::new(any_half().await, Vec::new());
            let mut heard = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                let whole = [std::mem::take(&mut reader.rest), part.to_vec()].concat();
                reader.deliver(&whole, |message| heard.push(format!("{message:?}"))).unwrap();
            }
            assert_eq!(heard, [text("first"), text(&"x".repeat(200)), text("last")], "cut at {cut}");
        }
    }

    async fn any_half() -> OwnedReadHalf {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        stream.into_split().0
    }
}
