//! The marker: a private packet that shows where in the library's stream the outbox may flow (`outbox.rs`).

/// The event's name in the marker packet. Clients never see it; one that sends it says nothing.
pub(crate) const MARKER: &str = "~";

/// A namespace's place in [`hubbub_dialects::NAMESPACES`].
pub(crate) type Namespace = u8;

/// Which of a client's connects it was, in turn: a marker of an earlier one opens nothing for a later one.
pub(crate) type Turn = u8;

/// Emits the marker in its namespace, by way of socketioxide. `false`: that namespace is gone.
pub(crate) trait Marker: Send + Sync {
    fn emit(&self, turn: Turn) -> bool;
}

/// The namespace and the connect whose marker this Engine.IO packet is.
pub(super) fn marker_of(packet: &str) -> Option<(Namespace, Turn)> {
    let (namespace, turn) = packet.strip_prefix("42")?.strip_suffix(']')?.split_once("[\"~\",")?;
    let namespace = match namespace {
        "" => "/",
        "/," => return None,
        named => named.strip_suffix(',')?,
    };
    let at = hubbub_dialects::NAMESPACES.iter().position(|known| *known == namespace)?;
    // As it is emitted, and as no other number is written.
    let turn = Some(turn).filter(|turn| *turn == "0" || !turn.starts_with(['0', '+']))?;
    Some((Namespace::try_from(at).ok()?, turn.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_known_in_every_namespace_and_nothing_else_is_one() {
        assert_eq!(marker_of("42[\"~\",0]"), Some((0, 0)));
        assert_eq!(marker_of("42/iss,[\"~\",255]"), Some((2, 255)));
        assert_eq!(marker_of("42/,[\"~\",0]"), None);
        assert_eq!(marker_of("42/nowhere,[\"~\",0]"), None);
        for turn in ["256", "+7", "00", "-1", ""] {
            assert_eq!(marker_of(&format!("42[\"~\",{turn}]")), None, "{turn}");
        }
        assert_eq!(marker_of("42[\"message\",\"~\"]"), None);
        assert_eq!(marker_of("42/issue[\"~\",0]"), None);
    }
}
