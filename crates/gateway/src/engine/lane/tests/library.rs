//! A stand-in for socketioxide on its side of the lane: it writes what it has to say in whatever pieces it is told to, and
//! reads as little at a time.
//!
//! Only in one thing it is as strict as the original, which always offers all that it has: a frame that the client must
//! not see is never offered in parts.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, split},
    sync::Notify,
};

use super::stage::framed;
use crate::engine::lane::LaneIo;

/// What it has to say, in order.
#[derive(Default)]
pub(super) struct Speech {
    frames: Mutex<VecDeque<Said>>,
    more: Notify,
}

struct Said {
    rest: Bytes,
    hidden: bool,
}

impl Speech {
    pub(super) fn says(&self, text: &str) {
        self.adds(text, false);
    }

    /// The same, which the client must not see.
    pub(super) fn hides(&self, text: &str) {
        self.adds(text, true);
    }

    fn adds(&self, text: &str, hidden: bool) {
        self.lock().push_back(Said { rest: framed(text), hidden });
        self.more.notify_one();
    }

    /// The first so many bytes, or some more where a frame must not be parted.
    fn offered(&self, most: usize) -> Vec<u8> {
        let mut offered = Vec::new();
        for said in self.lock().iter() {
            let room = most - offered.len().min(most);
            if room == 0 {
                break;
            }
            let length = if said.hidden { said.rest.len() } else { said.rest.len().min(room) };
            offered.extend_from_slice(&said.rest[..length]);
        }
        offered
    }

    fn written(&self, mut bytes: usize) {
        let mut frames = self.lock();
        while let Some(said) = frames.front_mut().filter(|_| bytes > 0) {
            let length = said.rest.len().min(bytes);
            said.rest.advance(length);
            bytes -= length;
            if said.rest.is_empty() {
                frames.pop_front();
            }
        }
        assert_eq!(bytes, 0, "more was written than there was");
    }

    /// All packets, as a poll takes them; with their frames' heads off.
    pub(super) fn polled(&self) -> Vec<String> {
        let text = |said: Said| {
            let head = if said.rest.len() < 128 {
                2
            } else if said.rest.len() < 65_540 {
                4
            } else {
                10
            };
            String::from_utf8(said.rest[head..].to_vec()).expect("text")
        };
        self.lock().drain(..).map(text).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Said>> {
        self.frames.lock().expect("nobody panicked")
    }
}

/// The library's end of the lane.
pub(super) struct Library {
    lane: LaneIo,
    speech: Arc<Speech>,
}

impl Library {
    pub(super) fn new(lane: LaneIo, speech: &Arc<Speech>) -> Self {
        Self { lane, speech: speech.clone() }
    }

    /// Offers so many bytes of what it has to say, once.
    pub(super) async fn writes(&mut self, most: usize) {
        let offered = self.speech.offered(most);
        if offered.is_empty() {
            return;
        }
        let written = once(|cx| Pin::new(&mut self.lane).poll_write(cx, &offered)).await;
        if let Some(written) = written {
            self.speech.written(written.expect("the client is there"));
        }
    }

    /// Writes all that it has to say and will have, whenever the lane says that it can.
    pub(super) async fn writes_on(self) {
        writes_on(self.lane, &self.speech).await;
    }

    /// Reads at most so many bytes, once.
    pub(super) async fn reads(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        let mut buf = ReadBuf::new(&mut bytes);
        let read = once(|cx| Pin::new(&mut self.lane).poll_read(cx, &mut buf)).await;
        read.unwrap_or(Ok(())).expect("the client is there");
        buf.filled().to_vec()
    }

    /// Reads to the end, at most so many bytes at a time, and writes what it has to say: as the original does, each for
    /// itself.
    pub(super) async fn reads_on(self, most: usize) -> Vec<u8> {
        let (mut reading, writing) = split(self.lane);
        let (mut all, mut bytes) = (Vec::new(), vec![0; most]);
        let writing = tokio::spawn(async move { writes_on(writing, &self.speech).await });
        loop {
            match reading.read(&mut bytes).await.expect("the client is there") {
                0 => break,
                length => all.extend_from_slice(&bytes[..length]),
            }
        }
        writing.abort();
        all
    }
}

async fn writes_on(mut lane: impl AsyncWrite + Unpin, speech: &Speech) {
    loop {
        let offered = speech.offered(usize::MAX);
        if offered.is_empty() {
            speech.more.notified().await;
        } else {
            speech.written(lane.write(&offered).await.expect("the client is there"));
        }
    }
}

/// Asks once; `None`: not now.
async fn once<T>(mut poll: impl FnMut(&mut std::task::Context<'_>) -> Poll<T>) -> Option<T> {
    poll_fn(|cx| {
        Poll::Ready(match poll(cx) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        })
    })
    .await
}
