//! The client's end of the connection: it reads and writes as little at a time as it is told to, and knows frames by
//! itself.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
};

/// A client.
pub(super) struct Client {
    tcp: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, read: Vec::new() }
    }

    /// Reads what is there, at most so many bytes, and gives the texts that are whole now.
    pub(super) fn reads(&mut self, most: usize) -> Vec<String> {
        let mut bytes = vec![0; most];
        match self.tcp.read(&mut bytes) {
            Ok(length) => self.read.extend_from_slice(&bytes[..length]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        std::iter::from_fn(|| self.next_text()).collect()
    }

    /// Reads what is still on its way, whole frames all of it.
    pub(super) fn reads_to_the_end(&mut self) -> Vec<String> {
        self.tcp.set_nonblocking(false).expect("a socket option");
        self.tcp.read_to_end(&mut self.read).expect("the node ends it in order");
        let texts = std::iter::from_fn(|| self.next_text()).collect();
        assert_eq!(self.read.len(), 0, "half a frame");
        texts
    }

    /// Writes what the kernel takes.
    pub(super) fn writes(&mut self, bytes: &[u8]) -> usize {
        match self.tcp.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            written => written.expect("the node is there"),
        }
    }

    /// Says nothing more.
    pub(super) fn ends(&self) {
        self.tcp.shutdown(Shutdown::Write).expect("the node is there");
    }

    fn next_text(&mut self) -> Option<String> {
        let frame = Frame::at(&self.read)?;
        assert_eq!((frame.first, frame.mask), (0x81, None), "no text of a server's");
        self.read.drain(..frame.length);
        Some(String::from_utf8(frame.payload).unwrap_or_else(|_| panic!("bytes that are no text")))
    }
}

/// A whole frame, by RFC 6455, section 5.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) first: u8,
    pub(super) mask: Option<[u8; 4]>,
    /// Without its mask.
    pub(super) payload: Vec<u8>,
    /// With its head.
    pub(super) length: usize,
}

impl Frame {
    /// The frame with which these bytes begin, if all of it is there.
    pub(super) fn at(bytes: &[u8]) -> Option<Self> {
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        let (payload, at) = match second & 0x7f {
            127 => (usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?, 10),
            126 => (u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into(), 4),
            length => (length.into(), 2),
        };
        let mask = if second & 0x80 != 0 { Some(*bytes.get(at..)?.first_chunk()?) } else { None };
        let at = at + mask.map_or(0, |mask| mask.len());
        let keys = mask.unwrap_or_default().into_iter().cycle();
        let payload = bytes.get(at..at.checked_add(payload)?)?;
        let length = at + payload.len();
        Some(Self {
            first,
            mask,
            payload: payload.iter().zip(keys).map(|(byte, key)| byte ^ key).collect(),
            length,
        })
    }

    /// Its bytes, as a client sends it.
    pub(super) fn bytes(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).expect("it is short")),
            length @ 126..=0xffff => {
                bytes.push(0xfe);
                bytes.extend(u16::try_from(length).expect("it is not long").to_be_bytes());
            }
            length => {
                bytes.push(0xff);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }
}
