//! Messages between two people: a room of theirs, which both hear from connect on.
//!
//! Nobody joins such a room. Who writes in it for the first time says so in the inboxes of both: rooms of their own, with
//! a log like any other, so that nobody who is away misses it. A session that hears its inbox reads it again.

use std::time::{Duration, Instant};

use crate::{
    Author, Chat, Draft, Event, Identity, Message, Past, Position, Refusal, RefusalCode, Reply, RoomId, Said,
    Session, UserId,
};

use super::{nobody, unavailable};

/// The rooms of two that someone is in at most, those that were begun last.
const ROOMS: usize = 100;

/// And those that one session hears, with those that it begins or names itself: room for as many again.
const HEARD: usize = 2 * ROOMS;

/// An inbox is forgotten some time after its last message, the room itself not while it is talked in. So it is said again.
const AGAIN: Duration = Duration::from_hours(1);

impl Chat {
    pub(super) async fn write(
        &self,
        session: &mut Session,
        to: &UserId,
        said: Said,
    ) -> Result<Reply, Refusal> {
        let Identity { user, name } = session.identity.clone().ok_or_else(nobody)?;
        self.fits(&said.text)?;
        let room = RoomId::direct(&user, to);
        self.begin(session, to).await?;
        if session.addressed.get(&room).is_none_or(|at| at.elapsed() > AGAIN) {
            let author = Author { user: Some(user.clone()), name };
            for one in [to, &user] {
                self.address(one, &room, author.clone()).await?;
            }
            session.addressed.insert(room.clone(), Instant::now());
        }
        self.send(session, room, said).await
    }

    /// Hears the room that they share with someone, and answers with its past, if they did not: it may have one, for the
    /// other one may have written first.
    pub async fn begin(&self, session: &mut Session, to: &UserId) -> Result<Option<(RoomId, Past)>, Refusal> {
        let Identity { user, .. } = session.identity.as_ref().ok_or_else(nobody)?;
        let room = RoomId::direct(user, to);
        if session.hears(&room) {
            return Ok(None);
        }
        may_hear_another(session)?;
        let past = self.hear(session, &room, None, crate::HISTORY_LENGTH).await?;
        Ok(Some((room, past)))
    }

    /// Tells someone that they are in this room. Before anything is said there, so that they hear it all.
    async fn address(&self, user: &UserId, room: &RoomId, author: Author) -> Result<(), Refusal> {
        let channel = Some(room.to_string());
        let text = String::new();
        let message = Message { author, text, cid: None, reply_to: None, channel, fate: None };
        let draft = Draft { room: RoomId::inbox(user), message, key: room.to_string(), origin: None };
        self.broker.publish(draft).await.map_err(unavailable)?;
        Ok(())
    }

    /// Hears a room of two again, with what was said there since. Whose it is not is not told whether there is one.
    pub async fn hear_direct(
        &self,
        session: &mut Session,
        room: &RoomId,
        since: Position,
    ) -> Result<Past, Refusal> {
        let is_theirs = session.identity.as_ref().is_some_and(|identity| room.is_of(&identity.user));
        if !is_theirs {
            return Err(Refusal::new(RefusalCode::NotFound, "there is no such room"));
        }
        may_hear_another(session)?;
        self.hear(session, room, Some(since), 0).await
    }

    /// Hears the session's inbox from now on, and answers with the rooms of two that they are in.
    pub async fn open_inbox(&self, session: &mut Session) -> Result<Vec<RoomId>, Refusal> {
        let Identity { user, .. } = session.identity.clone().ok_or_else(nobody)?;
        let inbox = RoomId::inbox(&user);
        if !session.hears(&inbox) {
            self.listen(session, &inbox).await?;
        }
        let recent = self.broker.recent(&inbox, crate::HISTORY_LENGTH).await.map_err(unavailable)?;
        let mut rooms = Vec::new();
        for envelope in recent.envelopes.into_iter().rev() {
            let Event::Said(Message { channel: Some(channel), .. }) = envelope.event else { continue };
            let room = RoomId::parse_direct(&channel).ok().filter(|room| room.is_of(&user));
            rooms.extend(room.filter(|room| !rooms.contains(room)));
        }
        rooms.truncate(ROOMS);
        Ok(rooms)
    }
}

fn may_hear_another(session: &Session) -> Result<(), Refusal> {
    if session.directs() < HEARD {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::Forbidden, "too many people at once"))
}
