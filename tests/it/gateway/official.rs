//! The official Socket.IO examples' pages, told as stories.

use hubbub_tests::{client::Client, node::Node};
use serde_json::{Value, json};

/// Someone on the chat example's page, who is told how many are there.
async fn someone(node: &Node, name: &str, count: usize) -> Client {
    let mut client = Client::at(node, "/").await;
    add_user(&mut client, name, count).await;
    client
}

async fn add_user(client: &mut Client, name: &str, count: usize) {
    client.say("add user", &[json!(name)]).await;
    client.hears("login", &[json!({ "numUsers": count })]).await;
}

fn counted(name: &str, count: usize) -> [Value; 1] {
    [json!({ "username": name, "numUsers": count })]
}

fn typist(name: &str) -> [Value; 1] {
    [json!({ "username": name })]
}

#[tokio::test]
async fn people_log_in_are_counted_and_leave() {
    let node = Node::start().await;
    let mut ann = someone(&node, "Ann", 1).await;
    let mut bob = someone(&node, "Bob", 2).await;
    ann.hears("user joined", &counted("Bob", 2)).await;
    let cy = someone(&node, "Cy", 3).await;
    ann.hears("user joined", &counted("Cy", 3)).await;
    bob.hears("user joined", &counted("Cy", 3)).await;
    cy.leave().await;
    ann.hears("user left", &counted("Cy", 2)).await;
    bob.hears("user left", &counted("Cy", 2)).await;
    drop(bob);
    ann.hears("user left", &counted("Bob", 1)).await;
}

#[tokio::test]
async fn words_are_heard_by_everyone_but_the_session_that_said_them() {
    let node = Node::start().await;
    let (mut ann, mut bob) = (someone(&node, "Ann", 1).await, someone(&node, "Bob", 2).await);
    let mut tab = someone(&node, "Ann", 2).await;
    ann.hears("user joined", &counted("Bob", 2)).await;
    ann.say("new message", &[json!("<b>hé 😀</b>")]).await;
    bob.hears("new message", &[json!({ "username": "Ann", "message": "<b>hé 😀</b>" })]).await;
    tab.hears("new message", &[json!({ "username": "Ann", "message": "<b>hé 😀</b>" })]).await;
    bob.say("new message", &[json!("hi")]).await;
    ann.hears("new message", &[json!({ "username": "Bob", "message": "hi" })]).await;
}

#[tokio::test]
async fn typing_is_shown_to_the_others_and_leaves_nothing_behind() {
    let node = Node::start().await;
    let (mut ann, mut bob) = (someone(&node, "Ann", 1).await, someone(&node, "Bob", 2).await);
    ann.hears("user joined", &counted("Bob", 2)).await;
    assert_eq!(ann.ask_in("/", "typing", &[]).await, json!([]));
    bob.hears("typing", &typist("Ann")).await;
    ann.say("stop typing", &[]).await;
    bob.hears("stop typing", &typist("Ann")).await;
    bob.say("typing", &[]).await;
    ann.hears("typing", &typist("Bob")).await;
    let mut late = someone(&node, "Cy", 3).await;
    ann.say("new message", &[json!("hi")]).await;
    late.hears("new message", &[json!({ "username": "Ann", "message": "hi" })]).await;
}

#[tokio::test]
async fn a_name_used_twice_is_one_user_and_only_its_second_holder_hears_of_it() {
    let node = Node::start().await;
    let (mut ann, bob) = (someone(&node, "Ann", 1).await, someone(&node, "Bob", 2).await);
    ann.hears("user joined", &counted("Bob", 2)).await;
    let again = someone(&node, "Bob", 2).await;
    bob.leave().await;
    let mut cy = someone(&node, "Cy", 3).await;
    ann.hears("user joined", &counted("Cy", 3)).await;
    again.leave().await;
    ann.hears("user left", &counted("Bob", 2)).await;
    cy.hears("user left", &counted("Bob", 2)).await;
}

#[tokio::test]
async fn a_page_that_adds_its_user_again_is_welcome_under_the_same_name_or_another() {
    let node = Node::start().await;
    let (mut ann, mut bob) = (someone(&node, "Ann", 1).await, someone(&node, "Bob", 2).await);
    ann.hears("user joined", &counted("Bob", 2)).await;
    add_user(&mut bob, "Bob", 2).await;
    add_user(&mut bob, "Bo", 2).await;
    ann.hears("user joined", &counted("Bo", 3)).await;
    ann.hears("user left", &counted("Bob", 2)).await;
    bob.say("new message", &[json!("hi")]).await;
    ann.hears("new message", &[json!({ "username": "Bo", "message": "hi" })]).await;
}

#[tokio::test]
async fn who_gave_no_name_types_and_talks_as_one_guest() {
    let node = Node::start().await;
    let mut ann = someone(&node, "Ann", 1).await;
    let mut guest = Client::at(&node, "/").await;
    guest.say("typing", &[]).await;
    guest.say("new message", &[json!("hi")]).await;
    let (typing, said) = (ann.event().await, ann.event().await);
    let name = typing[2]["username"].as_str().expect("a name");
    assert!(typing[1] == "typing" && name.starts_with("guest-"), "{typing}");
    assert_eq!(said[2], json!({ "username": name, "message": "hi" }));
}

#[tokio::test]
async fn the_example_and_seed_004_share_a_word_and_nothing_else() {
    let node = Node::start().await;
    let mut ann = someone(&node, "Ann", 1).await;
    let mut bob = Client::at(&node, "/").await;
    let body = json!({ "user": "Bob", "message": "from 004" });
    bob.say("new message", std::slice::from_ref(&body)).await;
    bob.hears("new message", std::slice::from_ref(&body)).await;
    bob.hears("event_name", &[body]).await;
    let mut cy = someone(&node, "Cy", 2).await;
    ann.hears("user joined", &counted("Cy", 2)).await;
    cy.say("new message", &[json!("from the example")]).await;
    ann.hears("new message", &[json!({ "username": "Cy", "message": "from the example" })]).await;
    bob.hears_nothing().await;
}
