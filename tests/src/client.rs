//! A Socket.IO client by hand: it says exactly what a test wants, and hides nothing of what it hears.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use ::http::Method;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, Utf8Bytes},
};

use crate::{http, node::Node};

/// What is to come comes within this.
const DEADLINE: Duration = Duration::from_secs(10);

/// Something that clients connect to.
pub trait At {
    /// Where.
    fn addr(&self) -> SocketAddr;
}

impl At for Node {
    fn addr(&self) -> SocketAddr {
        self.addr()
    }
}

impl At for SocketAddr {
    fn addr(&self) -> SocketAddr {
        *self
    }
}

/// One client on one transport, of Engine.IO 4.
#[derive(Debug)]
pub struct Client {
    carrier: Carrier,
    heard: VecDeque<String>,
    asked: u64,
}

#[derive(Debug)]
enum Carrier {
    WebSocket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Polling { addr: SocketAddr, path: String },
    Closed,
}

impl Client {
    /// Opens a session by WebSocket. No namespace is connected yet.
    pub async fn websocket(node: &impl At) -> Self {
        Self::websocket_at(node, "/socket.io/?EIO=4&transport=websocket").await
    }

    /// Opens a WebSocket with this path and query.
    pub async fn websocket_at(node: &impl At, path: &str) -> Self {
        let (stream, _) = connect_async(format!("ws://{}{path}", node.addr())).await.expect("a websocket");
        let mut client = Self::over(Carrier::WebSocket(Box::new(stream)));
        let opening = client.packet().await.expect("an opening packet");
        assert!(opening.starts_with("0{"), "{opening}");
        client
    }

    /// Takes a polling session over to a WebSocket.
    pub async fn upgrading(node: &impl At, sid: &str) -> Self {
        let mut client = Self::probing(node, sid).await;
        client.send("5").await;
        client
    }

    /// The same, up to the probe.
    pub async fn probing(node: &impl At, sid: &str) -> Self {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket&sid={sid}", node.addr());
        let (stream, _) = connect_async(url).await.expect("a websocket");
        let mut client = Self::over(Carrier::WebSocket(Box::new(stream)));
        client.send("2probe").await;
        assert_eq!(client.packet().await.as_deref(), Some("3probe"));
        client
    }

    /// Opens a session by polling.
    pub async fn polling(node: &impl At) -> Self {
        let path = "/socket.io/?EIO=4&transport=polling".to_owned();
        let opening = http::get(node.addr(), &path).await.text();
        let opening: Value = serde_json::from_str(&opening[1..]).expect("an opening packet");
        let path = format!("{path}&sid={}", opening["sid"].as_str().expect("a session id"));
        Self::over(Carrier::Polling { addr: node.addr(), path })
    }

    /// A client by WebSocket in a namespace.
    pub async fn at(node: &impl At, namespace: &str) -> Self {
        let mut client = Self::websocket(node).await;
        client.connect(namespace, &Value::Null).await;
        client
    }

    fn over(carrier: Carrier) -> Self {
        Self { carrier, heard: VecDeque::new(), asked: 0 }
    }

    /// Connects a namespace.
    pub async fn connect(&mut self, namespace: &str, auth: &Value) {
        let auth = if auth.is_null() { String::new() } else { auth.to_string() };
        let prefix = prefix(namespace);
        self.send(&format!("40{prefix}{auth}")).await;
        let answer = self.packet().await.expect("an answer to CONNECT");
        assert!(answer.starts_with(&format!("40{prefix}{{\"sid\":")), "{answer}");
    }

    /// Emits an event in `/`.
    pub async fn say(&mut self, event: &str, args: &[Value]) {
        self.say_in("/", event, args).await;
    }

    /// Emits an event in a namespace.
    pub async fn say_in(&mut self, namespace: &str, event: &str, args: &[Value]) {
        self.send(&format!("42{}{}", prefix(namespace), packet(event, args))).await;
    }

