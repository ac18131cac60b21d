//! v1's conversation: messages changed and reacted to, looked up, hints, names, and two people alone.

use hubbub_tests::{client::Client, node::Node, person::Person};
use serde_json::json;

#[tokio::test]
async fn a_message_is_edited_reacted_to_and_deleted_for_everyone_in_one_order() {
    let node = Node::start().await;
    let (mut ann, mut bob) = (Person::in_lobby(&node, "ann").await, Person::in_lobby(&node, "bob").await);
    let said = ann.does("send", json!({ "room": "lobby", "text": "helo" })).await;
    let id = said["id"].clone();
    let change = |op: &str| json!({ "room": "lobby", "id": id, "op": op, "text": "hello", "emoji": "👍" });
    let edited = ann.does("modify", change("edit")).await;
    assert_eq!(edited["seq"], 2);
    bob.does("modify", change("react")).await;
    let again = bob.does("modify", change("react")).await;
    assert_eq!((&again["dup"], &again["seq"]), (&json!(true), &json!(3)));
    assert_eq!(bob.may_not("modify", change("edit")).await, "forbidden");
    let page = bob.does("history", json!({ "room": "lobby" })).await;
    let message = &page["messages"][0];
    assert_eq!((&message["text"], &message["reactions"]), (&json!("hello"), &json!({ "👍": 1 })));
    assert!(message["edited"].is_u64());
    ann.does("modify", change("delete")).await;
    for person in [&mut ann, &mut bob] {
        assert_eq!(person.hears_message().await, ("helo".to_owned(), 1));
        for (seq, op) in [(2, "edit"), (3, "react"), (4, "delete")] {
            let update = person.hears_word("update").await;
            assert_eq!((&update["seq"], &update["op"], &update["id"]), (&json!(seq), &json!(op), &id));
        }
    }
    assert_eq!(ann.may_not("modify", change("edit")).await, "not_found");
    let page = ann.does("history", json!({ "room": "lobby" })).await;
    let gone = json!({ "id": id, "room": "lobby", "epoch": said["epoch"], "seq": 1, "deleted": true });
    assert_eq!(page["messages"], json!([gone]));
}

#[tokio::test]
async fn who_comes_back_is_told_changes_too() {
    let node = Node::start().await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    let seen = ann.says("first").await;
    let id = ann.does("history", json!({ "room": "lobby" })).await["messages"][0]["id"].clone();
    ann.does("modify", json!({ "room": "lobby", "id": id, "op": "react", "emoji": "x" })).await;
    let auth = json!({ "name": "bob", "rooms": { "lobby": seen } });
    let mut bob = Person::over(Client::websocket(&node).await, &auth).await;
    assert_eq!(bob.hears_word("update").await["seq"], 2);
}

