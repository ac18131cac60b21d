//! Nodes and Redis come and go.

use std::{ffi::OsStr, time::Duration};

use hubbub_tests::{client::Client, node::Node, process::Cluster, redis_server::RedisServer};
use serde_json::json;
use tokio::time::timeout;

#[tokio::test]
async fn a_stopped_nodes_people_leave_everywhere() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let (mut ann, mut bob) = (Client::at(&one, "/").await, Client::at(&two, "/").await);
    bob.say("addUser", &[json!("Bob")]).await;
    ann.hears("updateChat", &[json!("Server"), json!("Bob has connected")]).await;
    ann.hears("updateUsers", &[json!({ "Bob": "Bob" })]).await;
    two.drain().await;
    ann.hears("updateChat", &[json!("Server"), json!("Bob has disconnected.")]).await;
    ann.hears("updateUsers", &[json!({})]).await;
}

#[tokio::test]
async fn a_killed_nodes_people_leave_everywhere_once() {
    let lease = [("HUBBUB__PRESENCE__LEASE", OsStr::new("1500ms"))];
    let mut cluster = tokio::task::spawn_blocking(move || Cluster::with(2, &lease)).await.expect("a cluster");
    let (mut ann, mut bob) =
        (Client::at(&cluster.addr(0), "/").await, Client::at(&cluster.addr(1), "/").await);
    bob.say("addUser", &[json!("Bob")]).await;
    ann.hears("updateChat", &[json!("Server"), json!("Bob has connected")]).await;
    ann.hears("updateUsers", &[json!({ "Bob": "Bob" })]).await;
    cluster.kill(1);
    ann.hears("updateChat", &[json!("Server"), json!("Bob has disconnected.")]).await;
    ann.hears("updateUsers", &[json!({})]).await;
    ann.hears_nothing().await;
}

#[tokio::test]
async fn a_restarted_redis_is_found_again_and_nobody_is_disconnected() {
    let mut redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let (mut ann, mut bob) = (Client::websocket(&one).await, Client::websocket(&two).await);
    for (client, name) in [(&mut ann, "Ann"), (&mut bob, "Bob")] {
        client.connect("/v1", &json!({ "name": name })).await;
        client.ask_in("/v1", "join", &[json!({ "room": "lobby" })]).await;
    }
    redis.kill();
    let refused = ann.ask_in("/v1", "send", &[json!({ "room": "lobby", "text": "into the void" })]).await;
    assert_eq!(refused[0]["error"]["code"], "unavailable", "{refused}");
    redis.restart();
    timeout(Duration::from_secs(10), async {
        let text = json!({ "room": "lobby", "text": "back", "cid": "b1" });
        while ann.ask_in("/v1", "send", std::slice::from_ref(&text)).await[0]["ok"] != true {}
    })
    .await
    .expect("sending works again");
    let heard = timeout(Duration::from_secs(10), async {
        loop {
            let event = bob.event().await;
            if event[1] == "message" {
                return event;
            }
        }
    })
    .await
    .expect("and is heard on the other node");
    assert_eq!(heard[2]["text"], "back");
}
