//! What Socket.IO 1.x and 2.x do to a polling body, and how to answer so that all of them understand.
//!
//! Three habits (measured with 1.3.6 to 2.5.0): answers are read as binary unless the request says `b64=1`; with
//! `b64=1` text is decoded once too often, so only ASCII survives; and 1.x encodes its text as UTF-8 by hand before
//! XHR does it again.

use super::payload::Malformed;

/// One packet in the binary framing.
pub(crate) fn binary(packet: &[u8]) -> Vec<u8> {
    let digits = packet.len().to_string();
    let mut framed = Vec::with_capacity(packet.len() + digits.len() + 2);
    framed.push(0);
    framed.extend(digits.bytes().map(|digit| digit - b'0'));
    framed.push(0xff);
    framed.extend_from_slice(packet);
    framed
}

/// One packet in the text framing, its length in UTF-16 units.
pub(crate) fn text(packet: &str) -> String {
    format!("{}:{packet}", packet.encode_utf16().count())
}

/// One packet in the text framing, without a character beyond ASCII: those stand in JSON strings only, where an
/// escape says the same.
pub(crate) fn ascii(packet: &[u8]) -> Vec<u8> {
    let mut escaped = String::with_capacity(packet.len());
    for char in String::from_utf8_lossy(packet).chars() {
        if char.is_ascii() {
            escaped.push(char);
        } else {
            escaped.extend(char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text(&escaped).into_bytes()
}

/// Takes a text body apart by its lengths.
pub(crate) fn split(mut body: &str) -> Result<Vec<&str>, Malformed> {
    let mut packets = Vec::new();
    while !body.is_empty() {
        let (digits, rest) = body.split_once(':').ok_or(Malformed)?;
        let units: usize = digits.parse().map_err(|_| Malformed)?;
        let (packet, rest) = rest.split_at(utf16_boundary(rest, units).ok_or(Malformed)?);
        packets.push(packet);
        body = rest;
    }
    Ok(packets)
}

/// Takes a binary body apart, as python-socketio 4 posts every body; `None`: it is not made of texts alone.
pub(crate) fn split_binary(mut body: &[u8]) -> Option<Vec<&str>> {
    let mut packets = Vec::new();
    while let [0, rest @ ..] = body {
        let digits = rest.iter().position(|byte| *byte == 0xff)?;
        let length = rest[..digits].iter().try_fold(0_usize, |length, digit| match digit {
            0..=9 => length.checked_mul(10)?.checked_add(usize::from(*digit)),
            _ => None,
        });
        let (packet, rest) = rest[digits + 1..].split_at_checked(length?)?;
        packets.push(std::str::from_utf8(packet).ok()?);
        body = rest;
    }
    body.is_empty().then_some(packets)
}

/// Undoes the UTF-8 that 1.x clients applied by hand: every character is then a byte, and the bytes are UTF-8 with
/// something beyond ASCII in it. Anything else is meant as it is.
pub(crate) fn decoded_once_more(body: &str) -> Option<String> {
    if body.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> = body.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect();
    String::from_utf8(bytes?).ok()
}

/// The byte offset after so many UTF-16 units; `None` if it is beyond the end or inside a character.
pub(crate) fn utf16_boundary(text: &str, units: usize) -> Option<usize> {
    let mut seen = 0;
    for (at, char) in text.char_indices() {
        if seen >= units {
            return (seen == units).then_some(at);
        }
        seen += char.len_utf16();
    }
    (seen == units).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_framed_as_text_comes_apart_again(packets in prop::collection::vec("4\\PC{0,40}", 0..6)) {
            let body: String = packets.iter().map(|packet| text(packet)).collect();
            prop_assert_eq!(split(&body).expect("well framed"), packets);
        }

        #[test]
        fn what_is_framed_as_binary_comes_apart_again(packets in prop::collection::vec("4\\PC{0,40}", 0..6)) {
            let body: Vec<u8> = packets.iter().flat_map(|packet| binary(packet.as_bytes())).collect();
            prop_assert_eq!(split_binary(&body).expect("well framed"), packets);
        }

        #[test]
        fn splitting_never_panics(body in "\\PC{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = split(&body);
            let _ = split_binary(&bytes);
        }

        #[test]
        fn text_encoded_twice_is_decoded_once_more(text in "\\PC{0,40}é") {
            let twice: String = text.bytes().map(char::from).collect();
            prop_assert_eq!(decoded_once_more(&twice), Some(text));
        }
    }

    #[test]
    fn text_that_is_meant_as_it_is_stays() {
        assert_eq!(decoded_once_more("plain"), None);
        assert_eq!(decoded_once_more("žluť 😀"), None);
        assert_eq!(decoded_once_more("é alone is no UTF-8"), None);
    }

    #[test]
    fn binary_framing_counts_bytes_in_decimal_digits() {
        assert_eq!(binary("4é".as_bytes()), [0, 3, 0xff, b'4', 0xc3, 0xa9]);
        assert_eq!(&binary(&[b'x'; 12])[..4], [0, 1, 2, 0xff]);
    }

    #[test]
    fn a_body_with_binary_packets_is_not_taken_apart() {
        assert_eq!(split_binary(&[0, 1, 0xff, b'2', 1, 2, 0xff, 4, 7]), None);
        assert_eq!(split_binary(&[0, 9, 9, 0xff, b'2']), None);
    }

    #[test]
    fn ascii_framing_escapes_by_utf16_unit() {
        assert_eq!(ascii("4\"é😀\"".as_bytes()), b"21:4\"\\u00e9\\ud83d\\ude00\"");
        assert_eq!(split("3:4é"), Err(Malformed));
    }
}