#[tokio::test]
async fn the_history_is_paged_by_messages() {
    let node = Node::start().await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    for number in 1..=25 {
        ann.says(&number.to_string()).await;
        ann.hears_message().await;
    }
    let mut ask = json!({ "room": "lobby", "limit": 10 });
    let mut texts = Vec::new();
    loop {
        let page = ann.does("history", ask.clone()).await;
        let messages = page["messages"].as_array().expect("messages").clone();
        texts.splice(0..0, messages.iter().map(|message| message["text"].clone()));
        ask["before"] = messages[0]["id"].clone();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(texts, (1..=25).map(|number| json!(number.to_string())).collect::<Vec<_>>());
    let after = ann.does("history", json!({ "room": "lobby", "after": ask["before"], "limit": 2 })).await;
    assert_eq!((&after["messages"][0]["text"], &after["more"]), (&json!("2"), &json!(true)));
    for strange in ["1-1", "ffffffffffffffff-1"] {
        assert_eq!(ann.may_not("history", json!({ "room": "lobby", "before": strange })).await, "not_found");
    }
    assert_eq!(ann.may_not("history", json!({ "room": "elsewhere" })).await, "not_joined");
}

#[tokio::test]
async fn long_texts_make_short_pages_and_none_is_skipped() {
    let node = Node::start().await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    for number in 0..20 {
        ann.says(&format!("{number} {}", "x".repeat(30_000))).await;
        ann.hears_message().await;
    }
    let mut ask = json!({ "room": "lobby", "limit": 100 });
    let mut seqs = Vec::new();
    loop {
        let page = ann.does("history", ask.clone()).await;
        let messages = page["messages"].as_array().expect("messages").clone();
        assert!(messages.len() < 20);
        seqs.splice(0..0, messages.iter().map(|message| message["seq"].as_u64().expect("a place")));
        ask["before"] = messages[0]["id"].clone();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn typing_and_reading_are_shown_to_the_others_alone() {
    let node = Node::start().await;
    let (mut ann, mut bob) = (Person::in_lobby(&node, "ann").await, Person::in_lobby(&node, "bob").await);
    ann.does("typing", json!({ "room": "lobby", "on": true })).await;
    ann.does("read", json!({ "room": "lobby", "seq": 7 })).await;
    let typing = json!({ "room": "lobby", "user": ann.id(), "name": "ann", "on": true });
    assert_eq!(bob.hears_word("typing").await, typing);
    let read = json!({ "room": "lobby", "user": ann.id(), "name": "ann", "seq": 7 });
    assert_eq!(bob.hears_word("read").await, read);
    ann.says("hi").await;
    assert_eq!(ann.hears_message().await.0, "hi");
    assert_eq!(ann.may_not("typing", json!({ "room": "elsewhere", "on": true })).await, "not_joined");
}

#[tokio::test]
async fn who_renames_keeps_who_they_are_and_frees_the_name() {
    let node = Node::start().await;
    let (mut ann, mut bob) = (Person::in_lobby(&node, "ann").await, Person::in_lobby(&node, "bob").await);
    assert_eq!(ann.may_not("rename", json!({ "name": "Bob" })).await, "name_taken");
    assert_eq!(ann.may_not("rename", json!({ "name": " " })).await, "name_invalid");
    let renamed = ann.does("rename", json!({ "name": "Anna" })).await;
    assert_eq!(renamed["user"], json!({ "id": ann.id(), "name": "Anna", "guest": true }));
    ann.says("it is me").await;
    let said = bob.hears_word("message").await;
    assert_eq!((&said["user"], &said["name"]), (&json!(ann.id()), &json!("Anna")));
    let members = bob.does("members", json!({ "room": "lobby" })).await;
    let names: Vec<_> =
        members["members"].as_array().expect("people").iter().map(|who| &who["name"]).collect();
    assert!(names.contains(&&json!("Anna")) && names.len() == 2, "{members}");
    let _other = Person::named(&node, "ann").await;
    drop(ann);
    let back = Person::over(Client::websocket(&node).await, &json!({ "session": renamed["session"] })).await;
    assert_eq!(back.ready["user"]["name"], "Anna");
}

#[tokio::test]
async fn others_hear_the_new_name_as_a_difference() {
    let node = Node::start().await;
    let mut bob = Person::in_lobby(&node, "bob").await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    ann.does("rename", json!({ "name": "Anna" })).await;
    let expected = json!({ "user": ann.id(), "name": "Anna" });
    loop {
        let event = bob.client.event().await;
        assert_eq!(event[1], "presence");
        assert_eq!(event[2]["leave"], json!([]), "{event}");
        if event[2]["join"].as_array().expect("people").contains(&expected) {
            break;
        }
    }
}

#[tokio::test]
async fn two_people_write_to_each_other_and_nobody_else_hears_or_reads_it() {
    let node = Node::start().await;
    let mut ann = Person::in_lobby(&node, "ann").await;
    let (mut bob, mut cy) = (Person::in_lobby(&node, "bob").await, Person::in_lobby(&node, "cy").await);
    let sent = ann.does("send", json!({ "to": bob.id(), "text": "psst", "cid": "1" })).await;
    let room = sent["room"].clone();
    let heard = bob.hears_word("message").await;
    assert_eq!((&heard["room"], &heard["text"], &heard["user"]), (&room, &json!("psst"), &json!(ann.id())));
    bob.does("send", json!({ "room": room, "text": "what?" })).await;
    ann.does("send", json!({ "to": bob.id(), "text": "nothing" })).await;
    for (person, texts) in [(&mut ann, &["psst", "what?", "nothing"][..]), (&mut bob, &["what?", "nothing"])]
    {
        for text in texts {
            assert_eq!(person.hears_message().await.0, *text);
        }
    }
    for (word, body) in [
        ("send", json!({ "room": room, "text": "me too" })),
        ("history", json!({ "room": room })),
        ("typing", json!({ "room": room, "on": true })),
        ("modify", json!({ "room": room, "id": sent["id"], "op": "delete" })),
    ] {
        assert_eq!(cy.may_not(word, body).await, "not_joined", "{word}");
    }
    assert_eq!(cy.may_not("join", json!({ "room": room })).await, "bad_request");
    let auth = json!({ "name": "cyd", "rooms": { room.as_str().expect("a room"): { "epoch": sent["epoch"], "seq": 0 } } });
    let snooping = Person::over(Client::websocket(&node).await, &auth).await;
    let answer = &snooping.ready["rooms"][room.as_str().expect("a room")];
    assert_eq!(answer["error"]["code"], "not_found");
    cy.says("hello").await;
    assert_eq!(cy.hears_message().await.0, "hello");
}

#[tokio::test]
async fn who_was_away_finds_what_was_written_to_them() {
    let node = Node::start().await;
    let (mut ann, bob) = (Person::in_lobby(&node, "ann").await, Person::named(&node, "bob").await);
    let (id, session) = (bob.id().to_owned(), bob.session().clone());
    drop(bob);
    let sent = ann.does("send", json!({ "to": id, "text": "one", "cid": "1" })).await;
    let room = sent["room"].as_str().expect("a room").to_owned();
    let mut back = Person::over(Client::websocket(&node).await, &json!({ "session": session })).await;
    let told = &back.ready["rooms"][&room];
    assert_eq!((&told["recovered"], &told["seq"]), (&json!(false), &json!(1)));
    let page = back.does("history", json!({ "room": room })).await;
    assert_eq!(page["messages"][0]["text"], "one");
    drop(back);
    ann.does("send", json!({ "to": id, "text": "two" })).await;
    let rooms = json!({ &room: { "epoch": sent["epoch"], "seq": 1 } });
    let auth = json!({ "session": session, "rooms": rooms });
    let mut back = Person::over(Client::websocket(&node).await, &auth).await;
    assert_eq!(back.ready["rooms"][&room]["recovered"], true);
    assert_eq!(back.hears_message().await, ("two".to_owned(), 2));
}
