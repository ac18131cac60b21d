//! A Socket.IO client by hand: it says exactly what a test wants, and hides nothing of what it hears.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::oneshot, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, Utf8Bytes},
};

use crate::{node::Node, polling::Polling};

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

/// One client, of Engine.IO 4 unless it says otherwise.
#[derive(Debug)]
pub struct Client {
    carrier: Carrier,
    older: bool,
    heard: VecDeque<String>,
    asked: u64,
    sid: String,
}

#[derive(Debug)]
enum Carrier {
    WebSocket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Polling(Polling),
    Closed,
}

impl Client {
    /// Opens a session by WebSocket. No namespace is connected yet.
    pub async fn websocket(node: &impl At) -> Self {
        Self::websocket_at(node, "/socket.io/?EIO=4&transport=websocket").await
    }

    /// Opens a WebSocket with this path and query.
    pub async fn websocket_at(node: &impl At, path: &str) -> Self {
        let mut client = Self::over(carried(node.addr(), path).await, path.contains("EIO=3"));
        let opening = client.packet().await.expect("an opening packet");
        let opening = opening.strip_prefix('0').unwrap_or_else(|| panic!("no opening packet: {opening}"));
        let opening: Value = serde_json::from_str(opening).expect("an opening packet in JSON");
        let sid = opening["sid"].as_str().expect("a session id").to_owned();
        Self { sid, ..client }
    }

    /// Takes a polling session over to a WebSocket.
    pub async fn upgrading(node: &impl At, sid: &str) -> Self {
        let mut client = Self::probing(node, sid).await;
        client.send("5").await;
        client
    }

    /// The same, up to the probe.
    pub async fn probing(node: &impl At, sid: &str) -> Self {
        let path = format!("/socket.io/?EIO=4&transport=websocket&sid={sid}");
        Self::probing_at(node.addr(), &path, false).await
    }

    async fn probing_at(addr: SocketAddr, path: &str, older: bool) -> Self {
        let mut client = Self::over(carried(addr, path).await, older);
        client.send("2probe").await;
        assert_eq!(client.packet().await.as_deref(), Some("3probe"));
        client
    }

    /// Opens a session by polling.
    pub async fn polling(node: &impl At) -> Self {
        Self::over_polling(Polling::open(node.addr(), false).await, false)
    }

    /// The same of Engine.IO 3.
    pub async fn older_polling(node: &impl At) -> Self {
        Self::over_polling(Polling::open(node.addr(), true).await, true)
    }

    /// Opens a session of Engine.IO 3 by WebSocket.
    pub async fn older_websocket(node: &impl At) -> Self {
        Self::websocket_at(node, "/socket.io/?EIO=3&transport=websocket").await
    }

    /// A client by WebSocket in a namespace.
    pub async fn at(node: &impl At, namespace: &str) -> Self {
        let mut client = Self::websocket(node).await;
        client.connect(namespace, &Value::Null).await;
        client
    }

    /// A client by polling in `/`; `older`: of Engine.IO 3.
    pub async fn polls(node: &impl At, older: bool) -> Self {
        let mut client = if older { Self::older_polling(node).await } else { Self::polling(node).await };
        client.connect("/", &Value::Null).await;
        client
    }

    fn over_polling(polling: Polling, older: bool) -> Self {
        let sid = polling.sid.clone();
        Self { sid, ..Self::over(Carrier::Polling(polling), older) }
    }

    fn over(carrier: Carrier, older: bool) -> Self {
        Self { carrier, older, heard: VecDeque::new(), asked: 0, sid: String::new() }
    }

