//! Every word of every vocabulary, both ways.

use hubbub_core::Position;
use hubbub_dialects::{Answer, Dialect, Misspoken, Ready, Told, Utterance, connect_error, hello};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::fixtures::{self, AT, POSITION, outcomes, someone};

#[test]
fn seed_002_in_camel_case() {
    let adding = ["addUser", "adduser"].map(|word| (word, names()));
    let sending = ["sendChat", "sendchat"].map(|word| (word, texts()));
    assert_snapshot!(transcript("basics", &[&adding[..], &sending[..]].concat()));
}

#[test]
fn seed_002_in_lower_case() {
    let one = |text: &str| vec![json!([text])];
    assert_snapshot!(transcript(
        "basics_lower",
        &[
            ("adduser", one("Zoë")),
            ("sendchat", one("hi")),
            ("addUser", one("Zoë")),
            ("sendChat", one("hi")),
            ("message", one("hi"))
        ]
    ));
}

#[test]
fn seed_003() {
    assert_snapshot!(transcript("bocadillo", &[("message", texts()), ("response", texts())]));
}

#[test]
fn seed_000() {
    assert_snapshot!(transcript("simple", &[("message", texts()), ("identify", names())]));
}

#[test]
fn seed_001() {
    assert_snapshot!(transcript(
        "flask",
        &[("identify", names()), ("message", texts()), ("connected", vec![])]
    ));
}

#[test]
fn seed_004() {
    let new_message = vec![
        json!([{ "user": "Zoë", "message": "hi 👋" }]),
        json!([{ "user": null, "message": "" }]),
        json!([{ "user": "x".repeat(65), "message": "hi", "channel": "not of this word" }]),
        json!(["a string: the official example's"]),
        json!([{ "message": "hi" }]),
        json!([{ "user": "Zoë" }]),
        json!([{ "user": 7, "message": "hi" }]),
        json!([{ "user": "Zoë", "message": ["hi"] }]),
        json!([null]),
        json!([]),
    ];
    let submit_message = vec![
        json!([{ "message": "hi", "channel": "rust", "user": "Zoë" }]),
        json!([{ "message": "hi", "channel": "c".repeat(65), "user": "Zoë" }]),
        json!([{ "message": "hi", "channel": null, "user": "Zoë" }]),
        json!([{ "message": "hi", "user": "Zoë" }]),
        json!(["hi"]),
    ];
    let channel_selected = vec![
        json!([{ "current_channel": "rust" }]),
        json!([{ "current_channel": null }]),
        json!([{}]),
        json!([]),
    ];
    let words = [
        ("new message", new_message),
        ("submit message", submit_message),
        ("channel selected", channel_selected),
        ("event_name", vec![json!([{}])]),
    ];
    assert_snapshot!(transcript("teamtalk", &words));
}

#[test]
fn the_official_example() {
    let new_message = vec![
        json!(["hi 👋"]),
        json!(["<b>hi</b>", "and more"]),
        json!([""]),
        json!([{ "user": "Zoë", "message": "an object: seed 004's" }]),
        json!([null]),
        json!([]),
    ];
    let words = [
        ("add user", names()),
        ("new message", new_message),
        ("typing", vec![json!([]), json!(["whatever"])]),
        ("stop typing", vec![json!([])]),
        ("login", vec![json!([])]),
    ];
    assert_snapshot!(transcript("example", &words));
}

#[test]
fn the_official_tutorial() {
    let offsets = vec![
        json!(["hi", "sid-0"]),
        json!(["hi", null]),
        json!(["hi", "é".repeat(64)]),
        json!(["hi", "é".repeat(65)]),
        json!(["hi", ""]),
        json!(["hi", 7]),
    ];
    assert_snapshot!(transcript("tutorial", &[("chat message", [texts(), offsets].concat())]));
}

