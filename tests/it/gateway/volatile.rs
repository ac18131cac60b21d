//! What nobody misses is not said to a client that is behind.

use std::time::Duration;

use hubbub_gateway::config::{Size, Span};
use hubbub_tests::{client::Client, node::Node};
use serde_json::{Value, json};

/// Together more than the kernels of both sides keep.
const TEXTS: usize = 60;
const HINTS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_behind_hears_every_message_and_nobody_typing() {
    let node = Node::with(|config| {
        (config.socketio.outbox, config.socketio.outbox_age) = (Size::mib(8), Span(Duration::from_secs(30)));
    })
    .await;
    let mut ann = enters(Client::websocket(&node).await, "Ann").await;
    let mut bob = enters(Client::websocket(&node).await, "Bob").await;
    for (round, client) in
        [Client::websocket(&node).await, Client::polling(&node).await].into_iter().enumerate()
    {
        let mut behind = enters(client, "Behind").await;
        for number in 0..TEXTS {
            ann.say("new message", &[text(number)]).await;
            while next(&mut bob).await != said(number) {}
        }
        for _ in 0..HINTS {
            ann.say("typing", &[]).await;
            while next(&mut bob).await != typing() {}
        }
        ann.say("new message", &[text(TEXTS)]).await;
        for number in 0..=TEXTS {
            assert_eq!(next(&mut behind).await, said(number));
        }
        let counted = format!("hubbub_messages_dropped_total{{reason=\"volatile\"}} {}", (round + 1) * HINTS);
        assert!(node.metrics().await.contains(&counted), "{counted}");
        ann.say("typing", &[]).await;
        assert_eq!(next(&mut behind).await, typing());
        behind.leave().await;
    }
}

async fn enters(mut client: Client, name: &str) -> Client {
    client.connect("/", &Value::Null).await;
    client.say("add user", &[json!(name)]).await;
    while client.event().await[1] != "login" {}
    client
}

/// What it hears next of the others' words.
async fn next(client: &mut Client) -> Value {
    loop {
        let event = client.event().await;
        if matches!(event[1].as_str(), Some("new message" | "typing")) {
            return event;
        }
    }
}

fn said(number: usize) -> Value {
    json!(["", "new message", { "username": "Ann", "message": text(number) }])
}

fn typing() -> Value {
    json!(["", "typing", { "username": "Ann" }])
}

fn text(number: usize) -> Value {
    format!("{number} {}", "x".repeat(30_000)).into()
}
