//! What a client has said and the chat has not handled yet: bounded, in order, without memory while it is empty.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use socketioxide::handler::Value;
use tokio::sync::Notify;

/// Words that may wait. Full means that the client says more than its bound allows, paused or not: it is cut off.
const WORDS: usize = 1_024;
/// Bytes that may wait, with the same meaning.
const BYTES: usize = 512 * 1_024;

/// One event as it came.
#[derive(Debug)]
pub(crate) struct Word {
    /// The packet's JSON array: the event's name, then its arguments.
    pub(crate) packet: Value,
    /// The id to acknowledge it by, if the client asked.
    pub(crate) ack: Option<i64>,
}

impl Word {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        match &self.packet {
            Value::Str(text, _) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
        }
    }
}

/// What is taken out.
#[derive(Debug)]
pub(crate) enum Taken {
    /// The next word, and whether there is room again.
    Word(Word, bool),
    /// The session's inbox is to be read.
    Nudge,
    /// It is closed and empty.
    End,
}

/// How full it is after a word more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    Fits,
    Half,
    Full,
}

impl State {
    /// From here on the client's transport is not read.
    fn is_half_full(&self) -> bool {
        self.words.len() >= WORDS / 2 || self.bytes >= BYTES / 2
    }
}

/// One session's words.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    words: VecDeque<Word>,
    bytes: usize,
    nudged: bool,
    closed: bool,
}

impl Mailbox {
    /// The session's inbox is to be read, once, however often this is said before it is.
    pub(crate) fn nudge(&self) {
        self.lock().nudged = true;
        self.changed.notify_one();
    }

    /// Adds a word, without ever waiting.
    pub(crate) fn put(&self, word: Word) -> Filled {
        let mut state = self.lock();
        if state.closed {
            return Filled::Fits;
        }
        if state.words.len() == WORDS || state.bytes >= BYTES {
            return Filled::Full;
        }
        state.bytes += word.len();
        state.words.push_back(word);
        let half = state.is_half_full();
        drop(state);
        self.changed.notify_one();
        if half { Filled::Half } else { Filled::Fits }
    }

    /// Whether it is less than half full.
    pub(crate) fn has_room(&self) -> bool {
        !self.lock().is_half_full()
    }

    /// Nothing more comes; what is there is still handed out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// What is next. Cut short, nothing is lost.
    pub(crate) async fn take(&self) -> Taken {
        loop {
            if let Poll::Ready(next) = self.try_take() {
                return next;
            }
            self.changed.notified().await;
        }
    }

    fn try_take(&self) -> Poll<Taken> {
        let mut state = self.lock();
        if std::mem::take(&mut state.nudged) {
            return Poll::Ready(Taken::Nudge);
        }
        match state.words.pop_front() {
            Some(word) => {
                state.bytes -= word.len();
                if state.words.is_empty() {
                    state.words = VecDeque::new();
                }
                Poll::Ready(Taken::Word(word, !state.is_half_full()))
            }
            None if state.closed => Poll::Ready(Taken::End),
            None => Poll::Pending,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
