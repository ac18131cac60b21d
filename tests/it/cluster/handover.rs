//! Behind a balancer that knows nothing, a session's requests land anywhere.

use std::time::Duration;

use http::Method;
use hubbub_tests::{
    client::Client,
    http::{EIO3, EIO4, get, open, post, request},
    node::Node,
    process::Cluster,
    redis_server::RedisServer,
    wire::{TEXT, Wire, frame, request as head},
};
use serde_json::json;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn a_session_is_served_by_whichever_node_is_asked() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let path = format!("{EIO4}&sid={}", open(one.addr()).await);
    assert_eq!(post(two.addr(), &path, "40").await.text(), "ok");
    assert!(get(two.addr(), &path).await.text().starts_with("40{"));
    post(one.addr(), &path, "42[\"message\",\"hé\"]").await;
    assert_eq!(get(two.addr(), &path).await.text(), "42[\"response\",\"hé\"]");
    assert!(two.metrics().await.contains("hubbub_forwarded_requests_total{kind=\"poll\",result=\"ok\"}"));
}

#[tokio::test]
async fn an_upgrade_through_another_node_works_like_any_other() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let sid = open(one.addr()).await;
    let path = format!("{EIO4}&sid={sid}");
    post(one.addr(), &path, "40").await;
    assert!(get(one.addr(), &path).await.text().starts_with("40{"));
    let mut upgraded = Client::upgrading(&two, &sid).await;
    for number in 0..100 {
        upgraded.say("message", &[json!(number.to_string())]).await;
    }
    for number in 0..100 {
        upgraded.hears("response", &[json!(number.to_string())]).await;
    }
}

#[tokio::test]
async fn a_dead_owner_gives_unknown_session_at_once() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let path = format!("{EIO4}&sid={}", open(one.addr()).await);
    one.drain().await;
    let answer = get(two.addr(), &path).await;
    assert_eq!((answer.status, answer.text().contains("Session ID unknown")), (400, true));
}

#[tokio::test]
async fn nobody_else_can_make_a_forwarded_request() {
    let redis = RedisServer::start();
    let one = Node::joined(&redis, "one", |config| {
        config.security.origins =
            hubbub_gateway::config::Origins::List(vec!["https://chat.example".to_owned()]);
    })
    .await;
    let forged = [("x-hubbub-forwarded", "10.0.0.1 AAAA"), ("origin", "https://evil.example")];
    assert_eq!(request(one.addr(), Method::GET, EIO4, &forged, "").await.status, 403);
}

#[tokio::test]
async fn every_kind_of_request_of_either_protocol_is_handed_over() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    for (path, connect, said, heard) in [
        (
            format!("{EIO4}&sid={}", open(one.addr()).await),
            "40",
            "42[\"message\",\"hé 😀\"]",
            "42[\"response\",\"hé 😀\"]",
        ),
        (older(&one, "").await, "", "21:42[\"message\",\"hé 😀\"]", "42[\"response\",\"hé 😀\"]"),
        (
            older(&one, "&b64=1").await,
            "",
            "21:42[\"message\",\"hé 😀\"]",
            "42[\"response\",\"h\\u00e9 \\ud83d\\ude00\"]",
        ),
    ] {
        assert_eq!(post(two.addr(), &path, connect).await.text(), "ok");
        assert!(get(two.addr(), &path).await.text().contains("40"));
        assert_eq!(post(two.addr(), &path, said).await.text(), "ok");
        assert!(get(two.addr(), &path).await.text().ends_with(heard));

        let carried = path.replace("polling", "websocket");
        let mut wire = Wire::websocket(two.addr(), &carried).await;
        wire.says(&frame(TEXT, b"2probe")).await;
        wire.hears("3probe").await;
        wire.says(&frame(TEXT, b"5")).await;
        wire.says(&frame(TEXT, "42[\"message\",\"hé 😀\"]".as_bytes())).await;
        wire.hears("42[\"response\",\"hé 😀\"]").await;
        wire.says(&frame(TEXT, b"1")).await;
        wire.ends().await;
        assert_eq!(get(two.addr(), &path).await.refusal(), (400, json!(1)));
    }
}

/// Opens a session of Engine.IO 3 and gives its path.
async fn older(node: &Node, form: &str) -> String {
    let path = format!("{EIO3}{form}");
    format!("{path}&sid={}", get(node.addr(), &path).await.header("x-hubbub-sid"))
}

#[tokio::test]
async fn what_a_client_may_not_say_to_its_own_node_it_may_not_say_to_another() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let path = format!("{EIO4}&sid={}", open(one.addr()).await);
    assert_eq!(post(two.addr(), &path, "4".repeat(70_000)).await.refusal(), (413, json!(3)));
    assert_eq!(get(two.addr(), &path.replace("polling", "websocket")).await.refusal(), (400, json!(3)));
    let put = request(two.addr(), Method::PUT, &path, &[], "40").await;
    assert_eq!(put.refusal(), (400, json!(3)));
    assert_eq!(post(two.addr(), &path, "40").await.text(), "ok");
    assert!(get(two.addr(), &path).await.text().starts_with("40{"));
    let (polled, refused) = tokio::join!(get(one.addr(), &path), get(two.addr(), &path));
    let mut statuses = [polled.status, refused.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_client_is_known_by_the_address_that_it_came_from() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(2)).await.expect("a cluster");
    let mut wire = Wire::from([127, 0, 0, 2].into(), cluster.addr(0)).await;
    wire.says(&head("GET", EIO4, "connection: close\r\n")).await;
    let opening = wire.ends().await;
    let sid = opening.lines().find_map(|line| line.strip_prefix("x-hubbub-sid: ")).expect("a session id");
    let path = format!("{EIO4}&sid={sid}");
    assert_eq!(post(cluster.addr(1), &path, "40").await.text(), "ok");
    assert!(get(cluster.addr(1), &path).await.text().starts_with("40{"));
    assert_eq!(post(cluster.addr(1), &path, "1").await.text(), "ok");
    timeout(Duration::from_secs(5), async {
        while !cluster.log(0).contains("disconnected client=127.0.0.2") {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the owner knows it by the address of its first request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_does_not_wait_for_a_slow_redis() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let path = format!("{EIO4}&sid={}", open(one.addr()).await);
    assert_eq!(post(two.addr(), &path, "3").await.text(), "ok");
    // What two knows of one is no longer fresh.
    sleep(Duration::from_millis(1_200)).await;
    redis.pause();
    let answer = timeout(Duration::from_millis(300), post(two.addr(), &path, "3")).await;
    redis.resume();
    assert_eq!(answer.expect("an answer without Redis").text(), "ok");
}
