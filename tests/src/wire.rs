//! Bytes by hand: requests and frames that no client's library would send.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// What is to come comes within this. A body may take ten seconds, an upgrade as long.
const DEADLINE: Duration = Duration::from_secs(15);

/// One TCP connection to a node.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Wire {
    /// Connects, and says nothing.
    pub async fn to(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        Self { stream, heard: Vec::new() }
    }

    /// The same from another address of this machine.
    pub async fn from(source: IpAddr, addr: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((source, 0).into()).expect("an address of this machine");
        Self { stream: socket.connect(addr).await.expect("a connection"), heard: Vec::new() }
    }

    /// A WebSocket of this path, past its handshake.
    pub async fn websocket(addr: SocketAddr, path: &str) -> Self {
        let mut wire = Self::to(addr).await;
        wire.says(&request("GET", path, HANDSHAKE)).await;
        assert!(wire.hears("\r\n\r\n").await.starts_with("HTTP/1.1 101 "));
        wire
    }

    /// Sends bytes; `false`: the other side takes no more.
    pub async fn says(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// What came, up to and with this.
    pub async fn hears(&mut self, end: &str) -> String {
        loop {
            let found = self.heard.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = found {
                let heard: Vec<u8> = self.heard.drain(..at + end.len()).collect();
                return String::from_utf8_lossy(&heard).into_owned();
            }
            let more = self.reads().await;
            assert!(more, "it ended after {:?}", String::from_utf8_lossy(&self.heard));
        }
    }

    /// All that comes until the other side ends it.
    pub async fn ends(&mut self) -> String {
        while self.reads().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.heard)).into_owned()
    }

    async fn reads(&mut self) -> bool {
        let read = timeout(DEADLINE, self.stream.read_buf(&mut self.heard)).await;
        let read = read.unwrap_or_else(|_| panic!("only {:?}", String::from_utf8_lossy(&self.heard)));
        read.is_ok_and(|length| length > 0)
    }
}

/// The head of a request, with these header lines.
pub fn request(method: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nhost: hubbub\r\n{headers}\r\n").into_bytes()
}

/// The header lines of a WebSocket's handshake.
pub const HANDSHAKE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// A client's frame, masked with zeros. `first`: the byte with its flags and its kind.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0xfe);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(0xff);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// A whole text message.
pub const TEXT: u8 = 0x81;
