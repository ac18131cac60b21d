//! WebSockets as the tests' servers need them: short text frames, one key.

use std::io::Read;

/// Of a client: masked with zeros, shorter than 64 KiB.
pub(crate) fn read_frame(stream: &mut impl Read) -> Option<Vec<u8>> {
    let [_, length] = read(stream)?;
    let length = match length & 0x7F {
        126 => usize::from(u16::from_be_bytes(read(stream)?)),
        short => usize::from(short),
    };
    let _mask: [u8; 4] = read(stream)?;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}

fn read<const N: usize>(stream: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let header = if length < 126 { vec![0x81, length] } else { vec![0x81, 126, 0, length] };
    [&header[..], payload].concat()
}

pub(crate) const UPGRADE: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
