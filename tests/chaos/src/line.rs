//! A client's connection to one node.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, Utf8Bytes, protocol::WebSocketConfig},
};

use crate::polling::Polling;

/// What carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Engine.IO 4 by WebSocket.
    WebSocket,
    /// The same, from a socket that takes this many bytes and no more.
    Narrow(u32),
    /// Engine.IO 4 by long-polling.
    Polling,
}

/// An open session of Engine.IO.
#[derive(Debug)]
pub struct Line {
    carrier: Carrier,
    /// Whoever has heard nothing for so long has lost the server.
    pub patience: Duration,
}

#[derive(Debug)]
enum Carrier {
    WebSocket(Box<WebSocketStream<TcpStream>>),
    Polling(Polling),
}

impl Line {
    /// Opens one.
    pub async fn open(addr: SocketAddr, transport: Transport) -> io::Result<Self> {
        timeout(OPENED, Self::opening(addr, transport)).await?
    }

    async fn opening(addr: SocketAddr, transport: Transport) -> io::Result<Self> {
        let (carrier, opening) = match transport {
            Transport::WebSocket => websocket(addr, None).await?,
            Transport::Narrow(bytes) => websocket(addr, Some(bytes)).await?,
            Transport::Polling => {
                let (polling, opening) = Polling::open(addr).await?;
                (Carrier::Polling(polling), opening)
            }
        };
        let patience = patience(&opening).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { carrier, patience })
    }

    /// The next packet; `None`: the connection is lost. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> Option<Utf8Bytes> {
        match &mut self.carrier {
            Carrier::WebSocket(stream) => next_text(stream).await,
            Carrier::Polling(polling) => polling.next().await,
        }
    }

    /// Sends a packet. Whoever takes nothing for long is as good as gone.
    pub async fn send(&mut self, packet: String) -> io::Result<()> {
        timeout(self.patience, async {
            match &mut self.carrier {
                Carrier::WebSocket(stream) => {
                    stream.send(Message::Text(packet.into())).await.map_err(io::Error::other)
                }
                Carrier::Polling(polling) => polling.send(packet).await,
            }
        })
        .await?
    }
}

async fn websocket(addr: SocketAddr, receive_buffer: Option<u32>) -> io::Result<(Carrier, Utf8Bytes)> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(addr).await?;
    stream.set_nodelay(true)?;
    let url = format!("ws://{addr}/socket.io/?EIO=4&transport=websocket");
    let config = WebSocketConfig::default().read_buffer_size(READ_AT_ONCE);
    let (mut stream, _) =
        client_async_with_config(url, stream, Some(config)).await.map_err(io::Error::other)?;
    let opening = next_text(&mut stream).await.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((Carrier::WebSocket(Box::new(stream)), opening))
}

async fn next_text(stream: &mut WebSocketStream<TcpStream>) -> Option<Utf8Bytes> {
    loop {
        match stream.next().await? {
            Ok(Message::Text(text)) => return Some(text),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

fn patience(opening: &str) -> Option<Duration> {
    let opening: Value = serde_json::from_str(opening.strip_prefix('0')?).ok()?;
    let millis = opening["pingInterval"].as_u64()? + opening["pingTimeout"].as_u64()?;
    Some(Duration::from_millis(millis))
}

/// Bytes that each WebSocket reads at once: there may be thousands.
const READ_AT_ONCE: usize = 8 * 1_024;
/// How long opening may take.
const OPENED: Duration = Duration::from_secs(3);
