//! What a client has said and the chat has not handled yet: bounded, in order, without memory while it is empty.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use socketioxide::handler::Value;

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

/// One session's words, for the one task that takes them.
#[derive(Debug, Default)]
pub(crate) struct Mailbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    words: VecDeque<Word>,
    bytes: usize,
    nudged: bool,
    closed: bool,
    taker: Option<Waker>,
}

impl Mailbox {
    /// The session's inbox is to be read, once, however often this is said before it is.
    pub(crate) fn nudge(&self) {
        let mut state = self.lock();
        state.nudged = true;
        wake(state);
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
        wake(state);
        if half { Filled::Half } else { Filled::Fits }
    }

    /// Whether it is less than half full.
    pub(crate) fn has_room(&self) -> bool {
        !self.lock().is_half_full()
    }

    /// Nothing more comes; what is there is still handed out.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        wake(state);
    }

    /// What is next. Cut short, nothing is lost. A session waits here for most of its life, so this future is small.
    pub(crate) fn take(&self) -> impl Future<Output = Taken> {
        poll_fn(|cx| self.poll_take(cx))
    }

    fn poll_take(&self, cx: &Context<'_>) -> Poll<Taken> {
        let mut state = self.lock();
        let taken = state.take();
        if taken.is_pending() && !state.taker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            state.taker = Some(cx.waker().clone());
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is woken may be here before the lock is given back, so it is given back first.
fn wake(mut state: MutexGuard<'_, State>) {
    let taker = state.taker.take();
    drop(state);
    taker.into_iter().for_each(Waker::wake);
}

impl State {
    /// From here on the client's transport is not read.
    fn is_half_full(&self) -> bool {
        self.words.len() >= WORDS / 2 || self.bytes >= BYTES / 2
    }

    fn take(&mut self) -> Poll<Taken> {
        if std::mem::take(&mut self.nudged) {
            return Poll::Ready(Taken::Nudge);
        }
        match self.words.pop_front() {
            Some(word) => {
                self.bytes -= word.len();
                if self.words.is_empty() {
                    self.words = VecDeque::new();
                }
                Poll::Ready(Taken::Word(word, !self.is_half_full()))
            }
            None if self.closed => Poll::Ready(Taken::End),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::{Wake, Waker},
    };

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn word(text: &'static str) -> Word {
        Word { packet: Value::Str(text.into(), None), ack: None }
    }

    fn polled(mailbox: &Mailbox) -> Poll<Taken> {
        mailbox.poll_take(&Context::from_waker(Waker::noop()))
    }

    /// Whether whoever waits already is woken when this happens.
    fn is_woken_by(mailbox: &Mailbox, happens: impl FnOnce()) -> bool {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        assert!(mailbox.poll_take(&Context::from_waker(&waker)).is_pending());
        happens();
        woken.0.load(Ordering::Relaxed)
    }

    #[test]
    fn whoever_waits_is_woken_by_a_word_by_a_nudge_and_by_the_end() {
        let mailbox = Mailbox::default();
        assert!(is_woken_by(&mailbox, || assert_eq!(mailbox.put(word("first")), Filled::Fits)));
        assert!(matches!(polled(&mailbox), Poll::Ready(Taken::Word(word, true)) if word.len() == 5));
        assert!(is_woken_by(&mailbox, || mailbox.nudge()));
        assert!(matches!(polled(&mailbox), Poll::Ready(Taken::Nudge)));
        assert!(is_woken_by(&mailbox, || mailbox.close()));
        assert!(matches!(polled(&mailbox), Poll::Ready(Taken::End)));
    }

    #[test]
    fn what_was_said_before_the_end_is_still_handed_out_and_nothing_after_it() {
        let mailbox = Mailbox::default();
        assert_eq!(mailbox.put(word("first")), Filled::Fits);
        mailbox.close();
        assert_eq!(mailbox.put(word("late")), Filled::Fits);
        assert!(matches!(polled(&mailbox), Poll::Ready(Taken::Word(word, _)) if word.len() == 5));
        assert!(matches!(polled(&mailbox), Poll::Ready(Taken::End)));
    }

    #[test]
    fn from_half_on_it_says_so_and_full_it_takes_nothing() {
        let mailbox = Mailbox::default();
        let filled: Vec<_> = (0..=WORDS).map(|_| mailbox.put(word("one"))).collect();
        assert!(filled[..WORDS / 2 - 1].iter().all(|filled| *filled == Filled::Fits));
        assert!(filled[WORDS / 2 - 1..WORDS].iter().all(|filled| *filled == Filled::Half));
        assert_eq!(filled[WORDS], Filled::Full);
        let has_room = std::iter::from_fn(|| match polled(&mailbox) {
            Poll::Ready(Taken::Word(_, has_room)) => Some(has_room),
            _ => None,
        });
        assert_eq!(has_room.filter(|has_room| !has_room).count(), WORDS / 2);
        assert!(mailbox.has_room());
    }
}
