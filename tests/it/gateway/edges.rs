//! Nothing is lost at the edges: many at once, many in one segment, any cut between them.

use std::time::Duration;

use hubbub_tests::{
    client::Client,
    node::Node,
    raw::{Raw, frames, head},
};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

#[tokio::test]
async fn ten_events_in_one_segment_are_heard_in_order() {
    let node = Node::start().await;
    let mut hearer = Client::at(&node, "/").await;
    let mut raw = connected(&node).await;
    for round in 0..100 {
        let said = ten(round);
        raw.write(&framed(&said)).await;
        hears_all(&mut hearer, &said).await;
    }
}

#[tokio::test]
async fn a_cut_between_any_two_bytes_of_ten_frames_changes_nothing() {
    let node = Node::start().await;
    let mut hearer = Client::at(&node, "/").await;
    let mut raw = connected(&node).await;
    for cut in 1..framed(&ten(0)).len() {
        let said = ten(cut);
        let bytes = framed(&said);
        let (first, rest) = bytes.split_at(cut);
        raw.write(first).await;
        // For the node to read the first part alone; where it does not, nothing is proved, and nothing fails.
        sleep(Duration::from_millis(1)).await;
        raw.write(rest).await;
        hears_all(&mut hearer, &said).await;
    }
}

#[tokio::test]
async fn what_comes_with_the_handshake_is_read() {
    let node = Node::start().await;
    let mut raw = Raw::connect(node.addr()).await;
    let mut bytes = head(WEBSOCKET).into_bytes();
    bytes.extend(frames(&["40"]));
    raw.write(&bytes).await;
    raw.reads("40{\"sid\":").await;
    raw.say(&["421[\"message\",\"hello\"]"]).await;
    raw.reads("431[").await;
}

#[tokio::test]
async fn ten_events_in_one_polling_body_are_heard_in_order() {
    let node = Node::start().await;
    let mut hearer = Client::at(&node, "/").await;
    for older in [false, true] {
        let mut client = Client::polls(&node, older).await;
        for round in 0..20 {
            let said = ten(round);
            client.session().says(&packets(&said)).await;
            hears_all(&mut hearer, &said).await;
            hears_all(&mut client, &said).await;
        }
    }
}

#[tokio::test]
async fn ten_thousand_events_of_one_client_by_websocket_are_heard_in_order() {
    let node = Node::start().await;
    let mut raw = connected(&node).await;
    let hearing = hearing(&node, STREAM).await;
    for said in stream() {
        raw.write(&framed(&said)).await;
    }
    hearing.join_all().await;
    raw.reads(&format!("m{}\"", STREAM - 1)).await;
}

#[tokio::test]
async fn ten_thousand_events_of_one_client_by_polling_are_heard_in_order() {
    let node = Node::start().await;
    let mut client = Client::polls(&node, false).await;
    let hearing = hearing(&node, STREAM).await;
    let polling = client.session().clone();
    let own = tokio::spawn(async move {
        for number in 0..STREAM {
            client.hears("response", &[json!(format!("m{number}"))]).await;
        }
    });
    for said in stream() {
        polling.says(&packets(&said)).await;
    }
    own.await.expect("the speaker hears itself");
    hearing.join_all().await;
}

const STREAM: usize = 10_000;

/// All of it, a hundred at a time.
fn stream() -> impl Iterator<Item = Vec<String>> {
    (0..STREAM / 100).map(|hundred| (0..100).map(|one| format!("m{}", hundred * 100 + one)).collect())
}

/// A client by each transport, that hears so many events in order.
async fn hearing(node: &Node, count: usize) -> JoinSet<()> {
    let mut hearing = JoinSet::new();
    for mut client in [Client::websocket(node).await, Client::polling(node).await] {
        client.connect("/", &Value::Null).await;
        hearing.spawn(async move {
            for number in 0..count {
                client.hears("response", &[json!(format!("m{number}"))]).await;
            }
        });
    }
    hearing
}

async fn connected(node: &Node) -> Raw {
    let mut raw = Raw::websocket(node.addr(), WEBSOCKET).await;
    raw.say(&["40"]).await;
    raw.reads("40{\"sid\":").await;
    raw
}

async fn hears_all(client: &mut Client, said: &[String]) {
    for text in said {
        client.hears("response", &[json!(text)]).await;
    }
}

fn ten(round: usize) -> Vec<String> {
    (0..10).map(|number| format!("{round}:{number} é🦀")).collect()
}

fn packets(said: &[String]) -> Vec<String> {
    said.iter().map(|text| format!("42{}", json!(["message", text]))).collect()
}

fn framed(said: &[String]) -> Vec<u8> {
    let packets = packets(said);
    frames(&packets.iter().map(String::as_str).collect::<Vec<_>>())
}
