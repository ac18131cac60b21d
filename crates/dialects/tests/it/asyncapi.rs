//! `docs/asyncapi.yaml` describes v1: every word, every event, every field, and nothing that is not there.

mod document;

use std::collections::BTreeMap;

use hubbub_core::{Message, RefusalCode, Reply};
use hubbub_dialects::{Told, hello};
use serde_json::{Value, json};

use crate::{
    fixtures::{self, AT, POSITION, dialect, outcomes, someone},
    vocabularies::{greetings, v1_understood},
};

use self::document::{Document, Names, payload};

#[test]
fn every_word_and_every_event_is_described_and_nothing_else() {
    let document = Document::read();
    // There is no list of them but V1's two matches.
    let code: Vec<_> = include_str!("../../src/v1.rs").split('"').collect();
    let words = code.windows(2).filter(|pair| pair[1].starts_with(" => Some(requests::"));
    let events = code.windows(2).filter(|pair| pair[0].ends_with("Utterance::new("));
    let words = words.map(|pair| pair[0]).chain(["CONNECT"]);
    assert_eq!(document.names("receive"), words.map(str::to_owned).collect::<Names>());
    assert_eq!(document.names("send"), events.map(|pair| pair[1].to_owned()).collect::<Names>());
}

#[test]
fn what_is_described_is_used() {
    let Document(root) = Document::read();
    let text = root.to_string();
    for (parts, from) in [("messages", "#/channels/v1/messages/"), ("schemas", "#/components/schemas/")] {
        for part in root["components"][parts].as_object().expect("parts").keys() {
            assert!(text.contains(&format!("\"{from}{part}\"")), "{part} is not used");
        }
    }
}

#[test]
fn requests_that_are_understood_are_as_described() {
    let document = Document::read().closed();
    let mut said = Said::default();
    for (word, request) in v1_understood() {
        assert_fits(&document, word, &request);
        said.hear(word, &request);
    }
    said.assert_all_of(&document, &document.words());
}

#[test]
fn a_field_may_be_what_its_description_allows_and_nothing_else() {
    let document = Document::read();
    for (word, request) in v1_understood() {
        let validator = document.validator(&payload(word));
        for altered in alterations(&request) {
            let (described, understood) = (validator.is_valid(&altered), is_understood(word, &altered));
            assert_eq!(described, understood, "described and understood: {word} {altered}");
        }
    }
}

#[test]
fn credentials_are_as_described() {
    let validator = Document::read().validator(&payload("connect"));
    for auth in greetings() {
        let (described, understood) = (validator.is_valid(&auth), hello(&auth).is_ok());
        assert_eq!(described, understood, "described and understood: {auth}");
    }
}

#[test]
fn acknowledgements_are_as_described() {
    let document = Document::read().closed();
    let mut said = Said::default();
    for (what, outcome) in outcomes() {
        let ack = dialect("v1").answer(&outcome).ack.expect("an acknowledgement");
        let [body] = ack.as_slice() else { panic!("{what}: {ack:?}") };
        for word in answered_by(&document, outcome.as_ref().ok()) {
            let replies = document.replies(&word);
            let fitting: Vec<_> =
                replies.iter().filter(|key| document.validator(&payload(key)).is_valid(body)).collect();
            let [key] = fitting.as_slice() else { panic!("{word}, {what}: {body} fits {fitting:?}") };
            said.hear(key, body);
        }
    }
    said.assert_all_of(&document, &document.words().iter().flat_map(|word| document.replies(word)).collect());
}

#[test]
fn events_are_as_described() {
    let document = Document::read().closed();
    let keys = document.messages("send").into_iter().map(|key| (document.name(&key), key));
    let keys: BTreeMap<_, _> = keys.collect();
    let mut said = Said::default();
    for_each_event(|event, body| {
        let key = &keys[event];
        assert_fits(&document, key, body);
        said.hear(key, body);
    });
    said.assert_all_of(&document, &keys.into_values().collect());
}

