//! What a hostile or unlucky client does to itself, and to nobody else.

use std::time::Duration;

use hubbub_gateway::config::{Size, Span};
use hubbub_tests::{
    client::Client,
    http::{EIO3, EIO4, get, open, post},
    node::Node,
};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Listens until the list of people is this one.
async fn sees(client: &mut Client, list: &Value) {
    let seen = timeout(Duration::from_secs(10), async {
        loop {
            let event = client.event().await;
            if event[1] == "updateUsers" && event[2] == *list {
                return;
            }
        }
    });
    seen.await.expect("the list is as it should be in time");
}

#[tokio::test]
async fn who_is_cut_off_in_the_middle_of_an_upgrade_is_gone() {
    let node = Node::with(|config| {
        config.socketio.outbox = Size::kib(64);
        config.socketio.ping_interval = Span(Duration::from_millis(300));
        config.socketio.ping_timeout = Span(Duration::from_millis(300));
    })
    .await;
    let mut ann = Client::at(&node, "/").await;
    ann.say("addUser", &[json!("Ann")]).await;
    let sid = open(node.addr()).await;
    let path = format!("{EIO4}&sid={sid}");
    post(node.addr(), &path, "40").await;
    get(node.addr(), &path).await;
    post(node.addr(), &path, "42[\"addUser\",\"Ghost\"]").await;
    sees(&mut ann, &json!({ "Ann": "Ann", "Ghost": "Ghost" })).await;
    let mut probing = Client::probing(&node, &sid).await;
    for _ in 0..10 {
        ann.say("sendChat", &[json!("x".repeat(16 * 1024))]).await;
    }
    probing.is_closed().await;
    sees(&mut ann, &json!({ "Ann": "Ann" })).await;
    assert_eq!(get(node.addr(), &path).await.status, 400);
}

#[tokio::test]
async fn a_room_full_of_long_texts_can_be_entered() {
    let node = Node::start().await;
    let mut ann = Client::at(&node, "/ssio").await;
    for _ in 0..40 {
        ann.say_in("/ssio", "message", &[json!("x".repeat(32 * 1024))]).await;
        ann.event().await;
    }
    let mut newcomer = Client::polling(&node).await;
    newcomer.connect("/ssio", &Value::Null).await;
    newcomer.say_in("/ssio", "message", &[json!("I am in")]).await;
    let text = timeout(Duration::from_secs(10), async {
        loop {
            let event = newcomer.event().await;
            if event[2]["text"] == "I am in" {
                return;
            }
        }
    });
    text.await.expect("the newcomer hears itself");
}

#[tokio::test]
async fn sessions_are_bounded_like_connections() {
    let node = Node::with(|config| config.http.max_connections = 8).await;
    let mut opened = 0;
    for _ in 0..50 {
        opened += usize::from(get(node.addr(), EIO3).await.status == 200);
    }
    assert_eq!(opened, 8);
}

#[tokio::test]
async fn the_list_survives_who_comes_and_goes_in_one_breath() {
    let node = Node::start().await;
    let mut watcher = Client::at(&node, "/").await;
    for round in 0..20 {
        let path = format!("{EIO4}&sid={}", open(node.addr()).await);
        post(node.addr(), &path, "40").await;
        get(node.addr(), &path).await;
        post(node.addr(), &path, format!("42[\"addUser\",\"u{round}\"]\u{1e}41")).await;
    }
    watcher.say("addUser", &[json!("Watcher")]).await;
    sees(&mut watcher, &json!({ "Watcher": "Watcher" })).await;
}

#[tokio::test]
async fn a_thousand_connects_and_disconnects_on_one_connection_harm_nobody() {
    let node = Node::start().await;
    let (mut wild, mut calm) = (Client::websocket(&node).await, Client::at(&node, "/iss").await);
    calm.hears_in("/iss", "connected", &[]).await;
    let burst: Vec<_> = (0..1_000).flat_map(|_| ["40/iss,", "41/iss,"]).collect();
    for packet in burst {
        if !wild.tries(packet).await {
            break;
        }
    }
    calm.say_in("/iss", "message", &[json!("still here")]).await;
    calm.hears_in("/iss", "message", &[json!({ "name": "New user", "text": "still here" })]).await;
}
