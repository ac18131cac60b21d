//! Any node serves any client: they meet, and hear one order.

use hubbub_tests::{client::Client, node::Node, redis_server::RedisServer};
use serde_json::{Value, json};

#[tokio::test]
async fn people_on_two_nodes_meet_talk_and_part() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let (mut ann, mut bob) = (Client::at(&one, "/").await, Client::at(&two, "/").await);
    ann.say("addUser", &[json!("Ann")]).await;
    ann.hears("updateChat", &[json!("Server"), json!("you have connected")]).await;
    ann.hears("updateUsers", &[json!({ "Ann": "Ann" })]).await;
    bob.hears("updateChat", &[json!("Server"), json!("Ann has connected")]).await;
    bob.hears("updateUsers", &[json!({ "Ann": "Ann" })]).await;

    bob.say("addUser", &[json!("Bob")]).await;
    bob.hears("updateChat", &[json!("Server"), json!("you have connected")]).await;
    bob.hears("updateUsers", &[json!({ "Ann": "Ann", "Bob": "Bob" })]).await;
    ann.hears("updateChat", &[json!("Server"), json!("Bob has connected")]).await;
    ann.hears("updateUsers", &[json!({ "Ann": "Ann", "Bob": "Bob" })]).await;

    ann.say("sendChat", &[json!("hé 😀")]).await;
    ann.hears("updateChat", &[json!("Ann"), json!("hé 😀")]).await;
    bob.hears("updateChat", &[json!("Ann"), json!("hé 😀")]).await;
    bob.leave().await;
    ann.hears("updateChat", &[json!("Server"), json!("Bob has disconnected.")]).await;
    ann.hears("updateUsers", &[json!({ "Ann": "Ann" })]).await;
}

#[tokio::test]
async fn everyone_on_every_node_hears_one_order() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let mut hearers =
        vec![Client::at(&one, "/").await, Client::at(&two, "/").await, Client::at(&two, "/").await];
    let speakers = [Client::at(&one, "/").await, Client::at(&two, "/").await, Client::at(&one, "/").await];
    for (speaker, mut client) in speakers.into_iter().enumerate() {
        tokio::spawn(async move {
            for number in 0..200 {
                client.say("message", &[json!(format!("{speaker}:{number}"))]).await;
            }
            client.is_closed().await;
        });
    }
    let mut orders: Vec<Vec<Value>> = Vec::new();
    for hearer in &mut hearers {
        let mut order = Vec::new();
        while order.len() < 600 {
            order.push(hearer.event().await[2].clone());
        }
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1]);
    assert_eq!(orders[1], orders[2]);
    for speaker in 0..3 {
        let own = orders[0]
            .iter()
            .filter_map(Value::as_str)
            .filter(|text| text.starts_with(&format!("{speaker}:")));
        let expected: Vec<_> = (0..200).map(|number| format!("{speaker}:{number}")).collect();
        assert_eq!(own.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_name_is_taken_on_every_node_and_comes_back_on_another() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let mut ann = Client::websocket(&one).await;
    ann.connect("/v1", &json!({ "name": "Ann" })).await;
    let ready = ann.event().await;
    let mut other = Client::websocket(&two).await;
    other.send("40/v1,{\"name\":\"ann\"}").await;
    assert_eq!(other.packet().await.as_deref(), Some("44/v1,{\"message\":\"name_taken\"}"));
    let mut again = Client::websocket(&two).await;
    again.connect("/v1", &json!({ "session": ready[2]["session"] })).await;
    assert_eq!(again.event().await[2]["user"], ready[2]["user"]);
}
