//! Socket.IO 0.9 by hand: its handshake, its polls and posts, its WebSocket, and how it ends.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hubbub_core::NodeId;
use hubbub_gateway::config::{Config, Span};
use hubbub_tests::{
    client::Client,
    http::{Answer, get, post},
    node::Node,
    watched::Watched,
    wire::{TEXT, Wire, frame},
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn the_handshake_is_one_line() {
    let node = Node::with(|config| config.node.id = NodeId::parse("node-1").expect("an id")).await;
    for path in ["/socket.io/1/", "/socket.io/1/?t=1353414934219", "/sio/socket.io/1/"] {
        let answer = get(node.addr(), path).await;
        let line = answer.text();
        let (sid, rest) = line.split_once(':').expect("a session id");
        assert!(sid.len() > ".node-1".len() && sid.ends_with(".node-1"), "{line}");
        assert_eq!((answer.status, rest), (200, "45:105:websocket,xhr-polling"));
    }
}

#[tokio::test]
async fn a_poll_with_nothing_to_say_says_so_within_the_ping_interval_and_keeps_the_session() {
    let node = Node::with(impatient).await;
    let elder = Elder::enters(node.addr()).await;
    let entered = Instant::now();
    while entered.elapsed() < 3 * SILENCE {
        let began = Instant::now();
        assert_eq!(elder.hears().await, "8::");
        let waited = began.elapsed();
        assert!(waited > INTERVAL / 2 && waited < SILENCE, "{waited:?}");
    }
    let mut speaker = Client::at(&node, "/").await;
    speaker.say("message", &[json!("still there?")]).await;
    assert_eq!(event(&elder.hears().await), json!({ "name": "response", "args": ["still there?"] }));
}

#[tokio::test]
async fn several_packets_share_a_body_each_after_its_length_in_utf16_units() {
    let node = Node::start().await;
    let mut watcher = Client::at(&node, "/").await;
    let elder = Elder::enters(node.addr()).await;
    let texts = ["é 🦀 \u{fffd}", "two", "three"];
    let said = texts.map(|text| format!("5:::{}", json!({ "name": "message", "args": [text] })));
    elder.says(said.iter().map(|packet| framed(packet)).collect::<String>()).await;
    for text in texts {
        watcher.hears("response", &[json!(text)]).await;
    }
    // Who has heard the third knows that everyone was told the first two.
    let body = elder.hears().await;
    let packets = taken_apart(&body);
    assert!(packets.len() >= 2, "{body}");
    for (packet, text) in packets.iter().zip(texts) {
        assert_eq!(event(packet), json!({ "name": "response", "args": [text] }));
    }
}

#[tokio::test]
async fn what_is_asked_for_is_acknowledged_under_its_number() {
    let node = Node::start().await;
    let elder = Elder::enters(node.addr()).await;
    elder.says("1::/v1").await;
    let ready = elder.hears_of("ready").await;
    assert!(ready.contains("5::/v1:"), "{ready}");
    elder.says(r#"5:7+:/v1:{"name":"join","args":[{"room":"lobby"}]}"#).await;
    let joined = elder.hears_of("6::/v1:7+[{").await;
    assert!(joined.contains(r#""ok":true"#), "{joined}");
}

#[tokio::test]
async fn malformed_posts_are_refused_and_nothing_is_held() {
    let node = Watched::start().await;
    for said in MALFORMED.iter().map(|said| Bytes::from_static(said)) {
        let elder = Elder::enters(node.addr()).await;
        let answer = post(node.addr(), &elder.path("xhr-polling"), said.clone()).await;
        assert_eq!(answer.refusal(), (400, json!(3)), "{said:?}");
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn malformed_messages_close_the_websocket_and_its_session() {
    let node = Watched::start().await;
    let texts = MALFORMED.iter().filter(|said| !said.starts_with(MARK)).map(|said| frame(TEXT, said));
    let others = [frame(0x82, b"5:::{}"), frame(TEXT, "3".repeat(70_000).as_bytes()), frame(0x88, b"")];
    for said in texts.chain(others) {
        let (elder, mut wire) = Elder::by_websocket(node.addr()).await;
        let began = Instant::now();
        wire.says(&said).await;
        let last = wire.ends().await;
        assert!(!last.contains("0::"), "{last}");
        elder.is_gone().await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn unknown_sessions_and_transports_get_the_protocols_errors() {
    let node = Node::start().await;
    for (path, code) in [
        ("/socket.io/1/xhr-polling/AAAAAAAAAAAAAAAA", 1),
        ("/socket.io/1/xhr-polling/nonsense.elsewhere", 1),
        ("/socket.io/1//AAAAAAAAAAAAAAAA/?disconnect=1", 1),
        ("/socket.io/1/websocket/AAAAAAAAAAAAAAAA", 1),
        ("/socket.io/1/flashsocket/AAAAAAAAAAAAAAAA", 0),
        ("/socket.io/1/?jsonp=0", 3),
    ] {
        assert_eq!(get(node.addr(), path).await.refusal(), (400, json!(code)), "{path}");
    }
    let said = post(node.addr(), "/socket.io/1/xhr-polling/AAAAAAAAAAAAAAAA", "5:::{\"name\":\"a\"}").await;
    assert_eq!(said.refusal(), (400, json!(1)));
}

#[tokio::test]
async fn who_leaves_while_the_page_unloads_is_gone_for_everyone() {
    let node = Node::start().await;
    for websocket in [false, true] {
        let mut watcher = Client::at(&node, "/").await;
        let (elder, _wire) = elder(node.addr(), websocket).await;
        elder.is_named_ann(&mut watcher).await;
        let answer = get(node.addr(), &format!("/socket.io/1//{}/?disconnect=1", elder.sid)).await;
        assert_eq!(answer.status, 200);
        has_left(&mut watcher).await;
        elder.is_gone().await;
    }
}

#[tokio::test]
async fn a_websocket_lives_as_long_as_its_heartbeat_is_answered() {
    let node = Node::with(impatient).await;
    let (_elder, mut wire) = Elder::by_websocket(node.addr()).await;
    let began = Instant::now();
    while began.elapsed() < 3 * SILENCE {
        wire.hears("2::").await;
        wire.says(&frame(TEXT, b"2::")).await;
    }
    wire.says(&frame(TEXT, br#"5:::{"name":"message","args":["alive"]}"#)).await;
    wire.hears(r#"5:::{"args":["alive"],"name":"response"}"#).await;
}

#[tokio::test]
async fn who_never_answers_a_heartbeat_is_gone_in_time() {
    let node = Node::with(impatient).await;
    let mut watcher = Client::at(&node, "/").await;
    for websocket in [false, true] {
        let (elder, wire) = elder(node.addr(), websocket).await;
        elder.is_named_ann(&mut watcher).await;
        let began = Instant::now();
        has_left(&mut watcher).await;
        assert!(began.elapsed() < SILENCE + SLACK, "{:?}", began.elapsed());
        if let Some(mut wire) = wire {
            let heard = wire.ends().await;
            assert!(heard.contains("2::") && !heard.contains("0::"), "{heard}");
        }
    }
}

/// The protocol's own word for the end, `0::`, would keep it from coming back.
#[tokio::test]
async fn a_node_that_stops_fails_its_polls_and_closes_its_websockets() {
    // Meanwhile the poll arrives.
    let node = Node::with(|config| config.drain.delay = Span::seconds(1)).await;
    let addr = node.addr();
    let polling = Elder::enters(addr).await;
    let (_elder, mut wire) = Elder::by_websocket(addr).await;
    let path = polling.path("xhr-polling");
    let poll = tokio::spawn(async move { get(addr, &path).await });
    let stopping = tokio::spawn(node.drain());
    let answer = poll.await.expect("an answer");
    assert!(answer.status >= 400 && !answer.text().contains("0::"), "{answer:?}");
    let last = wire.ends().await;
    assert!(!last.contains("0::"), "{last}");
    stopping.await.expect("it stops");
}

/// A client of 0.9, past its handshake.
struct Elder {
    addr: SocketAddr,
    sid: String,
}

impl Elder {
    async fn shakes_hands(addr: SocketAddr) -> Self {
        let line = get(addr, "/socket.io/1/").await.text();
        let (sid, _) = line.split_once(':').expect("a session id");
        Self { addr, sid: sid.to_owned() }
    }

    /// By polling: it is connected.
    async fn enters(addr: SocketAddr) -> Self {
        let elder = Self::shakes_hands(addr).await;
        assert_eq!(elder.hears().await, "1::");
        elder
    }

    async fn by_websocket(addr: SocketAddr) -> (Self, Wire) {
        let elder = Self::shakes_hands(addr).await;
        let mut wire = Wire::websocket(addr, &elder.path("websocket")).await;
        wire.hears("1::").await;
        (elder, wire)
    }

    fn path(&self, transport: &str) -> String {
        format!("/socket.io/1/{transport}/{}", self.sid)
    }

    async fn polls(&self) -> Answer {
        get(self.addr, &self.path("xhr-polling")).await
    }

    async fn hears(&self) -> String {
        let answer = self.polls().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text()
    }

    /// The body of the first poll that has this in it.
    async fn hears_of(&self, what: &str) -> String {
        let polls = async {
            loop {
                let heard = self.hears().await;
                if heard.contains(what) {
                    return heard;
                }
            }
        };
        timeout(DEADLINE, polls).await.expect("it is heard in time")
    }

    async fn says(&self, body: impl Into<Bytes>) {
        let answer = post(self.addr, &self.path("xhr-polling"), body).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "1"));
    }

    /// It adds its user, and somebody hears it. What it posts comes from no WebSocket, and does as well.
    async fn is_named_ann(&self, watcher: &mut Client) {
        self.says(r#"5:::{"name":"addUser","args":["Ann"]}"#).await;
        watcher.hears("updateChat", &[json!("Server"), json!("Ann has connected")]).await;
        watcher.hears("updateUsers", &[json!({ "Ann": "Ann" })]).await;
    }

    /// Its session is unknown from now on, or soon.
    async fn is_gone(&self) {
        let polls = async { while self.polls().await.status == 200 {} };
        timeout(DEADLINE, polls).await.expect("it is gone in time");
        assert_eq!(self.polls().await.refusal(), (400, json!(1)));
    }
}

/// With its WebSocket, if it has one.
async fn elder(addr: SocketAddr, websocket: bool) -> (Elder, Option<Wire>) {
    if !websocket {
        return (Elder::enters(addr).await, None);
    }
    let (elder, wire) = Elder::by_websocket(addr).await;
    (elder, Some(wire))
}

async fn has_left(watcher: &mut Client) {
    let word = [json!("Server"), json!("Ann has disconnected.")];
    // The list may come first.
    let mut heard = watcher.event().await;
    if heard[1] == "updateUsers" {
        heard = watcher.event().await;
    } else {
        watcher.hears("updateUsers", &[json!({})]).await;
    }
    assert_eq!(heard, json!(["", "updateChat", word[0], word[1]]));
}

fn impatient(config: &mut Config) {
    config.socketio.ping_interval = Span(INTERVAL);
    config.socketio.ping_timeout = Span(SILENCE.saturating_sub(INTERVAL));
}

/// An event's data.
fn event(packet: &str) -> Value {
    let data = packet.strip_prefix("5:::").unwrap_or_else(|| panic!("no event: {packet}"));
    serde_json::from_str(data).expect("an event in JSON")
}

fn framed(packet: &str) -> String {
    format!("\u{fffd}{}\u{fffd}{packet}", packet.encode_utf16().count())
}

/// As the client does it: everything in UTF-16 units.
fn taken_apart(body: &str) -> Vec<String> {
    let units: Vec<u16> = body.encode_utf16().collect();
    let (mut packets, mut rest) = (Vec::new(), &units[..]);
    while let Some((0xfffd, behind)) = rest.split_first() {
        let digits = behind.iter().position(|unit| *unit == 0xfffd).expect("a mark behind the length");
        let length = String::from_utf16_lossy(&behind[..digits]).parse().expect("a length");
        let (packet, behind) = behind[digits + 1..].split_at(length);
        packets.push(String::from_utf16(packet).expect("whole characters"));
        rest = behind;
    }
    packets
}

const MARK: &[u8] = "\u{fffd}".as_bytes();
/// No packets, and no bodies of packets.
const MALFORMED: &[&[u8]] = &[
    b"",
    b"9::",
    b"hello",
    b"5:::",
    b"5:::{\"name\":1}",
    b"5:::{\"name\":\"message\"",
    b"5:x::{\"name\":\"message\"}",
    b"5::v1:{\"name\":\"message\"}",
    b"5:::{\"name\":\"\xff\"}",
    b"4:::{",
    "\u{fffd}".as_bytes(),
    "\u{fffd}3\u{fffd}8::\u{fffd}".as_bytes(),
    "\u{fffd}99\u{fffd}8::".as_bytes(),
    "\u{fffd}-3\u{fffd}8::".as_bytes(),
    "\u{fffd}18446744073709551616\u{fffd}8::".as_bytes(),
    // The length would cut the crab in two.
    "\u{fffd}5\u{fffd}3:::🦀".as_bytes(),
];

const INTERVAL: Duration = Duration::from_millis(400);
/// An interval, and the time for an answer.
const SILENCE: Duration = Duration::from_secs(1);
/// For a busy machine.
const SLACK: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(10);
