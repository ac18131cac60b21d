//! Words that asked for no acknowledgement, kept for a while when the backplane is away: their clients would not say them
//! again. Held words go out in their order, before any later one, and once; what cannot be done in time is said to be so.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use hubbub_core::{Command, Refusal, RefusalCode};
use hubbub_dialects::Dialect;

use super::{Connection, Outcome};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// How many words are held, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) words: usize,
    pub(crate) time: Duration,
}

/// The words that wait.
#[derive(Debug, Default)]
pub(super) struct Holding {
    words: VecDeque<Held>,
    next_try: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    dialect: &'static dyn Dialect,
    command: Command,
    until: Instant,
}

impl Holding {
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether some are to be tried again now.
    pub(super) fn is_due(&self) -> bool {
        !self.is_empty() && self.due() <= Instant::now()
    }

    /// When they are tried again.
    pub(super) fn due(&self) -> Instant {
        self.next_try.unwrap_or_else(Instant::now)
    }
}

impl Connection {
    /// Carries the command out; or keeps it, with all that come after it, until the backplane is there: then there is no
    /// outcome yet.
    pub(super) async fn carry_out_or_hold(
        &mut self,
        dialect: &'static dyn Dialect,
        mut command: Command,
        is_acknowledged: bool,
    ) -> Option<Outcome> {
        if is_acknowledged || !is_kept(&command) {
            return Some(self.attempt(dialect, command).await);
        }
        self.session.fix_key(&mut command);
        if self.holding.is_empty() {
            let outcome = self.attempt(dialect, command.clone()).await;
            if !is_unavailable(&outcome) {
                return Some(outcome);
            }
        }
        self.hold(dialect, command)
    }

    fn hold(&mut self, dialect: &'static dyn Dialect, command: Command) -> Option<Outcome> {
        let Bounds { words, time } = self.floor.holding;
        if self.holding.words.len() >= words {
            return Some(Err(Refusal::unavailable()));
        }
        let now = Instant::now();
        self.holding.words.push_back(Held { dialect, command, until: now + time });
        self.holding.next_try.get_or_insert(now + PAUSE);
        self.peer.open_gate();
        None
    }

    /// Tries the held words in their order, as far as the backplane goes along. Those whose time is over when it does not
    /// are given up.
    pub(super) async fn try_held(&mut self) {
        while let Some(Held { dialect, command, until }) = self.holding.words.pop_front() {
            let outcome = self.attempt(dialect, command.clone()).await;
            if is_unavailable(&outcome) {
                self.holding.words.push_front(Held { dialect, command, until });
                return self.give_up_overdue().await;
            }
            self.conclude(dialect, outcome, None).await;
        }
        self.holding.next_try = None;
    }

    /// An attempt may take seconds, and has just failed: what has waited for long enough does not get one each.
    async fn give_up_overdue(&mut self) {
        let now = Instant::now();
        while let Some(Held { dialect, .. }) = self.holding.words.pop_front_if(|held| held.until <= now) {
            self.conclude(dialect, Err(Refusal::unavailable()), None).await;
        }
        self.holding.next_try = (!self.holding.is_empty()).then(|| now + PAUSE);
        self.peer.open_gate();
    }

    /// The client is gone: what it said is still carried out, if the backplane comes back in time.
    pub(super) async fn empty_holding(&mut self) {
        while !self.holding.is_empty() {
            tokio::time::sleep_until(self.holding.due().into()).await;
            self.try_held().await;
        }
    }
}

/// Hints are over by the time that they could be given.
fn is_kept(command: &Command) -> bool {
    !matches!(command, Command::Type { .. } | Command::Read { .. })
}

fn is_unavailable(outcome: &Outcome) -> bool {
    matches!(outcome, Err(refusal) if refusal.code == RefusalCode::Unavailable)
}
