//! Names of things, parsed once at the edge; behind it nobody checks again.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::likeness::likeness;

/// Why a text is no id of the wanted kind. The text is for the person who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More characters than the kind allows.
    #[error("is too long")]
    TooLong,
    /// A character that the kind does not allow.
    #[error("has a character that is not allowed")]
    Character,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }
    };
}

id! {
    /// A room. People's rooms come from [`RoomId::parse`]; a vocabulary's own begin with `~`, which that refuses.
    RoomId
}
id! {
    /// What a person is called: shown to others, unique only where a vocabulary can refuse.
    Name
}
id! {
    /// Who a person is, across reconnects: opaque to clients.
    UserId
}
id! {
    /// A gateway node: `[A-Za-z0-9_-]`, 1 to 32 characters, so that it can stand in a session id.
    NodeId
}
id! {
    /// A message, for replies and edits: made from its position, so that a retry gives the same one.
    MessageId
}

impl RoomId {
    /// Longest name of a room, in characters.
    pub const MAX: usize = 64;

    /// A room that a person names: visible characters and inner spaces, not starting with `~` or `@`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let text = visible(text, Self::MAX)?;
        if text.starts_with(['~', '@']) {
            return Err(InvalidId::Character);
        }
        Ok(Self(text.into()))
    }

    /// A room of the server's own, out of people's reach.
    pub fn reserved(name: &'static str) -> Self {
        Self(format!("~{name}").into())
    }

    /// Whether it is a vocabulary's.
    pub(crate) fn is_vocabularys(&self) -> bool {
        self.0.starts_with('~') && !self.is_inbox()
    }

    /// The pseudo-room whose people are the names that are taken. Nobody hears it.
    pub fn names() -> Self {
        Self("@names".into())
    }

    /// The room of two people, out of others' reach. One may write to oneself.
    pub fn direct(one: &UserId, other: &UserId) -> Self {
        let (first, last) = if one <= other { (one, other) } else { (other, one) };
        Self(format!("@{}:{first}{last}", first.as_str().len()).into())
    }

    /// A room of two people as a client gives it back. Whether it is theirs is not checked here.
    pub fn parse_direct(text: &str) -> Result<Self, InvalidId> {
        let room = Self(text.into());
        if text.len() > 4 * Self::MAX {
            Err(InvalidId::TooLong)
        } else {
            room.pair().map(|_| room.clone()).ok_or(InvalidId::Character)
        }
    }

    /// Whether it is the room of this person and someone.
    pub fn is_of(&self, user: &UserId) -> bool {
        self.pair().is_some_and(|(one, other)| one == user.as_str() || other == user.as_str())
    }

    /// Whether it is a room of two people.
    pub fn is_direct(&self) -> bool {
        self.pair().is_some()
    }

    fn pair(&self) -> Option<(&str, &str)> {
        let (length, users) = self.0.strip_prefix('@')?.split_once(':')?;
        let (first, last) = users.split_at_checked(length.parse().ok()?)?;
        (!first.is_empty() && first <= last && !users.contains(hidden)).then_some((first, last))
    }

    /// Where someone hears which rooms of two they are in. Each message there names one as its channel.
    pub fn inbox(user: &UserId) -> Self {
        Self(format!("~for {user}").into())
    }

    /// Whether it is someone's inbox.
    pub fn is_inbox(&self) -> bool {
        self.0.starts_with("~for ")
    }

    /// A room as another node wrote it into the backplane. It is not checked again, only bounded.
    pub fn from_backplane(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= 4 * Self::MAX + 1).then(|| Self(text.into()))
    }
}

impl Name {
    /// Longest name, in characters.
    pub const MAX: usize = 64;

    /// A name that was one when it came in, as a token or the backplane gives it back. It is not weighed again, only
    /// bounded; what a client says goes through [`Name::typed`] or [`Name::own`].
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Ok(Self(bounded(text, Self::MAX, |c| hidden(c) && !joins(c))?.into()))
    }

    /// A name of the server's own making.
    pub(crate) fn plain(text: String) -> Self {
        Self(text.into())
    }
}

impl UserId {
    /// A user id that comes from a trusted place: the server's own randomness, a signed token or the backplane.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Longest id, in characters.
    pub const MAX: usize = 64;

