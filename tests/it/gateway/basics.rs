//! The tutorials' vocabularies, told as stories.

use hubbub_tests::{client::Client, node::Node};
use serde_json::json;

async fn enters(client: &mut Client, name: &str, list: serde_json::Value) {
    client.say("addUser", &[json!(name)]).await;
    client.hears("updateChat", &[json!("Server"), json!("you have connected")]).await;
    client.hears("updateUsers", &[list]).await;
}

#[tokio::test]
async fn two_people_meet_talk_and_part() {
    let node = Node::start().await;
    let (mut ann, mut bob) = (Client::at(&node, "/").await, Client::at(&node, "/").await);
    enters(&mut ann, "Ann", json!({ "Ann": "Ann" })).await;
    bob.hears("updateChat", &[json!("Server"), json!("Ann has connected")]).await;
    bob.hears("updateUsers", &[json!({ "Ann": "Ann" })]).await;
    enters(&mut bob, "Bob", json!({ "Ann": "Ann", "Bob": "Bob" })).await;
    ann.hears("updateChat", &[json!("Server"), json!("Bob has connected")]).await;
    ann.hears("updateUsers", &[json!({ "Ann": "Ann", "Bob": "Bob" })]).await;

    bob.say("sendChat", &[json!("<b>hé 😀</b>")]).await;
    for client in [&mut ann, &mut bob] {
        client.hears("updateChat", &[json!("Bob"), json!("&lt;b&gt;hé 😀&lt;/b&gt;")]).await;
    }
    bob.leave().await;
    ann.hears("updateChat", &[json!("Server"), json!("Bob has disconnected.")]).await;
    ann.hears("updateUsers", &[json!({ "Ann": "Ann" })]).await;
}

#[tokio::test]
async fn the_final_page_hears_lower_case() {
    let node = Node::start().await;
    let mut ann = Client::at(&node, "/").await;
    ann.say("adduser", &[json!("Ann")]).await;
    ann.hears("updatechat", &[json!("Server"), json!("you have connected")]).await;
    ann.hears("updateusers", &[json!({ "Ann": "Ann" })]).await;
    ann.say("sendchat", &[json!("hi")]).await;
    ann.hears("updatechat", &[json!("Ann"), json!("hi")]).await;
}

#[tokio::test]
async fn a_cancelled_prompt_makes_a_guest() {
    let node = Node::start().await;
    let mut guest = Client::at(&node, "/").await;
    guest.say("addUser", &[json!(null)]).await;
    guest.hears("updateChat", &[json!("Server"), json!("you have connected")]).await;
    let list = guest.event().await;
    let name = list[2].as_object().and_then(|list| list.keys().next()).expect("one name");
    assert!(name.starts_with("guest-") && name.len() == 10, "{name}");
}

#[tokio::test]
async fn a_name_used_twice_stays_until_its_last_holder_leaves() {
    let node = Node::start().await;
    let mut watcher = Client::at(&node, "/").await;
    enters(&mut watcher, "W", json!({ "W": "W" })).await;
    let (mut one, mut two) = (Client::at(&node, "/").await, Client::at(&node, "/").await);
    enters(&mut one, "Ann", json!({ "Ann": "Ann", "W": "W" })).await;
    watcher.hears("updateChat", &[json!("Server"), json!("Ann has connected")]).await;
    watcher.hears("updateUsers", &[json!({ "Ann": "Ann", "W": "W" })]).await;
    two.hears("updateChat", &[json!("Server"), json!("Ann has connected")]).await;
    two.hears("updateUsers", &[json!({ "Ann": "Ann", "W": "W" })]).await;
    enters(&mut two, "Ann", json!({ "Ann": "Ann", "W": "W" })).await;
    one.leave().await;
    two.leave().await;
    watcher.hears("updateChat", &[json!("Server"), json!("Ann has disconnected.")]).await;
    watcher.hears("updateUsers", &[json!({ "W": "W" })]).await;
}

#[tokio::test]
async fn who_never_speaks_hears_every_vocabulary_of_the_main_namespace() {
    let node = Node::start().await;
    let mut silent = Client::at(&node, "/").await;
    let (mut ann, mut bob) = (Client::at(&node, "/").await, Client::at(&node, "/").await);
    ann.say("message", &[json!("from 003")]).await;
    silent.hears("response", &[json!("from 003")]).await;
    bob.say("new message", &[json!({ "user": "Bob", "message": "from 004" })]).await;
    for event in ["new message", "event_name"] {
        silent.hears(event, &[json!({ "user": "Bob", "message": "from 004" })]).await;
    }
    ann.hears("response", &[json!("from 003")]).await;
    ann.hears_nothing().await;
}

#[tokio::test]
async fn the_path_of_seed_003_decides_at_once() {
    let node = Node::start().await;
    let mut other = Client::at(&node, "/").await;
    let mut own = Client::websocket_at(&node, "/sio/socket.io/?EIO=4&transport=websocket").await;
    own.connect("/", &serde_json::Value::Null).await;
    other.say("new message", &[json!({ "user": "Bob", "message": "not for 003" })]).await;
    own.say("message", &[json!("hi")]).await;
    own.hears("response", &[json!("hi")]).await;
}

#[tokio::test]
async fn newcomers_of_seeds_000_and_001_are_told_what_was_said() {
    let node = Node::start().await;
    let mut ann = Client::at(&node, "/iss").await;
    ann.hears_in("/iss", "connected", &[]).await;
    ann.say_in("/iss", "message", &[json!("one")]).await;
    ann.hears_in("/iss", "message", &[json!({ "name": "New user", "text": "one" })]).await;
    ann.say_in("/iss", "identify", &[json!("Ann")]).await;
    ann.say_in("/iss", "message", &[json!("two")]).await;
    ann.hears_in("/iss", "message", &[json!({ "name": "Ann", "text": "two" })]).await;
    let mut late = Client::at(&node, "/iss").await;
    late.hears_in("/iss", "connected", &[]).await;
    late.hears_in("/iss", "message", &[json!({ "name": "New user", "text": "one" })]).await;
    late.hears_in("/iss", "message", &[json!({ "name": "Ann", "text": "two" })]).await;

    let mut plain = Client::at(&node, "/ssio").await;
    plain.say_in("/ssio", "message", &[json!("hi")]).await;
    plain.hears_in("/ssio", "message", &[json!({ "text": "hi" })]).await;
    let mut late = Client::at(&node, "/ssio").await;
    late.hears_in("/ssio", "message", &[json!({ "text": "hi" })]).await;
}

#[tokio::test]
async fn every_event_is_acknowledged_when_asked() {
    let node = Node::start().await;
    let mut ann = Client::at(&node, "/").await;
    assert_eq!(ann.ask_in("/", "addUser", &[json!("Ann")]).await, json!([]));
    assert_eq!(ann.ask_in("/", "sendChat", &[json!("hi")]).await, json!([]));
    let refused = ann.ask_in("/", "sendChat", &[json!(7)]).await;
    assert_eq!((&refused[0]["ok"], &refused[0]["error"]["code"]), (&json!(false), &json!("bad_request")));
    let unknown = ann.ask_in("/", "dance", &[]).await;
    assert_eq!(unknown[0]["error"]["code"], json!("bad_request"));
}
