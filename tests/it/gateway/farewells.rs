//! What a client hears before the node ends its connection.

use std::time::Duration;

use hubbub_gateway::config::Size;
use hubbub_tests::{client::Client, node::Node};
use serde_json::{Value, json};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_node_that_stops_says_so_to_v1_and_to_nobody_else() {
    let node = Node::start().await;
    let mut clients = [
        (Client::websocket(&node).await, "/v1"),
        (Client::older_websocket(&node).await, "/v1"),
        (Client::polling(&node).await, "/v1"),
        (Client::older_polling(&node).await, "/v1"),
        (Client::websocket(&node).await, "/iss"),
        (Client::polling(&node).await, "/iss"),
    ];
    for (number, (client, namespace)) in clients.iter_mut().enumerate() {
        if client.is_older() {
            client.connect("/", &Value::Null).await;
        }
        client.connect(namespace, &json!({ "name": format!("n{number}") })).await;
        let greeting = client.event().await;
        assert!(greeting[1] == "ready" || greeting[1] == "connected", "{greeting}");
    }
    let stopping = tokio::spawn(node.drain());
    for (client, namespace) in &mut clients {
        if *namespace == "/v1" {
            client.hears_in(namespace, "bye", &[bye("drain", 0)]).await;
        }
        ends(client).await;
    }
    timeout(DEADLINE, stopping).await.expect("the node ends").expect("without a panic");
}

#[tokio::test]
async fn a_client_that_does_not_take_its_farewell_is_waited_for_no_longer_than_a_second() {
    let node = Node::start().await;
    let mut absent = Client::polling(&node).await;
    absent.connect("/v1", &json!({ "name": "absent" })).await;
    assert_eq!(absent.event().await[1], "ready");
    timeout(Duration::from_secs(3), node.drain()).await.expect("the node ends");
}

#[tokio::test]
async fn the_last_poll_of_a_client_that_is_too_slow_says_so() {
    let node = Node::with(|config| config.socketio.outbox = Size::kib(16)).await;
    for (older, room) in [(false, "one"), (true, "two")] {
        let mut speaker = joins(Client::websocket(&node).await, room).await;
        let mut slow = joins(Client::polls(&node, older).await, room).await;
        let said = json!({ "room": room, "text": "x".repeat(20_000), "cid": "once" });
        assert_eq!(speaker.ask_in("/v1", "send", &[said]).await[0]["ok"], true);
        loop {
            match slow.event().await {
                event if event[1] == "presence" => {}
                event => break assert_eq!(event, json!(["/v1", "bye", bye("slow", 1_000)])),
            }
        }
        ends(&mut slow).await;
    }
}

async fn joins(mut client: Client, room: &str) -> Client {
    client.connect("/v1", &Value::Null).await;
    client.ask_in("/v1", "join", &[json!({ "room": room })]).await;
    assert_eq!(client.event().await[1], "ready");
    client
}

/// It says nothing more.
async fn ends(client: &mut Client) {
    match client.packet().await.as_deref() {
        None | Some("1") => {}
        Some(other) => panic!("it says {other}"),
    }
}

fn bye(reason: &str, retry_after: u64) -> Value {
    json!({ "reason": reason, "retry_after_ms": retry_after })
}
