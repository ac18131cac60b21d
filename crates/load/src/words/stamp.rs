//! The stamp at the head of every text: which run, whose, which, and when it was said.
//!
//! ```text
//! ~ k3x9 : 00000007 00000042 0000001734567890 xxxxxxxx...
//! │ │    │ │        │        │                └ padding up to the size asked for
//! │ │    │ sender   sequence nanoseconds since the run began
//! │ │    └ `:` a message, `?` a probe
//! │ └ the run: texts of another run are not ours
//! └ a character that neither JSON nor HTML escapes           (no spaces in the real one)
//! ```
//!
//! Fixed widths, so that a receiver reads it without parsing the JSON around it.

use memchr::memmem;

/// What one text says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) kind: Kind,
    pub(crate) sender: u32,
    pub(crate) sequence: u32,
    /// Nanoseconds since the run began.
    pub(crate) said_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of the messages that every receiver must hear once and in order.
    Message,
    /// Said until everybody has heard one; not counted.
    Probe,
}

/// Four letters or digits that tell this run's texts from any other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunTag([u8; 4]);

impl RunTag {
    /// Any number will do; runs at the same time should not share it.
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut rest = seed;
        Self(std::array::from_fn(|_| {
            let digit = rest % 36;
            rest /= 36;
            ALPHABET[usize::try_from(digit).expect("less than 36")]
        }))
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("letters and digits")
    }

    fn marker(self) -> [u8; MARKER] {
        let [a, b, c, d] = self.0;
        [b'~', a, b, c, d]
    }
}

impl Stamp {
    /// The whole text, `bytes` long, or as long as a stamp if that is longer.
    pub(crate) fn text(&self, run: RunTag, bytes: usize) -> String {
        let kind = match self.kind {
            Kind::Message => ':',
            Kind::Probe => '?',
        };
        let Self { sender, sequence, said_at, .. } = self;
        let mut text = format!("~{}{kind}{sender:08}{sequence:08}{said_at:016}", run.as_str());
        text.extend(std::iter::repeat_n('x', bytes.saturating_sub(text.len())));
        text
    }

    fn parse(stamp: &[u8; LENGTH]) -> Option<Self> {
        let (head, digits) = stamp.split_first_chunk::<{ MARKER + 1 }>()?;
        let (groups, _) = digits.as_chunks::<8>();
        let [sender, sequence, high, low] = groups else { return None };
        let kind = match head[MARKER] {
            b':' => Kind::Message,
            b'?' => Kind::Probe,
            _ => return None,
        };
        let said_at = u64::from(number(*high)?) * 100_000_000 + u64::from(number(*low)?);
        Some(Self { kind, sender: number(*sender)?, sequence: number(*sequence)?, said_at })
    }
}

/// Finds stamps, first where the last one was: in most vocabularies that is where they all are.
#[derive(Debug)]
pub(crate) struct Finder {
    marker: [u8; MARKER],
    last_seen: usize,
}

impl Finder {
    pub(crate) fn new(run: RunTag) -> Self {
        Self { marker: run.marker(), last_seen: 0 }
    }

    /// `None`: no text of this run.
    pub(crate) fn find(&mut self, packet: &[u8]) -> Option<Stamp> {
        self.at(packet, self.last_seen).or_else(|| {
            self.last_seen = memmem::find(packet, &self.marker)?;
            self.at(packet, self.last_seen)
        })
    }

    fn at(&self, packet: &[u8], place: usize) -> Option<Stamp> {
        let stamp = packet.get(place..)?.first_chunk::<LENGTH>()?;
        if !stamp.starts_with(&self.marker) {
            return None;
        }
        Stamp::parse(stamp)
    }
}

/// Eight decimal digits at once: neighbours are joined to pairs, pairs to fours, fours to the number.
fn number(digits: [u8; 8]) -> Option<u32> {
    let ascii = u64::from_le_bytes(digits);
    let all_digits = (ascii & (ascii.wrapping_add(0x0606_0606_0606_0606)) & 0xF0F0_F0F0_F0F0_F0F0)
        == 0x3030_3030_3030_3030;
    if !all_digits {
        return None;
    }
    let ones = ascii & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = (ones.wrapping_mul(2561) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(6_553_601) >> 16) & 0x0000_FFFF_0000_FFFF;
    u32::try_from(fours.wrapping_mul(42_949_672_960_001) >> 32).ok()
}

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const MARKER: usize = 5;

/// The shortest text that can carry a stamp.
pub(crate) const LENGTH: usize = MARKER + 1 + 8 + 8 + 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(sequence: u32) -> Stamp {
        Stamp { kind: Kind::Message, sender: 7, sequence, said_at: 1_734_567_890 }
    }

    #[test]
    fn a_text_has_the_size_asked_for() {
        let run = RunTag::from_seed(1);
        assert_eq!(stamp(1).text(run, 64).len(), 64);
        assert_eq!(stamp(1).text(run, 0).len(), LENGTH);
    }

    #[test]
    fn a_stamp_is_found_again_wherever_it_moves() {
        let run = RunTag::from_seed(123_456_789);
        let mut finder = Finder::new(run);
        for (sequence, before) in [(1, "42[\"response\",\""), (2, ""), (3, "42/v1,[\"message\",{\"text\":\"")]
        {
            let packet = format!("{before}{}\"]", stamp(sequence).text(run, 64));
            assert_eq!(finder.find(packet.as_bytes()), Some(stamp(sequence)));
        }
    }

    #[test]
    fn another_runs_text_is_not_ours() {
        let packet = stamp(1).text(RunTag::from_seed(1), 64);
        assert_eq!(Finder::new(RunTag::from_seed(2)).find(packet.as_bytes()), None);
    }

    #[test]
    fn a_number_is_eight_digits_and_nothing_else() {
        assert_eq!(number(*b"00000000"), Some(0));
        assert_eq!(number(*b"99999999"), Some(99_999_999));
        assert_eq!(number(*b"12345678"), Some(12_345_678));
        for position in 0..8 {
            for wrong in [b'/', b':', b'a', b' ', 0x00, 0xB5] {
                let mut digits = *b"12345678";
                digits[position] = wrong;
                assert_eq!(number(digits), None, "{digits:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(sender in 0..100_000_000_u32, sequence in 0..100_000_000_u32, said_at in 0..10_u64.pow(16)) {
            let written = Stamp { kind: Kind::Probe, sender, sequence, said_at };
            let run = RunTag::from_seed(said_at);
            prop_assert_eq!(Finder::new(run).find(written.text(run, 64).as_bytes()), Some(written));
        }

        #[test]
        fn no_packet_makes_it_panic(packet in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Finder::new(RunTag::from_seed(0)).find(&packet);
        }
    }
}
