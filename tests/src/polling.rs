//! Long-polling by hand, in both protocols.

use std::net::SocketAddr;

use http::Method;
use serde_json::Value;

use crate::http::{Answer, EIO3, EIO4, attempt, get, post};

/// A session's requests.
#[derive(Debug, Clone)]
pub struct Polling {
    addr: SocketAddr,
    path: String,
    older: bool,
    /// The session's id.
    pub sid: String,
}

impl Polling {
    /// Opens a session; `older`: of Engine.IO 3.
    pub async fn open(addr: SocketAddr, older: bool) -> Self {
        let path = if older { format!("{EIO3}&b64=1") } else { EIO4.to_owned() };
        let opening = split(older, &get(addr, &path).await.text()).remove(0);
        let opening: Value = serde_json::from_str(&opening[1..]).expect("an opening packet");
        let sid = opening["sid"].as_str().expect("a session id").to_owned();
        Self { addr, path: format!("{path}&sid={sid}"), older, sid }
    }

    /// Goes on at another node.
    #[must_use]
    pub fn by_way_of(self, addr: SocketAddr) -> Self {
        Self { addr, ..self }
    }

    /// Says packets, in one body.
    pub async fn says(&self, packets: &[impl AsRef<str>]) {
        let answer = self.tries(packets).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    }

    /// The same, where the answer may be any.
    pub async fn tries(&self, packets: &[impl AsRef<str>]) -> Answer {
        post(self.addr, &self.path, join(self.older, packets)).await
    }

    /// What one poll is answered, as it is. `None`: nobody answers.
    pub async fn polls(&self) -> Option<Answer> {
        attempt(self.addr, Method::GET, &self.path, &[], "").await
    }

    /// The packets of one poll's answer. `None`: the session is over.
    pub async fn hears(&self) -> Option<Vec<String>> {
        let answer = self.polls().await.filter(|answer| answer.status == 200)?;
        Some(self.packets(&answer))
    }

    /// The packets of an answer.
    pub fn packets(&self, answer: &Answer) -> Vec<String> {
        split(self.older, &answer.text())
    }

    /// The path of the WebSocket that takes the session over.
    pub fn upgrade(&self) -> String {
        self.path.replace("transport=polling", "transport=websocket")
    }

    /// The path of its requests.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where its node is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// Protocol 4 separates packets; protocol 3 says their lengths, in UTF-16 units.
fn join(older: bool, packets: &[impl AsRef<str>]) -> String {
    let packets = packets.iter().map(AsRef::as_ref);
    if older {
        let framed = packets.map(|packet: &str| format!("{}:{packet}", packet.encode_utf16().count()));
        return framed.collect::<Vec<_>>().concat();
    }
    packets.collect::<Vec<_>>().join("\u{1e}")
}

/// What is split is a node's answer, in ASCII where it says lengths.
fn split(older: bool, mut body: &str) -> Vec<String> {
    if !older {
        return body.split('\u{1e}').filter(|packet| !packet.is_empty()).map(str::to_owned).collect();
    }
    let mut packets = Vec::new();
    while let Some((length, rest)) = body.split_once(':') {
        let (packet, rest) = rest.split_at(length.parse().expect("a length"));
        packets.push(packet.to_owned());
        body = rest;
    }
    packets
}
