//! Rooms whose place in Redis holds something else than a room: they fail, and no other does.

use std::time::Duration;

use hubbub_tests::{node::Node, person::Person, redis_server::RedisServer};
use serde_json::json;
use tokio::time::timeout;

/// A room that works is joined in far less.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_room_whose_log_is_no_log_holds_up_no_other() {
    let redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    redis.cli(["SET", "{room:attic}:m", "cobwebs"]);
    let (mut ann, mut bob) = (Person::named(&node, "ann").await, Person::named(&node, "bob").await);
    let attic = ann.asks("join", json!({ "room": "attic" }));
    let lobby = timeout(SOON, bob.asks("join", json!({ "room": "lobby" })));
    let (attic, lobby) = tokio::join!(attic, lobby);
    assert_eq!(attic["error"]["code"], "unavailable", "{attic}");
    assert_eq!(lobby.expect("an answer")["ok"], true);
}

#[tokio::test]
async fn nobody_writes_into_another_rooms_log_by_the_id_of_a_message() {
    let redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    ann.does("send", json!({ "room": "lobby", "text": "hello", "cid": "x}:m" })).await;
    let other = format!("lobby}}:i:{}:x", ann.id());
    let joined = timeout(SOON, ann.asks("join", json!({ "room": other }))).await.expect("an answer");
    assert_eq!(joined["ok"], true, "{joined}");
}
