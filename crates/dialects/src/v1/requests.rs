//! What v1 clients ask for.

use hubbub_core::{Change, Command, MEMBERS_PAGE, MessageId, Name, Position, RoomId, Said, Side, UserId};
use serde_json::Value;

use crate::{
    Misspoken,
    words::{self, Fields},
};

/// `{room, since?, limit?}`.
pub(super) fn join(args: &[Value]) -> Result<Command, Misspoken> {
    let fields = Fields::of(args)?;
    let since = fields.present("since").map(|since| words::position("since", since)).transpose()?;
    let limit = fields.limit("limit", JOIN_DEFAULT, JOIN_MAX)?;
    Ok(Command::Join { room: room(fields)?, since, limit })
}

/// `{room}`.
pub(super) fn leave(args: &[Value]) -> Result<Command, Misspoken> {
    Ok(Command::Leave { room: room(Fields::of(args)?)? })
}

/// `{room or to, text, cid?, reply_to?}`.
pub(super) fn send(args: &[Value]) -> Result<Command, Misspoken> {
    let fields = Fields::of(args)?;
    let said = Said {
        text: words::filled("text", fields.string("text")?)?.to_owned(),
        cid: cid(fields)?,
        reply_to: reply_to(fields)?,
        ..Said::default()
    };
    match (fields.optional_string("to")?, fields.present("room")) {
        (Some(_), Some(_)) => Err(Misspoken::WrongType("to", "absent where there is a room")),
        (Some(to), None) => {
            let to = UserId::parse(to).map_err(|error| Misspoken::Invalid("to", error))?;
            Ok(Command::Write { to, said })
        }
        (None, _) => Ok(Command::Send { room: place(fields)?, said }),
    }
}

/// `{room, id, op, text?, emoji?, cid?}`.
pub(super) fn modify(args: &[Value]) -> Result<Command, Misspoken> {
    let fields = Fields::of(args)?;
    let emoji = || words::emoji("emoji", fields.string("emoji")?);
    let change = match fields.string("op")? {
        "edit" => Change::Edit { text: words::filled("text", fields.string("text")?)?.to_owned() },
        "delete" => Change::Delete,
        "react" => Change::React { emoji: emoji()? },
        "unreact" => Change::Unreact { emoji: emoji()? },
        _ => return Err(Misspoken::WrongType("op", "edit, delete, react or unreact")),
    };
    Ok(Command::Modify {
        room: place(fields)?,
        target: id("id", fields.string("id")?)?,
        change,
        cid: cid(fields)?,
    })
}

/// `{room, before? or after?, limit?}`; the last messages where neither is given.
pub(super) fn history(args: &[Value]) -> Result<Command, Misspoken> {
    let fields = Fields::of(args)?;
    let side = match (fields.optional_string("before")?, fields.optional_string("after")?) {
        (None, None) => Side::End,
        (Some(before), None) => Side::Before(at("before", before)?),
        (None, Some(after)) => Side::After(at("after", after)?),
        (Some(_), Some(_)) => return Err(Misspoken::WrongType("after", "absent where there is before")),
    };
    let limit = fields.limit("limit", JOIN_DEFAULT, JOIN_MAX)?;
    Ok(Command::History { room: place(fields)?, side, limit })
}

/// `{room, on}`.
pub(super) fn typing(args: &[Value]) -> Result<Command, Misspoken> {
    let fields = Fields::of(args)?;
    Ok(Command::Type { room: place(fields)?, on: fields.flag("on")? })
}

/// `{room, seq}`.
pub(super) fn read(args: &[Value]) -> Result<Command, Misspoken> {
    let fields = Fields::of(args)?;
    Ok(Command::Read { room: place(fields)?, seq: fields.whole("seq")? })
}

/// `{name}`.
pub(super) fn rename(args: &[Value]) -> Result<Command, Misspoken> {
    let name = Name::own(Fields::of(args)?.string("name")?).map_err(Misspoken::InvalidName)?;
    Ok(Command::Rename { name })
}

/// `{room, after?, limit?}`.
pub(super) fn members(args: &[Value]) -> Result<Command, Misspoken> {
    let fields = Fields::of(args)?;
    let after = fields.optional_string("after")?.map(UserId::new);
    let limit = fields.limit("limit", MEMBERS_PAGE, MEMBERS_PAGE)?;
    Ok(Command::Members { room: room(fields)?, after, limit })
}

fn room(fields: Fields<'_>) -> Result<RoomId, Misspoken> {
    words::room(fields.string("room")?)
}

/// A room that a person named, or one of two people.
fn place(fields: Fields<'_>) -> Result<RoomId, Misspoken> {
    words::place(fields.string("room")?)
}

fn id(what: &'static str, text: &str) -> Result<MessageId, Misspoken> {
    MessageId::parse(text).map_err(|error| Misspoken::Invalid(what, error))
}

fn at(what: &'static str, text: &str) -> Result<Position, Misspoken> {
    Position::of_id(text).ok_or(Misspoken::WrongType(what, "the id of a message"))
}

fn cid(fields: Fields<'_>) -> Result<Option<String>, Misspoken> {
    fields.optional_string("cid")?.map(|cid| words::cid("cid", cid)).transpose()
}

fn reply_to(fields: Fields<'_>) -> Result<Option<MessageId>, Misspoken> {
    fields.optional_string("reply_to")?.map(|text| id("reply_to", text)).transpose()
}

/// Messages that a join brings along.
const JOIN_DEFAULT: usize = 50;
const JOIN_MAX: usize = 100;
