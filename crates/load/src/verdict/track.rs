//! Where a receiver of v1 is in its room: no position may be jumped over but what it was told of.

use memchr::memmem;
use serde_json::Value;

use crate::words::dialect::Place;

#[derive(Debug, Default)]
pub(crate) struct Track {
    /// Of the last that was heard; none before the room was entered.
    place: Option<Place>,
    /// Where the last packet had its position: most have it there.
    last_seen: usize,
    holes: u64,
}

impl Track {
    /// The room was entered here.
    pub(crate) fn enter(&mut self, answer: &Value) {
        self.place = Place::of(answer);
    }

    /// A `message` or an `update` of the room.
    pub(crate) fn hear(&mut self, packet: &[u8]) {
        let Some(seq) = self.position_in(packet) else { return };
        if let Some(place) = &mut self.place
            && let Some(jumped) = seq.checked_sub(place.seq + 1)
        {
            self.holes += jumped;
            place.seq = seq;
        }
    }

    /// What comes next comes after this place, and what was before it may be missing.
    pub(crate) fn jump(&mut self, to: Place) {
        self.place = Some(to);
    }

    /// What to come back with.
    pub(crate) fn place(&self) -> Option<Place> {
        self.place
    }

    /// Positions that were jumped over without a word.
    pub(crate) fn holes(&self) -> u64 {
        self.holes
    }

    fn position_in(&mut self, packet: &[u8]) -> Option<u64> {
        let is_here = packet.get(self.last_seen..).is_some_and(|rest| rest.starts_with(POSITION));
        if !is_here {
            self.last_seen = memmem::rfind(packet, POSITION)?;
        }
        let digits =
            packet[self.last_seen + POSITION.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }
}

/// Our texts hold no quotation marks.
const POSITION: &[u8] = b"\"seq\":";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(seq: u64) -> String {
        let cid = if seq.is_multiple_of(3) { "a" } else { "longer" };
        format!("42/v1,{}", json!(["message", { "cid": cid, "epoch": 7, "seq": seq }]))
    }

    fn heard(places: &[u64]) -> Track {
        let mut track = Track::default();
        track.enter(&json!({ "ok": true, "epoch": 7, "seq": 3 }));
        places.iter().for_each(|seq| track.hear(message(*seq).as_bytes()));
        track
    }

    #[test]
    fn a_position_that_is_jumped_over_is_a_hole_wherever_the_packet_has_it() {
        assert_eq!(heard(&[4, 5, 6, 7, 8, 9, 10, 11]).holes(), 0);
        let track = heard(&[4, 6, 6, 9]);
        assert_eq!((track.holes(), track.place().map(|place| place.seq)), (3, Some(9)));
    }

    #[test]
    fn what_was_announced_is_no_hole() {
        let mut track = heard(&[4]);
        track.jump(Place { epoch: 7, seq: 10 });
        track.hear(message(11).as_bytes());
        assert_eq!(track.holes(), 0);
        track.hear(message(13).as_bytes());
        assert_eq!(track.holes(), 1);
    }
}
