//! Upgrades that are refused, that never finish, and what becomes of the session.

use std::{net::SocketAddr, time::Duration};

use hubbub_gateway::config::Span;
use hubbub_tests::{
    client::Client,
    http::{EIO4, get, open, post},
    node::Node,
    watched::Watched,
    wire::{HANDSHAKE, TEXT, Wire, frame, request},
};
use serde_json::json;
use tokio::time::Instant;

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
/// The library's, and some for a busy machine.
const GIVES_UP: Duration = Duration::from_secs(13);

#[tokio::test]
async fn a_handshake_that_is_none_is_refused_and_the_session_polls_on() {
    let node = Watched::start().await;
    let sid = open(node.addr()).await;
    for headers in [
        "",
        "upgrade: websocket\r\n",
        "connection: upgrade\r\nupgrade: websocket\r\n",
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n",
        &HANDSHAKE.replace("version: 13", "version: 8"),
        &HANDSHAKE.replace("upgrade: websocket", "upgrade: h2c"),
        &HANDSHAKE.replace("connection: upgrade", "connection: close"),
    ] {
        for path in [WEBSOCKET.to_owned(), format!("{WEBSOCKET}&sid={sid}")] {
            let mut wire = Wire::to(node.addr()).await;
            wire.says(&request("GET", &path, headers)).await;
            let answer = wire.hears("}").await;
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"code\":3"),
                "{headers}: {answer}"
            );
        }
    }
    post(node.addr(), &format!("{EIO4}&sid={sid}"), "40").await;
    assert!(get(node.addr(), &format!("{EIO4}&sid={sid}")).await.text().starts_with("40{"));
    node.noticed_nothing().await;
}

#[tokio::test]
async fn a_method_that_is_not_get_never_upgrades() {
    let node = Watched::start().await;
    for (method, code) in [("POST", 2), ("PUT", 2), ("HEAD", 0)] {
        let mut wire = Wire::to(node.addr()).await;
        wire.says(&request(method, WEBSOCKET, &format!("{HANDSHAKE}content-length: 0\r\n"))).await;
        let answer = wire.hears("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{method}: {answer}");
        if code > 0 {
            assert!(wire.hears("}").await.contains(&format!("\"code\":{code}")), "{method}");
        }
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn an_upgrade_that_never_finishes_is_given_up() {
    let node = Watched::start().await;
    let probe = frame(TEXT, b"2probe");
    let mut upgrades = tokio::task::JoinSet::new();
    for said in [probe.clone(), [probe, vec![0x81]].concat()] {
        upgrades.spawn(never_finishes(node.addr(), said));
    }
    upgrades.join_all().await;
    node.noticed_nothing().await;
}

/// Some networks let a handshake through and nothing after it. Their clients poll on.
#[tokio::test]
async fn an_upgrade_that_never_begins_leaves_the_session_as_it_was() {
    // Nothing here is asked by polling for longer than impatient heartbeats would allow, or what one says to the others.
    let node = Node::with(|config| config.socketio.outbox_age = Span(GIVES_UP)).await;
    let mut upgrades = tokio::task::JoinSet::new();
    for said in [vec![], frame(TEXT, b"2probe")[..4].to_vec(), frame(TEXT, b"40")] {
        upgrades.spawn(never_begins(node.addr(), said));
    }
    upgrades.join_all().await;
}

async fn never_begins(addr: SocketAddr, words: Vec<u8>) {
    let sid = connected(addr).await;
    let (polling, began) = (format!("{EIO4}&sid={sid}"), Instant::now());
    let mut wire = Wire::websocket(addr, &format!("{WEBSOCKET}&sid={sid}")).await;
    wire.says(&words).await;
    wire.ends().await;
    assert!(began.elapsed() < GIVES_UP, "{:?}", began.elapsed());
    let word = format!("42{}", json!(["message", sid]));
    assert_eq!(post(addr, &polling, word).await.text(), "ok");
    while !get(addr, &polling).await.text().contains(&format!("42{}", json!(["response", sid]))) {}
}

/// Opens a session that only its heartbeat would end, and gives its id.
async fn connected(addr: SocketAddr) -> String {
    let sid = open(addr).await;
    let path = format!("{EIO4}&sid={sid}");
    post(addr, &path, "40").await;
    assert!(get(addr, &path).await.text().starts_with("40{"));
    sid
}

/// Says so much and no more. The connection ends, and with it what it was to carry.
async fn never_finishes(addr: SocketAddr, words: Vec<u8>) {
    let sid = connected(addr).await;
    let (polling, began) = (format!("{EIO4}&sid={sid}"), Instant::now());
    let mut wire = Wire::websocket(addr, &format!("{WEBSOCKET}&sid={sid}")).await;
    wire.says(&words).await;
    wire.ends().await;
    assert!(began.elapsed() < GIVES_UP, "{:?}", began.elapsed());
    while get(addr, &polling).await.status == 200 {
        assert!(began.elapsed() < GIVES_UP, "the session is still there");
    }
}

#[tokio::test]
async fn an_upgrade_that_says_something_else_is_given_up_at_once() {
    let node = Watched::start().await;
    for said in [
        vec![frame(TEXT, b"40")],
        vec![frame(TEXT, b"5")],
        vec![frame(TEXT, b"2")],
        vec![frame(TEXT, b"2probe"), frame(TEXT, b"3probe")],
        vec![frame(TEXT, b"2probe"), frame(TEXT, b"40")],
        vec![frame(0x82, b"2probe")],
        vec![frame(0x88, b"")],
        vec![frame(TEXT, b"\xff")],
    ] {
        let sid = connected(node.addr()).await;
        let began = Instant::now();
        let mut wire = Wire::websocket(node.addr(), &format!("{WEBSOCKET}&sid={sid}")).await;
        wire.says(&said.concat()).await;
        wire.ends().await;
        assert!(began.elapsed() < Duration::from_secs(1), "{said:?}: {:?}", began.elapsed());
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn polls_during_an_upgrade_are_answered_with_nothing_and_posts_are_taken() {
    let node = Watched::start().await;
    let sid = open(node.addr()).await;
    let path = format!("{EIO4}&sid={sid}");
    let mut probing = Client::probing(&node.addr(), &sid).await;
    assert_eq!(get(node.addr(), &path).await.text(), "6");
    assert_eq!(post(node.addr(), &path, "40").await.text(), "ok");
    assert_eq!(get(node.addr(), &path).await.text(), "6");
    probing.send("5").await;
    assert!(probing.packet().await.is_some_and(|packet| packet.starts_with("40{")));
    probing.say("message", &[json!("carried")]).await;
    probing.hears("response", &[json!("carried")]).await;
    probing.leave().await;
    node.noticed_nothing().await;
}
