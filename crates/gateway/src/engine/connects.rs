//! CONNECT packets of protocol 3, as protocol 5 has them: what a client says of itself moves from the query into `auth`.
//!
//! Socket.IO 1.x and 2.x have no `auth`. They put the same JSON into a query parameter of that name: 1.7 and 2.x into
//! the CONNECT's own query (`40/v1?auth=..,`), and all of them into that of the handshake's URL, which counts where a
//! CONNECT says nothing. `socketioxide` takes a CONNECT's query for a part of the namespace, and would refuse it.

use bytes::BytesMut;
use percent_encoding::percent_decode_str;
use tokio::io::ReadBuf;

use super::frames;

/// How a CONNECT to any namespace but `/` begins, as an Engine.IO packet.
const CONNECT: &str = "40/";
/// What is longer is passed on as it is.
const LONGEST: u64 = 32 * 1_024;

/// The parameter `auth` of a query, decoded. `None`: it has none, or one that is no text.
pub(super) fn auth(query: &str) -> Option<Box<str>> {
    let encoded = query.split('&').find_map(|part| part.strip_prefix("auth="))?.replace('+', " ");
    percent_decode_str(&encoded).decode_utf8().ok().map(Into::into)
}

/// The packet with its query's `auth` behind the namespace. `None`: it is as it should be.
///
/// A query that says nothing of use is no reason to refuse anyone: after a page changed it, 2.x may say
/// `[object Object]`, and the comma in JSON that was not encoded is none that ends the namespace.
pub(super) fn translated(packet: &str) -> Option<String> {
    let rest = packet.strip_prefix(CONNECT)?;
    let (namespace, query) = rest.split_at(rest.find(['?', ','])?);
    let query = query.strip_prefix('?')?;
    let auth = auth(query.strip_suffix(',').unwrap_or(query)).filter(|auth| is_json(auth));
    Some(format!("{CONNECT}{namespace},{}", auth.unwrap_or_default()))
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Translates the CONNECTs in what a client sends by WebSocket; all else goes by as it came.
#[derive(Debug, Default)]
pub(super) struct Connects {
    /// The beginning of a frame, until it is known what it is.
    held: BytesMut,
    /// So many bytes still belong to a frame that is of no interest.
    passing: u64,
    /// What the library may read.
    ready: BytesMut,
}

impl Connects {
    /// These bytes came. A CONNECT is held until it is whole. Clients send it as one frame; a fragmented one goes by
    /// untranslated.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        while !self.held.is_empty() {
            let passing = usize::try_from(self.passing).unwrap_or(usize::MAX).min(self.held.len());
            self.ready.extend_from_slice(&self.held.split_to(passing));
            self.passing -= passing as u64;
            match Frame::at(&self.held) {
                Frame::Unknown => return,
                Frame::Other(length) => self.passing = length,
                Frame::Connect { head, length } => {
                    put(&mut self.ready, &self.held.split_to(head + length), head);
                }
            }
        }
        // Between two frames nothing is kept, memory neither.
        self.held = BytesMut::new();
    }

    /// Gives what may be read; `false`: there is nothing.
    pub(super) fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let length = self.ready.len().min(buf.remaining());
        buf.put_slice(&self.ready.split_to(length));
        if self.ready.is_empty() {
            self.ready = BytesMut::new();
        }
        length > 0
    }
}

/// What the frame at the beginning of some bytes is.
#[derive(Debug, PartialEq, Eq)]
enum Frame {
    /// Too little of it is there to say, or of a CONNECT to translate it.
    Unknown,
    /// Anything else, and so long.
    Other(u64),
    /// A CONNECT, whole.
    Connect { head: usize, length: usize },
}

