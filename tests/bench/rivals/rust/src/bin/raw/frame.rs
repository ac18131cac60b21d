//! WebSocket's frames, as far as chat needs them: no fragments, nothing above 64 KiB.

pub(crate) enum Kind {
    Text,
    Other,
}

/// A server's frame.
pub(crate) fn text(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(payload.len()).expect("nothing longer is said") {
        short @ ..126 => frame.push(short.to_be_bytes()[1]),
        long => {
            frame.push(126);
            frame.extend(long.to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// Unmasks and hands over every whole frame of a client; how many bytes those were.
pub(crate) fn each(bytes: &mut [u8], mut hear: impl FnMut(Kind, &[u8])) -> usize {
    let mut read = 0;
    while let Some((kind, start, end)) = next(&bytes[read..]) {
        let (mask, payload) = bytes[read + start - 4..read + end].split_at_mut(4);
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        hear(kind, payload);
        read += end;
    }
    read
}

/// Where the payload of a whole frame starts and ends.
fn next(bytes: &[u8]) -> Option<(Kind, usize, usize)> {
    let (first, length) = (*bytes.first()?, *bytes.get(1)? & 0x7f);
    let (length, start) = match length {
        126 => (usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])), 8),
        short => (usize::from(short), 6),
    };
    let kind = if first & 0x0f == 1 { Kind::Text } else { Kind::Other };
    (bytes.len() >= start + length).then_some((kind, start, start + length))
}