    /// An id that a client gives back.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Ok(Self(visible(text, Self::MAX)?.into()))
    }

    /// A fresh guest's.
    pub fn random() -> Self {
        Self(format!("{:016x}", rand::random::<u64>()).into())
    }

    /// What makes two names the same one: what they look like, whatever their case.
    pub fn of_name(name: &Name) -> Self {
        Self(likeness(name.as_str()).into())
    }
}

impl From<&Name> for UserId {
    /// Where a vocabulary knows people by their names alone.
    fn from(name: &Name) -> Self {
        Self(name.0.clone())
    }
}

impl NodeId {
    /// Longest node id, in characters.
    pub const MAX: usize = 32;

    /// An id from configuration.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        match text.len() {
            0 => Err(InvalidId::Empty),
            n if n > Self::MAX => Err(InvalidId::TooLong),
            _ if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') => {
                Ok(Self(text.into()))
            }
            _ => Err(InvalidId::Character),
        }
    }

    /// The default: random at every start.
    pub fn random() -> Self {
        Self(format!("{:08x}", rand::random::<u32>()).into())
    }
}

impl MessageId {
    /// An id that a client sends back. It is only compared.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Ok(Self(visible(text, 64)?.into()))
    }

    pub(crate) fn at(position: crate::Position) -> Self {
        Self(format!("{:x}-{:x}", position.epoch, position.seq).into())
    }
}

/// One client's connection to one namespace. Random, of this process alone, never shown to anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u128);

impl SessionId {
    /// A new one; equal ones do not occur.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// As it travels between nodes.
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl From<u128> for SessionId {
    fn from(id: u128) -> Self {
        Self(id)
    }
}

fn visible(text: &str, max: usize) -> Result<&str, InvalidId> {
    bounded(text, max, hidden)
}

fn bounded(text: &str, max: usize, refused: fn(char) -> bool) -> Result<&str, InvalidId> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    if text.chars().nth(max).is_some() {
        return Err(InvalidId::TooLong);
    }
    if text.chars().any(refused) {
        return Err(InvalidId::Character);
    }
    Ok(text)
}

/// Control characters, and those that reorder or hide the text around them (Unicode's bidirectional and
/// zero-width formats).
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The joiners, without which some emoji fall apart and some names are misspelt.
fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded_in_characters() {
        assert_eq!(Name::parse("  Zoë ").expect("a name").as_str(), "Zoë");
        assert_eq!(Name::parse(" \t "), Err(InvalidId::Empty));
        assert!(Name::parse(&"é".repeat(64)).is_ok());
        assert_eq!(Name::parse(&"é".repeat(65)), Err(InvalidId::TooLong));
        assert_eq!(Name::parse("a\u{202e}b"), Err(InvalidId::Character));
    }

    #[test]
    fn people_cannot_name_reserved_rooms() {
        assert!(RoomId::parse("lobby").is_ok());
        assert_eq!(RoomId::parse("~socketio-basics"), Err(InvalidId::Character));
        assert_eq!(RoomId::parse("@names"), Err(InvalidId::Character));
    }

    #[test]
    fn a_room_of_two_is_theirs_whoever_writes_first_and_nobody_elses() {
        let [ann, bob, cy] = ["a+b", "b", "a"].map(UserId::new);
        let room = RoomId::direct(&ann, &bob);
        assert_eq!(room, RoomId::direct(&bob, &ann));
        assert_eq!(RoomId::parse_direct(room.as_str()), Ok(room.clone()));
        assert!(room.is_of(&ann) && room.is_of(&bob) && !room.is_of(&cy));
        assert_ne!(room, RoomId::direct(&cy, &UserId::new("+bb")));
        for strange in ["", "@", "@names", "lobby", "@0:ab", "@9:ab", "@1:ba", "@x:ab", "~for ann"] {
            assert!(RoomId::parse_direct(strange).is_err(), "{strange}");
        }
    }

    #[test]
    fn node_ids_fit_into_a_session_id() {
        assert!(NodeId::parse("gateway-1").is_ok());
        assert_eq!(NodeId::parse("a.b"), Err(InvalidId::Character));
        assert_eq!(NodeId::parse(""), Err(InvalidId::Empty));
    }
}
