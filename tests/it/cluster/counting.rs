//! What an answer says of who is here, and what is told after it, go together.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hubbub_tests::{client::Client, node::Node, person::Person, redis_server::RedisServer};
use serde_json::{Value, json};

/// As many as one answer names, and on each node more than are told of each other one by one.
const PEOPLE: u64 = 100;

#[tokio::test]
async fn whoever_logs_in_is_told_of_each_who_comes_after_them_and_of_nobody_else() {
    let redis = RedisServer::start();
    let nodes = [Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await];
    let people = (0..PEOPLE).map(|number| counts(&nodes[usize::from(number % 2 == 1)], number));
    for (number, counts) in join_all(people).await.into_iter().enumerate() {
        let first = counts[0];
        assert_eq!(counts, (first..=PEOPLE).collect::<Vec<_>>(), "person {number}");
    }
}

/// The number that someone is told by their login, and those that they are told after it, until all are there.
async fn counts(node: &Node, number: u64) -> Vec<u64> {
    let mut client = Client::at(node, "/").await;
    client.say("add user", &[json!(format!("person {number}"))]).await;
    let mut counts = vec![count(&mut client, "login").await];
    while *counts.last().expect("one at least") < PEOPLE {
        counts.push(count(&mut client, "user joined").await);
    }
    counts
}

/// The count of the next event of this name. Before the login, others' arrivals may be heard in every vocabulary.
async fn count(client: &mut Client, name: &str) -> u64 {
    loop {
        let event = client.event().await;
        if event[1] == name {
            return event[2]["numUsers"].as_u64().expect("a number");
        }
        assert_eq!(name, "login", "{event} comes after the login");
    }
}

#[tokio::test]
async fn whoever_joins_is_told_of_each_who_comes_after_them_and_of_nobody_else() {
    let redis = RedisServer::start();
    let nodes = [Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await];
    // They have been told something just now, so what comes is gathered.
    let _hosts =
        join_all(nodes.iter().zip(["One", "Two"]).map(|(node, name)| Person::in_lobby(node, name))).await;
    let people = (2..PEOPLE).map(|number| sees(&nodes[usize::from(number % 2 == 1)], number));
    let seen = join_all(people).await;
    assert!(seen.iter().all(|one| *one == seen[0]));
}

/// Whom someone knows of, once that is everybody: first those who are here when they join, then those who come.
async fn sees(node: &Node, number: u64) -> BTreeSet<String> {
    let mut person = Person::named(node, &format!("Person {number}")).await;
    let joined = person.does("join", json!({ "room": "lobby" })).await;
    let mut seen: BTreeSet<_> = users(&joined["members"]).collect();
    assert_eq!(seen.len() as u64, joined["count"].as_u64().expect("a count"));
    while (seen.len() as u64) < PEOPLE {
        let presence = person.hears_of_people().await;
        for user in users(&presence["join"]) {
            assert!(seen.insert(user), "{presence} says what {number} knows: {seen:?}");
        }
        assert_eq!(presence["count"], seen.len(), "{presence}");
    }
    seen
}

fn users(people: &Value) -> impl Iterator<Item = String> {
    people.as_array().expect("people").iter().map(|who| who["user"].as_str().expect("a user").to_owned())
}

#[tokio::test]
async fn members_are_paged_and_as_new_as_whoever_asks() {
    let redis = RedisServer::start();
    let nodes = [Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await];
    let joins = async |number: usize| Person::in_lobby(&nodes[number % 2], &format!("Person {number}")).await;
    let mut people = join_all((0..30).map(joins)).await;
    let last = &mut Person::in_lobby(&nodes[0], "Last").await;
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = last.does("members", json!({ "room": "lobby", "limit": 7, "after": after })).await;
        assert_eq!(page["count"], 31, "{page}");
        let members = page["members"].as_array().expect("members");
        seen.extend(users(&page["members"]));
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
        assert_eq!(members.len(), 7);
    }
    let mut expected: Vec<_> = people.iter().map(|person| person.id().to_owned()).collect();
    expected.push(last.id().to_owned());
    expected.sort();
    assert_eq!(seen, expected);

    let other = json!({ "session": people[0].session(), "rooms": { "lobby": { "epoch": 0, "seq": 0 } } });
    let _phone = Person::over(Client::websocket(&nodes[1]).await, &other).await;
    let id = people[0].id().to_owned();
    while people[0].devices_of("lobby", &id).await != Some(2) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
