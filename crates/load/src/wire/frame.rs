//! WebSocket frames (RFC 6455, section 5.2) as a client meets them: read in place, written masked.

/// A frame whose payload still lies in the buffer that it was read into.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: FrameKind,
    pub(crate) is_last: bool,
    pub(crate) payload: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame with reserved bits or an unknown opcode: first byte {0:#04x}")]
    Unknown(u8),
    #[error("a masked frame, which no server may send")]
    Masked,
    #[error("a frame of {0} bytes, more than {LONGEST}")]
    TooLong(u64),
    #[error("a fragment that continues nothing, or a message inside another")]
    Misplaced,
}

/// Takes the first frame off `input`. `None`: it is not whole yet, and `input` is as it was.
pub(crate) fn take<'a>(input: &mut &'a [u8]) -> Result<Option<Frame<'a>>, FrameError> {
    let [first, second, rest @ ..] = *input else { return Ok(None) };
    let (kind, is_last) = kind_of(*first)?;
    if second & MASKED != 0 {
        return Err(FrameError::Masked);
    }
    let Some((length, body)) = length_of(*second, rest) else { return Ok(None) };
    if length > LONGEST {
        return Err(FrameError::TooLong(length));
    }
    let Some((payload, behind)) =
        usize::try_from(length).ok().and_then(|length| body.split_at_checked(length))
    else {
        return Ok(None);
    };
    *input = behind;
    Ok(Some(Frame { kind, is_last, payload }))
}

fn kind_of(first: u8) -> Result<(FrameKind, bool), FrameError> {
    let kind = match first & !LAST {
        0x0 => FrameKind::Continuation,
        0x1 => FrameKind::Text,
        0x2 => FrameKind::Binary,
        0x8 => FrameKind::Close,
        0x9 => FrameKind::Ping,
        0xA => FrameKind::Pong,
        _ => return Err(FrameError::Unknown(first)),
    };
    Ok((kind, first & LAST != 0))
}

fn length_of(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    match short {
        TWO_BYTES => {
            rest.split_first_chunk().map(|(bytes, body)| (u64::from(u16::from_be_bytes(*bytes)), body))
        }
        EIGHT_BYTES => rest.split_first_chunk().map(|(bytes, body)| (u64::from_be_bytes(*bytes), body)),
        length => Some((u64::from(length), rest)),
    }
}

/// Appends one whole text frame.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    push(out, 0x1, text.as_bytes());
}

/// Appends the answer to a WebSocket ping. A control frame's payload is at most 125 bytes.
pub(crate) fn push_pong(out: &mut Vec<u8>, ping: &[u8]) {
    push(out, 0xA, &ping[..ping.len().min(125)]);
}

/// Appends a close frame without a reason.
pub(crate) fn push_close(out: &mut Vec<u8>) {
    push(out, 0x8, &[]);
}

/// Masks with zeros: the server's work is the same, ours is none.
fn push(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(LAST | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..TWO_BYTES), _) => out.push(MASKED | length),
        (_, Ok(length)) => {
            out.push(MASKED | TWO_BYTES);
            out.extend(length.to_be_bytes());
        }
        _ => {
            out.push(MASKED | EIGHT_BYTES);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
}

const LAST: u8 = 0x80;
const MASKED: u8 = 0x80;

/// In place of a length: so many bytes follow that hold it.
const TWO_BYTES: u8 = 126;
const EIGHT_BYTES: u8 = 127;

/// More than any answer of a chat server; the read buffer grows up to it.
pub(crate) const LONGEST: u64 = 16 * 1024 * 1024;

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a server writes it: not masked.
    pub(crate) fn from_server(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut masked = Vec::new();
        push(&mut masked, first & 0x0F, payload);
        let header = masked.len() - payload.len() - 4;
        masked.drain(header..header + 4);
        masked[0] = first;
        masked[1] &= !MASKED;
        masked
    }

    fn taken(input: &[u8]) -> Result<Option<(FrameKind, Vec<u8>, usize)>, FrameError> {
        let mut rest = input;
        let frame = take(&mut rest)?;
        Ok(frame.map(|frame| (frame.kind, frame.payload.to_vec(), rest.len())))
    }

    #[test]
    fn a_frame_cut_at_any_byte_is_not_whole_yet() {
        for length in [0, 1, 125, 126, 127, 300, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let bytes = from_server(0x81, &payload);
            for cut in 0..bytes.len() {
                assert_eq!(taken(&bytes[..cut]), Ok(None), "{length} cut at {cut}");
            }
            assert_eq!(taken(&bytes), Ok(Some((FrameKind::Text, payload, 0))));
        }
    }

    #[test]
    fn what_follows_a_frame_is_left_for_the_next() {
        let bytes = [from_server(0x81, b"first"), from_server(0x89, b"second")].concat();
        let mut rest = &bytes[..];
        let first = take(&mut rest).unwrap().unwrap();
        assert_eq!((first.kind, first.payload), (FrameKind::Text, &b"first"[..]));
        let second = take(&mut rest).unwrap().unwrap();
        assert_eq!((second.kind, second.payload), (FrameKind::Ping, &b"second"[..]));
        assert_eq!(take(&mut rest), Ok(None));
    }

    #[test]
    fn a_fragment_says_that_more_comes() {
        let mut bytes = &from_server(0x01, b"part")[..];
        assert!(!take(&mut bytes).unwrap().unwrap().is_last);
    }

    #[test]
    fn what_no_server_may_send_is_refused() {
        assert_eq!(taken(&[0x81, 0x81, 0, 0, 0, 0, b'x']), Err(FrameError::Masked));
        assert_eq!(taken(&[0xC1, 0x00]), Err(FrameError::Unknown(0xC1)));
        assert_eq!(taken(&[0x83, 0x00]), Err(FrameError::Unknown(0x83)));
        let endless = [&[0x82, 127][..], &[0xFF; 8]].concat();
        assert_eq!(taken(&endless), Err(FrameError::TooLong(u64::MAX)));
    }

    #[test]
    fn ours_are_masked() {
        let mut out = Vec::new();
        push_text(&mut out, "3");
        assert_eq!(out, [0x81, 0x81, 0, 0, 0, 0, b'3']);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = taken(&bytes);
        }
    }
}
