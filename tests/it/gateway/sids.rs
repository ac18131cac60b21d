//! Session ids that are wrong, old, somebody else's, or used twice at a time.

use std::time::Duration;

use http::Method;
use hubbub_tests::{
    client::Client,
    http::{EIO3, EIO4, get, open, post, request},
    watched::Watched,
    wire::{TEXT, Wire, frame, request as head},
};
use serde_json::json;
use tokio::time::Instant;

/// The protocol's "Session ID unknown": the client starts anew.
const UNKNOWN: (u16, u8) = (400, 1);
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

#[tokio::test]
async fn an_id_that_names_no_session_is_unknown_to_every_kind_of_request() {
    let node = Watched::start().await;
    let long = "A".repeat(10_000);
    let well_formed = [
        "",
        ".",
        "..",
        ".node-1",
        "x.node-1",
        "x.node-2",
        "AAAAAAAAAAAAAAAA.node-1",
        "x.node-1.node-2",
        "../../etc",
        "x/../y.node-1",
        "%2e%2e",
        "x%2Enode-1",
        "%00",
        "x.%ff",
        "+",
    ];
    let long = [long.clone(), format!("{long}.node-1"), format!("x.{long}")];
    for sid in well_formed.into_iter().chain(long.iter().map(String::as_str)) {
        let polling = format!("{EIO4}&sid={sid}");
        let answers = [
            get(node.addr(), &polling).await,
            post(node.addr(), &polling, "40").await,
            request(node.addr(), Method::GET, &format!("{WEBSOCKET}&sid={sid}"), &UPGRADE, "").await,
        ];
        for answer in answers {
            assert_eq!(answer.refusal(), (UNKNOWN.0, json!(UNKNOWN.1)), "{sid}");
        }
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn a_path_that_is_not_ascii_is_refused() {
    let node = Watched::start().await;
    let mut wire = Wire::to(node.addr()).await;
    wire.says(&head("GET", &format!("{EIO4}&sid=é.node-1"), "connection: close\r\n")).await;
    assert!(wire.ends().await.starts_with("HTTP/1.1 400 "));
    node.noticed_nothing().await;
}

#[tokio::test]
async fn of_two_ids_in_one_request_the_first_counts() {
    let node = Watched::start().await;
    let (one, other) = (open(node.addr()).await, open(node.addr()).await);
    let both = format!("{EIO4}&sid={one}&sid={other}");
    assert_eq!(post(node.addr(), &both, "40").await.status, 200);
    assert!(get(node.addr(), &format!("{EIO4}&sid={one}")).await.text().starts_with("40{"));
    let unknown = post(node.addr(), &format!("{EIO4}&sid=x&sid={one}"), "40").await;
    assert_eq!(unknown.refusal(), (UNKNOWN.0, json!(UNKNOWN.1)));
    node.noticed_nothing().await;
}

#[tokio::test]
async fn a_session_that_has_ended_is_unknown() {
    let node = Watched::start().await;
    let expired = format!("{EIO4}&sid={}", open(node.addr()).await);
    let left = format!("{EIO4}&sid={}", open(node.addr()).await);
    assert_eq!(post(node.addr(), &left, "1").await.status, 200);
    // It never connects to a namespace.
    while get(node.addr(), &expired).await.status == 200 {}
    for path in [&left, &expired] {
        for answer in [get(node.addr(), path).await, post(node.addr(), path, "40").await] {
            assert_eq!(answer.refusal(), (UNKNOWN.0, json!(UNKNOWN.1)));
        }
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn two_polls_at_once_end_that_session_and_no_other() {
    let node = Watched::start().await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    post(node.addr(), &path, "40").await;
    get(node.addr(), &path).await;
    let (one, other) = tokio::join!(get(node.addr(), &path), get(node.addr(), &path));
    let (told, refused) = if one.status == 200 { (one, other) } else { (other, one) };
    assert_eq!((told.status, told.text().as_str(), refused.refusal()), (200, "1", (400, json!(3))));
    assert_eq!(get(node.addr(), &path).await.refusal(), (UNKNOWN.0, json!(UNKNOWN.1)));
    node.noticed_nothing().await;
}

#[tokio::test]
async fn two_posts_at_once_are_both_taken() {
    let node = Watched::start().await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    let mut slow = Wire::to(node.addr()).await;
    slow.says(&head("POST", &path, "connection: close\r\ncontent-length: 20\r\n")).await;
    slow.says(b"42[\"message\"").await;
    assert_eq!(post(node.addr(), &path, "40").await.text(), "ok");
    assert!(get(node.addr(), &path).await.text().starts_with("40{"));
    slow.says(b",\"slow\"]").await;
    assert!(slow.ends().await.ends_with("ok"));
    assert_eq!(get(node.addr(), &path).await.text(), "42[\"response\",\"slow\"]");
    post(node.addr(), &path, "1").await;
    node.noticed_nothing().await;
}

#[tokio::test]
async fn a_second_websocket_of_a_session_is_closed_and_the_first_goes_on() {
    let node = Watched::start().await;
    let sid = open(node.addr()).await;
    let path = format!("{WEBSOCKET}&sid={sid}");
    let mut first = Client::probing(&node.addr(), &sid).await;
    Wire::websocket(node.addr(), &path).await.ends().await;
    first.send("5").await;
    Wire::websocket(node.addr(), &path).await.ends().await;
    let polled = get(node.addr(), &format!("{EIO4}&sid={sid}")).await;
    assert_eq!(polled.refusal(), (400, json!(3)));
    first.connect("/", &json!(null)).await;
    first.say("message", &[json!("still here")]).await;
    first.hears("response", &[json!("still here")]).await;
    first.leave().await;
    node.noticed_nothing().await;
}

#[tokio::test]
async fn a_session_is_not_served_in_another_protocol_than_its_own() {
    let node = Watched::start().await;
    let sid = open(node.addr()).await;
    let [own, other] = [EIO4, EIO3].map(|protocol| format!("{protocol}&sid={sid}"));
    assert_eq!(get(node.addr(), &other).await.refusal(), (400, json!(5)));
    assert_eq!(post(node.addr(), &other, "2:40").await.refusal(), (400, json!(5)));
    assert_eq!(post(node.addr(), &own, "40").await.text(), "ok");
    assert!(get(node.addr(), &own).await.text().starts_with("40{"));
    node.noticed_nothing().await;
}

#[tokio::test]
async fn nobody_gets_into_a_session_that_began_with_a_websocket() {
    let node = Watched::start().await;
    let mut wire = Wire::websocket(node.addr(), WEBSOCKET).await;
    let opening = wire.hears("}").await;
    let sid = opening.split('"').skip_while(|part| *part != "sid").nth(2).expect("a session id").to_owned();
    for path in [format!("{EIO4}&sid={sid}"), format!("{EIO4}&sid={sid}.node-1")] {
        assert_eq!(get(node.addr(), &path).await.status, 400);
        assert_eq!(post(node.addr(), &path, "40").await.status, 400);
    }
    let path = format!("{WEBSOCKET}&sid={sid}.node-1");
    assert_eq!(request(node.addr(), Method::GET, &path, &UPGRADE, "").await.status, 400);
    wire.says(&frame(TEXT, b"40")).await;
    assert!(wire.hears("}").await.contains("40{"));
    drop(wire);
    node.noticed_nothing().await;
}

#[tokio::test]
async fn many_polls_at_once_are_answered_at_once_and_end_the_session() {
    let node = Watched::start().await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    let began = Instant::now();
    let mut polls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (addr, path) = (node.addr(), path.clone());
        polls.spawn(async move { get(addr, &path).await.status });
    }
    let statuses = polls.join_all().await;
    assert!(statuses.iter().filter(|status| **status == 200).count() <= 1, "{statuses:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    node.noticed_nothing().await;
}

const UPGRADE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
];
