//! What a subscriber has asked for and Redis has not answered yet: one batch, answered in its order.

use std::collections::VecDeque;

use crate::rooms::Tap;

/// A batch that is under way.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    asked: VecDeque<(String, Tap)>,
    pub(crate) confirmed: Vec<Tap>,
    /// By a master that does not have their slots.
    pub(crate) refused: Vec<Tap>,
    /// Who has them, as far as it knows.
    pub(crate) better: Option<String>,
    /// There was nothing else to ask for.
    pub(crate) is_last: bool,
}

impl Asking {
    pub(crate) fn new(is_last: bool) -> Self {
        Self { is_last, ..Self::default() }
    }

    pub(crate) fn add(&mut self, channels: Vec<String>, taps: Vec<Tap>) {
        self.asked.extend(channels.into_iter().zip(taps));
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether that is the answer that comes next.
    pub(crate) fn subscribed(&mut self, channel: &str) -> bool {
        let next = self.next(channel);
        self.confirmed.extend(next.clone());
        next.is_some()
    }

    /// Whether that is the answer that comes next.
    pub(crate) fn unsubscribed(&mut self, channel: &str) -> bool {
        self.next(channel).is_some()
    }

    /// Whether anything was asked that can be refused.
    pub(crate) fn refused(&mut self, better: Option<String>) -> bool {
        let next = self.asked.pop_front();
        self.better = better.or_else(|| self.better.take());
        let is_asked = next.is_some();
        self.refused.extend(next.map(|(_, tap)| tap));
        is_asked
    }

    /// Confirmed, and taken back again before the rest was answered.
    pub(crate) fn lost(&mut self, is_it: impl Fn(&Tap) -> bool) {
        let lost = self.confirmed.extract_if(.., |tap| is_it(tap));
        self.refused.extend(lost);
    }

    fn next(&mut self, channel: &str) -> Option<Tap> {
        let next = self.asked.pop_front_if(|(asked, _)| asked == channel);
        next.map(|(_, tap)| tap)
    }
}
