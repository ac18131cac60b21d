//! Where a node stands in one room: what it has delivered, what it misses, and what waits for that.
//!
//! Nothing here waits or talks; it says what to deliver and what to read.
//!
//! ```text
//!                 hear: next ──► deliver              healed: deliver, then what waited
//!   learning ──top──► live ──jump, other epoch──► healing ──┐
//!                      ▲  ◄──────────────────────────────────┘  (the log's end not reached: go on reading)
//! ```

use std::collections::VecDeque;

use hubbub_core::{Envelope, Inbound, Position, RoomId};
use tokio::sync::OwnedSemaphorePermit;

use crate::{logs::Suffix, metrics};

/// Messages of a room that may wait until it is healed. The oldest goes first, and is read from the log later.
const WAITING: usize = 256;

/// A message on its way, with its share of the bytes that may be.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) position: Position,
    pub(crate) envelope: Envelope,
    pub(crate) _bytes: Option<OwnedSemaphorePermit>,
}

/// One room's log, as far as this node has delivered it.
#[derive(Debug, Default)]
pub(crate) struct Track {
    /// `None`: not learned yet.
    last: Option<Position>,
    healing: bool,
    /// The first of those that wait was heard before the log was asked: if the log then does not know it, nobody said it.
    suspect: bool,
    waiting: VecDeque<Held>,
}

impl Track {
    /// Whether a message can be missed without being noticed.
    pub(crate) fn is_learned(&self) -> bool {
        self.last.is_some()
    }

    /// The room's channel said this. Answers where to read on from, if something is missing before it.
    pub(crate) fn hear(&mut self, held: Held, out: &mut Vec<Inbound>) -> Option<Position> {
        if self.healing || self.last.is_none() {
            self.wait(held);
            return None;
        }
        self.step(held, out)
    }

    /// The log's top was this, some time after the subscription. `quiet`: nothing was heard since it was asked.
    pub(crate) fn compared(
        &mut self,
        top: Position,
        quiet: bool,
        out: &mut Vec<Inbound>,
    ) -> Option<Position> {
        let Some(last) = self.last else {
            self.last = Some(top);
            return self.drain(out);
        };
        if self.healing || last == top {
            return None;
        }
        if last.epoch == top.epoch && top.seq < last.seq {
            // What was heard beyond the top was never in the log.
            self.last = Some(if quiet { top } else { last });
            return None;
        }
        (self.healing, self.suspect) = (true, false);
        Some(last)
    }

    /// The log went on like this. Answers where to read on from, if that was not all.
    pub(crate) fn healed(
        &mut self,
        room: &RoomId,
        suffix: Suffix,
        out: &mut Vec<Inbound>,
    ) -> Option<Position> {
        let before = self.last?;
        let Suffix { top, first, entries } = suffix;
        let mut last = before;
        for (position, envelope) in entries {
            if can_be_in(top, position) {
                last = recover(room, last, position, envelope, out);
            } else {
                metrics::malformed(1);
            }
        }
        // An earlier epoch is told to its end, as far as the log has it.
        if last.epoch != top.epoch && (last == before || last.seq + 1 >= first) {
            last = Position { epoch: top.epoch, seq: first.saturating_sub(1) };
            out.push(gap(room, last));
        } else if last == before && last.seq < top.seq {
            metrics::lost(top.seq - last.seq);
            last = top;
            out.push(gap(room, last));
        }
        self.last = Some(last);
        if last.epoch != top.epoch || last.seq < top.seq {
            return Some(last);
        }
        self.healing = false;
        self.unmask(top);
        self.drain(out)
    }

    /// Drops what made us ask, if the log does not have it: it is appended there before it is said.
    fn unmask(&mut self, top: Position) {
        let known = |held: &Held| held.position.epoch == top.epoch && held.position.seq <= top.seq;
        if std::mem::take(&mut self.suspect) && self.waiting.front().is_some_and(|held| !known(held)) {
            metrics::malformed(1);
            self.waiting.pop_front();
        }
    }

    fn drain(&mut self, out: &mut Vec<Inbound>) -> Option<Position> {
        while let Some(held) = self.waiting.pop_front() {
            let since = self.step(held, out);
            if since.is_some() {
                return since;
            }
        }
        None
    }

    fn step(&mut self, held: Held, out: &mut Vec<Inbound>) -> Option<Position> {
        let last = self.last?;
        let Position { epoch, seq } = held.position;
        if epoch == last.epoch && seq <= last.seq {
            return None;
        }
        if epoch == last.epoch && seq == last.seq + 1 {
            self.last = Some(held.position);
            out.push(Inbound::Heard(held.envelope));
            return None;
        }
        (self.healing, self.suspect) = (true, true);
        self.waiting.push_front(held);
        Some(last)
    }

    fn wait(&mut self, held: Held) {
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
            self.suspect = false;
        }
        self.waiting.push_back(held);
    }
}

/// Whether a log that ends there may have such an entry: positions begin at 1, and neither they nor epochs ever fall.
fn can_be_in(top: Position, position: Position) -> bool {
    (1..=top.seq).contains(&position.seq) && position.epoch <= top.epoch
}

