//! What v1 clients ask for.

use hubbub_core::{Command, MEMBERS_PAGE, MessageId, RoomId, Said, UserId};
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

/// `{room, text, cid?, reply_to?}`; direct messages (`to`) are not served yet.
pub(super) fn send(args: &[Value]) -> Result<Command, Misspoken> {
    let fields = Fields::of(args)?;
    if fields.present("to").is_some() {
        return Err(Misspoken::Unsupported("to"));
    }
    let said = Said {
        text: words::filled("text", fields.string("text")?)?.to_owned(),
        cid: cid(fields)?,
        reply_to: reply_to(fields)?,
        ..Said::default()
    };
    Ok(Command::Send { room: room(fields)?, said })
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

fn cid(fields: Fields<'_>) -> Result<Option<String>, Misspoken> {
    fields.optional_string("cid")?.map(|cid| words::cid("cid", cid)).transpose()
}

fn reply_to(fields: Fields<'_>) -> Result<Option<MessageId>, Misspoken> {
    let id = fields.optional_string("reply_to")?.map(MessageId::parse);
    id.transpose().map_err(|error| Misspoken::Invalid("reply_to", error))
}

/// Messages that a join brings along.
const JOIN_DEFAULT: usize = 50;
const JOIN_MAX: usize = 100;
