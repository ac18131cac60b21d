//! The admin port: what it tells, and that nobody holds it up.

use std::time::Duration;

use http::Method;
use hubbub_tests::{http as by_hand, node::Node};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

#[tokio::test]
async fn a_node_alone_is_the_whole_cluster() {
    let node =
        Node::with(|config| config.node.id = hubbub_core::NodeId::parse("alone").expect("an id")).await;
    let (status, answer) = ask(&node, "/nodes").await;
    assert_eq!((status, answer["nodes"].as_array().map(Vec::len)), (200, Some(1)), "{answer}");
    let alone = &answer["nodes"][0];
    assert_eq!(
        (&alone["id"], &alone["self"], &alone["lease_ms"]),
        (&json!("alone"), &json!(true), &json!(null))
    );
    assert_eq!(alone["address"], node.addr().to_string());
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_in_json() {
    let node = Node::start().await;
    for (path, status, code) in [("/", 404, "not_found"), ("/rooms/lobby", 404, "not_found")] {
        let (refused, answer) = ask(&node, path).await;
        assert_eq!((refused, &answer["error"]["code"]), (status, &json!(code)), "{path}: {answer}");
        assert!(answer["error"]["message"].is_string(), "{path}: {answer}");
    }
    let posted = by_hand::request(node.admin(), Method::POST, "/version", &[], "{}").await;
    assert_eq!((posted.status, posted.text().contains("method_not_allowed")), (405, true));
}

#[tokio::test]
async fn strangers_who_take_every_connection_and_say_half_a_request_are_shown_the_door() {
    let node = Node::start().await;
    let mut silent = Vec::new();
    for number in 0..100 {
        silent.push(stranger(&node, if number % 2 == 0 { "" } else { "GET /livez HT" }).await);
    }
    let answer = timeout(Duration::from_secs(20), by_hand::get(node.admin(), "/livez"));
    assert_eq!(answer.await.expect("an answer").status, 200);
    let mut rest = Vec::new();
    timeout(Duration::from_secs(1), silent[1].read_to_end(&mut rest)).await.expect("it is closed").ok();
}

#[tokio::test]
async fn a_stranger_who_says_half_a_request_does_not_keep_the_node_from_ending() {
    let node = Node::start().await;
    let _half = stranger(&node, "GET /livez HT").await;
    let _silent = stranger(&node, "").await;
    assert_eq!(node.ready().await, 200);
    timeout(Duration::from_secs(10), node.drain()).await.expect("it ends");
}

async fn stranger(node: &Node, words: &str) -> TcpStream {
    let mut stranger = TcpStream::connect(node.admin()).await.expect("a connection");
    stranger.write_all(words.as_bytes()).await.expect("to write");
    stranger
}

async fn ask(node: &Node, path: &str) -> (u16, Value) {
    let answer = by_hand::get(node.admin(), path).await;
    (answer.status, serde_json::from_str(&answer.text()).expect("an answer in JSON"))
}
