//! v1: rooms, members, and one order for all.

use hubbub_tests::{client::Client, node::Node};
use serde_json::{Value, json};

const V1: &str = "/v1";

/// Someone in v1, and what `ready` told them.
async fn someone(node: &Node, name: &str) -> (Client, Value) {
    let mut client = Client::websocket(node).await;
    client.connect(V1, &json!({ "name": name })).await;
    let ready = client.event().await;
    assert_eq!(ready[1], "ready");
    (client, ready[2].clone())
}

async fn joins(client: &mut Client, room: &str) -> Value {
    let joined = client.ask_in(V1, "join", &[json!({ "room": room })]).await[0].clone();
    assert_eq!(joined["ok"], true, "{joined}");
    joined
}

#[tokio::test]
async fn a_member_hears_messages_in_order_and_sees_who_is_here() {
    let node = Node::start().await;
    let ((mut ann, _), (mut bob, ready)) = (someone(&node, "Ann").await, someone(&node, "Bob").await);
    assert_eq!(ready["user"]["name"], "Bob");
    assert_eq!(joins(&mut ann, "lobby").await["count"], 1);
    let joined = joins(&mut bob, "lobby").await;
    let names: Vec<_> =
        joined["members"].as_array().expect("members").iter().map(|who| &who["name"]).collect();
    assert!(
        joined["count"] == 2 && names.contains(&&json!("Ann")) && names.contains(&&json!("Bob")),
        "{joined}"
    );
    let presence = ann.event().await;
    assert_eq!((&presence[1], &presence[2]["count"]), (&json!("presence"), &json!(2)));
    let bob_is_named = presence[2]["join"].as_array().expect("people").iter().any(|who| who["name"] == "Bob");
    assert!(bob_is_named, "{presence}");
    for number in 1..=20 {
        let sent = bob.ask_in(V1, "send", &[json!({ "room": "lobby", "text": number.to_string() })]).await;
        assert_eq!(sent[0]["seq"], number);
    }
    for client in [&mut ann, &mut bob] {
        for number in 1..=20 {
            let message = client.event().await;
            assert_eq!(
                (&message[2]["seq"], &message[2]["text"]),
                (&json!(number), &json!(number.to_string()))
            );
        }
    }
    bob.send("41/v1,").await;
    let presence = ann.event().await;
    assert_eq!(presence[2]["leave"], json!([ready["user"]["id"]]));
}

#[tokio::test]
async fn a_retry_with_the_same_cid_is_said_once() {
    let node = Node::start().await;
    let (mut ann, _) = someone(&node, "Ann").await;
    joins(&mut ann, "lobby").await;
    let text = [json!({ "room": "lobby", "text": "once", "cid": "a1" })];
    let first = ann.ask_in(V1, "send", &text).await;
    let again = ann.ask_in(V1, "send", &text).await;
    assert_eq!((&again[0]["id"], &again[0]["ts"]), (&first[0]["id"], &first[0]["ts"]));
    assert_eq!(again[0]["dup"], true);
    ann.ask_in(V1, "send", &[json!({ "room": "lobby", "text": "twice" })]).await;
    let texts = [ann.event().await, ann.event().await];
    assert_eq!(texts.each_ref().map(|event| event[2]["text"].as_str()), [Some("once"), Some("twice")]);
}

#[tokio::test]
async fn a_newcomer_is_told_the_last_messages_and_misses_none_after_them() {
    let node = Node::start().await;
    let ((mut ann, _), (mut bob, _)) = (someone(&node, "Ann").await, someone(&node, "Bob").await);
    joins(&mut ann, "lobby").await;
    for number in 0..10 {
        ann.ask_in(V1, "send", &[json!({ "room": "lobby", "text": number.to_string() })]).await;
    }
    let joined = bob.ask_in(V1, "join", &[json!({ "room": "lobby", "limit": 3 })]).await;
    let texts: Vec<_> =
        joined[0]["messages"].as_array().expect("messages").iter().map(|m| &m["text"]).collect();
    assert_eq!(texts, ["7", "8", "9"]);
    assert_eq!(joined[0]["seq"], 10);
    ann.ask_in(V1, "send", &[json!({ "room": "lobby", "text": "next" })]).await;
    let next = loop {
        let event = bob.event().await;
        if event[1] == "message" {
            break event;
        }
    };
    assert_eq!((&next[2]["seq"], &next[2]["text"]), (&json!(11), &json!("next")));
}

#[tokio::test]
async fn a_taken_name_is_refused_and_a_session_brings_its_holder_back() {
    let node = Node::start().await;
    let (ann, ready) = someone(&node, "Ann").await;
    let mut other = Client::websocket(&node).await;
    other.send(&format!("40/v1,{}", json!({ "name": "ANN" }))).await;
    assert_eq!(other.packet().await.as_deref(), Some("44/v1,{\"message\":\"name_taken\"}"));

    let mut again = Client::websocket(&node).await;
    again.connect(V1, &json!({ "session": ready["session"] })).await;
    assert_eq!(again.event().await[2]["user"], ready["user"]);
    drop(ann);

    let session = ready["session"].as_str().expect("a token");
    for forged in ["e30.e30", "", &session[1..], &session[..session.len() - 1]] {
        let mut client = Client::websocket(&node).await;
        client.send(&format!("40/v1,{}", json!({ "name": "Bo", "session": forged }))).await;
        assert_eq!(client.packet().await.as_deref(), Some("44/v1,{\"message\":\"unauthorized\"}"));
    }
    someone(&node, "Bo").await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_by_its_code() {
    let node = Node::start().await;
    let (mut ann, _) = someone(&node, "Ann").await;
    let long = "x".repeat(32 * 1024 + 1);
    joins(&mut ann, "lobby").await;
    for (event, request, code) in [
        ("send", json!({ "room": "elsewhere", "text": "hi" }), "not_joined"),
        ("send", json!({ "room": "lobby", "text": long }), "too_large"),
        ("send", json!({ "room": "lobby" }), "bad_request"),
        ("join", json!({ "room": "~basics" }), "bad_request"),
        ("join", json!("lobby"), "bad_request"),
        ("members", json!({ "room": "elsewhere" }), "not_joined"),
        ("fly", json!({}), "bad_request"),
    ] {
        let refused = ann.ask_in(V1, event, &[request]).await;
        assert_eq!(refused[0]["error"]["code"], code, "{event}: {refused}");
    }
}
