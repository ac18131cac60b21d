//! Bodies of Engine.IO's long-polling: packets to bytes and back, in both protocols.
//!
//! Protocol 4 separates packets by a character. Protocol 3 puts each one's length in front of it: as text in UTF-16
//! units, or, where the server answers in binary, as decimal digits between a zero and 255, in bytes.

use serde::Serialize;

/// The version of Engine.IO's protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
pub(crate) enum Eio {
    /// Socket.IO 1.x and 2.x
    #[value(name = "3")]
    #[serde(rename = "3")]
    Three,
    /// Socket.IO 3.x and 4.x
    #[default]
    #[value(name = "4")]
    #[serde(rename = "4")]
    Four,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a polling body")]
pub(crate) struct Malformed;

impl Eio {
    /// As the query says it.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Three => 3,
            Self::Four => 4,
        }
    }

    pub(crate) fn encode(self, packets: &[String]) -> String {
        match self {
            Self::Three => packets.iter().map(framed).collect::<Vec<_>>().concat(),
            Self::Four => packets.join("\x1e"),
        }
    }

    pub(crate) fn decode(self, body: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
        match (self, body) {
            (Self::Four, _) => Ok(body.split(|&byte| byte == 0x1e).collect()),
            (Self::Three, [0 | 1, ..]) => decode_with(body, take_binary),
            (Self::Three, _) => decode_with(str::from_utf8(body).map_err(|_| Malformed)?, take_text),
        }
    }
}

/// Takes the first packet off, and says what is behind it.
type Take<'a, B> = fn(B) -> Option<(&'a [u8], B)>;

fn decode_with<B: Copy + AsRef<[u8]>>(body: B, take: Take<'_, B>) -> Result<Vec<&[u8]>, Malformed> {
    let (mut rest, mut packets) = (body, Vec::new());
    while !rest.as_ref().is_empty() {
        let (packet, behind) = take(rest).ok_or(Malformed)?;
        packets.push(packet);
        rest = behind;
    }
    Ok(packets)
}

fn take_binary(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0 | 1, rest @ ..] = body else { return None };
    let digits = rest.iter().position(|&byte| byte == 0xff)?;
    let (digits, packet) = (&rest[..digits], &rest[digits + 1..]);
    let length = digits.iter().try_fold(0_usize, |length, &digit| {
        (digit < 10).then(|| length.checked_mul(10)?.checked_add(digit.into())).flatten()
    })?;
    packet.split_at_checked(length)
}

fn take_text(body: &str) -> Option<(&[u8], &str)> {
    let (digits, rest) = body.split_once(':')?;
    let wanted: usize = digits.parse().ok()?;
    let mut seen = 0;
    let length: usize = rest
        .chars()
        .take_while(|char| {
            let is_inside = seen < wanted;
            seen += char.len_utf16();
            is_inside
        })
        .map(char::len_utf8)
        .sum();
    let (packet, behind) = rest.split_at(length);
    (units(packet) == wanted).then_some((packet.as_bytes(), behind))
}

fn framed(packet: &String) -> String {
    format!("{}:{packet}", units(packet))
}

fn units(packet: &str) -> usize {
    packet.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_protocol_frames_in_its_own_way() {
        let packets = ["2".to_owned(), "4é😀".to_owned()];
        assert_eq!(Eio::Four.encode(&packets), "2\x1e4é😀");
        assert_eq!(Eio::Three.encode(&packets), "1:24:4é😀");
    }

    #[test]
    fn protocol_3_is_read_as_binary_too() {
        let body = [&[0, 1, 0xff][..], b"2", &[0, 1, 0, 0xff], b"4012345678"].concat();
        assert_eq!(Eio::Three.decode(&body), Ok(vec![&b"2"[..], b"4012345678"]));
    }

    #[test]
    fn what_is_cut_short_is_no_body() {
        for body in [&b"5:2"[..], b"nonsense", b":", &[0, 5, 0xff, b'2'], &[0, 5], &[0, b'5', 0xff]] {
            assert_eq!(Eio::Three.decode(body), Err(Malformed), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(packets in prop::collection::vec("4[^\x1e]{0,20}", 1..5)) {
            for eio in [Eio::Three, Eio::Four] {
                let body = eio.encode(&packets);
                let decoded = eio.decode(body.as_bytes()).unwrap();
                prop_assert_eq!(decoded, packets.iter().map(String::as_bytes).collect::<Vec<_>>());
            }
        }

        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (Eio::Three.decode(&body), Eio::Four.decode(&body));
        }
    }
}
