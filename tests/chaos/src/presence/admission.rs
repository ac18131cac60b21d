//! Asking to be let in under a name, or back in with a session.

use std::{collections::BTreeMap, io};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::sight::User;
use crate::{
    line::Line,
    log::{Position, Room},
    words::{self, Heard},
};

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// They are in.
    Ready {
        /// How the cluster knows them.
        user: User,
        /// Brings them back.
        session: String,
        /// How many of the rooms that they named they are in again.
        rooms: usize,
    },
    /// They are not, for this reason.
    Refused(String),
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub enum Hello<'a> {
    /// Someone new, under this name.
    New(&'a str),
    /// Someone with a session, who was in this room up to here.
    Back(&'a str, Option<(Room, Position)>),
}

/// Asks, and waits for the answer.
pub async fn ask(line: &mut Line, hello: Hello<'_>) -> io::Result<Admission> {
    let connect = match hello {
        Hello::New(name) => words::connect(name, None, &BTreeMap::new()),
        Hello::Back(session, place) => words::connect("", Some(session), &place.into_iter().collect()),
    };
    line.send(connect).await?;
    loop {
        match words::understand(&next(line).await?) {
            Heard::Ready { user, session, rooms } => {
                return Ok(Admission::Ready { user, session, rooms: rooms.len() });
            }
            Heard::Refused(why) => return Ok(Admission::Refused(why)),
            _ => {}
        }
    }
}

/// Joins a room, as the first request on this line; gives the answer.
pub(super) async fn join(line: &mut Line, room: Room) -> io::Result<Value> {
    line.send(words::request(JOIN, "join", &json!({ "room": room.name() }))).await?;
    loop {
        if let Heard::Answer(JOIN, body) = words::understand(&next(line).await?) {
            return if body["ok"] == true { Ok(body) } else { Err(strange(&body)) };
        }
    }
}

/// The next packet that asks for no answer at once.
pub(super) async fn next(line: &mut Line) -> io::Result<Utf8Bytes> {
    loop {
        let packet = line.next().await.ok_or(io::ErrorKind::UnexpectedEof)?;
        match packet.as_str() {
            "2" => line.send("3".into()).await?,
            "1" | "41/v1," => return Err(io::ErrorKind::ConnectionAborted.into()),
            _ => return Ok(packet),
        }
    }
}

/// Nobody expected that answer.
pub(super) fn strange(answer: &Value) -> io::Error {
    io::Error::other(format!("the answer was {answer}"))
}

/// The number of the first request.
const JOIN: u64 = 1;
