//! What a v1 client says of itself when it connects, and how it is turned away.

use std::fmt;

use hubbub_core::{Name, Position, Refusal, RoomId};
use serde_json::Value;

use crate::{
    Misspoken,
    words::{self, Fields},
};

/// The credentials of a connection.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hello {
    /// The name that they want.
    pub name: Option<Name>,
    /// The signed token of an earlier connection, unchecked. It stays out of `Debug`, and so out of the logs.
    pub session: Option<String>,
    /// The rooms that they were in, and where they stopped hearing each.
    pub rooms: Vec<(RoomId, Position)>,
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The `auth` of a connection, `{token?, name?, session?, rooms?}`; `Value::Null` where a client sent none.
///
/// What is `null` is absent, and keys beyond these are ignored. A text that cannot be a name is
/// [`Misspoken::InvalidName`], whose refusal is `name_invalid`.
pub fn hello(auth: &Value) -> Result<Hello, Misspoken> {
    if auth.is_null() {
        return Ok(Hello::default());
    }
    let fields = Fields::object("auth", auth)?;
    fields.optional_string("token")?;
    let rooms = fields.present("rooms").map(rooms).transpose()?.unwrap_or_default();
    let session = fields.optional_string("session")?.map(str::to_owned);
    let name = fields.optional_string("name")?.map(Name::own).transpose().map_err(Misspoken::InvalidName)?;
    Ok(Hello { name, session, rooms })
}

fn rooms(rooms: &Value) -> Result<Vec<(RoomId, Position)>, Misspoken> {
    let entry =
        |(room, since): (&String, &Value)| Ok((words::place(room)?, words::position("rooms", since)?));
    let rooms = rooms.as_object().ok_or(Misspoken::WrongType("rooms", "an object"))?;
    rooms.iter().map(entry).collect()
}

/// The message of the `connect_error` that a client hears when it is turned away: the code alone.
pub fn connect_error(refusal: &Refusal) -> String {
    refusal.code.to_string()
}