/// Delivers an entry of the log, or says that it and what is missing before it are lost.
fn recover(
    room: &RoomId,
    last: Position,
    position: Position,
    envelope: Option<Envelope>,
    out: &mut Vec<Inbound>,
) -> Position {
    if position.epoch < last.epoch || (position.epoch == last.epoch && position.seq <= last.seq) {
        return last;
    }
    let missing = position.seq.saturating_sub(last.seq + 1);
    if missing > 0 || position.epoch != last.epoch {
        metrics::lost(missing);
        out.push(gap(room, Position { seq: position.seq - 1, ..position }));
    }
    if let Some(envelope) = envelope {
        metrics::recovered(1);
        out.push(Inbound::Heard(envelope));
    } else {
        metrics::lost(1);
        out.push(gap(room, position));
    }
    position
}

fn gap(room: &RoomId, top: Position) -> Inbound {
    Inbound::Gap { room: room.clone(), top }
}

#[cfg(test)]
mod tests {
    use hubbub_core::{Author, Event, Message, Name, Place};

    use super::*;

    fn room() -> RoomId {
        RoomId::parse("lobby").expect("a room")
    }

    fn at(epoch: u64, seq: u64) -> Position {
        Position { epoch, seq }
    }

    fn said(position: Position) -> Envelope {
        let author = Author { user: None, name: Name::parse("ann").expect("a name") };
        let text = format!("{}:{}", position.epoch, position.seq);
        let message = Message { author, text, cid: None, reply_to: None, channel: None, fate: None };
        Envelope {
            room: room(),
            place: Place::Logged(position),
            at: 0,
            origin: None,
            event: Event::Said(message),
        }
    }

    fn held(position: Position) -> Held {
        Held { position, envelope: said(position), _bytes: None }
    }

    fn live(last: Position) -> Track {
        Track { last: Some(last), ..Track::default() }
    }

    fn suffix(top: Position, first: u64, seqs: impl IntoIterator<Item = u64>) -> Suffix {
        let entries = seqs.into_iter().map(|seq| at(top.epoch, seq)).map(|p| (p, Some(said(p)))).collect();
        Suffix { top, first, entries }
    }

    fn heard(out: &[Inbound]) -> Vec<String> {
        let show = |inbound: &Inbound| match inbound {
            Inbound::Heard(Envelope { place: Place::Logged(Position { epoch, seq }), .. }) => {
                format!("{epoch}:{seq}")
            }
            Inbound::Gap { top, .. } => format!("gap {}:{}", top.epoch, top.seq),
            other => format!("{other:?}"),
        };
        out.iter().map(show).collect()
    }

    #[test]
    fn what_is_heard_before_the_top_is_learned_waits_and_only_the_new_is_delivered() {
        let (mut track, mut out) = (Track::default(), Vec::new());
        for seq in 4..=6 {
            assert_eq!(track.hear(held(at(1, seq)), &mut out), None);
        }
        assert_eq!(track.compared(at(1, 5), false, &mut out), None);
        assert_eq!(heard(&out), ["1:6"]);
    }

    #[test]
    fn a_jump_is_healed_from_the_log_in_order_and_without_repeats() {
        let (mut track, mut out) = (live(at(1, 1)), Vec::new());
        assert_eq!(track.hear(held(at(1, 4)), &mut out), Some(at(1, 1)));
        assert_eq!(track.hear(held(at(1, 5)), &mut out), None);
        assert_eq!(track.hear(held(at(1, 6)), &mut out), None);
        assert_eq!(track.healed(&room(), suffix(at(1, 5), 1, 2..=3), &mut out), Some(at(1, 3)));
        assert_eq!(track.healed(&room(), suffix(at(1, 5), 1, 4..=5), &mut out), None);
        assert_eq!(track.hear(held(at(1, 7)), &mut out), None);
        assert_eq!(heard(&out), ["1:2", "1:3", "1:4", "1:5", "1:6", "1:7"]);
    }

    #[test]
    fn what_the_log_has_trimmed_is_an_announced_gap() {
        let (mut track, mut out) = (live(at(1, 1)), Vec::new());
        assert_eq!(track.hear(held(at(1, 9)), &mut out), Some(at(1, 1)));
        assert_eq!(track.healed(&room(), suffix(at(1, 9), 1, 8..=9), &mut out), None);
        assert_eq!(heard(&out), ["gap 1:7", "1:8", "1:9"]);
        let mut out = Vec::new();
        assert_eq!(track.hear(held(at(1, 20)), &mut out), Some(at(1, 9)));
        assert_eq!(track.healed(&room(), suffix(at(1, 20), 1, []), &mut out), None);
        assert_eq!(heard(&out), ["gap 1:20"]);
    }

