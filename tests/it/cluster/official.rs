//! The official Socket.IO examples' pages on several nodes.

use hubbub_tests::{client::Client, node::Node, redis_server::RedisServer};
use serde_json::json;

#[tokio::test]
async fn the_examples_people_are_counted_and_heard_over_all_nodes() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let (mut ann, mut bob) = (Client::at(&one, "/").await, Client::at(&two, "/").await);
    ann.say("add user", &[json!("Ann")]).await;
    ann.hears("login", &[json!({ "numUsers": 1 })]).await;
    bob.hears("user joined", &[json!({ "username": "Ann", "numUsers": 1 })]).await;
    bob.say("add user", &[json!("Bob")]).await;
    bob.hears("login", &[json!({ "numUsers": 2 })]).await;
    ann.hears("user joined", &[json!({ "username": "Bob", "numUsers": 2 })]).await;
    ann.say("typing", &[]).await;
    bob.hears("typing", &[json!({ "username": "Ann" })]).await;
    ann.say("new message", &[json!("hi")]).await;
    bob.hears("new message", &[json!({ "username": "Ann", "message": "hi" })]).await;
    bob.say("add user", &[json!("Ann")]).await;
    bob.hears("login", &[json!({ "numUsers": 1 })]).await;
    ann.hears("user left", &[json!({ "username": "Bob", "numUsers": 1 })]).await;
    two.drain().await;
    let mut cy = Client::at(&one, "/").await;
    cy.say("add user", &[json!("Cy")]).await;
    cy.hears("login", &[json!({ "numUsers": 2 })]).await;
    ann.hears("user joined", &[json!({ "username": "Cy", "numUsers": 2 })]).await;
}
