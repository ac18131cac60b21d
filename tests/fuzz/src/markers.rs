//! A marker is what this side emits, and nothing else.

use hubbub_dialects::NAMESPACES;

use crate::marker::{MARKER, marker_of};

/// Reads the bytes as a packet.
pub fn markers(bytes: &[u8]) {
    let Ok(packet) = std::str::from_utf8(bytes) else { return };
    if let Some((namespace, turn)) = marker_of(packet) {
        let name = NAMESPACES[usize::from(namespace)];
        let namespace = if name == "/" { String::new() } else { format!("{name},") };
        assert_eq!(packet, format!("42{namespace}[\"{MARKER}\",{turn}]"));
    }
}
