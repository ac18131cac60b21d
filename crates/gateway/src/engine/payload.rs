//! Polling bodies: several Engine.IO packets in one, in the forms of protocol 3 and 4.
//!
//! Protocol 4 separates packets by `0x1e`. Protocol 3 puts each one's length before it: in text as digits, counted in
//! UTF-16 units as JavaScript counts; in binary as `00`, one byte a digit, `FF`, counted in bytes. Inside, packets
//! are UTF-8 everywhere; only the client's old habits differ, and `eio3` undoes those.

use super::eio3;

/// What stands between two packets in protocol 4.
const SEPARATOR: u8 = 0x1e;

/// How a client wants a poll's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Protocol 4.
    Separated,
    /// Protocol 3 from a client that reads binary answers: all since 1.0 that do not say `b64=1`.
    Binary,
    /// Protocol 3 with `b64=1`: text, which old XHR polyfills read byte by byte, so it is kept to ASCII.
    Ascii,
}

impl Form {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Binary => "application/octet-stream",
            Self::Separated | Self::Ascii => "text/plain; charset=UTF-8",
        }
    }

    /// Joins packets for the client.
    pub(crate) fn encode(self, packets: &[impl AsRef<[u8]>]) -> Vec<u8> {
        match self {
            Self::Separated => packets.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(&SEPARATOR),
            Self::Binary => packets.iter().flat_map(|packet| eio3::binary(packet.as_ref())).collect(),
            Self::Ascii => packets.iter().flat_map(|packet| eio3::ascii(packet.as_ref())).collect(),
        }
    }
}

/// A body that is no sequence of packets.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed polling body")]
pub(crate) struct Malformed;

/// Takes a text body apart, as clients post it and the engine answers it.
pub(crate) fn decode(eio3: bool, body: &str) -> Result<Vec<&str>, Malformed> {
    if eio3 {
        return eio3::split(body);
    }
    Ok(body.split(char::from(SEPARATOR)).collect())
}

/// Joins packets for the engine.
pub(crate) fn for_engine(eio3: bool, packets: &[&str]) -> String {
    if eio3 {
        return packets.iter().map(|packet| eio3::text(packet)).collect();
    }
    packets.join(std::str::from_utf8(&[SEPARATOR]).unwrap_or_default())
}
