//! What one sender has said, and what has become of it.

use crate::{plan::Pace, verdict::hearing::Said};

#[derive(Debug)]
pub(crate) struct Voice {
    said: u32,
    /// One past the highest that was heard back, or refused, or given up: the window of the closed loop opens here.
    settled: u32,
    refused: Vec<u32>,
    unanswered: u32,
    probes: u32,
}

impl Voice {
    pub(crate) fn new() -> Self {
        Self { said: 0, settled: 0, refused: Vec::new(), unanswered: 0, probes: 0 }
    }

    /// The sequence number of the next message.
    pub(crate) fn say(&mut self, is_acknowledged: bool) -> u32 {
        let sequence = self.said;
        self.said += 1;
        self.unanswered += u32::from(is_acknowledged);
        sequence
    }

    /// The number of the next probe.
    pub(crate) fn probe(&mut self) -> u32 {
        self.probes += 1;
        self.probes
    }

    /// May the next be said already?
    pub(crate) fn has_room(&self, pace: Pace) -> bool {
        match pace {
            Pace::Closed { inflight } => self.said - self.settled < inflight && self.said < LAST,
            Pace::Open { .. } => self.said < LAST,
            Pace::Silent => false,
        }
    }

    pub(crate) fn heard_back(&mut self, sequence: u32) {
        self.settled = self.settled.max((sequence + 1).min(self.said));
    }

    pub(crate) fn answered(&mut self, sequence: u32, is_refused: bool) {
        self.unanswered = self.unanswered.saturating_sub(1);
        if is_refused {
            self.refused.push(sequence);
            self.heard_back(sequence);
        }
    }

    /// Says on although nothing comes back: what is lost must not stop the load.
    pub(crate) fn give_up_waiting(&mut self) {
        self.settled = self.said;
    }

    pub(crate) fn settled(&self) -> u32 {
        self.settled
    }

    pub(crate) fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// The account at the end.
    pub(crate) fn said(&self) -> Said {
        let mut refused = self.refused.clone();
        refused.sort_unstable();
        refused.dedup();
        Said { count: self.said, refused }
    }
}

/// A stamp has eight digits for it.
const LAST: u32 = 99_999_999;

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Pace = Pace::Closed { inflight: 2 };

    fn said(count: u32) -> Voice {
        let mut voice = Voice::new();
        for _ in 0..count {
            voice.say(true);
        }
        voice
    }

    #[test]
    fn the_closed_loop_waits_for_its_own() {
        let mut voice = said(2);
        assert!(!voice.has_room(TWO));
        voice.heard_back(0);
        assert!(voice.has_room(TWO));
    }

    #[test]
    fn a_refusal_makes_room_and_is_remembered() {
        let mut voice = said(2);
        voice.answered(1, true);
        voice.answered(0, true);
        assert!(voice.has_room(TWO));
        assert_eq!((voice.unanswered(), voice.said().refused), (0, vec![0, 1]));
    }

    #[test]
    fn what_is_lost_does_not_stop_it_for_ever() {
        let mut voice = said(2);
        voice.give_up_waiting();
        assert!(voice.has_room(TWO));
    }

    #[test]
    fn an_echo_of_what_was_never_said_opens_no_window() {
        let mut voice = said(2);
        voice.heard_back(4_000_000_000);
        assert_eq!(voice.settled(), 2);
    }
}
