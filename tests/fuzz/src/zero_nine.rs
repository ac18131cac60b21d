//! Socket.IO 0.9: its bodies come apart as they are joined, and its packets become packets.

#[path = "../../../crates/gateway/src/engine/zero_nine/packets.rs"]
mod packets;
#[path = "../../../crates/gateway/src/engine/zero_nine/payload.rs"]
mod payload;

use packets::{from_engine, to_engine};
use payload::{join, split};

/// Takes the bytes apart as a body, and translates each packet, both ways.
pub fn zero_nine(bytes: &[u8]) {
    let Ok(body) = std::str::from_utf8(bytes) else { return };
    for packet in split(body).unwrap_or_default() {
        if let Ok(Some(meant)) = to_engine(packet) {
            assert!(meant.starts_with(['1', '2', '4']), "{packet} became {meant}");
        }
    }
    if let Some(told) = from_engine(body) {
        assert!(told.starts_with(|kind: char| kind.is_ascii_digit()));
        if let Ok(packets) = split(&join(&[told.clone(), told.clone()])) {
            assert_eq!(packets, [&told, &told]);
        }
    }
}
