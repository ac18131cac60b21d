//! Polling bodies of 0.9: one packet as it is, several with their lengths between two marks, in UTF-16 units.

use crate::engine::{eio3::utf16_boundary, payload::Malformed};

const MARK: char = '\u{fffd}';

/// Takes a body apart.
pub(super) fn split(body: &str) -> Result<Vec<&str>, Malformed> {
    if !body.starts_with(MARK) {
        return Ok(vec![body]);
    }
    let (mut packets, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let marked = rest.strip_prefix(MARK).and_then(|rest| rest.split_once(MARK));
        let (length, behind) = marked.ok_or(Malformed)?;
        let length = length.parse().map_err(|_| Malformed)?;
        let (packet, behind) = behind.split_at(utf16_boundary(behind, length).ok_or(Malformed)?);
        packets.push(packet);
        rest = behind;
    }
    Ok(packets)
}

/// Joins packets.
pub(super) fn join(packets: &[String]) -> String {
    if let [packet] = packets {
        return packet.clone();
    }
    packets.iter().fold(String::new(), |body, packet| {
        let length = packet.encode_utf16().count();
        body + &format!("{MARK}{length}{MARK}{packet}")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_joined_comes_apart_again(packets in prop::collection::vec("5\\PC{0,40}", 1..6)) {
            let body = join(&packets);
            prop_assert_eq!(split(&body).expect("well framed"), packets);
        }

        #[test]
        fn splitting_never_panics(body in "[\u{fffd}0-9🦀a]{0,20}") {
            let _ = split(&body);
        }
    }
}
