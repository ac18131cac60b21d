//! How events travel and are kept: a line of fields and a body, with a version in front.
//!
//! ```text
//! 1S<epoch>:<seq>:<at>:<origin>:<message as JSON>            said, in the room's log
//! 1J<version>:<at>:<people in the room>:<origin>:<devices>:<bytes of user>:<user><name>
//!                                                            joined; 1D.. has so many devices, 1L.. left
//! 1U<epoch>:<seq>:<at>:<count>:<origin>:<update as JSON>      changed, in the room's log
//! 1T<origin>:<1 or 0>:<bytes of user, or ->:<user><name>      types, or no longer; kept nowhere
//! 1R<origin>:<seq>:<bytes of user, or ->:<user><name>         has read up to there; kept nowhere
//! ```
//!
//! The scripts write the head of what is kept, for only they know position and time. What comes from Redis is not trusted: anyone with
//! its password can write there, and a newer node may say what this one does not know.

use std::{borrow::Cow, collections::BTreeMap};

use hubbub_core::{
    Author, Change, Envelope, Event, Fate, Hint, Message, MessageId, Millis, Name, Occupant, Place, Position,
    Revision, RoomId, SessionId, Update, UserId,
};
use serde::{Deserialize, Serialize};

/// Longest frame that is written or read: the longest text there is, with every character escaped.
pub(crate) const LONGEST: usize = 512 * 1024;

const VERSION: u8 = b'1';

/// The kinds of frames that a node publishes itself.
const TYPING: u8 = b'T';
const READ: u8 = b'R';

/// Why a frame is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("longer than anything we write")]
    TooLong,
    #[error("of an unknown version or kind")]
    Unknown,
    #[error("not what its kind looks like")]
    Broken,
}

/// A frame whose head is understood; its body may not be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) place: Place,
    kind: u8,
    at: Millis,
    /// Of a change: how many have reacted with that now.
    count: u64,
    origin: Option<SessionId>,
    body: &'a str,
}

/// Reads a frame in one go.
pub(crate) fn envelope(room: &RoomId, bytes: &[u8]) -> Result<Envelope, Malformed> {
    Frame::parse(bytes)?.envelope(room)
}

impl<'a> Frame<'a> {
    /// Reads the head.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > LONGEST {
            return Err(Malformed::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Broken)?;
        let kind = match text.as_bytes() {
            [VERSION, kind @ (b'S' | b'U' | b'J' | b'D' | b'L' | TYPING | READ), ..] => *kind,
            _ => return Err(Malformed::Unknown),
        };
        Self::head(kind, &text[2..]).ok_or(Malformed::Broken)
    }

    fn head(kind: u8, text: &'a str) -> Option<Self> {
        let (place, at, rest) = match kind {
            b'S' | b'U' => {
                let (epoch, rest) = number(text)?;
                let (seq, rest) = number(rest)?;
                let (at, rest) = number(rest)?;
                (Place::Logged(Position { epoch, seq }), at, rest)
            }
            TYPING | READ => (Place::Volatile, 0, text),
            _ => {
                let (version, rest) = number(text)?;
                let (at, rest) = number(rest)?;
                let (count, rest) = number(rest)?;
                (Place::Presence { version, count: usize::try_from(count).ok()? }, at, rest)
            }
        };
        let (count, rest) = if kind == b'U' { number(rest)? } else { (0, rest) };
        let (origin, body) = rest.split_once(':')?;
        let origin = match origin {
            "-" => None,
            hex => Some(SessionId::from(u128::from_str_radix(hex, 16).ok()?)),
        };
        Some(Self { place, kind, at, count, origin, body })
    }

    /// Reads the body.
    pub(crate) fn envelope(&self, room: &RoomId) -> Result<Envelope, Malformed> {
        let event = match self.kind {
            b'J' => self.occupant().map(Event::Joined),
            b'D' => self.occupant().map(Event::Counted),
            b'L' => self.occupant().map(Event::Left),
            TYPING | READ => parse_hint(self.kind, self.body).map(Event::Hinted),
            b'U' => parse_update(self.count, self.body).map(Event::Updated),
            _ => parse_message(self.body).map(Event::Said),
        };
        let event = event.ok_or(Malformed::Broken)?;
        Ok(Envelope { room: room.clone(), place: self.place, at: self.at, origin: self.origin, event })
    }

    fn occupant(&self) -> Option<Occupant> {
        let (devices, rest) = number(self.body)?;
        let (length, rest) = number(rest)?;
        let (user, name) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        let devices = usize::try_from(devices).ok()?;
        Some(Occupant { user: UserId::new(user), name: Name::parse(name).ok()?, devices })
    }
}

/// Whether a frame may be lost without anybody missing it.
pub(crate) fn is_hint(bytes: &[u8]) -> bool {
    matches!(bytes, [VERSION, TYPING | READ, ..])
}

