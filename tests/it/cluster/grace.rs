//! A lost connection is no goodbye: who comes straight back, wherever, has never left.

use std::time::Duration;

use hubbub_gateway::config::Span;
use hubbub_tests::{client::Client, node::Node, person::Person, redis_server::RedisServer};
use serde_json::{Value, json};

async fn two_nodes(redis: &RedisServer, grace: Duration) -> (Node, Node) {
    let node = |name| Node::joined(redis, name, move |config| config.presence.grace = Span::of(grace));
    (node("one").await, node("two").await)
}

/// Ann and Bob in the lobby, on a node each; she knows of him.
async fn together(one: &Node, two: &Node) -> (Person, Person) {
    let mut ann = Person::in_lobby(one, "Ann").await;
    let bob = Person::in_lobby(two, "Bob").await;
    assert_eq!(ann.hears_of_people().await["join"], json!([{ "user": bob.id(), "name": "Bob" }]));
    (ann, bob)
}

/// Comes back where he stopped.
async fn back(node: &Node, session: &Value) -> Person {
    let auth = json!({ "session": session, "rooms": { "lobby": { "epoch": 0, "seq": 0 } } });
    Person::over(Client::websocket(node).await, &auth).await
}

/// Until the cluster knows that his connection is lost.
async fn is_away(ann: &mut Person, bob: &str) {
    while ann.devices_of("lobby", bob).await != Some(0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn who_comes_straight_back_to_another_node_has_never_left() {
    let redis = RedisServer::start();
    let (one, two) = two_nodes(&redis, Duration::from_mins(1)).await;
    let (mut ann, bob) = together(&one, &two).await;
    let (id, session) = (bob.id().to_owned(), bob.session().clone());
    drop(bob);
    is_away(&mut ann, &id).await;
    let mut bob = back(&one, &session).await;
    assert_eq!(bob.ready["rooms"]["lobby"]["count"], 2, "{}", bob.ready);
    assert_eq!(ann.devices_of("lobby", &id).await, Some(1));
    bob.says("here I am").await;
    assert_eq!(ann.client.event().await[2]["text"], "here I am", "nothing was said of him before");
}

#[tokio::test]
async fn who_stays_away_leaves_once_when_the_grace_is_over() {
    let redis = RedisServer::start();
    let (one, two) = two_nodes(&redis, Duration::from_millis(500)).await;
    let (mut ann, bob) = together(&one, &two).await;
    let (id, session) = (bob.id().to_owned(), bob.session().clone());
    drop(bob);
    assert_eq!(
        ann.hears_of_people().await,
        json!({ "room": "lobby", "join": [], "leave": [id], "count": 1 })
    );
    let _bob = back(&two, &session).await;
    assert_eq!(ann.hears_of_people().await["join"], json!([{ "user": id, "name": "Bob" }]));
}

#[tokio::test]
async fn a_goodbye_is_final_at_once() {
    let redis = RedisServer::start();
    let (one, two) = two_nodes(&redis, Duration::from_mins(1)).await;
    let (mut ann, mut bob) = together(&one, &two).await;
    bob.client.send("41/v1,").await;
    assert_eq!(ann.hears_of_people().await["leave"], json!([bob.id()]));
    Person::named(&one, "Bob").await;
}

#[tokio::test]
async fn a_name_waits_for_its_session_and_is_nobody_elses_meanwhile() {
    let redis = RedisServer::start();
    let (one, two) = two_nodes(&redis, Duration::from_mins(1)).await;
    let (mut ann, bob) = together(&one, &two).await;
    let (id, session) = (bob.id().to_owned(), bob.session().clone());
    drop(bob);
    is_away(&mut ann, &id).await;
    let mut other = Client::websocket(&one).await;
    other.send("40/v1,{\"name\":\"Bob\"}").await;
    assert_eq!(other.packet().await.as_deref(), Some("44/v1,{\"message\":\"name_taken\"}"));
    assert_eq!(back(&one, &session).await.id(), id);
}

#[tokio::test]
async fn nobody_leaves_with_a_node_that_is_drained_if_they_come_back() {
    let redis = RedisServer::start();
    let (one, two) = two_nodes(&redis, Duration::from_mins(1)).await;
    let (mut ann, bob) = together(&one, &two).await;
    let session = bob.session().clone();
    two.drain().await;
    drop(bob);
    let mut bob = back(&one, &session).await;
    bob.says("here I am").await;
    assert_eq!(ann.client.event().await[2]["text"], "here I am");
    // He is there as long as he is: what the old node held is no longer waited for.
    bob.client.send("41/v1,").await;
    assert_eq!(ann.hears_of_people().await["leave"], json!([bob.id()]));
}
