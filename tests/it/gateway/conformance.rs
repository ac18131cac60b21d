//! What the protocol's own test suites ask of a server, in both protocols, with the settings that those suites use.

use std::time::Duration;

use http::Method;
use hubbub_gateway::config::{Size, Span};
use hubbub_tests::{
    client::Client,
    http::{EIO3, EIO4, get, open, post, request},
    node::Node,
    wire::{TEXT, Wire, frame},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const INTERVAL: Duration = Duration::from_millis(300);
const TIMEOUT: Duration = Duration::from_millis(200);
const CONNECT: Duration = Duration::from_secs(1);
/// By which a busy machine may be late, and timers early.
const SLACK: Duration = Duration::from_millis(20);

async fn impatient() -> Node {
    Node::with(|config| {
        config.socketio.ping_interval = Span(INTERVAL);
        config.socketio.ping_timeout = Span(TIMEOUT);
        config.socketio.connect_timeout = Span(CONNECT);
        config.socketio.max_payload = Size(1_000_000);
    })
    .await
}

fn websocket(eio: u8) -> String {
    format!("/socket.io/?EIO={eio}&transport=websocket")
}

/// The JSON of an opening packet, wherever it begins.
fn opening(text: &str) -> Value {
    let start = text.find("0{").expect("an opening packet");
    serde_json::Deserializer::from_str(&text[start + 1..]).into_iter().next().expect("JSON").expect("in full")
}

#[tokio::test]
async fn a_handshake_tells_what_was_configured_and_nothing_else() {
    let node = impatient().await;
    let polling4 = get(node.addr(), EIO4).await.text();
    let polling3 = get(node.addr(), &format!("{EIO3}&b64=1")).await.text();
    let websocket4 = Wire::websocket(node.addr(), &websocket(4)).await.hears("}").await;
    let websocket3 = Wire::websocket(node.addr(), &websocket(3)).await.hears("}").await;
    assert!(polling4.starts_with("0{"), "{polling4}");
    for (text, upgrades) in [
        (polling4, json!(["websocket"])),
        (polling3, json!(["websocket"])),
        (websocket4, json!([])),
        (websocket3, json!([])),
    ] {
        let mut opening = opening(&text);
        let sid = opening["sid"].take();
        assert!(sid.as_str().is_some_and(|sid| sid.len() >= 16), "{sid}");
        let expected = json!({
            "sid": null, "upgrades": upgrades, "pingInterval": 300, "pingTimeout": 200, "maxPayload": 1_000_000
        });
        assert_eq!(opening, expected);
    }
}

#[tokio::test]
async fn ids_differ_from_each_other() {
    let node = impatient().await;
    let mut sids = Vec::new();
    for _ in 0..50 {
        sids.push(open(node.addr()).await);
    }
    sids.sort_unstable();
    sids.dedup();
    assert_eq!(sids.len(), 50);
}

#[tokio::test]
async fn a_handshake_that_asks_for_what_is_not_there_is_refused_by_its_code() {
    let node = impatient().await;
    let upgrade = [("connection", "upgrade"), ("upgrade", "websocket")];
    for (query, code) in [
        ("transport=polling", 5),
        ("EIO=&transport=polling", 5),
        ("EIO=abc&transport=polling", 5),
        ("EIO=1&transport=polling", 5),
        ("EIO=4", 0),
        ("EIO=4&transport=", 0),
        ("EIO=4&transport=abc", 0),
        ("EIO=3&transport=flashsocket", 0),
        ("transport=websocket", 5),
        ("EIO=abc&transport=websocket", 5),
        ("EIO=4&transport=websocket", 3),
    ] {
        let path = format!("/socket.io/?{query}");
        assert_eq!(get(node.addr(), &path).await.refusal(), (400, json!(code)), "{query}");
        let upgraded = request(node.addr(), Method::GET, &path, &upgrade, "").await;
        assert_eq!(upgraded.refusal(), (400, json!(code)), "{query}");
    }
}

#[tokio::test]
async fn a_session_is_opened_by_get_alone() {
    let node = impatient().await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        for path in [EIO3, EIO4] {
            let answer = request(node.addr(), method.clone(), path, &[], "").await;
            assert_eq!(answer.refusal(), (400, json!(2)), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn by_polling_pings_come_after_the_interval_and_go_on_while_they_are_answered() {
    let node = impatient().await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    post(node.addr(), &path, "40").await;
    assert!(get(node.addr(), &path).await.text().starts_with("40{"));
    let mut last = Instant::now();
    for round in 0..4 {
        assert_eq!(get(node.addr(), &path).await.text(), "2");
        // The first may count from the handshake, which was a little earlier.
        assert!(last.elapsed() + SLACK * 3 >= INTERVAL, "ping {round} after {:?}", last.elapsed());
        last = Instant::now();
        assert_eq!(post(node.addr(), &path, "3").await.text(), "ok");
    }
}

#[tokio::test]
async fn by_websocket_pings_come_after_the_interval_and_go_on_while_they_are_answered() {
    let node = impatient().await;
    let mut wire = Wire::websocket(node.addr(), &websocket(4)).await;
    wire.hears("}").await;
    wire.says(&frame(TEXT, b"40")).await;
    wire.hears("40{").await;
    wire.hears("}").await;
    let mut last = Instant::now();
    for round in 0..4 {
        assert_eq!(wire.hears("2").await.as_bytes(), b"\xef\xbf\xbd\x012");
        assert!(last.elapsed() + SLACK * 3 >= INTERVAL, "ping {round} after {:?}", last.elapsed());
        last = Instant::now();
        wire.says(&frame(TEXT, b"3")).await;
    }
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_closed_when_it_is_overdue() {
    let node = impatient().await;
    let began = Instant::now();
    let mut wire = Wire::websocket(node.addr(), &websocket(4)).await;
    wire.says(&frame(TEXT, b"40")).await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    post(node.addr(), &path, "40").await;
    let polls = async {
        while get(node.addr(), &path).await.status == 200 {}
        began.elapsed()
    };
    let socket = async {
        wire.ends().await;
        began.elapsed()
    };
    let (polled, ended) = tokio::join!(polls, socket);
    for lived in [polled, ended] {
        assert!(lived + SLACK >= INTERVAL + TIMEOUT, "{lived:?}");
        assert!(lived < INTERVAL + TIMEOUT + Duration::from_millis(500), "{lived:?}");
    }
}

#[tokio::test]
async fn clients_of_protocol_3_ping_themselves_and_are_answered_until_they_stop() {
    let node = impatient().await;
    let mut wire = Wire::websocket(node.addr(), &websocket(3)).await;
    wire.hears("40").await;
    let path = format!("{EIO3}&b64=1&sid={}", get(node.addr(), EIO3).await.header("x-hubbub-sid"));
    assert_eq!(get(node.addr(), &path).await.text(), "2:40");
    for _ in 0..4 {
        // Longer than the timeout, shorter than both: it is the client's turn.
        sleep(INTERVAL).await;
        wire.says(&frame(TEXT, b"2")).await;
        assert_eq!(wire.hears("3").await.as_bytes(), b"\xef\xbf\xbd\x013");
        assert_eq!(post(node.addr(), &path, "1:2").await.text(), "ok");
        assert_eq!(get(node.addr(), &path).await.text(), "1:3");
    }
    let began = Instant::now();
    wire.ends().await;
    while get(node.addr(), &path).await.status == 200 {}
    assert!(began.elapsed() + SLACK >= INTERVAL + TIMEOUT, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_session_that_connects_to_no_namespace_is_closed() {
    let node = Node::with(|config| config.socketio.connect_timeout = Span(CONNECT)).await;
    let began = Instant::now();
    let mut wire = Wire::websocket(node.addr(), &websocket(4)).await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    wire.ends().await;
    while get(node.addr(), &path).await.status == 200 {}
    assert!(began.elapsed() + SLACK >= CONNECT && began.elapsed() < CONNECT * 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_close_packet_ends_the_session_and_answers_its_poll() {
    let node = impatient().await;
    for (path, close, noop) in [
        (format!("{EIO4}&sid={}", open(node.addr()).await), "1", "6"),
        (format!("{EIO3}&b64=1&sid={}", get(node.addr(), EIO3).await.header("x-hubbub-sid")), "1:1", "1:6"),
    ] {
        // What it has to say is out, so the next poll waits. Protocol 3 is in the main namespace by itself.
        if path.contains("EIO=3") {
            assert_eq!(get(node.addr(), &path).await.text(), "2:40");
        }
        let poll = {
            let (addr, path) = (node.addr(), path.clone());
            tokio::spawn(async move { get(addr, &path).await })
        };
        // The poll is under way as soon as a ping could come on it; a close that overtakes it finds no poll to answer.
        sleep(TIMEOUT).await;
        assert_eq!(post(node.addr(), &path, close).await.text(), "ok");
        assert_eq!(poll.await.expect("the poll").text(), noop);
        assert_eq!(get(node.addr(), &path).await.refusal(), (400, json!(1)));
    }
}

#[tokio::test]
async fn a_close_packet_or_what_is_no_packet_ends_a_websocket() {
    let node = impatient().await;
    for (eio, packet) in [(4, "1"), (3, "1"), (4, "abc"), (3, "abc"), (4, "4abc"), (3, "4abc"), (4, "42{}")] {
        let mut wire = Wire::websocket(node.addr(), &websocket(eio)).await;
        wire.hears("}").await;
        let began = Instant::now();
        wire.says(&frame(TEXT, packet.as_bytes())).await;
        wire.ends().await;
        assert!(began.elapsed() < INTERVAL, "{packet}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn after_an_upgrade_the_session_is_the_websockets_alone() {
    let node = impatient().await;
    let sid = open(node.addr()).await;
    let path = format!("{EIO4}&sid={sid}");
    let poll = {
        let (addr, path) = (node.addr(), path.clone());
        tokio::spawn(async move { get(addr, &path).await.text() })
    };
    let mut upgraded = Client::probing(&node, &sid).await;
    assert_eq!(poll.await.expect("the poll"), "6");
    upgraded.send("5").await;
    upgraded.connect("/", &Value::Null).await;
    assert_eq!(get(node.addr(), &path).await.refusal(), (400, json!(3)));
    assert_eq!(post(node.addr(), &path, "40").await.refusal(), (400, json!(3)));
    upgraded.say("message", &[json!("still here")]).await;
    upgraded.hears("response", &[json!("still here")]).await;
}

#[tokio::test]
async fn a_message_may_be_as_large_as_the_handshake_says_and_no_larger() {
    let node = Node::with(|config| config.socketio.max_payload = Size(1_000)).await;
    let largest = format!("42[\"message\",\"{}\"]", "x".repeat(1_000 - 16));
    assert_eq!(largest.len(), 1_000);
    let mut fits = Client::at(&node, "/").await;
    fits.send(&largest).await;
    assert_eq!(fits.event().await[1], "response");
    assert!(fits.tries(&format!("{largest} ")).await);
    fits.is_closed().await;

    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    post(node.addr(), &path, "40").await;
    get(node.addr(), &path).await;
    assert_eq!(post(node.addr(), &path, format!("{largest} ")).await.status, 413);
    assert_eq!(post(node.addr(), &path, largest).await.text(), "ok");
    assert!(get(node.addr(), &path).await.text().starts_with("42[\"response\""));
}

#[tokio::test]
async fn a_namespace_that_is_none_is_refused_and_the_rest_goes_on() {
    let node = impatient().await;
    let mut client = Client::at(&node, "/").await;
    client.send("40/random").await;
    assert_eq!(client.packet().await.as_deref(), Some("44/random,{\"message\":\"Invalid namespace\"}"));
    client.send("41/random").await;
    client.send("42/random,[\"message\",\"lost\"]").await;
    client.say("message", &[json!("found")]).await;
    client.hears("response", &[json!("found")]).await;
}
