//! Who is where: names taken, rooms joined and left, and how a session ends.

use std::time::Duration;

use crate::{
    Arrival, BackplaneError, Chat, Claim, Departure, Ending, Exit, Identity, MEMBERS_PAGE, Name, Page,
    PageOf, Past, Position, Reader, Refusal, RefusalCode, Reply, RoomId, Session, UserId, guest_name,
};

use super::{ONE_ANSWER, joined, last_within, nobody, unavailable};

impl Chat {
    /// Takes a name for this person in the whole cluster, until the session closes.
    pub async fn claim_name(&self, session: &mut Session, identity: Identity) -> Result<(), Refusal> {
        let (room, user) = (RoomId::names(), UserId::of_name(&identity.name));
        let claim = Claim {
            room: room.clone(),
            user: user.clone(),
            name: identity.name.clone(),
            subject: Some(identity.user.to_string()),
            session: session.id,
            renames: true,
            grace: self.limits.grace,
        };
        if self.presence.enter(claim).await.map_err(unavailable)? == Arrival::Taken {
            return Err(taken());
        }
        session.entered.insert(room, user);
        session.identity = Some(identity);
        Ok(())
    }

    pub(super) async fn enter(
        &self,
        session: &mut Session,
        room: RoomId,
        name: Option<Name>,
    ) -> Result<Reply, Refusal> {
        let name = name.unwrap_or_else(guest_name);
        let user = UserId::from(&name);
        let before = session.entered.get(&room).cloned();
        let arrival = self.list(session, &room, &user, &name).await?;
        session.label = Some(name.clone());
        // At once, for from here on the session knows of its new name alone.
        let left = match before.filter(|before| *before != user) {
            Some(before) => {
                self.exit(session, room.clone(), before, Duration::ZERO).await.map_err(unavailable)?
            }
            None => Departure::Silent,
        };
        let (first, version, count) = match arrival {
            Arrival::First { version, count } => (true, version, count),
            Arrival::Again { version, count } => (false, version, count),
            Arrival::Taken => return Err(taken()),
        };
        // The version of their own leave is the later one.
        let (version, count) = match left {
            Departure::Last { version } => (version, count.saturating_sub(1)),
            Departure::Silent => (version, count),
        };
        Ok(Reply::Entered { room, name, first, version, count })
    }

    /// The name is claimed before the old one is given back; then the rooms hear of it, one after the other. Should that
    /// break off, a retry does what is missing. Other sessions of the same person keep their old one until they connect again.
    pub(super) async fn rename(&self, session: &mut Session, name: Name) -> Result<Reply, Refusal> {
        let Identity { user, name: before } = session.identity.clone().ok_or_else(nobody)?;
        let identity = Identity { user: user.clone(), name: name.clone() };
        self.claim_name(session, identity.clone()).await?;
        if UserId::of_name(&before) != UserId::of_name(&name) {
            self.announce_exit(session, RoomId::names(), UserId::of_name(&before), Duration::ZERO).await;
        }
        let rooms: Vec<_> =
            session.entered.rooms().filter(|room| **room != RoomId::names()).cloned().collect();
        for room in rooms {
            let claim = Claim { renames: true, ..self.claim(session, &room, &user, &name) };
            self.presence.enter(claim).await.map_err(unavailable)?;
        }
        Ok(Reply::Renamed { identity, session: None })
    }

    pub(super) async fn join(
        &self,
        session: &mut Session,
        room: RoomId,
        since: Option<Position>,
        limit: usize,
    ) -> Result<Reply, Refusal> {
        let Identity { user, name } = session.identity.clone().ok_or_else(nobody)?;
        if session.rooms() >= self.limits.rooms && !session.hears(&room) {
            return Err(Refusal::new(RefusalCode::Forbidden, "too many rooms at once"));
        }
        let known = session.hears(&room);
        let joined = self.join_as(session, Identity { user, name }, &room, since, limit).await;
        if joined.is_err() && !known {
            session.forget(&room);
            if let Some(user) = session.entered.remove(&room) {
                self.announce_exit(session, room, user, Duration::ZERO).await;
            }
        }
        joined
    }

