//! What v1 clients hear: the objects, field by field.

use hubbub_core::{
    Author, Change, Envelope, Fate, Identity, Message, Millis, Occupant, Past, Position, Receipt, Refusal,
    Reply, RoomId, Update, UserId,
};
use serde_json::{Map, Value, json};

use crate::{Ready, Resumed, Told, told::error};

/// `ready`.
pub(super) fn ready(ready: &Ready) -> Value {
    let Ready { session, identity, guest, node, text_limit, room_limit, rooms } = ready;
    let rooms: Map<_, _> = rooms.iter().map(|(room, found)| (room.to_string(), resumed(found))).collect();
    json!({
        "session": session,
        "user": person(identity, *guest),
        "node": node,
        "limits": { "text": text_limit, "rooms": room_limit },
        "rooms": rooms,
    })
}

fn resumed(found: &Result<Resumed, Refusal>) -> Value {
    match found {
        Ok(Resumed { top: Position { epoch, seq }, recovered, count }) => {
            json!({ "epoch": epoch, "seq": seq, "recovered": recovered, "count": count })
        }
        Err(refusal) => json!({ "error": error(refusal) }),
    }
}

/// `gap`.
pub(super) fn gap(room: &RoomId, Position { epoch, seq }: Position) -> Value {
    json!({ "room": room.as_str(), "epoch": epoch, "seq": seq })
}

/// `message`, live or from the log: the same either way, but for what has become of it since.
pub(super) fn message(room: &RoomId, position: Position, at: Millis, message: &Message) -> Value {
    let mut body = json!({
        "id": position.id().as_str(),
        "room": room.as_str(),
        "epoch": position.epoch,
        "seq": position.seq,
        "user": user(&message.author),
        "name": message.author.name.as_str(),
        "text": message.text,
        "ts": at,
    });
    if let Some(cid) = &message.cid {
        body["cid"] = cid.as_str().into();
    }
    if let Some(reply_to) = &message.reply_to {
        body["reply_to"] = reply_to.as_str().into();
    }
    if let Some(Fate { edited, deleted, reactions }) = message.fate.as_deref() {
        if *deleted {
            return deleted_at(room, position);
        }
        if let Some(edited) = edited {
            body["edited"] = (*edited).into();
        }
        if !reactions.is_empty() {
            body["reactions"] = json!(reactions);
        }
    }
    body
}

fn deleted_at(room: &RoomId, position: Position) -> Value {
    let Position { epoch, seq } = position;
    json!({ "id": position.id().as_str(), "room": room.as_str(), "epoch": epoch, "seq": seq, "deleted": true })
}

/// `update`.
pub(super) fn update(room: &RoomId, position: Position, at: Millis, update: &Update) -> Value {
    let Update { target, author, change, count, cid } = update;
    let mut body = json!({
        "room": room.as_str(),
        "epoch": position.epoch,
        "seq": position.seq,
        "id": target.as_str(),
        "user": user(author),
        "name": author.name.as_str(),
        "ts": at,
    });
    let op = match change {
        Change::Edit { text } => {
            body["text"] = text.as_str().into();
            "edit"
        }
        Change::Delete => "delete",
        Change::React { emoji } | Change::Unreact { emoji } => {
            body["emoji"] = emoji.as_str().into();
            body["count"] = (*count).into();
            if matches!(change, Change::React { .. }) { "react" } else { "unreact" }
        }
    };
    body["op"] = op.into();
    if let Some(cid) = cid {
        body["cid"] = cid.as_str().into();
    }
    body
}

/// `typing`.
pub(super) fn typing(room: &RoomId, who: &Author, on: bool) -> Value {
    json!({ "room": room.as_str(), "user": user(who), "name": who.name.as_str(), "on": on })
}

/// `read`.
pub(super) fn read(room: &RoomId, who: &Author, seq: u64) -> Value {
    json!({ "room": room.as_str(), "user": user(who), "name": who.name.as_str(), "seq": seq })
}

