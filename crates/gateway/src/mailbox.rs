//! What a client has said and the chat has not handled yet: bounded, in order, without memory while it is empty.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use socketioxide::handler::Value;
use tokio::sync::Notify;

/// Words that may wait. Full means that the client says more than its bound allows, paused or not: it is cut off.
const BOUND: usize = 1_024;
/// From here on its transport is not read.
const HALF: usize = BOUND / 2;

/// One event as it came.
#[derive(Debug)]
pub(crate) struct Word {
    /// The packet's JSON array: the event's name, then its arguments.
    pub(crate) packet: Value,
    /// The id to acknowledge it by, if the client asked.
    pub(crate) ack: Option<i64>,
}

/// How full it is after a word more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    Fits,
    Half,
    Full,
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
    closed: bool,
}

impl Mailbox {
    /// Adds a word, without ever waiting.
    pub(crate) fn put(&self, word: Word) -> Filled {
        let mut state = self.lock();
        if state.closed {
            return Filled::Fits;
        }
        if state.words.len() == BOUND {
            return Filled::Full;
        }
        state.words.push_back(word);
        let half = state.words.len() >= HALF;
        drop(state);
        self.changed.notify_one();
        if half { Filled::Half } else { Filled::Fits }
    }

    /// Nothing more comes; what is there is still handed out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// The next word, and whether there is room again. `None`: it is closed and empty.
    pub(crate) async fn take(&self) -> Option<(Word, bool)> {
        loop {
            if let Poll::Ready(next) = self.try_take() {
                return next;
            }
            self.changed.notified().await;
        }
    }

    fn try_take(&self) -> Poll<Option<(Word, bool)>> {
        let mut state = self.lock();
        match state.words.pop_front() {
            Some(word) => {
                let left = state.words.len();
                if left == 0 {
                    state.words = VecDeque::new();
                }
                Poll::Ready(Some((word, left < HALF)))
            }
            None if state.closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
