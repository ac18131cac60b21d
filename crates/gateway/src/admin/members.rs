//! Who is in a room, over the whole cluster, page by page.

use axum::{
    Json,
    extract::{Path, RawQuery, State, rejection::PathRejection},
};
use hubbub_core::{Occupancy, Occupant, RoomId, UserId};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{Admin, refusal::AdminError};

/// People on one page, where nothing else is asked for, and at most.
const PAGE: usize = 100;
const LARGEST: usize = 1_000;

/// `GET /rooms/{room}/members`. A room is there while someone is in it: one that nobody knows is empty, not missing.
pub(super) async fn members(
    State(admin): State<Admin>,
    room: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, AdminError> {
    let room = room.ok().and_then(|Path(room)| parse_room(&room));
    let room = room.ok_or(AdminError::BadRequest("no room has such a name"))?;
    let wanted = Wanted::parse(query.as_deref().unwrap_or_default())?;
    let occupancy = admin.presence.occupants(&room).await?;
    Ok(Json(page(&room, &occupancy, &wanted)))
}

/// Also a room of the server's own, or of two people: those begin with `~` or `@`.
fn parse_room(text: &str) -> Option<RoomId> {
    let reserved = || text.starts_with(['~', '@']).then(|| RoomId::from_backplane(text)).flatten();
    RoomId::parse(text).ok().or_else(reserved)
}

/// Which people of the room.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    after: Option<UserId>,
    limit: usize,
}

impl Wanted {
    fn parse(query: &str) -> Result<Self, AdminError> {
        let mut wanted = Self { after: None, limit: PAGE };
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("after", user)) => wanted.after = Some(parse_user(user)?),
                Some(("limit", limit)) => wanted.limit = parse_limit(limit)?,
                _ => return Err(AdminError::BadRequest("there are only after=<user> and limit=<number>")),
            }
        }
        Ok(wanted)
    }
}

fn parse_user(encoded: &str) -> Result<UserId, AdminError> {
    let text = percent_decode_str(encoded).decode_utf8();
    text.map(|text| UserId::new(&*text)).map_err(|_| AdminError::BadRequest("after is no user's id"))
}

fn parse_limit(text: &str) -> Result<usize, AdminError> {
    let limit = text.parse().ok().filter(|limit| (1..=LARGEST).contains(limit));
    limit.ok_or(AdminError::BadRequest("limit is a number from 1 to 1000"))
}

/// The people are sorted by user. `next` is where to go on after, or `null`: that was the last page.
fn page(room: &RoomId, Occupancy { version, occupants }: &Occupancy, wanted: &Wanted) -> Value {
    let begin = wanted.after.as_ref().map_or(0, |after| occupants.partition_point(|who| who.user <= *after));
    let end = occupants.len().min(begin + wanted.limit);
    let here = &occupants[begin..end];
    let next = here.last().filter(|_| end < occupants.len()).map(|last| last.user.as_str());
    json!({
        "room": room.as_str(),
        "version": version,
        "count": occupants.len(),
        "members": here.iter().map(member).collect::<Vec<_>>(),
        "next": next,
    })
}

fn member(who: &Occupant) -> Value {
    json!({ "user": who.user.as_str(), "name": who.name.as_str(), "devices": who.devices })
}
