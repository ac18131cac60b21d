//! Whatever a client sends, a vocabulary says what is wrong with it and goes on.

use hubbub_core::{Author, Command, Message, Name, Occupant, Position, UserId};
use hubbub_dialects::{Misspoken, Told, Utterance, hello};
use proptest::{collection::vec, option, prelude::*, sample::Index};
use serde_json::{Map, Value, json};

use crate::{
    fixtures::{AT, POSITION, dialect, dialects, plain, room},
    vocabularies::v1_understood,
};

/// Every word that any vocabulary knows.
const WORDS: &[&str] = &[
    "addUser",
    "adduser",
    "sendChat",
    "sendchat",
    "message",
    "identify",
    "new message",
    "submit message",
    "channel selected",
    "chat message",
    "add user",
    "typing",
    "stop typing",
    "join",
    "leave",
    "send",
    "modify",
    "history",
    "members",
    "read",
    "rename",
];
/// Every field that any vocabulary looks at.
const FIELDS: &[&str] = &[
    "user",
    "message",
    "channel",
    "current_channel",
    "room",
    "to",
    "text",
    "cid",
    "reply_to",
    "id",
    "op",
    "emoji",
    "on",
    "seq",
    "before",
    "after",
    "limit",
    "since",
    "name",
    "session",
    "token",
    "rooms",
    "serverOffset",
];

/// Texts with a meaning somewhere.
const VALUES: &[&str] =
    &["lobby", "~basics", "@names", "@1:ab", "@1:ba", "7-2a", "edit", "delete", "react", "unreact"];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
        (0..200_usize).prop_map(|length| "é".repeat(length).into()),
    ]
}

fn object_of(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let key = prop_oneof![4 => proptest::sample::select(FIELDS).prop_map(str::to_owned), 1 => ".{0,8}"];
    vec((key, value), 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

fn json_value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 24, 8, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::Array), object_of(inner)]
    })
}

/// One of v1's with one of its fields as something else.
fn strange_request() -> impl Strategy<Value = (&'static str, Vec<Value>)> {
    let value = prop_oneof![leaf(), proptest::sample::select(VALUES).prop_map(Value::from)];
    let request = proptest::sample::select(v1_understood());
    (request, any::<Index>(), value).prop_map(|((word, mut request), at, value)| {
        let fields = request.as_object_mut().expect("an object");
        let key = at.get(&fields.keys().cloned().collect::<Vec<_>>()).clone();
        fields.insert(key, value);
        (word, vec![request])
    })
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![8 => proptest::sample::select(WORDS).prop_map(str::to_owned), 1 => ".{0,12}"]
}

proptest! {
    #[test]
    fn decode_never_panics(word in word(), args in vec(prop_oneof![json_value(), object_of(leaf())], 0..3)) {
        is_decoded_or_refused(&word, &args);
    }

    #[test]
    fn a_request_with_one_strange_field_is_understood_or_refused((word, args) in strange_request()) {
        is_decoded_or_refused(word, &args);
    }

    #[test]
    fn a_string_is_said_as_it_came(text in ".{0,200}") {
        for (name, word) in [("basics", "sendChat"), ("bocadillo", "message"), ("simple", "message"), ("flask", "message"), ("example", "new message"), ("tutorial", "chat message")] {
            let said = dialect(name).decode(word, &[text.as_str().into()]);
            let Some(Ok(Command::Send { said, .. })) = said else { panic!("{said:?}") };
            prop_assert_eq!(&said.text, &text);
        }
    }

    #[test]
    fn greetings_never_panic(auth in prop_oneof![json_value(), object_of(leaf())]) {
        if let Err(wrong) = hello(&auth) {
            prop_assert!(Misspoken::LABELS.contains(&wrong.label()));
        }
        for dialect in dialects() {
            let resumed = dialect.resumes(&auth);
            prop_assert_eq!(resumed.is_some(), dialect.name() == "tutorial" && auth.get("serverOffset").is_some());
        }
    }

    #[test]
    fn an_offset_that_was_told_is_where_a_page_goes_on(epoch: u64, seq: u64) {
        let (tutorial, message, position) = (dialect("tutorial"), plain(), Position { epoch, seq });
        let told = tutorial.encode(&room(tutorial), &Told::Said { position, at: AT, message: &message });
        let auth = json!({ "serverOffset": told[0].args[1] });
        prop_assert_eq!(tutorial.resumes(&auth), Some(position));
    }

    #[test]
    fn markup_in_names_and_texts_reaches_no_page_of_seed_002(
        name in r#"[<>&"' a-z]{0,12}[<>&"'a-z]"#,
        text in r#"[<>&"' a-z]{0,30}"#,
        channel in option::of("[a-z]{1,5}"),
    ) {
        let Ok(name) = Name::parse(&name) else { return Ok(()) };
        let who = Occupant { user: UserId::from(&name), name: name.clone(), devices: 1 };
        let message = Message { author: Author { user: None, name }, text: text.clone(), channel, ..plain() };
        let people = [who.clone()];
        let said = Told::Said { position: POSITION, at: AT, message: &message };
        for dialect in [dialect("basics"), dialect("basics_lower")] {
            for told in [said, Told::Joined { who: &who, count: 1 }, Told::Left { who: &who, count: 0 }, Told::Roster(&people)] {
                for Utterance { args, .. } in dialect.encode(&room(dialect), &told) {
                    prop_assert!(args.iter().all(is_harmless), "{args:?}");
                }
            }
            let heard = dialect.encode(&room(dialect), &said);
            prop_assert_eq!(as_shown(&heard[0].args[1]), text.clone());
        }
    }
}

fn is_decoded_or_refused(word: &str, args: &[Value]) {
    for dialect in dialects() {
        let Some(outcome) = dialect.decode(word, args) else { continue };
        assert!(WORDS.contains(&word));
        match outcome {
            Ok(command) => assert!(!names_reserved(&command) || dialect.room().is_some(), "{command:?}"),
            Err(wrong) => objects(dialect.object(&wrong).ack.as_deref(), wrong),
        }
    }
}

/// A malformed word is a bad request, or a bad name.
fn objects(ack: Option<&[Value]>, wrong: Misspoken) {
    assert!(Misspoken::LABELS.contains(&wrong.label()));
    let code = if matches!(wrong, Misspoken::InvalidName(_)) { "name_invalid" } else { "bad_request" };
    let error = json!({ "code": code, "message": wrong.to_string() });
    assert_eq!(ack, Some(&[json!({ "ok": false, "error": error })][..]));
}

/// Rooms of two are whose they are; nobody names any other of the server's own.
fn names_reserved(command: &Command) -> bool {
    command.room().is_some_and(|room| room.as_str().starts_with(['~', '@']) && !room.is_direct())
}

/// As HTML, and as the keys of `updateUsers`.
fn is_harmless(value: &Value) -> bool {
    let harmless = |text: &str| !text.contains(['<', '>', '"', '\'']);
    match value {
        Value::String(text) => harmless(text),
        Value::Object(people) => people.iter().all(|(key, name)| harmless(key) && is_harmless(name)),
        _ => false,
    }
}

/// What a browser makes of it.
fn as_shown(html: &Value) -> String {
    let text = html.as_str().expect("a string");
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&amp;", "&")
}