#[test]
fn the_codes_are_those_of_the_code() {
    let Document(root) = Document::read();
    let codes = root["components"]["schemas"]["ErrorCode"]["oneOf"].as_array().expect("codes");
    let described: Vec<_> =
        codes.iter().map(|code| json!([code["const"], code["x-http"], code["x-retry"]])).collect();
    let known: Vec<_> = RefusalCode::ALL
        .iter()
        .map(|code| json!([code.as_str(), code.status(), code.is_passing()]))
        .collect();
    assert_eq!(described, known);
}

/// The words that are answered like this; a refusal may answer each.
fn answered_by(document: &Document, reply: Option<&Reply>) -> Names {
    let words: &[&str] = match reply {
        None => return document.words(),
        Some(Reply::Done) => &["leave", "typing", "read"],
        Some(Reply::Joined { .. }) => &["join"],
        Some(Reply::Sent { .. }) => &["send"],
        Some(Reply::Modified { .. }) => &["modify"],
        Some(Reply::History { .. }) => &["history"],
        Some(Reply::Members { .. }) => &["members"],
        Some(Reply::Renamed { .. }) => &["rename"],
        Some(Reply::Entered { .. } | Reply::Channel { .. }) => &[],
    };
    words.iter().copied().map(str::to_owned).collect()
}

fn is_understood(word: &str, request: &Value) -> bool {
    matches!(dialect("v1").decode(word, std::slice::from_ref(request)), Some(Ok(_)))
}

/// The request without each of its fields, and with each of them as something else.
fn alterations(request: &Value) -> Vec<Value> {
    let strange = [
        json!(null),
        json!(true),
        json!(7),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("x".repeat(300)),
        json!("~basics"),
        json!("@1:ab"),
        json!([]),
        json!({}),
        json!({ "epoch": 1 }),
        json!({ "epoch": 1, "seq": -1 }),
    ];
    let fields = request.as_object().expect("an object");
    let without = |field: &String| {
        let mut rest = fields.clone();
        rest.remove(field);
        rest
    };
    let altered = |field: &String| {
        let with =
            |value: &Value| without(field).into_iter().chain([(field.clone(), value.clone())]).collect();
        strange.iter().map(with).chain([without(field)]).map(Value::Object).collect::<Vec<_>>()
    };
    fields.keys().flat_map(altered).collect()
}

/// Everything that v1 tells.
fn for_each_event(mut visit: impl FnMut(&str, &Value)) {
    let (v1, ready, updates) = (dialect("v1"), fixtures::ready(), fixtures::updates());
    let who = fixtures::plain().author;
    let markup = Message { author: who.clone(), ..fixtures::with_markup() };
    let messages = [fixtures::plain(), markup, fixtures::reply()];
    let people = ["ann", "bob"].map(someone);

    let mut happenings = vec![
        Told::Ready(&ready),
        Told::Gap { top: POSITION },
        Told::Typing { who: &who, on: true },
        Told::Read { who: &who, seq: 42 },
        Told::Changed { joined: &people[..1], left: &people[1..], count: 2 },
        Told::Bye { reason: "drain", retry_after: 0 },
        Told::Bye { reason: "slow", retry_after: 1_000 },
    ];
    happenings.extend(messages.iter().map(|message| Told::Said { position: POSITION, at: AT, message }));
    happenings.extend(updates.iter().map(|update| Told::Updated { position: POSITION, at: AT, update }));
    for happening in happenings {
        for utterance in v1.encode(&fixtures::room(v1), &happening) {
            let [body] = utterance.args.as_slice() else { panic!("{utterance:?}") };
            visit(utterance.event, body);
        }
    }
}

/// The fields that were said, by the message that describes them.
#[derive(Default)]
struct Said(BTreeMap<String, Names>);

impl Said {
    fn hear(&mut self, key: &str, body: &Value) {
        let fields = body.as_object().expect("an object").keys().cloned();
        self.0.entry(key.to_owned()).or_default().extend(fields);
    }

    fn assert_all_of(&self, document: &Document, keys: &Names) {
        for key in keys {
            let described = document.fields(key);
            assert_eq!(self.0.get(key), Some(&described), "the fields of {key}: said, and described");
        }
    }
}

fn assert_fits(document: &Document, key: &str, body: &Value) {
    if let Err(error) = document.validator(&payload(key)).validate(body) {
        panic!("{key} {body}: {error}");
    }
}
