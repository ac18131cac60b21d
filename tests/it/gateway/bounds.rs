//! Order and bounds: nothing is lost to a healthy client, and an unhealthy one is cut off.

use std::time::Duration;

use hubbub_gateway::config::Size;
use hubbub_tests::{client::Client, node::Node};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

#[tokio::test]
async fn two_thousand_messages_of_one_client_stay_in_order() {
    let node = Node::start().await;
    let (mut sender, mut hearer) = (Client::at(&node, "/").await, Client::polling(&node).await);
    hearer.connect("/", &json!(null)).await;
    let hearing = tokio::spawn(async move {
        for number in 0..2_000 {
            hearer.hears("response", &[json!(format!("m{number}"))]).await;
        }
    });
    for number in 0..2_000 {
        sender.say("message", &[json!(format!("m{number}"))]).await;
    }
    for number in 0..2_000 {
        sender.hears("response", &[json!(format!("m{number}"))]).await;
    }
    hearing.await.expect("the polling client heard all of them in order");
}

#[tokio::test]
async fn a_polling_body_of_a_thousand_events_is_handled_in_order() {
    let node = Node::start().await;
    let mut client = Client::polling(&node).await;
    client.connect("/", &json!(null)).await;
    let body: Vec<_> = (0..1_000).map(|number| format!("42[\"message\",\"m{number}\"]")).collect();
    client.send(&body.join("\u{1e}")).await;
    for number in 0..1_000 {
        client.hears("response", &[json!(format!("m{number}"))]).await;
    }
}

#[tokio::test]
async fn the_first_event_after_connect_is_never_lost() {
    let node = Node::start().await;
    for round in 0..100 {
        let mut client = Client::websocket(&node).await;
        client.connect("/", &json!(null)).await;
        client.say("message", &[json!(round.to_string())]).await;
        client.hears("response", &[json!(round.to_string())]).await;
    }
}

#[tokio::test]
async fn malformed_events_harm_nobody() {
    let node = Node::start().await;
    let (mut wild, mut calm) = (Client::at(&node, "/").await, Client::at(&node, "/").await);
    for packet in ["42[\"sendChat\"]", "42[\"sendChat\",{}]", "42[\"\"]", "42[\"x\",null]"] {
        wild.send(packet).await;
    }
    wild.say("sendChat", &[json!("still here")]).await;
    assert_eq!(calm.event().await[3], "still here");
    assert!(node.metrics().await.contains("hubbub_malformed_total{reason=\"wrong_type\"}"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_the_others_hear_everything() {
    let node = Node::with(|config| config.socketio.outbox = Size::kib(64)).await;
    let (mut sender, mut stalled) = (Client::at(&node, "/").await, Client::at(&node, "/").await);
    let text = "x".repeat(16 * 1024);
    for _ in 0..1_000 {
        sender.say("message", &[json!(text)]).await;
        sender.hears("response", &[json!(text)]).await;
    }
    timeout(Duration::from_secs(5), stalled.is_closed()).await.expect("it is cut off");
    assert!(node.metrics().await.contains("hubbub_disconnects_total{reason=\"slow\"}"));
}

#[tokio::test]
async fn who_comes_and_goes_at_once_leaves_nothing_behind() {
    let node = Node::start().await;
    let mut watcher = Client::at(&node, "/").await;
    for round in 0..50 {
        let mut client = Client::websocket(&node).await;
        client.send("40").await;
        client.send(&format!("42[\"addUser\",\"u{round}\"]")).await;
        drop(client);
    }
    watcher.say("addUser", &[json!("Watcher")]).await;
    timeout(Duration::from_secs(10), async {
        loop {
            let event = watcher.event().await;
            if event[1] == "updateUsers" && event[2] == json!({ "Watcher": "Watcher" }) {
                return;
            }
        }
    })
    .await
    .expect("everyone else is gone");
}

#[tokio::test]
async fn a_stopped_node_sends_its_clients_away_without_a_word_of_its_own() {
    let node = Node::start().await;
    let (mut socket, mut poller) = (Client::at(&node, "/").await, Client::polling(&node).await);
    poller.connect("/", &json!(null)).await;
    assert_eq!(node.ready().await, 200);
    let stopping = tokio::spawn(node.drain());
    timeout(Duration::from_secs(5), socket.is_closed()).await.expect("the websocket is closed");
    timeout(Duration::from_secs(5), poller.is_closed()).await.expect("the poll is answered");
    timeout(Duration::from_secs(10), stopping).await.expect("the node ends").expect("without a panic");
}

#[tokio::test]
async fn a_stranger_who_says_nothing_or_too_slowly_is_shown_the_door() {
    let node = Node::start().await;
    let mut silent = TcpStream::connect(node.addr()).await.expect("a connection");
    let mut slow = TcpStream::connect(node.addr()).await.expect("a connection");
    let drip = async {
        while slow.write_all(b"G").await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(Duration::from_secs(8), drip).await.expect("the slow one is cut off");
    let mut rest = Vec::new();
    timeout(Duration::from_secs(3), silent.read_to_end(&mut rest)).await.expect("the silent one too").ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polling_body_that_is_larger_than_a_mailbox_is_handled_in_order() {
    let node = Node::with(|config| config.socketio.max_payload.0 = 1_000_000).await;
    let mut client = Client::polling(&node).await;
    client.connect("/", &Value::Null).await;
    let texts: Vec<_> = (0..120).map(|number| format!("{number} {}", "x".repeat(8_000))).collect();
    let said: Vec<_> = texts.iter().map(|text| format!("42{}", json!(["message", text]))).collect();
    client.session().says(&said).await;
    for text in texts {
        client.hears("response", &[json!(text)]).await;
    }
}
