//! From HTTP to WebSocket.

use std::io::{self, ErrorKind};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha1::{Digest as _, Sha1};
use tokio::net::TcpStream;

/// Answers one request for a WebSocket. Its client waits for the answer, so nothing comes behind it.
pub(crate) async fn accept(stream: &TcpStream) -> io::Result<()> {
    let head = head(stream).await?;
    let key = key(&head).ok_or(ErrorKind::InvalidData)?;
    let proof = BASE64_STANDARD.encode(Sha1::digest([key.as_bytes(), MAGIC].concat()));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {proof}\r\n\r\n"
    );
    stream.writable().await?;
    let written = stream.try_write(answer.as_bytes())?;
    // The buffer of a new connection has room for more than this.
    if written == answer.len() { Ok(()) } else { Err(ErrorKind::WriteZero.into()) }
}

async fn head(stream: &TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.readable().await?;
        match stream.try_read_buf(&mut head) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    String::from_utf8(head).map_err(|_| ErrorKind::InvalidData.into())
}

fn key(head: &str) -> Option<&str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")).map(|(_, value)| value.trim())
}

/// RFC 6455, 1.3.
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
