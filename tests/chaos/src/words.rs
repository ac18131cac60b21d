//! What is said in the namespace `/v1`, as packets.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::log::{Cid, Position, Room};

/// What a server's packet says.
#[derive(Debug)]
pub enum Heard {
    /// It wants to know whether the client is still there.
    Ping,
    /// The session is over, or the namespace is.
    Over,
    /// The namespace is refused, for this reason.
    Refused(String),
    /// The client is in, and hears these rooms again.
    Ready {
        /// How the cluster knows it.
        user: String,
        /// Proves at any node who it is.
        session: String,
        /// The rooms that it named, as far as it is in them.
        rooms: Vec<(Room, Position, bool)>,
    },
    /// A message, or a change of one.
    Told {
        /// Where.
        room: Room,
        /// Its position.
        position: Position,
        /// What it is.
        cid: Option<Cid>,
        /// Of all that must be the same for everyone.
        digest: u64,
        /// The message's id; `None`: it is a change of one.
        id: Option<String>,
    },
    /// Something before this may be missing.
    Gap(Room, Position),
    /// The answer to a request.
    Answer(u64, Value),
    /// Something else.
    Other,
}

/// The request for the namespace: who it is, and what it has of each room.
pub fn connect(name: &str, session: Option<&str>, rooms: &BTreeMap<Room, Position>) -> String {
    let rooms: BTreeMap<_, _> = rooms.iter().map(|(room, at)| (room.name(), position(*at))).collect();
    let mut auth = json!({ "rooms": rooms });
    match session {
        Some(session) => auth["session"] = session.into(),
        None => auth["name"] = name.into(),
    }
    format!("40/v1,{auth}")
}

/// A request, to be answered under this number.
pub fn request(number: u64, word: &str, body: &Value) -> String {
    format!("42/v1,{number}[{word:?},{body}]")
}

/// A position as the protocol writes it.
pub fn position(Position { epoch, seq }: Position) -> Value {
    json!({ "epoch": epoch, "seq": seq })
}

/// A body's position.
pub fn position_of(body: &Value) -> Option<Position> {
    Some(Position { epoch: body["epoch"].as_u64()?, seq: body["seq"].as_u64()? })
}

/// Understands a packet.
pub fn understand(packet: &str) -> Heard {
    event(packet).or_else(|| answer(packet)).unwrap_or_else(|| match packet {
        "2" => Heard::Ping,
        "1" | "41/v1," | "41/v1" => Heard::Over,
        _ => packet.strip_prefix("44/v1,").map_or(Heard::Other, refused),
    })
}

fn refused(body: &str) -> Heard {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    Heard::Refused(body["message"].as_str().unwrap_or_default().to_owned())
}

fn event(packet: &str) -> Option<Heard> {
    let (word, rest) = packet.strip_prefix("42/v1,[\"")?.split_once('"')?;
    let body = rest.strip_prefix(',')?.strip_suffix(']')?;
    match word {
        "message" | "update" => told(word, body),
        "gap" => {
            let body: Value = serde_json::from_str(body).ok()?;
            Some(Heard::Gap(Room::of_name(body["room"].as_str()?)?, position_of(&body)?))
        }
        "ready" => ready(&serde_json::from_str(body).ok()?),
        _ => Some(Heard::Other),
    }
}

fn answer(packet: &str) -> Option<Heard> {
    let rest = packet.strip_prefix("43/v1,")?;
    let (number, body) = rest.split_at(rest.find('[')?);
    let mut body: Vec<Value> = serde_json::from_str(body).ok()?;
    Some(Heard::Answer(number.parse().ok()?, body.pop()?))
}

fn ready(body: &Value) -> Option<Heard> {
    let resumed = |(room, told): (&String, &Value)| {
        Some((Room::of_name(room)?, position_of(told)?, told["recovered"].as_bool()?))
    };
    let rooms = body["rooms"].as_object().into_iter().flatten().filter_map(resumed).collect();
    let user = body["user"]["id"].as_str()?.to_owned();
    Some(Heard::Ready { user, session: body["session"].as_str()?.to_owned(), rooms })
}

/// The fields that everyone must be told alike.
#[derive(Deserialize, Hash)]
struct Body<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    room: Cow<'a, str>,
    epoch: u64,
    seq: u64,
    #[serde(borrow, default)]
    user: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    op: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    emoji: Option<Cow<'a, str>>,
    #[serde(default)]
    count: Option<u64>,
}

fn told(word: &str, body: &str) -> Option<Heard> {
    let body: Body<'_> = serde_json::from_str(body).ok()?;
    let mut hasher = DefaultHasher::new();
    (word, &body).hash(&mut hasher);
    let is_message = word == "message";
    // The text of an edited message still says which one it is.
    let named = if is_message { &body.text } else { &body.cid };
    Some(Heard::Told {
        room: Room::of_name(&body.room)?,
        position: Position { epoch: body.epoch, seq: body.seq },
        cid: named.as_deref().and_then(Cid::of_text),
        digest: hasher.finish(),
        id: is_message.then(|| body.id.into_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_what_it_says() {
        let packet = |text| {
            format!(
                r#"42/v1,["message",{{"id":"a","room":"room-3","epoch":7,"seq":9,"user":"u","text":"{text}"}}]"#
            )
        };
        let Heard::Told { room, position, cid, digest, .. } = understand(&packet("4-12 hello")) else {
            panic!("no message");
        };
        assert_eq!((room, position), (Room(3), Position { epoch: 7, seq: 9 }));
        assert_eq!(cid, Some(Cid { sender: 4, count: 12 }));
        let Heard::Told { digest: other, .. } = understand(&packet("4-12 hellO")) else {
            panic!("no message")
        };
        assert_ne!(digest, other);
    }

    #[test]
    fn answers_are_known_by_their_number() {
        assert!(
            matches!(understand(r#"43/v1,12[{"ok":true}]"#), Heard::Answer(12, body) if body["ok"] == true)
        );
        assert!(matches!(understand("2"), Heard::Ping));
        assert!(matches!(understand("41/v1,"), Heard::Over));
        assert!(
            matches!(understand(r#"44/v1,{"message":"unavailable"}"#), Heard::Refused(why) if why == "unavailable")
        );
        assert!(matches!(understand(r#"42/v1,["presence",{}]"#), Heard::Other));
    }
}