#[test]
fn where_the_official_tutorials_page_stopped() {
    let credentials = [
        json!(null),
        json!({}),
        json!({ "serverOffset": 0 }),
        json!({ "serverOffset": "" }),
        json!({ "serverOffset": null }),
        json!({ "serverOffset": "7-2a" }),
        json!({ "serverOffset": 17 }),
        json!({ "serverOffset": "17" }),
        json!({ "serverOffset": "7-2A" }),
        json!({ "serverOffset": "7-2a-1" }),
        json!({ "serverOffset": {} }),
        json!(["serverOffset"]),
        json!("serverOffset"),
    ];
    let tutorial = fixtures::dialect("tutorial");
    let stopped = |auth: &Value| match tutorial.resumes(auth) {
        None => "does not say".to_owned(),
        Some(Position::BEGINNING) => "at the beginning".to_owned(),
        Some(position) => format!("after {}:{}", position.epoch, position.seq),
    };
    assert_snapshot!(credentials.map(|auth| format!("{auth}\n    {}", stopped(&auth))).join("\n"));
}

#[test]
fn v1() {
    assert_snapshot!(transcript("v1", &v1_requests()));
}

/// Of what a client of v1 may try, what is understood.
pub(crate) fn v1_understood() -> Vec<(&'static str, Value)> {
    let calls =
        v1_requests().into_iter().flat_map(|(word, calls)| calls.into_iter().map(move |args| (word, args)));
    let requests = calls.filter_map(|(word, args)| Some((word, args.get(0)?.clone())));
    let v1 = fixtures::dialect("v1");
    requests
        .filter(|(word, request)| matches!(v1.decode(word, std::slice::from_ref(request)), Some(Ok(_))))
        .collect()
}

/// What a client of v1 may try, by word: what is understood, and what is malformed.
fn v1_requests() -> Vec<(&'static str, Vec<Value>)> {
    let room = json!([{ "room": "lobby" }]);
    let rooms = vec![
        room.clone(),
        json!([{ "room": " a room " }]),
        json!([{ "room": "" }]),
        json!([{ "room": "~basics" }]),
        json!([{ "room": "r".repeat(65) }]),
        json!([{ "room": 7 }]),
        json!([{ "room": null }]),
        json!([{}]),
        json!([[]]),
        json!([]),
    ];
    let join = vec![
        json!([{ "room": "lobby", "limit": 0, "since": { "epoch": 1, "seq": 2 } }]),
        json!([{ "room": "lobby", "limit": 101 }]),
        json!([{ "room": "lobby", "limit": null }]),
        json!([{ "room": "lobby", "limit": -1 }]),
        json!([{ "room": "lobby", "limit": 1.5 }]),
        json!([{ "room": "lobby", "limit": "10" }]),
    ];
    let members = vec![
        room.clone(),
        json!([{ "room": "lobby", "after": "u1", "limit": 10 }]),
        json!([{ "room": "lobby", "limit": 1000 }]),
        json!([{ "room": "lobby", "after": 7 }]),
        json!([{ "room": "@names" }]),
    ];
    vec![
        ("join", [rooms.clone(), join].concat()),
        ("leave", rooms),
        ("send", sendings()),
        ("members", members),
        ("modify", modifications()),
        ("history", pages()),
        (
            "typing",
            vec![
                json!([{ "room": "lobby", "on": true }]),
                json!([{ "room": "lobby", "on": 1 }]),
                json!([{ "on": true }]),
            ],
        ),
        (
            "read",
            vec![
                json!([{ "room": "@1:ab", "seq": 7 }]),
                json!([{ "room": "lobby", "seq": -7 }]),
                json!([{ "room": "lobby" }]),
            ],
        ),
        ("rename", vec![json!([{ "name": " Zoë " }]), json!([{ "name": "" }]), json!([{}])]),
    ]
}

fn sendings() -> Vec<Value> {
    vec![
        json!([{ "room": "lobby", "text": "hi 👋", "cid": "c-1", "reply_to": "7-29" }]),
        json!([{ "room": "lobby", "text": "hi" }]),
        json!([{ "room": "lobby", "text": "hi", "cid": null, "reply_to": null, "to": null }]),
        json!([{ "room": "lobby", "text": "" }]),
        json!([{ "room": "lobby" }]),
        json!([{ "room": "lobby", "text": 7 }]),
        json!([{ "text": "hi", "cid": "c-1" }]),
        json!([{ "to": "u2", "text": "hi", "cid": "c-1" }]),
        json!([{ "to": "u2", "room": "lobby", "text": "hi" }]),
        json!([{ "to": "", "text": "hi" }]),
        json!([{ "room": "@1:ab", "text": "hi" }]),
        json!([{ "room": "@1:ba", "text": "hi" }]),
        json!([{ "room": "lobby", "text": "hi", "cid": "" }]),
        json!([{ "room": "lobby", "text": "hi", "cid": "c".repeat(65) }]),
        json!([{ "room": "lobby", "text": "hi", "cid": 7 }]),
        json!([{ "room": "lobby", "text": "hi", "reply_to": "" }]),
        json!([{ "room": "lobby", "text": "hi", "reply_to": 29 }]),
        json!(["hi"]),
        json!([]),
    ]
}

