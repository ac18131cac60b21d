//! Around a CONNECT: what comes before it is answered, and what is said between two of them.

use hubbub_tests::{client::Client, node::Node, raw::Raw};
use serde_json::{Value, json};

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_and_comes_back_in_one_segment_is_back() {
    let node = Node::start().await;
    let mut hearer = Client::at(&node, "/").await;
    let mut raw = Raw::websocket(node.addr(), WEBSOCKET).await;
    raw.say(&["40"]).await;
    raw.reads("40{\"sid\":").await;
    for round in 0..100 {
        // The library is done with a CONNECT a moment after its answer, and ignores another one until then.
        for word in 0..20 {
            let text = format!("{round} {word}");
            raw.say(&[&format!("42{}", json!(["message", text]))]).await;
            hearer.hears("response", &[json!(text)]).await;
        }
        raw.say(&["41", "40"]).await;
        raw.reads("40{\"sid\":").await;
    }
}

/// As the official server does: a client that does not wait is told that it lost its words.
#[tokio::test]
async fn a_word_that_does_not_wait_for_the_answer_to_its_connect_ends_the_connection() {
    let node = Node::start().await;
    let mut raw = Raw::websocket(node.addr(), WEBSOCKET).await;
    raw.say(&["42[\"message\",\"early\"]"]).await;
    raw.ends().await;
}

#[tokio::test]
async fn nothing_is_said_before_the_second_connect_to_who_left_and_came_back() {
    let node = Node::start().await;
    let (mut speaker, mut other) = (Client::at(&node, "/").await, Client::at(&node, "/").await);
    let mut client = Client::polling(&node).await;
    for packet in ["40", "41", "40"] {
        client.session().says(&[packet]).await;
        echo(&mut other).await;
    }
    speaker.say("message", &[json!("after")]).await;
    speaker.hears("response", &[json!("after")]).await;
    let mut connects = 0;
    loop {
        let packet = client.packet().await.expect("the session goes on");
        connects += usize::from(packet.starts_with("40"));
        if packet == "42[\"response\",\"after\"]" {
            break;
        }
    }
    assert_eq!(connects, 2, "it is told of its second CONNECT first");
}

#[tokio::test]
async fn nothing_that_was_said_to_an_earlier_session_comes_behind_a_later_connect() {
    // So that a few messages are more than one poll takes.
    let node = Node::with(|config| config.socketio.max_payload.0 = 2_000).await;
    let mut ann = Client::polling(&node).await;
    ann.connect("/v1", &json!({ "name": "Ann" })).await;
    ann.ask_in("/v1", "join", &[json!({ "room": "lobby" })]).await;
    let mut bob = Client::websocket(&node).await;
    bob.connect("/v1", &json!({ "name": "Bob" })).await;
    bob.ask_in("/v1", "join", &[json!({ "room": "lobby" })]).await;
    for _ in 0..20 {
        let said = json!({ "room": "lobby", "text": "x".repeat(500) });
        bob.ask_in("/v1", "send", &[said]).await;
    }
    ann.session().says(&["41/v1,"]).await;
    ann.session().says(&[format!("40/v1,{}", json!({ "name": "Ann again" }))]).await;
    let mut is_back = false;
    loop {
        let packet = ann.packet().await.expect("the session goes on");
        is_back |= packet.starts_with("40/v1,");
        if packet.contains("\"ready\"") && is_back {
            break;
        }
        assert!(!(is_back && packet.contains("\"message\"")), "{packet}");
    }
}

/// So many times that the node has done all else meanwhile.
async fn echo(speaker: &mut Client) {
    for number in 0..20 {
        speaker.say("channel selected", &[json!({ "current_channel": number.to_string() })]).await;
        let empty = json!({ "channel": number.to_string(), "messages": Value::Array(Vec::new()) });
        speaker.hears("display channel", &[empty]).await;
    }
}