    #[test]
    fn a_new_epoch_is_announced_and_read_from_its_beginning() {
        let (mut track, mut out) = (live(at(1, 57)), Vec::new());
        assert_eq!(track.hear(held(at(2, 59)), &mut out), Some(at(1, 57)));
        assert_eq!(track.healed(&room(), suffix(at(2, 59), 58, 58..=59), &mut out), None);
        assert_eq!(heard(&out), ["gap 2:57", "2:58", "2:59"]);
    }

    #[test]
    fn an_earlier_epoch_is_told_to_its_end_before_the_next_is_announced() {
        let (mut track, mut out) = (live(at(1, 55)), Vec::new());
        assert_eq!(track.hear(held(at(2, 59)), &mut out), Some(at(1, 55)));
        let piece = |seqs: std::ops::RangeInclusive<u64>| {
            let epoch = |seq: u64| if seq < 58 { 1 } else { 2 };
            let entries = seqs.map(|seq| at(epoch(seq), seq)).map(|p| (p, Some(said(p)))).collect();
            Suffix { top: at(2, 59), first: 58, entries }
        };
        assert_eq!(track.healed(&room(), piece(56..=56), &mut out), Some(at(1, 56)));
        assert_eq!(track.healed(&room(), piece(57..=58), &mut out), Some(at(2, 58)));
        assert_eq!(track.healed(&room(), piece(59..=59), &mut out), None);
        assert_eq!(heard(&out), ["1:56", "1:57", "gap 2:57", "2:58", "2:59"]);
    }

    #[test]
    fn an_epoch_that_lost_its_end_goes_on_where_the_next_begins() {
        let (mut track, mut out) = (live(at(1, 59)), Vec::new());
        assert_eq!(track.hear(held(at(2, 59)), &mut out), Some(at(1, 59)));
        assert_eq!(track.healed(&room(), suffix(at(2, 59), 58, 58..=59), &mut out), None);
        let (mut other, mut lost) = (live(at(1, 50)), Vec::new());
        assert_eq!(other.compared(at(2, 0), true, &mut lost), Some(at(1, 50)));
        assert_eq!(other.healed(&room(), suffix(at(2, 0), 1, []), &mut lost), None);
        assert_eq!(
            (heard(&out), heard(&lost)),
            (vec!["gap 2:57".into(), "2:58".into(), "2:59".into()], vec!["gap 2:0".into()])
        );
    }

    #[test]
    fn what_nobody_said_is_dropped_and_hides_nothing() {
        for forged in [at(1, 1_000), at(9, 3)] {
            let (mut track, mut out) = (live(at(1, 2)), Vec::new());
            assert_eq!(track.hear(held(forged), &mut out), Some(at(1, 2)));
            assert_eq!(track.hear(held(at(1, 3)), &mut out), None);
            assert_eq!(track.healed(&room(), suffix(at(1, 2), 1, []), &mut out), None);
            assert_eq!(heard(&out), ["1:3"]);
        }
    }

    #[test]
    fn what_a_log_cannot_have_is_dropped_and_hides_nothing() {
        for forged in
            [at(1, u64::MAX), at(1, 10), at(9, 4), at(9, 0), at(u64::MAX, u64::MAX), at(0, u64::MAX)]
        {
            let (mut track, mut out) = (live(at(1, 2)), Vec::new());
            assert_eq!(track.compared(at(1, 4), true, &mut out), Some(at(1, 2)));
            let entries = [at(1, 3), forged, at(1, 4)].map(|p| (p, Some(said(p))));
            let suffix = Suffix { top: at(1, 4), first: 1, entries: entries.into() };
            assert_eq!(track.healed(&room(), suffix, &mut out), None, "{forged:?}");
            assert_eq!(heard(&out), ["1:3", "1:4"], "{forged:?}");
        }
    }

    #[test]
    fn an_overflow_while_healing_is_healed_in_its_turn() {
        let (mut track, mut out) = (live(at(1, 1)), Vec::new());
        assert!(track.hear(held(at(1, 3)), &mut out).is_some());
        let top = 4 + WAITING as u64;
        for seq in 4..=top {
            assert_eq!(track.hear(held(at(1, seq)), &mut out), None);
        }
        assert_eq!(track.healed(&room(), suffix(at(1, 3), 1, 2..=3), &mut out), Some(at(1, 3)));
        assert_eq!(track.healed(&room(), suffix(at(1, top), 1, 4..=top), &mut out), None);
        let expected: Vec<_> = (2..=top).map(|seq| format!("1:{seq}")).collect();
        assert_eq!(heard(&out), expected);
    }

    #[test]
    fn a_lost_tail_is_found_by_comparing() {
        let (mut track, mut out) = (live(at(1, 2)), Vec::new());
        assert_eq!(track.compared(at(1, 2), true, &mut out), None);
        assert_eq!(track.compared(at(1, 3), true, &mut out), Some(at(1, 2)));
        assert_eq!(track.healed(&room(), suffix(at(1, 3), 1, [3]), &mut out), None);
        assert_eq!(track.compared(at(1, 2), false, &mut out), None);
        assert_eq!(track.hear(held(at(1, 3)), &mut out), None);
        assert_eq!(heard(&out), ["1:3"]);
    }
}
