//! Which vocabulary a socket speaks.

use std::collections::HashSet;

use hubbub_dialects::{Misspoken, NAMESPACES, spoken_at, understand};
use insta::assert_compact_debug_snapshot;
use serde_json::{Value, json};

use crate::fixtures::{PLACES, dialect, dialects};

/// The vocabulary that a socket ends up with after these words, from those spoken at `/`.
fn after(words: &[(&str, Value)]) -> &'static str {
    let mut spoken = spoken_at("/", false).to_vec();
    for (word, arg) in words {
        let (dialect, _) = understand(&spoken, word, std::slice::from_ref(arg)).expect("a known word");
        spoken = vec![dialect];
    }
    spoken[0].name()
}

#[test]
fn the_first_word_decides() {
    assert_eq!(after(&[("message", json!("hi"))]), "bocadillo");
    assert_eq!(after(&[("new message", json!({ "user": "Zoë", "message": "hi" }))]), "teamtalk");
    assert_eq!(after(&[("channel selected", json!({ "current_channel": null }))]), "teamtalk");
    assert_eq!(after(&[("addUser", json!(7))]), "basics", "even a malformed one");
    assert_eq!(after(&[("add user", json!("Zoë"))]), "example");
    assert_eq!(after(&[("typing", json!(null))]), "example");
    assert_eq!(after(&[("chat message", json!("hi"))]), "tutorial");
}

#[test]
fn a_new_message_is_the_official_examples_with_a_string_and_seed_004s_with_anything_else() {
    assert_eq!(after(&[("new message", json!("hi"))]), "example");
    for other in [json!({ "user": "Zoë", "message": "hi" }), json!(null), json!(["hi"]), json!(7)] {
        assert_eq!(after(&[("new message", other)]), "teamtalk");
    }
    assert!(understand(&[dialect("example")], "new message", &[json!({})]).is_none());
    assert!(understand(&[dialect("teamtalk")], "new message", &[json!("hi")]).is_none());
}

#[test]
fn a_decided_socket_has_no_other_words() {
    assert!(understand(&[dialect("bocadillo")], "addUser", &[json!("Zoë")]).is_none());
    assert!(understand(&[dialect("basics")], "message", &[json!("hi")]).is_none());
}

#[test]
fn seed_002_is_heard_in_the_spelling_that_added_the_user() {
    let (add, add_lower) = (("addUser", json!("Zoë")), ("adduser", json!("Zoë")));
    let (send, send_lower) = (("sendChat", json!("hi")), ("sendchat", json!("hi")));

    assert_eq!(after(&[add.clone(), send_lower.clone()]), "basics", "the walkthrough's page");
    assert_eq!(after(&[add_lower.clone(), send_lower.clone()]), "basics_lower", "the final page");
    assert_eq!(after(&[add_lower.clone(), send.clone()]), "basics_lower");
    assert_eq!(after(&[add.clone(), add_lower.clone()]), "basics_lower");
    assert_eq!(after(&[add_lower.clone(), add]), "basics");
    assert_eq!(after(&[send]), "basics");
    assert_eq!(
        after(std::slice::from_ref(&send_lower)),
        "basics",
        "who added nobody hears what it heard so far"
    );
    assert_eq!(after(&[send_lower, add_lower]), "basics_lower");
}

#[test]
fn what_nobody_knows_is_nobodys() {
    assert!(understand(spoken_at("/", false), "dance", &[]).is_none());
    assert!(understand(spoken_at("/", true), "typing", &[]).is_none());
    assert!(spoken_at("/admin", false).is_empty());
}

#[test]
fn every_place_has_its_vocabularies() {
    let names = |(namespace, own_path): &(&str, bool)| -> Vec<_> {
        spoken_at(namespace, *own_path).iter().map(|dialect| dialect.name()).collect()
    };
    assert_compact_debug_snapshot!(PLACES.iter().map(names).collect::<Vec<_>>(), @r#"[["basics", "basics_lower", "bocadillo", "teamtalk", "example", "tutorial"], ["bocadillo"], ["simple"], ["flask"], ["v1"]]"#);
    assert!(NAMESPACES.iter().all(|namespace| !spoken_at(namespace, false).is_empty()));
}

#[test]
fn names_tell_vocabularies_apart_and_the_two_spellings_share_a_room() {
    let names: HashSet<_> = dialects().iter().map(|dialect| dialect.name()).collect();
    let rooms: HashSet<_> = dialects().iter().filter_map(|dialect| dialect.room()).collect();
    assert_eq!(names.len(), 9);
    assert_eq!(rooms.len(), 7);
    assert_eq!(dialect("basics").room(), dialect("basics_lower").room());
}

#[test]
fn labels_are_a_closed_list() {
    assert_eq!(Misspoken::LABELS.iter().collect::<HashSet<_>>().len(), Misspoken::LABELS.len());
    assert!(Misspoken::LABELS.contains(&Misspoken::UnknownWord.label()));
}
