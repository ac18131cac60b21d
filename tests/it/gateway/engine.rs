//! Engine.IO at its edges: sessions, old forms, heartbeats, upgrades, origins.

use std::time::Duration;

use http::Method;
use hubbub_core::NodeId;
use hubbub_gateway::config::{Origins, Span};
use hubbub_tests::{
    client::Client,
    http::{EIO3, EIO4, get, open, post, request},
    node::Node,
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn a_session_id_names_its_node_in_the_body_and_in_a_header() {
    let node = Node::with(|config| config.node.id = NodeId::parse("node-1").expect("an id")).await;
    let answer = get(node.addr(), EIO4).await;
    let opening: Value = serde_json::from_str(&answer.text()[1..]).expect("an opening packet");
    let sid = opening["sid"].as_str().expect("a session id");
    assert!(sid.ends_with(".node-1"), "{sid}");
    assert_eq!(answer.header("x-hubbub-sid"), sid);
}

#[tokio::test]
async fn unknown_sessions_and_what_is_not_served_get_the_protocols_own_errors() {
    let node = Node::start().await;
    for (path, status, code) in [
        (format!("{EIO4}&sid=AAAAAAAAAAAAAAAA"), 400, 1),
        (format!("{EIO4}&sid=nonsense.elsewhere"), 400, 1),
        ("/socket.io/?EIO=4&transport=carrier-pigeon".to_owned(), 400, 0),
        ("/socket.io/?EIO=1&transport=polling".to_owned(), 400, 5),
        ("/socket.io/?transport=polling".to_owned(), 400, 5),
        (format!("{EIO3}&j=0"), 400, 3),
        ("/socket.io/?EIO=4&transport=websocket".to_owned(), 400, 3),
    ] {
        let answer = get(node.addr(), &path).await;
        let error: Value = serde_json::from_slice(&answer.body).expect("an error in JSON");
        assert_eq!((answer.status, &error["code"]), (status, &json!(code)), "{path}");
    }
    assert_eq!(post(node.addr(), EIO4, "40").await.status, 400);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_the_session_goes_on() {
    let node = Node::start().await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    assert_eq!(post(node.addr(), &path, "4".repeat(70_000)).await.status, 413);
    assert_eq!(post(node.addr(), &path, "40").await.text(), "ok");
}

#[tokio::test]
async fn old_clients_get_binary_framing_or_plain_ascii() {
    let node = Node::start().await;
    let answer = get(node.addr(), EIO3).await;
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.body[0], 0);
    let ascii = get(node.addr(), &format!("{EIO3}&b64=1")).await;
    assert!(ascii.header("content-type").starts_with("text/plain"));
    let (length, packet) =
        ascii.text().split_once(':').map(|(l, p)| (l.to_owned(), p.to_owned())).expect("framed");
    assert_eq!(length, packet.len().to_string());

    let opening: Value = serde_json::from_str(&packet[1..]).expect("an opening packet");
    let path = format!("{EIO3}&b64=1&sid={}", opening["sid"].as_str().expect("a session id"));
    // As 1.x says it: UTF-8 bytes, each as a character of its own.
    let packet = "42[\"message\",\"h\u{c3}\u{a9}\"]";
    post(node.addr(), &path, format!("{}:{packet}", packet.chars().count())).await;
    let mut heard = get(node.addr(), &path).await.text();
    if !heard.contains("response") {
        heard += &get(node.addr(), &path).await.text();
    }
    assert!(heard.contains("42[\"response\",\"h\\u00e9\"]"), "{heard}");
}

#[tokio::test]
async fn the_first_ping_comes_after_its_interval() {
    let node = Node::with(|config| config.socketio.ping_interval = Span(Duration::from_millis(400))).await;
    let start = Instant::now();
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    let heard = get(node.addr(), &path).await.text();
    assert_eq!(heard, "2");
    assert!(start.elapsed() >= Duration::from_millis(350), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_upgrade_keeps_every_message_and_its_order() {
    let node = Node::start().await;
    let mut sender = Client::at(&node, "/").await;
    let sid = open(node.addr()).await;
    let path = format!("{EIO4}&sid={sid}");
    post(node.addr(), &path, "40").await;
    let connected = get(node.addr(), &path).await.text();
    assert!(connected.starts_with("40{"), "{connected}");
    let large = "x".repeat(20_000);
    for number in 0..10 {
        sender.say("message", &[json!(format!("{number} {large}"))]).await;
        sender.hears("response", &[json!(format!("{number} {large}"))]).await;
    }
    let mut upgraded = Client::upgrading(&node, &sid).await;
    for number in 0..10 {
        upgraded.hears("response", &[json!(format!("{number} {large}"))]).await;
    }
    upgraded.say("message", &[json!("after")]).await;
    upgraded.hears("response", &[json!("after")]).await;
}

#[tokio::test]
async fn an_upgrade_that_never_finishes_takes_its_session_with_it() {
    let node = Node::start().await;
    let sid = open(node.addr()).await;
    let path = format!("{EIO4}&sid={sid}");
    post(node.addr(), &path, "40").await;
    drop(Client::probing(&node, &sid).await);
    timeout(Duration::from_secs(5), async { while get(node.addr(), &path).await.status == 200 {} })
        .await
        .expect("the session is gone");
}

#[tokio::test]
async fn only_listed_origins_connect() {
    let node =
        Node::with(|config| config.security.origins = Origins::List(vec!["https://chat.example".to_owned()]))
            .await;
    let ask = async |origin: &str| request(node.addr(), Method::GET, EIO4, &[("origin", origin)], "").await;
    let allowed = ask("https://chat.example").await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://chat.example");
    assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    for evil in ["https://evil.example", "null", "https://chat.example.evil", "https://chat.exampl"] {
        assert_eq!(ask(evil).await.status, 403, "{evil}");
    }
}

#[tokio::test]
async fn a_page_may_send_headers_of_its_own() {
    let node = Node::start().await;
    let asking = [("origin", "https://chat.example"), ("access-control-request-headers", "x-one,x-two")];
    let preflight = request(node.addr(), Method::OPTIONS, EIO4, &asking, "").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), "https://chat.example");
    assert_eq!(preflight.header("access-control-allow-headers"), "x-one,x-two");
}
