//! The HTTP request that makes a TCP connection a WebSocket.

use std::io;

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::arguments::target::{Node, Path};

/// A WebSocket, and what the server said right behind its answer.
#[derive(Debug)]
pub(crate) struct Upgraded {
    pub(crate) stream: TcpStream,
    pub(crate) already_read: Vec<u8>,
}

/// With the id of a session that polls until now, it becomes that session's.
pub(crate) async fn open(node: &Node, path: &Path, session: Option<&str>) -> anyhow::Result<Upgraded> {
    let stream = TcpStream::connect(node.address).await.with_context(|| node.host.clone())?;
    open_on(stream, node, path, session).await
}

/// The same on a connection that is there already.
pub(crate) async fn open_on(
    mut stream: TcpStream,
    node: &Node,
    path: &Path,
    session: Option<&str>,
) -> anyhow::Result<Upgraded> {
    stream.set_nodelay(true)?;
    stream.write_all(request(node, path, session).as_bytes()).await?;
    let mut received = Vec::with_capacity(512);
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof)).context("no answer to the upgrade");
        }
        if let Some(length) = accepted(&received)? {
            return Ok(Upgraded { stream, already_read: received.split_off(length) });
        }
    }
}

fn request(Node { host, .. }: &Node, Path(path): &Path, session: Option<&str>) -> String {
    let session = session.map_or_else(String::new, |id| format!("&sid={id}"));
    format!(
        "GET {path}?EIO=4&transport=websocket{session} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
}

/// The length of the answer's head, once it is whole.
fn accepted(received: &[u8]) -> anyhow::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(received).context("no HTTP answer")? else {
        return Ok(None);
    };
    if response.code != Some(101) {
        let code = response.code.unwrap_or_default();
        bail!("the upgrade was answered {code}: {}", String::from_utf8_lossy(&received[length..]));
    }
    let accept =
        response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("sec-websocket-accept"));
    if accept.is_none_or(|accept| accept.value != ACCEPT.as_bytes()) {
        bail!("the upgrade was answered 101 with the wrong Sec-WebSocket-Accept");
    }
    Ok(Some(length))
}

/// The key of RFC 6455, section 1.3, with the answer that it gives: a key keeps caches out, and none is in the way.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    #[test]
    fn an_answer_is_accepted_once_it_is_whole() {
        for cut in 0..GOOD.len() {
            assert_eq!(accepted(&GOOD.as_bytes()[..cut]).unwrap(), None, "cut at {cut}");
        }
        let with_frame = format!("{GOOD}\u{1}");
        assert_eq!(accepted(with_frame.as_bytes()).unwrap(), Some(GOOD.len()));
    }

    #[test]
    fn a_refusal_is_told_with_its_reason() {
        let refusal = accepted(b"HTTP/1.1 503 Full\r\ncontent-length: 4\r\n\r\nfull").unwrap_err();
        assert_eq!(refusal.to_string(), "the upgrade was answered 503: full");
        assert!(accepted(b"HTTP/1.1 101 Yes\r\n\r\n").is_err());
        assert!(accepted(b"\x00\x01\x02\r\n\r\n").is_err());
    }
}