/// A hint as it is published.
pub(crate) fn hint(hint: &Hint, origin: SessionId) -> String {
    let (kind, what, who) = match hint {
        Hint::Typing { who, on } => (TYPING, u64::from(*on), who),
        Hint::Read { who, seq } => (READ, *seq, who),
    };
    let (length, user) = match &who.user {
        Some(user) => (user.as_str().len().to_string(), user.as_str()),
        None => ("-".to_owned(), ""),
    };
    let (kind, origin) = (char::from(kind), self::origin(Some(origin)));
    format!("1{kind}{origin}:{what}:{length}:{user}{}", who.name)
}

/// What a script is told to do to a message.
pub(crate) fn operation(change: &Change) -> (&'static str, &str) {
    match change {
        Change::Edit { text } => ("edit", text),
        Change::Delete => ("delete", ""),
        Change::React { emoji } => ("react", emoji),
        Change::Unreact { emoji } => ("unreact", emoji),
    }
}

/// What a script puts behind a change's head.
pub(crate) fn update(revision: &Revision) -> Result<String, Malformed> {
    let target = revision.target.id();
    let (op, value) = operation(&revision.change);
    let updated = Updated {
        target: target.as_str().into(),
        name: revision.name.as_str().into(),
        user: revision.user.as_str().into(),
        op: op.into(),
        value: value.into(),
        cid: revision.cid.as_deref().map(Into::into),
    };
    bounded(Some(revision.origin), serde_json::to_string(&updated))
}

/// What a script puts behind a message's head, or an error: it is longer than anyone would read.
pub(crate) fn body(origin: Option<SessionId>, message: &Message) -> Result<String, Malformed> {
    bounded(origin, serde_json::to_string(&Said::from(message)))
}

fn bounded(origin: Option<SessionId>, json: serde_json::Result<String>) -> Result<String, Malformed> {
    let body = format!("{}:{}", self::origin(origin), json.map_err(|_| Malformed::Broken)?);
    // The head is at most 96 bytes.
    if body.len() + 96 > LONGEST { Err(Malformed::TooLong) } else { Ok(body) }
}

/// A session as it travels.
pub(crate) fn origin(session: Option<SessionId>) -> String {
    session.map_or_else(|| "-".to_owned(), |session| format!("{:x}", session.as_u128()))
}

fn number(text: &str) -> Option<(u64, &str)> {
    let (digits, rest) = text.split_once(':')?;
    Some((digits.parse().ok()?, rest))
}

fn parse_hint(kind: u8, body: &str) -> Option<Hint> {
    let (what, rest) = number(body)?;
    let (length, rest) = rest.split_once(':')?;
    let (user, name) = match length {
        "-" => (None, rest),
        length => {
            let (user, name) = rest.split_at_checked(length.parse().ok()?)?;
            (Some(UserId::new(user)), name)
        }
    };
    let who = Author { user, name: Name::parse(name).ok()? };
    match (kind, what) {
        (READ, seq) => Some(Hint::Read { who, seq }),
        (_, 0 | 1) => Some(Hint::Typing { who, on: what == 1 }),
        _ => None,
    }
}

/// A message's JSON. The short names are the wire format; the domain's types may change without it.
#[derive(Serialize, Deserialize)]
struct Said<'a> {
    #[serde(rename = "n")]
    name: Cow<'a, str>,
    #[serde(rename = "u", skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'a, str>>,
    #[serde(rename = "t")]
    text: Cow<'a, str>,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    cid: Option<Cow<'a, str>>,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    reply_to: Option<Cow<'a, str>>,
    #[serde(rename = "h", skip_serializing_if = "Option::is_none")]
    channel: Option<Cow<'a, str>>,
    /// These three are `revise.lua`'s: what has become of it.
    #[serde(rename = "m", default, skip_serializing)]
    edited: Option<Millis>,
    #[serde(rename = "d", default, skip_serializing)]
    deleted: u8,
    #[serde(rename = "e", default, skip_serializing)]
    reactions: BTreeMap<String, u64>,
}

/// A change's JSON.
#[derive(Serialize, Deserialize)]
struct Updated<'a> {
    #[serde(rename = "i")]
    target: Cow<'a, str>,
    #[serde(rename = "n")]
    name: Cow<'a, str>,
    #[serde(rename = "u")]
    user: Cow<'a, str>,
    #[serde(rename = "o")]
    op: Cow<'a, str>,
    #[serde(rename = "v")]
    value: Cow<'a, str>,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    cid: Option<Cow<'a, str>>,
}

impl<'a> From<&'a Message> for Said<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            name: message.author.name.as_str().into(),
            user: message.author.user.as_ref().map(|user| user.as_str().into()),
            text: message.text.as_str().into(),
            cid: message.cid.as_deref().map(Into::into),
            reply_to: message.reply_to.as_ref().map(|id| id.as_str().into()),
            channel: message.channel.as_deref().map(Into::into),
            edited: None,
            deleted: 0,
            reactions: BTreeMap::new(),
        }
    }
}

