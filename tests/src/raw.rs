//! A WebSocket byte by byte: what no client's library would send, and when it would not.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// A client's end of a TCP connection.
#[derive(Debug)]
pub struct Raw(BufStream<TcpStream>);

impl Raw {
    /// Connects, and says nothing.
    pub async fn connect(addr: SocketAddr) -> Self {
        let tcp = TcpStream::connect(addr).await.expect("a connection");
        tcp.set_nodelay(true).expect("a socket option");
        Self(BufStream::new(tcp))
    }

    /// A WebSocket whose end takes few bytes that nobody reads.
    pub async fn narrow(addr: SocketAddr, path: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4 * 1024).expect("a socket option");
        let mut raw = Self(BufStream::new(socket.connect(addr).await.expect("a connection")));
        raw.handshake(path).await;
        raw
    }

    /// A WebSocket, past its handshake.
    pub async fn websocket(addr: SocketAddr, path: &str) -> Self {
        let mut raw = Self::connect(addr).await;
        raw.handshake(path).await;
        raw
    }

    /// Sends bytes as they are, in one segment if they fit.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the node takes it");
        self.0.flush().await.expect("the node takes it");
    }

    /// Sends packets, a frame each, in one segment if they fit.
    pub async fn say(&mut self, packets: &[&str]) {
        self.write(&frames(packets)).await;
    }

    /// Reads until this has come by, and nothing beyond it.
    pub async fn reads(&mut self, until: &str) {
        let mut last = VecDeque::from(vec![0; until.len()]);
        while last != until.as_bytes() {
            last.pop_front();
            last.push_back(self.0.read_u8().await.expect("the node says more"));
        }
    }

    /// Reads so many bytes at most. `false`: the node has closed it.
    pub async fn sips(&mut self, bytes: usize) -> bool {
        let mut sip = vec![0; bytes];
        matches!(self.0.read(&mut sip).await, Ok(1..))
    }

    /// Reads until the node has closed it.
    pub async fn ends(&mut self) {
        let mut rest = Vec::new();
        let end = timeout(Duration::from_secs(5), self.0.read_to_end(&mut rest));
        let _end_or_reset = end.await.expect("the node closes it in time");
    }

    /// Ends it without a goodbye: the node sees a reset.
    pub fn reset(self) {
        self.0.get_ref().set_zero_linger().expect("a socket option");
    }

    async fn handshake(&mut self, path: &str) {
        self.write(head(path).as_bytes()).await;
        self.reads("\r\n\r\n").await;
    }
}

/// The request that begins a WebSocket.
pub fn head(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: hubbub\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
}

/// A client's text frames, masked with zeros.
pub fn frames(packets: &[&str]) -> Vec<u8> {
    packets.iter().flat_map(|packet| frame(packet)).collect()
}

fn frame(packet: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match (u8::try_from(packet.len()), u16::try_from(packet.len())) {
        (Ok(length @ 0..=125), _) => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0xfe);
            frame.extend(length.to_be_bytes());
        }
        _ => panic!("longer than a client may say"),
    }
    frame.extend([0; 4]);
    frame.extend(packet.as_bytes());
    frame
}
