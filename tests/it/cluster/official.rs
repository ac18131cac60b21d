//! The official Socket.IO examples' pages on several nodes.

use std::time::Duration;

use hubbub_tests::{client::Client, node::Node, redis_server::RedisServer};
use serde_json::{Value, json};
use tokio::time::timeout;

#[tokio::test]
async fn the_examples_people_are_counted_and_heard_over_all_nodes() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let (mut ann, mut bob) = (Client::at(&one, "/").await, Client::at(&two, "/").await);
    ann.say("add user", &[json!("Ann")]).await;
    ann.hears("login", &[json!({ "numUsers": 1 })]).await;
    bob.hears("user joined", &[json!({ "username": "Ann", "numUsers": 1 })]).await;
    bob.say("add user", &[json!("Bob")]).await;
    bob.hears("login", &[json!({ "numUsers": 2 })]).await;
    ann.hears("user joined", &[json!({ "username": "Bob", "numUsers": 2 })]).await;
    ann.say("typing", &[]).await;
    bob.hears("typing", &[json!({ "username": "Ann" })]).await;
    ann.say("new message", &[json!("hi")]).await;
    bob.hears("new message", &[json!({ "username": "Ann", "message": "hi" })]).await;
    bob.say("add user", &[json!("Ann")]).await;
    bob.hears("login", &[json!({ "numUsers": 1 })]).await;
    ann.hears("user left", &[json!({ "username": "Bob", "numUsers": 1 })]).await;
    two.drain().await;
    let mut cy = Client::at(&one, "/").await;
    cy.say("add user", &[json!("Cy")]).await;
    cy.hears("login", &[json!({ "numUsers": 2 })]).await;
    ann.hears("user joined", &[json!({ "username": "Cy", "numUsers": 2 })]).await;
}

/// The tutorial's page, which stopped there.
async fn page(node: &Node, offset: &Value) -> Client {
    let mut client = Client::websocket(node).await;
    client.connect("/", &json!({ "serverOffset": offset })).await;
    client
}

async fn hears(client: &mut Client, text: &str) -> Value {
    let event = client.event().await;
    assert_eq!((&event[1], &event[2]), (&json!("chat message"), &json!(text)));
    event[3].clone()
}

/// What those who are there are told when Redis was started anew: it may have lost the end of what was said.
const RESTARTED: &str = "Server: some messages may be missing";

#[tokio::test]
async fn the_tutorials_page_goes_on_and_says_again_on_another_node() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let (mut ann, mut bob) = (page(&one, &json!(0)).await, page(&two, &json!(0)).await);
    let words = [json!("once"), json!("ann-0")];
    assert_eq!(ann.ask_in("/", "chat message", &words).await, json!([]));
    let offset = hears(&mut ann, "once").await;
    drop(ann);
    bob.say("chat message", &[json!("missed")]).await;
    hears(&mut bob, "once").await;
    hears(&mut bob, "missed").await;
    let mut back = page(&two, &offset).await;
    assert_eq!(back.ask_in("/", "chat message", &words).await, json!([]));
    bob.say("chat message", &[json!("next")]).await;
    for client in [&mut back, &mut page(&one, &offset).await] {
        hears(client, "missed").await;
        hears(client, "next").await;
    }
}

#[tokio::test]
async fn while_redis_is_away_the_tutorials_client_is_not_acknowledged_and_its_next_try_is_heard_once() {
    let mut redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    let (mut ann, mut bob) = (page(&node, &json!(0)).await, page(&node, &json!(0)).await);
    let words = [json!("at last"), json!("ann-0")];
    redis.kill();
    ann.send(&format!("42100{}", json!(["chat message", words[0], words[1]]))).await;
    // Words are carried out in order: that this one is answered first shows that the other is not answered at all.
    let refused = ann.ask_in("/", "chat message", &[json!(7)]).await;
    assert_eq!(refused[0]["error"]["code"], "bad_request");
    redis.restart();
    let acknowledged = timeout(Duration::from_secs(20), async {
        loop {
            ann.send(&format!("42101{}", json!(["chat message", words[0], words[1]]))).await;
            ann.send(&format!("42102{}", json!(["chat message", 7]))).await;
            loop {
                match ann.packet().await.expect("it stays connected") {
                    packet if packet.starts_with("42") => {}
                    packet if packet.starts_with("43102") => break,
                    packet => return packet,
                }
            }
        }
    });
    assert_eq!(acknowledged.await.expect("an acknowledgement in the end"), "43101[]");
    bob.say("chat message", &[json!("next")]).await;
    hears(&mut bob, RESTARTED).await;
    hears(&mut bob, "at last").await;
    hears(&mut bob, "next").await;
}

#[tokio::test]
async fn a_page_that_comes_while_redis_does_not_answer_is_told_everything_once_it_does() {
    let redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    let mut ann = page(&node, &json!(0)).await;
    assert_eq!(ann.ask_in("/", "chat message", &[json!("one")]).await, json!([]));
    hears(&mut ann, "one").await;
    redis.pause();
    let mut late = page(&node, &json!(0)).await;
    ann.say("chat message", &[json!("two")]).await;
    redis.resume();
    hears(&mut ann, "two").await;
    hears(&mut late, "one").await;
    hears(&mut late, "two").await;
    assert_eq!(ann.ask_in("/", "chat message", &[json!("three")]).await, json!([]));
    hears(&mut late, "three").await;
}

#[tokio::test]
async fn a_page_that_was_away_over_a_restart_of_redis_misses_and_repeats_nothing() {
    let mut redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    let mut ann = page(&node, &json!(0)).await;
    assert_eq!(ann.ask_in("/", "chat message", &[json!("one")]).await, json!([]));
    let first = hears(&mut ann, "one").await;
    assert_eq!(ann.ask_in("/", "chat message", &[json!("two")]).await, json!([]));
    hears(&mut ann, "two").await;
    redis.restart();
    ann.say("chat message", &[json!("three")]).await;
    hears(&mut ann, RESTARTED).await;
    let third = hears(&mut ann, "three").await;
    let mut back = page(&node, &first).await;
    hears(&mut back, "two").await;
    assert_eq!(hears(&mut back, "three").await, third);
    let mut there = page(&node, &third).await;
    ann.say("chat message", &[json!("four")]).await;
    for client in [&mut back, &mut there] {
        hears(client, "four").await;
    }
}

#[tokio::test]
async fn pages_that_come_back_again_and_again_while_others_talk_miss_and_repeat_nothing() {
    const MESSAGES: usize = 1_000;
    let redis = RedisServer::start();
    let nodes = [Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await];
    let mut talking = page(&nodes[0], &json!(0)).await;
    let talk = tokio::spawn(async move {
        for number in 0..MESSAGES {
            talking.say("chat message", &[json!(number.to_string())]).await;
            hears(&mut talking, &number.to_string()).await;
        }
    });
    let (mut offset, mut next, mut round) = (json!(0), 0, 0);
    while next < MESSAGES {
        let node = &nodes[round % 2];
        let mut back =
            if round % 3 == 0 { Client::polling(node).await } else { Client::websocket(node).await };
        back.connect("/", &json!({ "serverOffset": offset })).await;
        for _ in 0..(15 + round % 5).min(MESSAGES - next) {
            offset = hears(&mut back, &next.to_string()).await;
            next += 1;
        }
        round += 1;
    }
    timeout(Duration::from_secs(10), talk).await.expect("all is said").expect("and heard in order");
}