fn modifications() -> Vec<Value> {
    vec![
        json!([{ "room": "lobby", "id": "7-29", "op": "edit", "text": "better", "cid": "c-2" }]),
        json!([{ "room": "lobby", "id": "7-29", "op": "edit", "text": "" }]),
        json!([{ "room": "lobby", "id": "7-29", "op": "delete" }]),
        json!([{ "room": "@1:ab", "id": "7-29", "op": "react", "emoji": "👩‍👩‍👧" }]),
        json!([{ "room": "lobby", "id": "7-29", "op": "react", "emoji": "a b" }]),
        json!([{ "room": "lobby", "id": "7-29", "op": "unreact", "emoji": "x".repeat(17) }]),
        json!([{ "room": "lobby", "id": "7-29", "op": "explode" }]),
        json!([{ "room": "lobby", "id": 7, "op": "delete" }]),
        json!([{ "room": "lobby", "op": "delete" }]),
        json!([]),
    ]
}

fn pages() -> Vec<Value> {
    vec![
        json!([{ "room": "lobby" }]),
        json!([{ "room": "lobby", "before": "7-29", "limit": 1000 }]),
        json!([{ "room": "lobby", "after": "7-29", "limit": 5 }]),
        json!([{ "room": "lobby", "after": "7-29", "before": "7-30" }]),
        json!([{ "room": "lobby", "before": "yesterday" }]),
        json!([{ "room": "~basics" }]),
        json!([{ "room": "@names" }]),
    ]
}

#[test]
fn v1_greetings() {
    let transcript: Vec<_> = greetings()
        .iter()
        .chain(&not_ones_own())
        .map(|auth| format!("{auth}\n    {}", greeted(auth)))
        .collect();
    assert_snapshot!(transcript.join("\n"));
}

/// What a client of v1 may say of itself.
pub(crate) fn greetings() -> Vec<Value> {
    vec![
        json!(null),
        json!({}),
        json!({ "name": " Zoë ", "session": "token", "token": "jwt", "rooms": { "lobby": { "epoch": 1, "seq": 2 } } }),
        json!({ "name": null, "session": null, "token": null, "rooms": null, "other": [] }),
        json!({ "name": "" }),
        json!({ "name": "x".repeat(65) }),
        json!({ "name": "a\u{7}b" }),
        json!({ "name": 7 }),
        json!({ "session": 7 }),
        json!({ "token": {} }),
        json!({ "rooms": [] }),
        json!({ "rooms": { "~basics": { "epoch": 1, "seq": 2 } } }),
        json!({ "rooms": { "lobby": 7 } }),
        json!({ "rooms": { "lobby": { "epoch": -1, "seq": 2 } } }),
        json!("Zoë"),
    ]
}

/// Names that no description can tell from others.
fn not_ones_own() -> [Value; 3] {
    ["\u{405}erver", "[Server]", "__proto__"].map(|name| json!({ "name": name }))
}

fn greeted(auth: &Value) -> String {
    match hello(auth) {
        Ok(hello) => format!("{:?} {:?} {:?}", hello.name, hello.session, hello.rooms),
        Err(wrong) => format!("{}: {wrong} ({})", connect_error(&wrong.refusal()), wrong.label()),
    }
}

#[test]
fn a_session_token_does_not_show_in_debug() {
    let hello = hello(&json!({ "session": "secret" })).unwrap();
    assert_eq!(hello.session.as_deref(), Some("secret"));
    let ready = Ready { session: "secret".to_owned(), ..fixtures::ready() };
    assert!(!format!("{hello:?} {ready:?}").contains("secret"));
}

