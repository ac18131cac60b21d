//! The admin port: what it tells, and that nobody holds it up.

use std::time::Duration;

use http::Method;
use hubbub_tests::{client::Client, http as by_hand, node::Node, person::Person};
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
async fn people_are_counted_once_whatever_they_are_in() {
    let node = Node::start().await;
    let mut people = [Person::in_lobby(&node, "Ann").await, Person::named(&node, "Bob").await];
    people[0].does("join", json!({ "room": "den" })).await;
    let token = json!({ "session": people[0].session() });
    let _again = Person::over(Client::websocket(&node).await, &token).await;
    let mut tutorial = Client::at(&node, "/").await;
    tutorial.say("addUser", &[json!("Ann")]).await;
    tutorial.hears("updateChat", &[json!("Server"), json!("you have connected")]).await;
    let _nobody = Client::at(&node, "/").await;
    let (_, nodes) = ask(&node, "/nodes").await;
    assert_eq!(nodes["nodes"][0]["people"], 3);
    let (_, lobby) = ask(&node, "/rooms/lobby/members").await;
    assert_eq!((&lobby["count"], &lobby["members"][0]["devices"]), (&json!(1), &json!(1)));
    let (_, names) = ask(&node, "/rooms/@names/members").await;
    assert_eq!((&names["count"], &names["members"][0]["devices"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn members_come_in_pages_sorted_by_user() {
    let node = Node::start().await;
    let mut people = Vec::new();
    for number in 0..5 {
        people.push(Person::in_lobby(&node, &format!("p{number}")).await);
    }
    let mut users: Vec<_> = people.iter().map(Person::id).collect();
    users.sort_unstable();
    let (mut listed, mut query) = (Vec::new(), "?limit=2".to_owned());
    for page in [2, 2, 1] {
        let (status, answer) = ask(&node, &format!("/rooms/lobby/members{query}")).await;
        let members = answer["members"].as_array().expect("members");
        assert_eq!((status, &answer["count"], members.len()), (200, &json!(5), page), "{answer}");
        listed.extend(members.iter().map(|who| who["user"].as_str().expect("a user").to_owned()));
        query = format!("?limit=2&after={}", answer["next"].as_str().unwrap_or("none"));
    }
    assert_eq!(
        (listed, query),
        (users.iter().map(ToString::to_string).collect(), "?limit=2&after=none".to_owned())
    );
}

#[tokio::test]
async fn a_room_that_nobody_knows_is_empty() {
    let node = Node::start().await;
    let (status, answer) = ask(&node, "/rooms/nowhere/members").await;
    assert_eq!((status, &answer["count"], &answer["members"]), (200, &json!(0), &json!([])));
    assert_eq!(answer["next"], Value::Null);
}

#[tokio::test]
async fn rooms_of_the_servers_own_can_be_read_and_names_can_have_any_letter() {
    let node = Node::start().await;
    let mut bob = Client::at(&node, "/").await;
    bob.say("addUser", &[json!("Bob/B")]).await;
    bob.hears("updateChat", &[json!("Server"), json!("you have connected")]).await;
    let (_, tutorial) = ask(&node, "/rooms/~basics/members").await;
    assert_eq!((&tutorial["members"][0]["name"], &tutorial["count"]), (&json!("Bob/B"), &json!(1)));
    let (_, after) = ask(&node, "/rooms/%7Ebasics/members?after=Bob%2FB").await;
    assert_eq!((&after["members"], &after["count"]), (&json!([]), &json!(1)));
    let mut ann = Person::named(&node, "Ann").await;
    ann.does("join", json!({ "room": "a/b c?é" })).await;
    let (_, room) = ask(&node, "/rooms/a%2Fb%20c%3F%C3%A9/members").await;
    assert_eq!((&room["room"], &room["members"][0]["name"]), (&json!("a/b c?é"), &json!("Ann")));
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_in_json() {
    let node = Node::start().await;
    for (path, status, code) in [
        ("/", 404, "not_found"),
        ("/rooms/lobby", 404, "not_found"),
        ("/rooms/%00/members", 400, "bad_request"),
        ("/rooms/%FF/members", 400, "bad_request"),
        ("/rooms/lobby/members?limit=0", 400, "bad_request"),
        ("/rooms/lobby/members?limit=1001", 400, "bad_request"),
        ("/rooms/lobby/members?after=%FF", 400, "bad_request"),
        ("/rooms/lobby/members?offset=1", 400, "bad_request"),
    ] {
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
