//! Names: one for each person in v1, whatever it is made to look like, and any at all in the tutorials.

use hubbub_tests::{client::Client, node::Node, person::Person};
use serde_json::{Value, json};

/// What somebody of that name is told instead of being let in.
async fn turned_away(node: &Node, name: &str) -> String {
    let mut client = Client::websocket(node).await;
    client.send(&format!("40/v1,{}", json!({ "name": name }))).await;
    let refusal = client.packet().await.expect("an answer");
    let refusal = refusal.strip_prefix("44/v1,").unwrap_or_else(|| panic!("{name:?} was let in: {refusal}"));
    let refusal: Value = serde_json::from_str(refusal).expect("a refusal in JSON");
    refusal["message"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn a_name_that_looks_like_somebodys_is_taken() {
    let node = Node::start().await;
    let _paypal = Person::named(&node, "paypal").await;
    let _coco = Person::named(&node, "COCO").await;
    for name in
        ["PAYPAL", "paypa1", "paypaI", " pay\u{fe0f}pal ", "ｐａｙｐａｌ", "\u{441}\u{43e}\u{441}\u{43e}"]
    {
        assert_eq!(turned_away(&node, name).await, "name_taken", "{name:?}");
    }
    for name in ["paypa2", "Пэйпал", "كوكو"] {
        assert_eq!(Person::named(&node, name).await.ready["user"]["name"], name);
    }
}

#[tokio::test]
async fn a_name_that_only_looks_like_one_is_none() {
    let node = Node::start().await;
    for name in [
        "\u{440}\u{430}ypal",
        "pay\u{200b}pal",
        "pay\u{200d}pal",
        "pay\u{ad}pal",
        "lapyap\u{202e}",
        "\u{2066}ann\u{2069}",
        "\u{3164}",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "Server",
        "\u{405}erver",
        "[ s\u{3b5}rver ]",
        "System",
        "Systern",
        "ADM1N",
        "__proto__",
        "constructor",
        "prototype",
        "toString",
    ] {
        assert_eq!(turned_away(&node, name).await, "name_invalid", "{name:?}");
    }
}

#[tokio::test]
async fn a_name_is_told_in_one_form_however_it_was_typed() {
    let node = Node::start().await;
    for (typed, told) in [
        ("  Zoe\u{308}\u{a0} \u{3000}Lee", "Zoë Lee"),
        ("ﬁona", "fiona"),
        ("👩🏽\u{200d}🚀 Sally", "👩🏽\u{200d}🚀 Sally"),
    ] {
        let person = Person::named(&node, typed).await;
        assert_eq!(person.ready["user"]["name"], told);
        assert_eq!(turned_away(&node, told).await, "name_taken");
    }
}

#[tokio::test]
async fn a_rename_follows_the_rules_of_a_name() {
    let node = Node::start().await;
    let (mut ann, _bob) = (Person::named(&node, "Ann").await, Person::named(&node, "bob").await);
    for (name, code) in [
        ("B0B", "name_taken"),
        ("\u{412}\u{41e}\u{412}", "name_taken"),
        ("аnn", "name_invalid"),
        ("s3rver\u{200b}", "name_invalid"),
        ("admin", "name_invalid"),
        ("__proto__", "name_invalid"),
    ] {
        assert_eq!(ann.may_not("rename", json!({ "name": name })).await, code, "{name:?}");
    }
    assert_eq!(ann.does("rename", json!({ "name": "ＡＮＮ" })).await["user"]["name"], "ANN");
    assert_eq!(turned_away(&node, "ann").await, "name_taken");
    ann.does("rename", json!({ "name": "Anna" })).await;
    assert_eq!(Person::named(&node, "ann").await.ready["user"]["name"], "ann");
}

#[tokio::test]
async fn a_look_alike_is_free_when_its_holder_has_left() {
    let node = Node::start().await;
    let mut ann = Person::named(&node, "Bill").await;
    assert_eq!(turned_away(&node, "Bi11").await, "name_taken");
    ann.does("rename", json!({ "name": "William" })).await;
    assert_eq!(Person::named(&node, "Bi11").await.ready["user"]["name"], "Bi11");
}

#[tokio::test]
async fn the_tutorials_refuse_nobody() {
    let node = Node::start().await;
    for name in ["Server", "__proto__", "\u{440}\u{430}ypal", "ﬁona"] {
        let listed = if name == "ﬁona" { "fiona" } else { name };
        let mut client = Client::at(&node, "/").await;
        client.say("addUser", &[json!(name)]).await;
        client.hears("updateChat", &[json!("Server"), json!("you have connected")]).await;
        assert_eq!(client.event().await[2], json!({ listed: listed }));
        client.leave().await;
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_shown_makes_a_guest_in_the_tutorials() {
    let node = Node::start().await;
    let mut client = Client::at(&node, "/iss").await;
    client.hears_in("/iss", "connected", &[]).await;
    for name in ["a\u{202e}b", "\u{3164}", "pay\u{200b}pal", "\u{301}"] {
        client.say_in("/iss", "identify", &[json!(name)]).await;
        client.say_in("/iss", "message", &[json!("hi")]).await;
        let told = client.event().await[2]["name"].clone();
        assert!(told.as_str().is_some_and(|told| told.starts_with("guest-")), "{name:?} became {told}");
    }
}
