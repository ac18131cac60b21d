//! The session's task: what it waits for, and what it does then.

use std::{pin::Pin, time::Instant};

use hubbub_dialects::NAMESPACES;
use tokio::time::sleep_until;

use crate::{
    mailbox::{Taken, Word},
    metrics,
};

use super::Connection;

/// What it does next.
enum Next {
    Hear(Word),
    ReadInbox,
    Replay,
    TryAgain,
    TryHeld,
    End,
}

impl Connection {
    /// Runs until the client is gone. What it said before that is still carried out.
    pub(crate) async fn run(mut self: Box<Self>) {
        let begins: Step<'_> = Box::pin(self.begin());
        begins.await;
        loop {
            let next = self.next().await;
            let Some(step) = self.step(next) else { break };
            step.await;
        }
        let ends: Step<'_> = Box::pin(self.end());
        ends.await;
    }

    async fn begin(&mut self) {
        metrics::session_opened(self.namespace());
        self.greet().await;
    }

    fn step(&mut self, next: Next) -> Option<Step<'_>> {
        Some(match next {
            Next::Hear(word) => Box::pin(self.hear(word)),
            Next::ReadInbox => Box::pin(self.read_inbox()),
            Next::Replay => Box::pin(self.replay()),
            Next::TryAgain => Box::pin(self.try_again()),
            Next::TryHeld => Box::pin(self.try_held()),
            Next::End => return None,
        })
    }

    async fn end(&mut self) {
        self.empty_holding().await;
        self.leave().await;
        metrics::session_closed(self.namespace());
    }

    /// Leaves everything, before it has begun to run.
    pub(crate) async fn close(mut self: Box<Self>) {
        self.leave().await;
    }

    async fn leave(&mut self) {
        let ending = self.peer.ending();
        self.floor.chat.close(&mut self.session, ending).await;
    }

    fn namespace(&self) -> &'static str {
        NAMESPACES[usize::from(self.peer.namespace)]
    }

    async fn next(&mut self) -> Next {
        let is_deaf = self.is_unread || !self.unheard.is_empty();
        if is_deaf || !self.replays.is_empty() || !self.holding.is_empty() {
            return Box::pin(self.next_of_many(is_deaf)).await;
        }
        let taken = self.peer.mailbox.take().await;
        self.taken(taken)
    }

    async fn next_of_many(&self, is_deaf: bool) -> Next {
        // In this order, for each attempt to hear a room may take seconds while the backplane is away.
        tokio::select! {
            biased;
            () = sleep_until(self.holding.due().into()), if !self.holding.is_empty() => Next::TryHeld,
            () = sleep_until(self.again.into()), if is_deaf => Next::TryAgain,
            taken = self.peer.mailbox.take() => self.taken(taken),
            () = self.roomy(), if !self.replays.is_empty() => Next::Replay,
        }
    }

    /// The client has read what it was told, and the backplane may be asked.
    async fn roomy(&self) {
        if self.rests_until > Instant::now() {
            sleep_until(self.rests_until.into()).await;
        }
        self.peer.link.roomy().await;
    }

    fn taken(&self, taken: Taken) -> Next {
        match taken {
            Taken::Word(word, room) => {
                if room {
                    self.peer.link.resume(self.peer.namespace);
                }
                Next::Hear(word)
            }
            Taken::Nudge => Next::ReadInbox,
            Taken::End => Next::End,
        }
    }
}

/// A step of the task, boxed: a session is idle most of its time, and its task would be as large as the
/// largest step in it.
type Step<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
