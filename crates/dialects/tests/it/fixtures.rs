//! People, messages and outcomes to try the vocabularies with.

use hubbub_core::{
    Author, Change, Envelope, Event, Fate, History, Identity, Message, MessageId, Millis, Name, Occupant,
    Past, Place, Position, Receipt, Recent, Refusal, RefusalCode, Reply, RoomId, Update, UserId,
};
use hubbub_dialects::{Dialect, Ready, Resumed, spoken_at};

/// 2018-08-07 12:34:56 UTC: the day of seed 004.
pub(crate) const AT: Millis = 1_533_645_296_789;
pub(crate) const POSITION: Position = Position { epoch: 7, seq: 42 };

/// Every place where sockets connect: the namespace, and whether by seed 003's path.
pub(crate) const PLACES: &[(&str, bool)] =
    &[("/", false), ("/", true), ("/ssio", false), ("/iss", false), ("/v1", false)];

pub(crate) fn dialects() -> Vec<&'static dyn Dialect> {
    PLACES.iter().flat_map(|(namespace, own_path)| spoken_at(namespace, *own_path)).copied().collect()
}

pub(crate) fn dialect(name: &str) -> &'static dyn Dialect {
    dialects().into_iter().find(|dialect| dialect.name() == name).expect("a vocabulary of that name")
}

pub(crate) fn room(dialect: &dyn Dialect) -> RoomId {
    dialect.room().unwrap_or_else(lobby)
}

fn lobby() -> RoomId {
    RoomId::parse("lobby").expect("a room")
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// Someone whose name is also their id, as in the tutorials.
pub(crate) fn someone(text: &str) -> Occupant {
    Occupant { user: UserId::from(&name(text)), name: name(text), devices: 2 }
}

pub(crate) fn plain() -> Message {
    Message {
        author: Author { user: Some(UserId::new("u1")), name: name("Zoë") },
        text: "hi 👋".to_owned(),
        cid: None,
        reply_to: None,
        channel: None,
        fate: None,
    }
}

pub(crate) fn with_markup() -> Message {
    let author = Author { user: None, name: name("<b>\"O'Neil\"</b>") };
    Message { author, text: "1 < 2 && \"3\" > '2' &amp;".to_owned(), ..plain() }
}

pub(crate) fn reply() -> Message {
    let reply_to = Some(MessageId::parse("7-29").expect("an id"));
    Message { text: "yes".to_owned(), cid: Some("c-1".to_owned()), reply_to, ..plain() }
}

pub(crate) fn in_channel() -> Message {
    Message { channel: Some("rust".to_owned()), ..plain() }
}

pub(crate) fn logged(message: Message) -> Envelope {
    Envelope {
        room: lobby(),
        place: Place::Logged(POSITION),
        at: AT,
        origin: None,
        event: Event::Said(message),
    }
}

pub(crate) fn ready() -> Ready {
    Ready {
        session: "token".to_owned(),
        identity: Identity { user: UserId::new("u1"), name: name("Zoë") },
        guest: true,
        node: "node-1".to_owned(),
        text_limit: 32_768,
        room_limit: 100,
        rooms: vec![
            (lobby(), Ok(Resumed { top: POSITION, recovered: true, count: 3 })),
            (RoomId::parse("kitchen").expect("a room"), Err(Refusal::unavailable())),
        ],
    }
}

pub(crate) fn outcomes() -> Vec<(&'static str, Result<Reply, Refusal>)> {
    vec![
        ("done", Ok(Reply::Done)),
        (
            "entered",
            Ok(Reply::Entered { room: lobby(), name: name("Zoë"), first: true, version: 7, count: 3 }),
        ),
        ("joined", Ok(joined())),
        ("joined again", Ok(joined_again())),
        (
            "sent",
            Ok(Reply::Sent {
                room: lobby(),
                receipt: Receipt { position: POSITION, at: AT, duplicate: false },
            }),
        ),
        (
            "sent before",
            Ok(Reply::Sent {
                room: lobby(),
                receipt: Receipt { position: POSITION, at: AT, duplicate: true },
            }),
        ),
        ("modified", Ok(Reply::Modified { position: POSITION, duplicate: false })),
        ("modified before", Ok(Reply::Modified { position: POSITION, duplicate: true })),
        ("a page of history", Ok(history())),
        ("renamed", Ok(Reply::Renamed { identity: ready().identity, session: Some("token".to_owned()) })),
        ("members, all", Ok(Reply::Members { members: vec![someone("ann")], count: 1, next: None })),
        ("members, a page", Ok(page())),
        (
            "a channel",
            Ok(Reply::Channel { channel: "rust".to_owned(), messages: vec![logged(in_channel())] }),
        ),
        ("an unknown channel", Ok(Reply::Channel { channel: "go".to_owned(), messages: vec![] })),
        ("refused", Err(Refusal::new(RefusalCode::TooLarge, "at most 9 bytes of text"))),
        ("refused for now", Err(Refusal::unavailable())),
    ]
}

fn joined() -> Reply {
    Reply::Joined {
        version: 7,
        is_back: false,
        room: lobby(),
        past: Past::Recent(Recent { top: POSITION, envelopes: vec![logged(reply())] }),
        members: vec![someone("ann"), someone("bob")],
        count: 2,
    }
}

fn joined_again() -> Reply {
    let since = Position { seq: POSITION.seq - 1, ..POSITION };
    let missed = Recent { top: POSITION, envelopes: vec![logged(reply())] };
    Reply::Joined {
        version: 7,
        is_back: false,
        room: lobby(),
        past: Past::Missed { since, missed },
        members: vec![someone("ann")],
        count: 1,
    }
}

fn history() -> Reply {
    let edited = Fate { edited: Some(AT + 1), reactions: [("👍".to_owned(), 3)].into(), ..Fate::default() };
    let deleted = Fate { deleted: true, ..Fate::default() };
    let fates = [edited, deleted].map(|fate| logged(Message { fate: Some(Box::new(fate)), ..plain() }));
    Reply::History { room: lobby(), history: History { envelopes: fates.into(), more: true } }
}

pub(crate) fn updates() -> Vec<Update> {
    let changes = [
        Change::Edit { text: "<b>better</b>".to_owned() },
        Change::Delete,
        Change::React { emoji: "👍".to_owned() },
        Change::Unreact { emoji: "👍".to_owned() },
    ];
    let target = Position { seq: 7, ..POSITION }.id();
    let author = Author { user: Some(UserId::new("u1")), name: name("Zoë") };
    let update = |change| Update {
        target: target.clone(),
        author: author.clone(),
        change,
        count: 2,
        cid: Some("c1".to_owned()),
    };
    changes.map(update).into()
}

fn page() -> Reply {
    Reply::Members { members: vec![someone("ann")], count: 3, next: Some(UserId::new("ann")) }
}
