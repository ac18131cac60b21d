//! Small parsers that the vocabularies share.

use hubbub_core::{Command, InvalidId, Name, Position, RoomId, Said};
use serde_json::{Map, Value};

use crate::Misspoken;

/// The first argument, said to this room.
pub(crate) fn say(room: RoomId, args: &[Value]) -> Result<Command, Misspoken> {
    let text = string("text", args.first())?.to_owned();
    Ok(Command::Send { room, said: Said { text, ..Said::default() } })
}

/// The first argument, as the name under which someone comes into this room. Without one it is a cancelled prompt as
/// well: some clients leave a trailing `null` out.
pub(crate) fn enter(room: RoomId, args: &[Value]) -> Result<Command, Misspoken> {
    let name = name_or_guest("name", args.first().or(Some(&Value::Null)))?;
    Ok(Command::Enter { room, name })
}

/// The name that someone wants. `None`: they become a guest, for `null` is what a cancelled prompt sends, and the
/// tutorials' pages cannot show an error about any other text.
pub(crate) fn name_or_guest(what: &'static str, value: Option<&Value>) -> Result<Option<Name>, Misspoken> {
    match value {
        Some(Value::Null) => Ok(None),
        value => Ok(Name::typed(string(what, value)?).ok()),
    }
}

/// The fields of a request that is one object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// Those of the first argument.
    pub(crate) fn of(args: &'a [Value]) -> Result<Self, Misspoken> {
        match args.first() {
            None => Err(Misspoken::MissingArgument("the argument")),
            Some(value) => Self::object("the argument", value),
        }
    }

    /// Those of an object that is called `what`.
    pub(crate) fn object(what: &'static str, value: &'a Value) -> Result<Self, Misspoken> {
        value.as_object().map(Self).ok_or(Misspoken::WrongType(what, "an object"))
    }

    /// A name that must be there, but may be none.
    pub(crate) fn name_or_guest(self, key: &'static str) -> Result<Option<Name>, Misspoken> {
        name_or_guest(key, self.0.get(key))
    }

    /// The field, if it is there and not `null`.
    pub(crate) fn present(self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A string that must be there.
    pub(crate) fn string(self, key: &'static str) -> Result<&'a str, Misspoken> {
        string(key, self.0.get(key))
    }

    /// A string that may be missing or `null`.
    pub(crate) fn optional_string(self, key: &'static str) -> Result<Option<&'a str>, Misspoken> {
        self.present(key).map(|value| string(key, Some(value))).transpose()
    }

    /// A boolean that must be there.
    pub(crate) fn flag(self, key: &'static str) -> Result<bool, Misspoken> {
        self.there(key)?.as_bool().ok_or(Misspoken::WrongType(key, "true or false"))
    }

    /// A number that must be there.
    pub(crate) fn whole(self, key: &'static str) -> Result<u64, Misspoken> {
        self.there(key)?.as_u64().ok_or(Misspoken::WrongType(key, "a whole number, 0 or more"))
    }

    fn there(self, key: &'static str) -> Result<&'a Value, Misspoken> {
        self.present(key).ok_or(Misspoken::MissingArgument(key))
    }

    /// A number of things that may be missing or `null`; more than `most` means `most`.
    pub(crate) fn limit(self, key: &'static str, default: usize, most: usize) -> Result<usize, Misspoken> {
        let Some(value) = self.present(key) else { return Ok(default) };
        let wanted = value.as_u64().ok_or(Misspoken::WrongType(key, "a whole number, 0 or more"))?;
        Ok(usize::try_from(wanted).map_or(most, |wanted| wanted.min(most)))
    }
}

/// The string, if it has at most so many characters.
pub(crate) fn bounded<'a>(what: &'static str, text: &'a str, most: usize) -> Result<&'a str, Misspoken> {
    match text.chars().nth(most) {
        Some(_) => Err(Misspoken::Invalid(what, InvalidId::TooLong)),
        None => Ok(text),
    }
}

/// A room that a person names.
pub(crate) fn room(text: &str) -> Result<RoomId, Misspoken> {
    RoomId::parse(text).map_err(|error| Misspoken::Invalid("room", error))
}

/// A room that a person names, or one of two people as it was told to them.
pub(crate) fn place(text: &str) -> Result<RoomId, Misspoken> {
    if text.starts_with('@') {
        return RoomId::parse_direct(text).map_err(|error| Misspoken::Invalid("room", error));
    }
    room(text)
}

/// What someone reacts with: any short word without spaces. Emoji are long sequences, and new ones come every year.
pub(crate) fn emoji(what: &'static str, text: &str) -> Result<String, Misspoken> {
    let text = bounded(what, filled(what, text)?, EMOJI_MAX)?;
    if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(Misspoken::Invalid(what, InvalidId::Character));
    }
    Ok(text.to_owned())
}

/// `{epoch, seq}`: where something stands in a room's log.
pub(crate) fn position(what: &'static str, value: &Value) -> Result<Position, Misspoken> {
    let number = |key| value.get(key).and_then(Value::as_u64);
    match (number("epoch"), number("seq")) {
        (Some(epoch), Some(seq)) => Ok(Position { epoch, seq }),
        _ => Err(Misspoken::WrongType(what, "a position, {epoch, seq}")),
    }
}

/// A client's own id of a message.
pub(crate) fn cid(what: &'static str, text: &str) -> Result<String, Misspoken> {
    Ok(bounded(what, filled(what, text)?, CID_MAX)?.to_owned())
}

/// The text, if there is any.
pub(crate) fn filled<'a>(what: &'static str, text: &'a str) -> Result<&'a str, Misspoken> {
    if text.is_empty() { Err(Misspoken::Invalid(what, InvalidId::Empty)) } else { Ok(text) }
}

/// A string that must be there.
pub(crate) fn string<'a>(what: &'static str, value: Option<&'a Value>) -> Result<&'a str, Misspoken> {
    match value {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Misspoken::WrongType(what, "a string")),
        None => Err(Misspoken::MissingArgument(what)),
    }
}

/// Longest reaction, in characters.
const EMOJI_MAX: usize = 16;
/// Longest id that a client gives its message, in characters.
const CID_MAX: usize = 64;
