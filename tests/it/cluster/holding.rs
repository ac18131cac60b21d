//! The tutorials' clients, which ask for no acknowledgement, while Redis is away: their words wait a little.

use std::time::Duration;

use hubbub_gateway::config::Span;
use hubbub_tests::{client::Client, node::Node, redis_server::RedisServer};
use serde_json::{Value, json};

/// What everyone who is there is told when Redis was started anew.
const RESTARTED: &str = "some messages may be missing";

async fn hears(client: &mut Client, from: &str, text: &str) {
    client.hears("new message", &[json!({ "username": from, "message": text })]).await;
}

/// The official example's page, with its user.
async fn page(node: &Node, name: &str, there: usize) -> Client {
    let mut client = Client::at(node, "/").await;
    client.say("add user", &[json!(name)]).await;
    client.hears("login", &[json!({ "numUsers": there })]).await;
    client
}

#[tokio::test]
async fn words_said_while_redis_is_away_are_said_in_order_and_once_when_it_is_back() {
    let mut redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let mut ann = page(&one, "Ann", 1).await;
    let mut bob = page(&two, "Bob", 2).await;
    ann.hears("user joined", &[json!({ "username": "Bob", "numUsers": 2 })]).await;
    redis.kill();
    for number in 0..64 {
        ann.say("new message", &[json!(number.to_string())]).await;
    }
    // That they were carried out is seen by the one that is refused, for there is no room for it.
    ann.say("new message", &[json!("too many")]).await;
    hears(&mut ann, "Server", "the chat is unavailable for a moment").await;
    redis.restart();
    hears(&mut bob, "Server", RESTARTED).await;
    for number in 0..64 {
        hears(&mut bob, "Ann", &number.to_string()).await;
    }
    ann.say("new message", &[json!("next")]).await;
    hears(&mut bob, "Ann", "next").await;
}

#[tokio::test]
async fn what_may_have_been_said_already_is_not_said_again() {
    let redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    let (mut ann, mut bob) = (page(&node, "Ann", 1).await, Client::at(&node, "/").await);
    redis.pause();
    ann.say("new message", &[json!("once")]).await;
    ann.say("new message", &[json!("twice")]).await;
    // Redis reads what was sent to it while it stood still, after the node has given up waiting for the answer.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    redis.resume();
    for text in ["once", "twice"] {
        hears_among_others(&mut bob, text).await;
    }
    ann.say("new message", &[json!("next")]).await;
    hears_among_others(&mut bob, "next").await;
}

/// An undecided client hears the example's vocabulary among others.
async fn hears_among_others(client: &mut Client, text: &str) {
    loop {
        let event = client.event().await;
        if event[1] == "new message" {
            assert_eq!(event[2]["message"], text);
            return;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_said_in_time_is_told_to_the_one_who_said_it() {
    let mut redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |config| config.limits.patience = Span::seconds(1)).await;
    for (namespace, word, told) in [
        ("/", "sendChat", json!(["updateChat", "Server", LATE])),
        ("/ssio", "message", json!(["message", { "text": format!("Server: {LATE}") }])),
        ("/iss", "message", json!(["message", { "name": "Server", "text": LATE }])),
    ] {
        let mut client = Client::at(&node, namespace).await;
        if namespace == "/iss" {
            assert_eq!(client.event().await[1], "connected");
        }
        redis.kill();
        client.say_in(namespace, word, &[json!("lost")]).await;
        let event = client.event().await;
        assert_eq!(Value::from(&event.as_array().expect("an event")[1..]), told);
        let refused = client.ask_in(namespace, word, &[json!("lost")]).await;
        assert_eq!(refused[0]["error"]["code"], "unavailable", "who asks is answered at once");
        redis.restart();
        eventually_says(&mut client, namespace, word).await;
    }
}

#[tokio::test]
async fn who_said_much_to_a_redis_that_does_not_answer_is_told_so_at_once() {
    let redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |config| config.limits.patience = Span::seconds(1)).await;
    let mut ann = page(&node, "Ann", 1).await;
    redis.pause();
    for number in 0..20 {
        ann.say("new message", &[json!(number.to_string())]).await;
    }
    // One attempt to say one word takes two seconds.
    let told = tokio::time::timeout(Duration::from_secs(15), async {
        for _ in 0..20 {
            hears(&mut ann, "Server", LATE).await;
        }
    });
    told.await.expect("all of it is given up together");
}

/// Redis is there again.
async fn eventually_says(client: &mut Client, namespace: &str, word: &str) {
    let answered = tokio::time::timeout(Duration::from_secs(10), async {
        while client.ask_in(namespace, word, &[json!("back")]).await != json!([]) {}
    });
    answered.await.expect("it works again");
}

#[tokio::test]
async fn who_adds_their_user_while_redis_is_away_is_there_when_it_is_back() {
    let mut redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    let mut ann = Client::at(&node, "/").await;
    redis.kill();
    ann.say("add user", &[json!("Ann")]).await;
    ann.say("new message", &[json!("hi")]).await;
    redis.restart();
    loop {
        let event = ann.event().await;
        if event[1] == "login" {
            assert_eq!(event[2], json!({ "numUsers": 1 }));
            break;
        }
    }
}

const LATE: &str = "the chat is unavailable for a moment";