fn names() -> Vec<Value> {
    vec![
        json!(["Zoë"]),
        json!(["  <b>Zoë</b>  "]),
        json!([null]),
        json!([""]),
        json!(["x".repeat(65)]),
        json!(["a\u{0}b"]),
        json!(["ﬁona"]),
        json!(["__proto__"]),
        json!(["Zoë", "and more"]),
        json!([]),
        json!([7]),
        json!([{ "name": "Zoë" }]),
    ]
}

fn texts() -> Vec<Value> {
    vec![
        json!(["hi 👋"]),
        json!(["<b>hi</b>"]),
        json!([""]),
        json!(["hi", "and more"]),
        json!([]),
        json!([null]),
        json!([7]),
        json!([{ "text": "hi" }]),
    ]
}

/// All that a vocabulary hears, tells and answers.
fn transcript(name: &str, words: &[(&str, Vec<Value>)]) -> String {
    let dialect = fixtures::dialect(name);
    let mut lines = vec![
        format!("{} in {:?}", dialect.name(), dialect.room()),
        format!("greeting {}, fallback {:?}", dialect.greeting(), dialect.fallback()),
        format!("lists people: {}, echoes: {}", dialect.lists_people(), dialect.echoes()),
    ];
    lines.push("\nHEARD".to_owned());
    lines.extend(
        words.iter().flat_map(|(word, calls)| calls.iter().flat_map(|args| heard(dialect, word, args))),
    );
    lines.push("\nTOLD".to_owned());
    told(&mut lines, dialect);
    lines.push("NOTICE".to_owned());
    lines.extend(dialect.notice("not <b>now</b>").iter().map(shown));
    lines.push("\nANSWERED".to_owned());
    lines.extend(outcomes().iter().flat_map(|(what, outcome)| answered(what, &dialect.answer(outcome))));
    lines.extend(answered("malformed", &dialect.object(&Misspoken::MissingArgument("text"))));
    lines.join("\n")
}

fn heard(dialect: &dyn Dialect, word: &str, args: &Value) -> [String; 2] {
    let outcome = match dialect.decode(word, args.as_array().expect("arguments")) {
        None => "    not of this vocabulary".to_owned(),
        Some(Ok(command)) => format!("    {command:?}"),
        Some(Err(wrong)) => format!("    malformed: {wrong} ({})", wrong.label()),
    };
    [format!("{word} {args}"), outcome]
}

fn told(lines: &mut Vec<String>, dialect: &dyn Dialect) {
    let ready = fixtures::ready();
    let messages = [fixtures::plain(), fixtures::with_markup(), fixtures::reply(), fixtures::in_channel()];
    let people = ["ann", "__proto__", "<i>&'\"</i>"].map(someone);
    let [ann, _, markup] = &people;

    let mut happenings = vec![Told::Connected, Told::Ready(&ready)];
    happenings.extend(messages.iter().map(|message| Told::Said { position: POSITION, at: AT, message }));
    let updates = fixtures::updates();
    happenings.extend(updates.iter().map(|update| Told::Updated { position: POSITION, at: AT, update }));
    happenings.push(Told::Gap { top: POSITION });
    happenings.push(Told::Read { who: &messages[0].author, seq: 42 });
    happenings.extend([true, false].map(|on| Told::Typing { who: &messages[0].author, on }));
    happenings.extend([ann, markup].map(|who| Told::Joined { who, count: 3 }));
    happenings.extend([ann, markup].map(|who| Told::Left { who, count: 2 }));
    happenings.extend([Told::Roster(&people), Told::Roster(&[])]);
    happenings.push(Told::Bye { reason: "drain", retry_after: 0 });
    happenings.push(Told::Changed { joined: &people[..1], left: &people[1..2], count: 2 });
    for happening in happenings {
        lines.push(format!("{happening:?}"));
        lines.extend(dialect.encode(&fixtures::room(dialect), &happening).iter().map(shown));
    }
}

fn answered(what: &str, Answer { ack, told }: &Answer) -> Vec<String> {
    let ack = ack.as_deref().map_or_else(|| "none".to_owned(), |args| Value::from(args).to_string());
    let ack = format!("{what}\n    ack {ack}");
    std::iter::once(ack).chain(told.iter().map(shown)).collect()
}

fn shown(Utterance { event, args }: &Utterance) -> String {
    format!("    {event} {}", Value::from(args.as_slice()))
}
