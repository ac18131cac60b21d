//! What one sender has said, and what has become of it.

use std::collections::BTreeSet;

use crate::{plan::Pace, verdict::hearing::Said};

#[derive(Debug)]
pub(crate) struct Voice {
    said: u32,
    /// One past the highest that was heard back, or refused, or given up: the window of the closed loop opens here.
    settled: u32,
    refused: Vec<u32>,
    /// Said, and not answered yet, where there is an answer.
    unanswered: BTreeSet<u32>,
    /// Not answered before the connection was lost: nobody knows whether they were said.
    unknown: Vec<u32>,
    probes: u32,
}

impl Voice {
    pub(crate) fn new() -> Self {
        Self {
            said: 0,
            settled: 0,
            refused: Vec::new(),
            unanswered: BTreeSet::new(),
            unknown: Vec::new(),
            probes: 0,
        }
    }

    /// The sequence number of the next message.
    pub(crate) fn say(&mut self, is_acknowledged: bool) -> u32 {
        let sequence = self.said;
        self.said += 1;
        if is_acknowledged {
            self.unanswered.insert(sequence);
        }
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
        if self.unanswered.remove(&sequence) && is_refused {
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

    /// The connection is lost, and with it what was on its way; says how many messages that may be.
    pub(crate) fn lose(&mut self) -> usize {
        self.give_up_waiting();
        let lost = std::mem::take(&mut self.unanswered);
        self.unknown.extend(&lost);
        lost.len()
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.len() + self.unknown.len()
    }

    /// The account at the end.
    pub(crate) fn said(&self) -> Said {
        let mut not_owed = [&self.refused[..], &self.unknown].concat();
        not_owed.sort_unstable();
        Said { count: self.said, not_owed }
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
        assert_eq!((voice.unanswered(), voice.said().not_owed), (0, vec![0, 1]));
    }

    #[test]
    fn what_was_not_answered_before_the_connection_was_lost_is_not_owed() {
        let mut voice = said(3);
        voice.answered(1, false);
        assert_eq!((voice.lose(), voice.unanswered(), voice.said().not_owed), (2, 2, vec![0, 2]));
        assert!(voice.has_room(TWO));
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