    /// Emits an event and waits for its acknowledgement. What is heard meanwhile is heard later.
    pub async fn ask_in(&mut self, namespace: &str, event: &str, args: &[Value]) -> Value {
        self.asked += 1;
        let (prefix, id) = (prefix(namespace), self.asked);
        self.send(&format!("42{prefix}{id}{}", packet(event, args))).await;
        let mut meanwhile = VecDeque::new();
        let answer = loop {
            let packet = self.packet().await.expect("an acknowledgement");
            match packet.strip_prefix(&format!("43{prefix}{id}")) {
                Some(args) => break serde_json::from_str(args).expect("acknowledged in JSON"),
                None => meanwhile.push_back(packet),
            }
        };
        meanwhile.append(&mut self.heard);
        self.heard = meanwhile;
        answer
    }

    /// The next event, as `[namespace, name, arguments...]`.
    pub async fn event(&mut self) -> Value {
        let packet = self.packet().await.expect("an event");
        let packet = packet.strip_prefix("42").unwrap_or_else(|| panic!("no event: {packet}"));
        let start = packet.find('[').expect("an event is an array");
        let mut event: Vec<Value> = serde_json::from_str(&packet[start..]).expect("an event in JSON");
        event.insert(0, packet[..start].trim_end_matches(',').into());
        Value::Array(event)
    }

    /// The next event is this one, in `/`.
    pub async fn hears(&mut self, event: &str, args: &[Value]) {
        self.hears_in("", event, args).await;
    }

    /// The next event is this one, in a namespace.
    pub async fn hears_in(&mut self, namespace: &str, event: &str, args: &[Value]) {
        let mut expected = vec![json!(namespace), json!(event)];
        expected.extend_from_slice(args);
        assert_eq!(self.event().await, Value::Array(expected));
    }

    /// Hears nothing for a while. It proves little, so let something else prove first that all has arrived.
    pub async fn hears_nothing(&mut self) {
        let heard = timeout(Duration::from_millis(300), self.packet()).await;
        assert!(heard.is_err(), "heard {heard:?}");
    }

    /// Sends an Engine.IO packet, and says whether the websocket still took it.
    pub async fn tries(&mut self, packet: &str) -> bool {
        let Carrier::WebSocket(stream) = &mut self.carrier else { return false };
        stream.send(Message::Text(Utf8Bytes::from(packet))).await.is_ok()
    }

    /// Sends an Engine.IO packet as it is.
    pub async fn send(&mut self, packet: &str) {
        match &mut self.carrier {
            Carrier::WebSocket(_) => assert!(self.tries(packet).await, "the websocket takes it"),
            Carrier::Polling { addr, path } => {
                let answer = http::post(*addr, path, packet.to_owned()).await;
                assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
            }
            Carrier::Closed => panic!("it is closed"),
        }
    }

    /// The next Engine.IO packet but pings, which it answers. `None`: the transport is closed.
    pub async fn packet(&mut self) -> Option<String> {
        loop {
            if self.heard.is_empty() {
                timeout(DEADLINE, self.receive()).await.expect("something is heard in time");
            }
            match self.heard.pop_front() {
                Some(ping) if ping == "2" => self.send("3").await,
                Some(noop) if noop == "6" => {}
                other => return other,
            }
        }
    }

    /// Waits until the transport is closed from the other side.
    pub async fn is_closed(&mut self) {
        while let Some(packet) = self.packet().await {
            if packet == "1" {
                return;
            }
        }
    }

    /// Leaves in order: the namespace first.
    pub async fn leave(mut self) {
        self.send("41").await;
        self.send("1").await;
    }

    async fn receive(&mut self) {
        let closed = match &mut self.carrier {
            Carrier::WebSocket(stream) => match stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    self.heard.push_back(text.to_string());
                    false
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => true,
                Some(Ok(_)) => false,
            },
            Carrier::Polling { addr, path } => {
                let answer = http::attempt(*addr, Method::GET, path, &[], "").await;
                let body = answer.as_ref().map(http::Answer::text).unwrap_or_default();
                self.heard
                    .extend(body.split('\u{1e}').filter(|packet| !packet.is_empty()).map(str::to_owned));
                answer.is_none_or(|answer| answer.status != 200)
            }
            Carrier::Closed => true,
        };
        if closed {
            self.carrier = Carrier::Closed;
        }
    }
}

fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

fn packet(event: &str, args: &[Value]) -> Value {
    let mut packet = vec![json!(event)];
    packet.extend_from_slice(args);
    Value::Array(packet)
}