fn user(who: &Author) -> Option<&str> {
    who.user.as_ref().map(UserId::as_str)
}

/// `presence`: who came and went.
pub(super) fn presence(room: &RoomId, joined: &[Occupant], left: &[Occupant], count: usize) -> Value {
    let join: Vec<_> =
        joined.iter().map(|who| json!({ "user": who.user.as_str(), "name": who.name.as_str() })).collect();
    let leave: Vec<_> = left.iter().map(|who| who.user.as_str()).collect();
    json!({ "room": room.as_str(), "join": join, "leave": leave, "count": count })
}

/// `bye`: why the connection ends, and when to come back.
pub(super) fn bye(reason: &str, retry_after: Millis) -> Value {
    json!({ "reason": reason, "retry_after_ms": retry_after })
}

/// The acknowledgement of a request that was carried out.
pub(super) fn granted(reply: &Reply) -> Value {
    match reply {
        Reply::Joined { room, past, members: people, count, .. } => joined(room, past, people, *count),
        Reply::Sent { room, receipt } => sent(room, receipt),
        Reply::Modified { position, duplicate } => modified(*position, *duplicate),
        Reply::History { room, history } => {
            json!({ "ok": true, "messages": messages(room, &history.envelopes), "more": history.more })
        }
        Reply::Renamed { identity, session } => {
            json!({ "ok": true, "user": person(identity, true), "session": session })
        }
        Reply::Members { members: people, count, next } => page(people, *count, next.as_ref()),
        Reply::Done | Reply::Entered { .. } | Reply::Channel { .. } => json!({ "ok": true }),
    }
}

fn joined(room: &RoomId, past: &Past, people: &[Occupant], count: usize) -> Value {
    let (recovered, recent) = match past {
        Past::Recent(recent) => (false, recent.envelopes.as_slice()),
        Past::Missed { .. } => (true, &[][..]),
    };
    let Position { epoch, seq } = past.top();
    json!({
        "ok": true,
        "epoch": epoch,
        "seq": seq,
        "recovered": recovered,
        "messages": messages(room, recent),
        "members": members(people),
        "count": count,
    })
}

fn messages(room: &RoomId, recent: &[Envelope]) -> Vec<Value> {
    let body = |envelope| match Told::logged(envelope)? {
        Told::Said { position, at, message: said } => Some(message(room, position, at, said)),
        _ => None,
    };
    recent.iter().filter_map(body).collect()
}

/// One device each: nobody counts them yet.
fn members(people: &[Occupant]) -> Vec<Value> {
    let member = |who: &Occupant| json!({ "user": who.user.as_str(), "name": who.name.as_str(), "devices": who.devices });
    people.iter().map(member).collect()
}

fn modified(Position { epoch, seq }: Position, duplicate: bool) -> Value {
    let mut ack = json!({ "ok": true, "epoch": epoch, "seq": seq });
    if duplicate {
        ack["dup"] = true.into();
    }
    ack
}

fn person(identity: &Identity, guest: bool) -> Value {
    json!({ "id": identity.user.as_str(), "name": identity.name.as_str(), "guest": guest })
}

fn sent(room: &RoomId, receipt: &Receipt) -> Value {
    let Receipt { position, at, duplicate } = receipt;
    let id = position.id();
    let mut ack = json!({
        "ok": true,
        "id": id.as_str(),
        "room": room.as_str(),
        "seq": position.seq,
        "epoch": position.epoch,
        "ts": at,
    });
    if *duplicate {
        ack["dup"] = true.into();
    }
    ack
}

fn page(people: &[Occupant], count: usize, next: Option<&UserId>) -> Value {
    let mut ack = json!({ "ok": true, "members": members(people), "count": count });
    if let Some(next) = next {
        ack["next"] = next.as_str().into();
    }
    ack
}
