//! Behind a balancer that knows nothing, a session's requests land anywhere.

use http::Method;
use hubbub_tests::{
    client::Client,
    http::{EIO4, get, open, post, request},
    node::Node,
    redis_server::RedisServer,
};
use serde_json::json;

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
