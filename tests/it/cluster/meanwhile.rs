//! Somebody is answered between two changes that come to nothing: what the answer showed is put right.
//!
//! Changes are gathered for a quarter of a second after something was told. Each test begins right after that; where the
//! machine is too slow for the rest of it, the changes are told one by one, which is right too.

use hubbub_tests::{node::Node, person::Person, redis_server::RedisServer};
use serde_json::{Value, json};

struct Scene {
    _redis: RedisServer,
    _node: Node,
    ann: Person,
    bob: Person,
    cy: Person,
}

/// Ann is in the lobby, Bob and Cy are connected, and Ann has just been told something.
async fn scene() -> Scene {
    let redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    let mut ann = Person::in_lobby(&node, "Ann").await;
    let (bob, cy) = (Person::named(&node, "Bob").await, Person::named(&node, "Cy").await);
    let dan = Person::in_lobby(&node, "Dan").await;
    is_told(&mut ann, "join", &dan).await;
    drop(dan);
    Scene { _redis: redis, _node: node, ann, bob, cy }
}

fn lobby() -> Value {
    json!({ "room": "lobby" })
}

async fn is_told(person: &mut Person, what: &str, of: &Person) {
    loop {
        let told = person.hears_of_people().await;
        if told[what].as_array().expect("people").iter().any(|who| who == of.id() || who["user"] == of.id()) {
            return;
        }
    }
}

fn names(answer: &Value, who: &Person) -> bool {
    answer["members"].as_array().expect("members").iter().any(|member| member["user"] == who.id())
}

#[tokio::test]
async fn who_was_found_and_went_at_once_is_gone_for_the_one_who_found_them() {
    let Scene { bob, cy, .. } = &mut scene().await;
    bob.does("join", lobby()).await;
    assert!(names(&cy.does("join", lobby()).await, bob));
    bob.does("leave", lobby()).await;
    is_told(cy, "leave", bob).await;
}

#[tokio::test]
async fn who_was_missed_for_a_moment_is_there_for_the_one_who_missed_them() {
    let Scene { ann, bob, cy, .. } = &mut scene().await;
    bob.does("join", lobby()).await;
    is_told(ann, "join", bob).await;
    bob.does("leave", lobby()).await;
    assert!(!names(&cy.does("join", lobby()).await, bob));
    bob.does("join", lobby()).await;
    is_told(cy, "join", bob).await;
}

#[tokio::test]
async fn who_was_on_a_page_and_went_at_once_is_gone_for_the_one_who_asked() {
    let Scene { ann, bob, .. } = &mut scene().await;
    bob.does("join", lobby()).await;
    assert!(names(&ann.does("members", lobby()).await, bob));
    bob.does("leave", lobby()).await;
    is_told(ann, "leave", bob).await;
}
