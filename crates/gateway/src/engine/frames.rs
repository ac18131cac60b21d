//! WebSocket frames (RFC 6455, section 5.2): finished text frames, and where one ends.

use bytes::{BufMut, BytesMut};

/// The first byte of a whole text message.
const TEXT: u8 = 0x81;
/// Longest head: two bytes, eight of length, four of mask.
const LONGEST_HEAD: usize = 14;

/// In the second byte: the payload is masked, as all of a client's are.
const MASKED: u8 = 0x80;
/// In the first byte: the message ends with this frame.
const FINAL: u8 = 0x80;
/// In the first byte: a control frame, which may stand between the fragments of a message.
const CONTROL: u8 = 0x08;

/// Appends one finished, unmasked text frame made of these parts.
pub(crate) fn put_text(out: &mut BytesMut, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(length + 10);
    put_head(out, 0, length);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// Appends one finished text frame as clients send it, masked with zeros.
pub(super) fn put_client_text(out: &mut BytesMut, text: &[u8]) {
    out.reserve(text.len() + LONGEST_HEAD);
    put_head(out, MASKED, text.len());
    out.put_u32(0);
    out.extend_from_slice(text);
}

fn put_head(out: &mut BytesMut, mask: u8, length: usize) {
    out.put_u8(TEXT);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => out.put_u8(mask | short),
        (_, Ok(medium)) => {
            out.put_u8(mask | 0x7e);
            out.put_u16(medium);
        }
        _ => {
            out.put_u8(mask | 0x7f);
            out.put_u64(length as u64);
        }
    }
}

/// Whether the frame that begins here is a whole text message of a client's.
pub(super) fn is_client_text(frame: &[u8]) -> bool {
    matches!(frame, [TEXT, second, ..] if second & MASKED != 0)
}

/// The beginning of a client's payload without its mask, which ends the head.
pub(super) fn unmasked(head: &[u8], payload: &[u8]) -> Vec<u8> {
    let mask = head.last_chunk::<4>().copied().unwrap_or_default();
    payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}

/// The lengths of the head and of the payload behind it, once enough of the head is there.
pub(crate) fn head(frame: &[u8]) -> Option<(usize, u64)> {
    let second = *frame.get(1)?;
    let mask = if second & MASKED == 0 { 0 } else { 4 };
    let (head, length) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(frame.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(frame.get(2..10)?.try_into().ok()?)),
        length => (2, u64::from(length)),
    };
    (frame.len() >= head + mask).then_some((head + mask, length))
}

/// The payloads of whole, unmasked frames.
pub(crate) fn payloads(mut frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (head, length) = head(frames)?;
        let end = head.checked_add(usize::try_from(length).ok()?)?;
        let payload = frames.get(head..end)?;
        frames = &frames[end..];
        Some(payload)
    })
}

/// The length of the first whole frame, or of everything if not even one is whole.
pub(crate) fn first(frames: &[u8]) -> usize {
    let length = head(frames).and_then(|(head, length)| head.checked_add(usize::try_from(length).ok()?));
    length.unwrap_or(frames.len()).min(frames.len())
}

/// Follows a stream of frames and knows whether it stands between two of them.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    head: [u8; LONGEST_HEAD],
    filled: u8,
    rest: u64,
    /// More fragments of a message are to come.
    fragmented: bool,
}

impl Follower {
    /// Between two frames.
    pub(crate) fn at_boundary(&self) -> bool {
        self.rest == 0 && self.filled == 0
    }

    /// Between two messages: where one more can stand.
    pub(crate) fn between_messages(&self) -> bool {
        self.at_boundary() && !self.fragmented
    }

    /// How many of these bytes belong to the frame that it stands in, as far as that is known.
    pub(crate) fn rest_in(&self, bytes: &[u8]) -> usize {
        let rest = if self.filled > 0 { 1 } else { usize::try_from(self.rest).unwrap_or(usize::MAX) };
        rest.min(bytes.len())
    }

    /// These bytes went by.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let payload = usize::try_from(self.rest).unwrap_or(usize::MAX).min(bytes.len());
            self.rest -= payload as u64;
            bytes = &bytes[payload..];
            let Some((byte, rest)) = bytes.split_first() else { return };
            self.head[usize::from(self.filled)] = *byte;
            self.filled += 1;
            bytes = rest;
            if let Some((_, length)) = head(&self.head[..usize::from(self.filled)]) {
                (self.rest, self.filled) = (length, 0);
                if self.head[0] & CONTROL == 0 {
                    self.fragmented = self.head[0] & FINAL == 0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(length: usize) -> BytesMut {
        let mut frame = BytesMut::new();
        put_text(&mut frame, &[&vec![b'x'; length]]);
        frame
    }

    proptest! {
        #[test]
        fn a_boundary_is_seen_exactly_where_a_frame_ends(
            lengths in prop::collection::vec(prop_oneof![0usize..300, 65_530usize..65_540], 1..6),
            cuts in prop::collection::vec(1usize..400, 1..50),
        ) {
            let mut stream = BytesMut::new();
            let mut ends = vec![0];
            for length in lengths {
                stream.extend_from_slice(&frame(length));
                ends.push(stream.len());
            }
            let mut follower = Follower::default();
            let (mut at, mut cuts) = (0, cuts.into_iter().cycle());
            while at < stream.len() {
                prop_assert_eq!(follower.at_boundary(), ends.contains(&at));
                let next = (at + cuts.next().expect("a cycle has no end")).min(stream.len());
                follower.follow(&stream[at..next]);
                at = next;
            }
            prop_assert!(follower.at_boundary());
        }

        #[test]
        fn payloads_are_what_was_framed(texts in prop::collection::vec("\\PC{0,200}", 0..8)) {
            let mut frames = BytesMut::new();
            texts.iter().for_each(|text| put_text(&mut frames, &[text.as_bytes()]));
            let heard: Vec<_> = payloads(&frames).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(heard, texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_message_ends_with_its_last_fragment_whatever_stands_in_between() {
        let mut follower = Follower::default();
        let (text, ping, more, last) = ([0x01, 0], [0x89, 0], [0x00, 0], [0x80, 0]);
        for (frame, between) in [(text, false), (ping, false), (more, false), (last, true), (ping, true)] {
            follower.follow(&frame);
            assert!(follower.at_boundary());
            assert_eq!(follower.between_messages(), between);
        }
    }

    #[test]
    fn what_a_client_would_send_is_read_back() {
        let mut frame = BytesMut::new();
        put_client_text(&mut frame, b"40");
        assert!(is_client_text(&frame));
        let (head, length) = head(&frame).expect("a whole head");
        assert_eq!((head, length), (6, 2));
        assert_eq!(unmasked(&frame[..head], &frame[head..]), b"40");
        assert_eq!(unmasked(&[0x81, 0x82, 1, 2, 3, 4], &[b'4' ^ 1, b'0' ^ 2]), b"40");
    }

    #[test]
    fn a_masked_head_includes_its_mask() {
        assert_eq!(head(&[0x81, 0x81, 0, 0, 0]), None);
        assert_eq!(head(&[0x81, 0x81, 0, 0, 0, 0, b'3']), Some((6, 1)));
    }

    #[test]
    fn only_the_first_of_several_frames_is_measured() {
        let mut two = frame(3);
        two.extend_from_slice(&frame(5));
        assert_eq!(first(&two), 5);
    }
}