impl Frame {
    fn at(bytes: &[u8]) -> Self {
        let Some((head, length)) = frames::head(bytes) else { return Self::Unknown };
        let whole = length.saturating_add(head as u64);
        let payload = &bytes[head..];
        let begins = payload.len().min(CONNECT.len());
        let may_be_one = frames::is_client_text(bytes)
            && (CONNECT.len() as u64..=LONGEST).contains(&length)
            && CONNECT.as_bytes().starts_with(&frames::unmasked(&bytes[..head], &payload[..begins]));
        match usize::try_from(length) {
            Ok(length) if may_be_one && payload.len() >= length => Self::Connect { head, length },
            _ if may_be_one => Self::Unknown,
            _ => Self::Other(whole),
        }
    }
}

fn put(out: &mut BytesMut, frame: &[u8], head: usize) {
    let packet = frames::unmasked(&frame[..head], &frame[head..]);
    match std::str::from_utf8(&packet).ok().and_then(translated) {
        Some(packet) => frames::put_client_text(out, packet.as_bytes()),
        None => out.extend_from_slice(frame),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AUTH: &str = r#"{"name":"Zoë 🦀, the second"}"#;

    fn encoded() -> String {
        percent_encoding::utf8_percent_encode(AUTH, percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    fn frame(packet: &str) -> BytesMut {
        let mut frame = BytesMut::new();
        frames::put_client_text(&mut frame, packet.as_bytes());
        frame
    }

    fn passed(stream: &[u8], cuts: &[usize]) -> BytesMut {
        let (mut connects, mut rest) = (Connects::default(), stream);
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            connects.pass(now);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        connects.ready
    }

    #[test]
    fn the_query_of_a_connect_becomes_its_auth() {
        let encoded = encoded();
        for query in [format!("auth={encoded},"), format!("b=1&auth={encoded}"), format!("auth={AUTH}&b=1,")]
        {
            assert_eq!(translated(&format!("40/v1?{query}")), Some(format!("40/v1,{AUTH}")));
        }
    }

    #[test]
    fn a_query_that_says_nothing_is_taken_off() {
        for packet in ["40/iss?user=ann,", "40/iss?[object Object]", "40/iss?auth=%5Bobject", "40/iss?"] {
            assert_eq!(translated(packet).as_deref(), Some("40/iss,"), "{packet}");
        }
    }

    #[test]
    fn everything_else_is_as_it_was() {
        for packet in ["2", "40", "40/v1", "40/v1,", "42/v1,[\"?auth=1\"]", "40/v1,{\"name\":\"?\"}", "41/v1"]
        {
            assert_eq!(translated(packet), None, "{packet}");
        }
    }

    #[test]
    fn spaces_come_in_two_spellings() {
        assert_eq!(auth("a=1&auth=a+b%20c%2B").as_deref(), Some("a b c+"));
        assert_eq!(auth("author=1"), None);
        assert_eq!(auth("auth=%ff"), None);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_stream_is_the_same(
            texts in prop::collection::vec("(40/[a-z]{0,3}|4\\PC{0,9}|\\PC{0,300})", 0..6),
            cuts in prop::collection::vec(1usize..40, 1..20),
        ) {
            let (mut stream, mut expected) = (BytesMut::new(), BytesMut::new());
            for text in &texts {
                stream.extend_from_slice(&frame(text));
                expected.extend_from_slice(&frame(&translated(text).unwrap_or_else(|| text.clone())));
                let connect = format!("40/v1?auth={},", encoded());
                stream.extend_from_slice(&frame(&connect));
                expected.extend_from_slice(&frame(&format!("40/v1,{AUTH}")));
            }
            prop_assert_eq!(passed(&stream, &cuts), expected);
        }

        #[test]
        fn what_is_no_sequence_of_frames_never_panics_and_is_bounded(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            cuts in prop::collection::vec(1usize..40, 1..20),
        ) {
            prop_assert!(passed(&bytes, &cuts).len() <= bytes.len());
        }
    }

    #[test]
    fn a_long_message_that_begins_like_a_connect_is_not_held() {
        let long = frame(&format!("40/{}", "x".repeat(40_000)));
        assert_eq!(passed(&long[..1_000], &[100]), long[..1_000]);
    }
}