fn parse_update(count: u64, json: &str) -> Option<Update> {
    let updated: Updated<'_> = serde_json::from_str(json).ok()?;
    let value = updated.value.into_owned();
    let change = match &*updated.op {
        "edit" => Change::Edit { text: value },
        "delete" => Change::Delete,
        "react" => Change::React { emoji: value },
        "unreact" => Change::Unreact { emoji: value },
        _ => return None,
    };
    Some(Update {
        target: MessageId::parse(&updated.target).ok()?,
        author: Author {
            user: Some(UserId::new(updated.user.as_ref())),
            name: Name::parse(&updated.name).ok()?,
        },
        change,
        count,
        cid: updated.cid.map(Into::into),
    })
}

fn parse_message(json: &str) -> Option<Message> {
    let said: Said<'_> = serde_json::from_str(json).ok()?;
    let fate = Fate { edited: said.edited, deleted: said.deleted != 0, reactions: said.reactions };
    let reply_to = match said.reply_to {
        Some(id) => Some(MessageId::parse(&id).ok()?),
        None => None,
    };
    Some(Message {
        author: Author {
            user: said.user.map(|user| UserId::new(user.as_ref())),
            name: Name::parse(&said.name).ok()?,
        },
        text: said.text.into_owned(),
        cid: said.cid.map(Into::into),
        reply_to,
        channel: said.channel.map(Into::into),
        fate: (fate != Fate::default()).then(|| Box::new(fate)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn room() -> RoomId {
        RoomId::parse("lobby").expect("a room")
    }

    fn frame(head: &str, body: &str) -> Vec<u8> {
        format!("{head}{body}").into_bytes()
    }

    prop_compose! {
        fn message()(
            name in "[a-zé😀\"\\\\]{1,64}",
            user in proptest::option::of(".{0,40}"),
            text in "(?s).{0,200}",
            cid in proptest::option::of("(?s).{0,40}"),
            reply_to in proptest::option::of("[0-9a-f]{1,16}-[0-9a-f]{1,16}"),
            channel in proptest::option::of(".{0,20}"),
        ) -> Message {
            Message {
                author: Author { user: user.map(UserId::new), name: Name::parse(&name).expect("a name") },
                text,
                cid,
                reply_to: reply_to.map(|id| MessageId::parse(&id).expect("an id")),
                channel,
                fate: None,
            }
        }
    }

    proptest! {
        #[test]
        fn a_message_comes_back_as_it_went(message in message(), origin: Option<u128>, seq in 1..u64::MAX) {
            let origin = origin.map(SessionId::from);
            let bytes = frame(&format!("1S1700000000000000:{seq}:1700000000000:"), &body(origin, &message).expect("short"));
            let place = Place::Logged(Position { epoch: 1_700_000_000_000_000, seq });
            let expected =
                Envelope { room: room(), place, at: 1_700_000_000_000, origin, event: Event::Said(message) };
            prop_assert_eq!(envelope(&room(), &bytes), Ok(expected));
        }

        #[test]
        fn someone_comes_back_as_they_went(user in "(?s).{0,40}", name in "[a-zé😀:]{1,64}") {
            let bytes = frame("1L7:5:2:-:", &format!("3:{}:{user}{name}", user.len()));
            let who = Occupant { user: UserId::new(user), name: Name::parse(&name).expect("a name"), devices: 3 };
            let read = envelope(&room(), &bytes).expect("a frame");
            prop_assert_eq!((read.place, read.event), (Place::Presence { version: 7, count: 2 }, Event::Left(who)));
        }

        #[test]
        fn a_hint_comes_back_as_it_went(
            user in proptest::option::of("(?s).{0,40}"),
            name in "[a-zé😀:-]{1,64}",
            on: bool,
            origin: u128,
        ) {
            let who = Author { user: user.map(UserId::new), name: Name::parse(&name).expect("a name") };
            let (typing, origin) = (Hint::Typing { who, on }, SessionId::from(origin));
            let bytes = hint(&typing, origin).into_bytes();
            prop_assert!(is_hint(&bytes));
            prop_assert_eq!(envelope(&room(), &bytes), Ok(Envelope::volatile(&room(), typing, Some(origin))));
        }

        #[test]
        fn garbage_is_refused_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _refused = envelope(&room(), &bytes);
        }

        #[test]
        fn what_looks_like_a_frame_never_panics(text in "1[SUJDLTR][0-9:a-f-]{0,40}(?s).{0,40}") {
            let _refused = envelope(&room(), text.as_bytes());
        }
    }

    #[test]
    fn unknown_versions_and_overlong_frames_are_refused() {
        assert_eq!(envelope(&room(), b"2S1:1:1:-:{}"), Err(Malformed::Unknown));
        assert_eq!(envelope(&room(), b"1X1:1:1:-:{}"), Err(Malformed::Unknown));
        assert_eq!(envelope(&room(), b"1S1:1:1:-:{\"n\":\"\",\"t\":\"\"}"), Err(Malformed::Broken));
        assert_eq!(envelope(&room(), &vec![b'1'; LONGEST + 1]), Err(Malformed::TooLong));
    }
}
