//! What one client can make others, and the node, carry.

use std::collections::HashMap;

use hubbub_core::{
    Author, Change, Draft, HISTORY_LENGTH, Message, Name, REACTIONS, Revised, Revision, RoomId, SessionId,
    UserId, memory,
};
use hubbub_tests::{client::Client, node::Node, person::Person};
use serde_json::json;

fn lobby() -> RoomId {
    RoomId::parse("lobby").expect("a room")
}

fn bob() -> (UserId, Name) {
    (UserId::new("bob"), Name::parse("bob").expect("a name"))
}

fn said(text: &str) -> Draft {
    let (user, name) = bob();
    let (author, text) = (Author { user: Some(user), name }, text.to_owned());
    let message =
        Message { author, text: text.clone(), cid: None, reply_to: None, channel: None, fate: None };
    Draft { room: lobby(), message, key: text, origin: None }
}

#[tokio::test]
async fn a_room_of_countless_reactions_can_be_joined_and_looked_back_at() {
    let backplane = memory(HISTORY_LENGTH);
    let broker = backplane.broker.clone();
    for number in 0..20 {
        let target = broker.publish(said(&number.to_string())).await.expect("a receipt").position;
        for reaction in 0..REACTIONS {
            let (change, key) =
                (Change::React { emoji: format!("{reaction:\u{1f600}>16}") }, format!("{number} {reaction}"));
            let ((user, name), origin) = (bob(), SessionId::random());
            let revision = Revision { room: lobby(), target, user, name, change, cid: None, key, origin };
            assert!(matches!(broker.revise(revision).await, Ok(Revised::Done(_))));
        }
    }
    let node = Node::on(backplane, |_| {}).await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    let page = ann.does("history", json!({ "room": "lobby", "limit": 100 })).await;
    assert_eq!((page["messages"].as_array().map(Vec::len), &page["more"]), (Some(2), &json!(true)));
}

#[tokio::test]
async fn nobody_hears_more_rooms_of_two_than_there_may_be() {
    let node = Node::start().await;
    let mut ann = Person::named(&node, "ann").await;
    for number in 0..200 {
        ann.does("send", json!({ "to": format!("user{number}"), "text": "hello" })).await;
    }
    assert_eq!(ann.may_not("send", json!({ "to": "one more", "text": "hello" })).await, "forbidden");
    ann.does("send", json!({ "to": "user7", "text": "again" })).await;
    let id = ann.id().to_owned();
    let mine = |number| (format!("@{}:{id}~{number}", id.len()), json!({ "epoch": 0, "seq": 0 }));
    let rooms: serde_json::Map<_, _> = (0..300).map(mine).collect();
    let auth = json!({ "session": ann.session(), "rooms": rooms });
    let back = Person::over(Client::websocket(&node).await, &auth).await;
    let answers = back.ready["rooms"].as_object().expect("rooms").values();
    assert_eq!(answers.filter(|answer| answer["error"]["code"] == "forbidden").count(), 200);
}

#[tokio::test]
async fn who_comes_back_to_many_loud_rooms_and_reads_nothing_costs_little() {
    let backplane = memory(HISTORY_LENGTH);
    let mut rooms = serde_json::Map::new();
    for number in 0..50 {
        let room = RoomId::parse(&format!("room{number}")).expect("a room");
        let text = |seq: usize| format!("{seq:8192}");
        for seq in 0..64 {
            let draft = Draft { room: room.clone(), ..said(&text(seq)) };
            let position = backplane.broker.publish(draft).await.expect("a receipt").position;
            rooms.entry(room.to_string()).or_insert(json!({ "epoch": position.epoch, "seq": 0 }));
        }
    }
    let node = Node::on(backplane, |_| {}).await;
    let before = resident();
    let mut people = Vec::new();
    for number in 0..20 {
        let auth = json!({ "name": format!("u{number}"), "rooms": rooms });
        let person = Person::over(Client::websocket(&node).await, &auth).await;
        let recovered = person.ready["rooms"].as_object().expect("rooms").values();
        assert_eq!(recovered.filter(|room| room["recovered"] == true).count(), 50);
        people.push(person);
    }
    let cost = resident().saturating_sub(before) / people.len() / 1_024;
    assert!(cost < 4_096, "{cost} KiB each");
    let auth = json!({ "name": "reader", "rooms": rooms });
    let mut reader = Person::over(Client::websocket(&node).await, &auth).await;
    let mut told = HashMap::<String, u64>::new();
    for _ in 0..50 * 64 {
        let message = reader.hears_word("message").await;
        let last = told.entry(message["room"].as_str().expect("a room").to_owned()).or_default();
        *last += 1;
        assert_eq!(message["seq"], *last);
    }
    assert!(told.len() == 50 && told.values().all(|last| *last == 64));
}

/// Bytes of memory that this process has.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("what Linux says of memory");
    let pages: usize = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4_096
}