    async fn join_as(
        &self,
        session: &mut Session,
        Identity { user, name }: Identity,
        room: &RoomId,
        since: Option<Position>,
        limit: usize,
    ) -> Result<Reply, Refusal> {
        let mut past = self.hear(session, room, since, limit).await?;
        if let Past::Recent(recent) = &mut past {
            last_within(ONE_ANSWER, &mut recent.envelopes);
        }
        let since_version = match self.list(session, room, &user, &name).await? {
            Arrival::First { version, .. } | Arrival::Again { version, .. } => version,
            Arrival::Taken => return Err(taken()),
        };
        let (limit, reader) = (MEMBERS_PAGE, Reader::Begins(session.id));
        let first = PageOf { room: room.clone(), since: since_version, after: None, limit, reader };
        let Page { version, members, count, .. } = self.rosters.page(first).await.map_err(unavailable)?;
        Ok(Reply::Joined { room: room.clone(), is_back: since.is_some(), past, version, members, count })
    }

    pub(super) async fn leave(&self, session: &mut Session, room: &RoomId) -> Result<Reply, Refusal> {
        joined(session, room)?;
        session.forget(room);
        if let Some(user) = session.entered.remove(room) {
            self.exit(session, room.clone(), user, Duration::ZERO).await.map_err(unavailable)?;
        }
        Ok(Reply::Done)
    }

    pub(super) async fn members(
        &self,
        session: &Session,
        room: &RoomId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Reply, Refusal> {
        joined(session, room)?;
        let limit = limit.clamp(1, MEMBERS_PAGE);
        let wanted = PageOf { room: room.clone(), since: 0, after, limit, reader: Reader::Looks(session.id) };
        let Page { members, count, more, .. } = self.rosters.page(wanted).await.map_err(unavailable)?;
        let next = members.last().filter(|_| more).map(|last| last.user.clone());
        Ok(Reply::Members { members, count, next })
    }

    /// The session is over: it leaves every room that it is in and hears nothing any more.
    pub async fn close(&self, session: &mut Session, ending: Ending) {
        for (room, _subscription) in std::mem::take(&mut session.hears) {
            session.listener.forget(&room);
        }
        let grace = match ending {
            Ending::Final => Duration::ZERO,
            Ending::Lost => self.grace(session),
        };
        for (room, user) in std::mem::take(&mut session.entered) {
            self.announce_exit(session, room, user, grace).await;
        }
    }

    /// How long a leave of this session's is held back, should it be lost.
    fn grace(&self, session: &Session) -> Duration {
        if session.identity.is_some() { self.limits.grace } else { self.limits.tutorial_grace }
    }

    async fn announce_exit(&self, session: &Session, room: RoomId, user: UserId, grace: Duration) {
        if let Err(error) = self.exit(session, room, user, grace).await {
            tracing::warn!(%error, "could not announce a leave; presence will repair it");
        }
    }

    /// Lists the person in the room, for this session.
    async fn list(
        &self,
        session: &mut Session,
        room: &RoomId,
        user: &UserId,
        name: &Name,
    ) -> Result<Arrival, Refusal> {
        let claim = self.claim(session, room, user, name);
        let arrival = self.presence.enter(claim).await.map_err(unavailable)?;
        session.entered.insert(room.clone(), user.clone());
        Ok(arrival)
    }

    fn claim(&self, session: &Session, room: &RoomId, user: &UserId, name: &Name) -> Claim {
        Claim {
            room: room.clone(),
            user: user.clone(),
            name: name.clone(),
            subject: None,
            session: session.id,
            renames: false,
            grace: self.grace(session),
        }
    }

    async fn exit(
        &self,
        session: &Session,
        room: RoomId,
        user: UserId,
        grace: Duration,
    ) -> Result<Departure, BackplaneError> {
        self.presence.leave(Exit { room, user, session: session.id, grace }).await
    }
}

fn taken() -> Refusal {
    Refusal::new(RefusalCode::NameTaken, "someone else has this name")
}