    /// Connects a namespace, and gives its socket's id. Clients of Engine.IO 3 are in `/` without asking, and are told
    /// no id.
    pub async fn connect(&mut self, namespace: &str, auth: &Value) -> Option<String> {
        let auth = if auth.is_null() { String::new() } else { auth.to_string() };
        let connect = format!("40{}", prefix(namespace));
        if !self.older || namespace != "/" {
            self.send(&format!("{connect}{auth}")).await;
        }
        let answer = self.answered(|packet| !packet.starts_with("42")).await;
        if self.older {
            assert_eq!(answer, connect);
            return None;
        }
        let told = answer.strip_prefix(&connect).unwrap_or_else(|| panic!("no CONNECT: {answer}"));
        let told: Value = serde_json::from_str(told).expect("an answer in JSON");
        Some(told["sid"].as_str().expect("the socket's id").to_owned())
    }

    /// Takes its polling session over to a WebSocket as clients do: what polls bring meanwhile comes first.
    pub async fn upgrade(&mut self) {
        let probing = self.probe().await;
        self.finish(probing).await;
    }

    /// The end of an upgrade: from here on the WebSocket carries it.
    pub async fn finish(&mut self, mut probing: Self) {
        probing.send("5").await;
        self.carrier = probing.carrier;
    }

    /// The beginning of an upgrade, up to the probe's answer and to the end of the poll that was under way.
    pub async fn probe(&mut self) -> Self {
        let polling = self.session().clone();
        let (addr, path) = (polling.addr(), polling.upgrade());
        let (probed, mut is_probed) = oneshot::channel();
        let polls = tokio::spawn(async move {
            let mut heard = Vec::new();
            loop {
                heard.extend(polling.hears().await.expect("an answer to the poll"));
                if is_probed.try_recv().is_ok() {
                    return heard;
                }
            }
        });
        let probing = Self::probing_at(addr, &path, self.older).await;
        probed.send(()).expect("it polls until then");
        self.heard.extend(polls.await.expect("the polls"));
        probing
    }

    /// The session's id, as it was told in the opening packet.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// Whether it is of Engine.IO 3.
    pub fn is_older(&self) -> bool {
        self.older
    }

    /// Its polling session.
    pub fn session(&self) -> &Polling {
        match &self.carrier {
            Carrier::Polling(polling) => polling,
            other => panic!("it does not poll: {other:?}"),
        }
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
        let prefix = format!("43{prefix}{id}");
        let answer = self.answered(|packet| packet.starts_with(&prefix)).await;
        serde_json::from_str(&answer[prefix.len()..]).expect("acknowledged in JSON")
    }

    /// The next packet that is it. What is heard meanwhile is heard later.
    async fn answered(&mut self, is_it: impl Fn(&str) -> bool) -> String {
        let mut meanwhile = VecDeque::new();
        let answer = loop {
            let packet = self.packet().await.expect("an answer");
            if is_it(&packet) {
                break packet;
            }
            meanwhile.push_back(packet);
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
            Carrier::Polling(polling) => polling.says(&[packet]).await,
            Carrier::Closed => panic!("it is closed"),
        }
    }

    /// The next Engine.IO packet but pings, which it answers. `None`: the transport is closed.
    pub async fn packet(&mut self) -> Option<String> {
        timeout(DEADLINE, self.packet_at_last()).await.expect("something is heard in time")
    }

    /// The same, whenever it comes.
    pub async fn packet_at_last(&mut self) -> Option<String> {
        loop {
            if self.heard.is_empty() {
                self.receive().await;
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
            Carrier::Polling(polling) => {
                let packets = polling.hears().await;
                let closed = packets.is_none();
                self.heard.extend(packets.into_iter().flatten());
                closed
            }
            Carrier::Closed => true,
        };
        if closed {
            self.carrier = Carrier::Closed;
        }
    }
}

async fn carried(addr: SocketAddr, path: &str) -> Carrier {
    let (stream, _) = connect_async(format!("ws://{addr}{path}")).await.expect("a websocket");
    Carrier::WebSocket(Box::new(stream))
}

fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

fn packet(event: &str, args: &[Value]) -> Value {
    let mut packet = vec![json!(event)];
    packet.extend_from_slice(args);
    Value::Array(packet)
}
