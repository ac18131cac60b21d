//! Coming back to v1's rooms: everything that was missed, in order, as fast as the client reads it, or an honest no.

use hubbub_core::memory;
use hubbub_gateway::config::Size;
use hubbub_tests::{client::Client, node::Node, person::Person};
use serde_json::{Value, json};

/// Someone who was in these rooms, and what they are told of them.
async fn returns(client: Client, name: &str, rooms: &Value) -> (Person, Value) {
    let person = Person::over(client, &json!({ "name": name, "rooms": rooms })).await;
    let rooms = person.ready["rooms"].clone();
    (person, rooms)
}

#[tokio::test]
async fn who_joins_with_a_position_is_told_what_came_after_it_and_then_what_is_new() {
    let node = Node::start().await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    let seen = ann.says("1").await;
    for text in ["2", "3"] {
        ann.says(text).await;
    }
    let mut bob = Person::named(&node, "bob").await;
    let joined = bob.asks("join", json!({ "room": "lobby", "since": seen })).await;
    assert_eq!((&joined["recovered"], &joined["seq"]), (&json!(true), &json!(3)));
    assert_eq!(joined["messages"], json!([]));
    ann.says("4").await;
    for seq in 2..=4 {
        assert_eq!(bob.hears_message().await, (seq.to_string(), seq));
    }
}

#[tokio::test]
async fn rooms_named_while_connecting_are_joined_and_recovered_before_the_first_request() {
    let node = Node::start().await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    let seen = ann.says("1").await;
    ann.says("2").await;
    let rooms = json!({ "lobby": seen, "kitchen": { "epoch": 1, "seq": 7 } });
    let clients = [("bob", Client::websocket(&node).await), ("bo", Client::polling(&node).await)];
    for (name, client) in clients {
        let (mut bob, recovered) = returns(client, name, &rooms).await;
        assert_eq!(recovered["lobby"]["recovered"], true, "{recovered}");
        assert_eq!(recovered["lobby"]["epoch"], seen["epoch"]);
        assert!(recovered["lobby"]["count"].as_u64() >= Some(2), "{recovered}");
        assert_eq!(recovered["kitchen"]["recovered"], false);
        let sent = bob.asks("send", json!({ "room": "lobby", "text": "back", "cid": "b" })).await;
        assert_eq!(sent["ok"], true, "{sent}");
        let last = sent["seq"].as_u64().expect("a place");
        for seq in 2..=last {
            assert_eq!(bob.hears_message().await.1, seq);
        }
    }
}

#[tokio::test]
async fn a_position_that_the_log_does_not_know_is_not_recovered_and_harms_nothing() {
    let node = Node::start().await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    let seen = ann.says("1").await;
    assert_eq!(ann.hears_message().await.0, "1");
    let epoch = seen["epoch"].as_u64().expect("an epoch");
    let strange = [
        json!({ "epoch": epoch, "seq": 2 }),
        json!({ "epoch": epoch, "seq": u64::MAX }),
        json!({ "epoch": epoch + 1, "seq": 1 }),
        json!({ "epoch": 0, "seq": 0 }),
    ];
    for since in strange {
        let joined = ann.asks("join", json!({ "room": "lobby", "since": since })).await;
        assert_eq!((&joined["ok"], &joined["recovered"]), (&json!(true), &json!(false)), "{since}");
    }
    for since in [json!(7), json!({}), json!({ "epoch": "1", "seq": 1 }), json!({ "epoch": 1, "seq": -1 })] {
        let refused = ann.asks("join", json!({ "room": "lobby", "since": since })).await;
        assert_eq!(refused["error"]["code"], "bad_request", "{since}");
    }
    ann.says("2").await;
    while ann.hears_message().await.0 != "2" {}
}

/// Escaped, it is about 24 KB.
fn long_text() -> String {
    "\u{1}".repeat(4_000)
}

async fn says_at_length(client: &mut Person, times: usize) -> u64 {
    let mut last = 0;
    for _ in 0..times {
        last = client.says(&long_text()).await["seq"].as_u64().expect("a place");
        client.hears_message().await;
    }
    last
}

#[tokio::test]
async fn a_long_gap_is_told_at_the_clients_pace_while_the_room_goes_on() {
    let node = Node::with(|config| config.socketio.outbox = Size::kib(256)).await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    let seen = ann.says("first").await;
    // Together that is twenty times what may wait.
    says_at_length(&mut ann, 200).await;
    let clients = [("bob", Client::websocket(&node).await), ("bo", Client::polling(&node).await)];
    for (name, client) in clients {
        let (mut bob, recovered) = returns(client, name, &json!({ "lobby": seen })).await;
        assert_eq!(recovered["lobby"]["recovered"], true);
        let last = says_at_length(&mut ann, 20).await;
        for seq in 2..=last {
            assert_eq!(bob.hears_message().await.1, seq);
        }
    }
}

#[tokio::test]
async fn a_room_that_says_more_meanwhile_than_is_held_back_is_read_from_its_log() {
    let node = Node::with(|config| config.socketio.outbox = Size::kib(256)).await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    let seen = ann.says("first").await;
    says_at_length(&mut ann, 10).await;
    let (mut bob, recovered) = returns(Client::polling(&node).await, "bob", &json!({ "lobby": seen })).await;
    assert_eq!(recovered["lobby"]["recovered"], true);
    let last = says_at_length(&mut ann, 100).await;
    for seq in 2..=last {
        assert_eq!(bob.hears_message().await.1, seq);
    }
}

#[tokio::test]
async fn what_is_trimmed_before_a_client_has_read_it_is_an_announced_gap() {
    let node = Node::on(memory(100), |_| {}).await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    let seen = ann.says("first").await;
    says_at_length(&mut ann, 90).await;
    let (mut bob, recovered) = returns(Client::polling(&node).await, "bob", &json!({ "lobby": seen })).await;
    assert_eq!(recovered["lobby"]["recovered"], true);
    says_at_length(&mut ann, 200).await;
    let mut next = 2;
    let gap = loop {
        match bob.hears().await {
            (name, gap) if name == "gap" => break gap,
            (_, message) => assert_eq!(message["seq"], next),
        }
        next += 1;
    };
    let mut next = gap["seq"].as_u64().expect("a place") + 1;
    assert!(next > 91, "{gap}");
    ann.says("last").await;
    loop {
        let (text, seq) = bob.hears_message().await;
        assert_eq!(seq, next);
        next += 1;
        if text == "last" {
            break;
        }
    }
}
