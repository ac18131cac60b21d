//! The rules: a session and a command make a reply, and what others hear of it.

use std::{sync::Arc, time::Duration};

use crate::{
    Arrival, BackplaneError, Broker, Change, Claim, Command, Departure, Draft, Ending, Envelope, Event, Exit,
    Hint, Identity, Limits, MEMBERS_PAGE, Message, MessageId, Name, Page, PageOf, Past, Position, Presence,
    Receipt, Recent, Refusal, RefusalCode, Reply, Revised, Revision, RoomId, Rosters, Said, Session, Side,
    UserId, guest_name,
};

/// The last messages that are searched for a channel's.
const CHANNEL_SEARCH: usize = crate::HISTORY_LENGTH;
/// The most of them that are answered with, as seed 004's server did.
const CHANNEL_LENGTH: usize = 100;
/// Bytes of text that one answer may bring. Encoded it may be six times as much, and still fits an outbox.
const ONE_ANSWER: usize = 128 * 1_024;
/// Bytes of text of a room's past that may be kept for someone who is told it little by little.
const PAST_TEXT: usize = 512 * 1_024;
/// Entries of a log that are read on at once.
const PIECE: usize = 64;

/// Carries out commands. One for all sessions of a node; it keeps nothing of its own.
#[derive(Debug, Clone)]
pub struct Chat {
    broker: Arc<dyn Broker>,
    presence: Arc<dyn Presence>,
    rosters: Arc<dyn Rosters>,
    limits: Limits,
}

impl Chat {
    /// A chat over these ports.
    pub fn new(
        broker: Arc<dyn Broker>,
        presence: Arc<dyn Presence>,
        rosters: Arc<dyn Rosters>,
        limits: Limits,
    ) -> Self {
        Self { broker, presence, rosters, limits }
    }

    /// Carries out one command. A refusal has changed nothing, but for `unavailable`: then nobody knows.
    pub async fn handle(&self, session: &mut Session, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::Enter { room, name } => self.enter(session, room, name).await,
            Command::Label { name } => {
                session.label = Some(name.unwrap_or_else(guest_name));
                Ok(Reply::Done)
            }
            Command::Send { room, said } => self.send(session, room, said).await,
            Command::Write { to, said } => self.write(session, &to, said).await,
            Command::Modify { room, target, change, cid } => {
                self.modify(session, room, &target, change, cid).await
            }
            Command::History { room, side, limit } => self.history(session, room, side, limit).await,
            Command::Type { room, on } => {
                let who = session.author(None);
                self.hint(session, &room, Hint::Typing { who, on }).await
            }
            Command::Read { room, seq } => {
                let who = session.author(None);
                self.hint(session, &room, Hint::Read { who, seq }).await
            }
            Command::Rename { name } => self.rename(session, name).await,
            Command::Channel { room, channel } => self.channel(&room, channel).await,
            Command::Join { room, since, limit } => self.join(session, room, since, limit).await,
            Command::Leave { room } => self.leave(session, &room).await,
            Command::Members { room, after, limit } => self.members(session, &room, after, limit).await,
        }
    }

    /// Hears a room from now on, without being listed in it.
    pub async fn listen(&self, session: &mut Session, room: &RoomId) -> Result<(), Refusal> {
        let subscription = self.broker.subscribe(room).await.map_err(unavailable)?;
        session.listener.listen(room);
        session.hears.insert(room.clone(), subscription);
        Ok(())
    }

    /// Hears a room from now on, without being listed in it, and answers with its past: with what was said after `since`,
    /// if that can be proved to be without a hole, or else with its last `limit` messages. Cut short, it may hear the
    /// room already; [`Chat::close`] then ends that too.
    pub async fn hear(
        &self,
        session: &mut Session,
        room: &RoomId,
        since: Option<Position>,
        limit: usize,
    ) -> Result<Past, Refusal> {
        let known = session.hears(room);
        // Listens first and reads then: what is said in between is in both, and in neither order missing.
        self.listen(session, room).await?;
        let past = self.past(room, since, limit).await;
        if past.is_err() && !known {
            session.forget(room);
        }
        past.map_err(unavailable)
    }

    /// The next piece of what was said after `since`; `None`: it cannot be proved to be without a hole.
    pub async fn read_on(&self, room: &RoomId, since: Position) -> Result<Option<Recent>, Refusal> {
        self.broker.read_on(room, since, PIECE).await.map_err(unavailable)
    }

    /// Where the room's log ends.
    pub async fn top(&self, room: &RoomId) -> Result<Position, Refusal> {
        self.broker.recent(room, 0).await.map(|recent| recent.top).map_err(unavailable)
    }

    async fn past(
        &self,
        room: &RoomId,
        since: Option<Position>,
        limit: usize,
    ) -> Result<Past, BackplaneError> {
        if let Some(since) = since
            && let Some(missed) = self.broker.read_on(room, since, PIECE).await?
        {
            return Ok(Past::Missed { since, missed });
        }
        let mut recent = self.broker.recent(room, limit).await?;
        without_known(since, &mut recent.envelopes);
        last_within(PAST_TEXT, &mut recent.envelopes);
        Ok(Past::Recent(recent))
    }

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

    /// The session is over: it leaves every room that it is in and hears nothing any more.
    pub async fn close(&self, session: &mut Session, ending: Ending) {
        for room in session.hears.keys() {
            session.listener.forget(room);
        }
        session.hears.clear();
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

    async fn enter(&self, session: &mut Session, room: RoomId, name: Option<Name>) -> Result<Reply, Refusal> {
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

    async fn join(
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
        let first = PageOf { room: room.clone(), since: since_version, after: None, limit: MEMBERS_PAGE };
        let Page { version, members, count, .. } = self.rosters.page(first).await.map_err(unavailable)?;
        Ok(Reply::Joined { room: room.clone(), is_back: since.is_some(), past, version, members, count })
    }

    async fn leave(&self, session: &mut Session, room: &RoomId) -> Result<Reply, Refusal> {
        joined(session, room)?;
        session.forget(room);
        if let Some(user) = session.entered.remove(room) {
            self.exit(session, room.clone(), user, Duration::ZERO).await.map_err(unavailable)?;
        }
        Ok(Reply::Done)
    }

    async fn send(&self, session: &mut Session, room: RoomId, said: Said) -> Result<Reply, Refusal> {
        joined(session, &room)?;
        self.fits(&said.text)?;
        let key = said.key.unwrap_or_else(|| session.key(said.cid.as_deref()));
        let message = Message {
            author: session.author(said.name),
            text: said.text,
            cid: said.cid,
            reply_to: said.reply_to,
            channel: said.channel,
            fate: None,
        };
        let draft = Draft { room: room.clone(), message, key, origin: Some(session.id) };
        let receipt = self.broker.publish(draft).await.map_err(unavailable)?;
        Ok(Reply::Sent { room, receipt })
    }

    fn fits(&self, text: &str) -> Result<(), Refusal> {
        if text.len() <= self.limits.text {
            return Ok(());
        }
        Err(Refusal::new(RefusalCode::TooLarge, format!("at most {} bytes of text", self.limits.text)))
    }

    async fn modify(
        &self,
        session: &mut Session,
        room: RoomId,
        target: &MessageId,
        change: Change,
        cid: Option<String>,
    ) -> Result<Reply, Refusal> {
        joined(session, &room)?;
        if let Change::Edit { text } = &change {
            self.fits(text)?;
        }
        let Identity { user, name } = session.identity.clone().ok_or_else(nobody)?;
        let target = Position::of_id(target.as_str()).ok_or_else(no_message)?;
        let (key, origin) = (session.key(cid.as_deref()), session.id);
        let revision = Revision { room, target, user, name, change, cid, key, origin };
        match self.broker.revise(revision).await.map_err(unavailable)? {
            Revised::Done(Receipt { position, duplicate, .. }) => Ok(Reply::Modified { position, duplicate }),
            Revised::Unchanged(position) => Ok(Reply::Modified { position, duplicate: true }),
            Revised::NotFound => Err(no_message()),
            Revised::Forbidden => Err(Refusal::new(RefusalCode::Forbidden, "only its author may do that")),
            Revised::Full => Err(Refusal::new(RefusalCode::TooLarge, "it has too many reactions already")),
        }
    }

    async fn history(
        &self,
        session: &Session,
        room: RoomId,
        side: Side,
        limit: usize,
    ) -> Result<Reply, Refusal> {
        joined(session, &room)?;
        let history = self.broker.history(&room, side, limit.max(1)).await.map_err(unavailable)?;
        let mut history = history.ok_or_else(no_message)?;
        let all = history.envelopes.len();
        match side {
            Side::After(_) => first_within(ONE_ANSWER, &mut history.envelopes),
            Side::End | Side::Before(_) => last_within(ONE_ANSWER, &mut history.envelopes),
        }
        history.more |= history.envelopes.len() < all;
        Ok(Reply::History { room, history })
    }

    /// The name is claimed before the old one is given back; then the rooms hear of it, one after the other. Should that
    /// break off, a retry does what is missing. Other sessions of the same person keep their old one until they connect again.
    async fn rename(&self, session: &mut Session, name: Name) -> Result<Reply, Refusal> {
        let Identity { user, name: before } = session.identity.clone().ok_or_else(nobody)?;
        let identity = Identity { user: user.clone(), name: name.clone() };
        self.claim_name(session, identity.clone()).await?;
        if UserId::of_name(&before) != UserId::of_name(&name) {
            self.announce_exit(session, RoomId::names(), UserId::of_name(&before), Duration::ZERO).await;
        }
        let rooms: Vec<_> =
            session.entered.keys().filter(|room| **room != RoomId::names()).cloned().collect();
        for room in rooms {
            let claim = Claim { renames: true, ..self.claim(session, &room, &user, &name) };
            self.presence.enter(claim).await.map_err(unavailable)?;
        }
        Ok(Reply::Renamed { identity, session: None })
    }

    /// Nobody is told when a hint is lost: it would have been over soon.
    async fn hint(&self, session: &Session, room: &RoomId, hint: Hint) -> Result<Reply, Refusal> {
        joined(session, room)?;
        if let Err(error) = self.broker.hint(room, hint, session.id).await {
            tracing::debug!(%error, "a hint was lost");
        }
        Ok(Reply::Done)
    }

    async fn channel(&self, room: &RoomId, channel: String) -> Result<Reply, Refusal> {
        let Recent { envelopes, .. } = self.broker.recent(room, CHANNEL_SEARCH).await.map_err(unavailable)?;
        let mut messages: Vec<_> = envelopes.into_iter().filter(|e| is_of(e, &channel)).collect();
        messages.drain(..messages.len().saturating_sub(CHANNEL_LENGTH));
        last_within(ONE_ANSWER, &mut messages);
        Ok(Reply::Channel { channel, messages })
    }

    async fn members(
        &self,
        session: &Session,
        room: &RoomId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Reply, Refusal> {
        joined(session, room)?;
        let wanted = PageOf { room: room.clone(), since: 0, after, limit: limit.clamp(1, MEMBERS_PAGE) };
        let Page { members, count, more, .. } = self.rosters.page(wanted).await.map_err(unavailable)?;
        let next = members.last().filter(|_| more).map(|last| last.user.clone());
        Ok(Reply::Members { members, count, next })
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

/// Drops what someone knows who stopped there. The history goes on from one epoch to the next, so some of it may be older.
fn without_known(since: Option<Position>, envelopes: &mut Vec<Envelope>) {
    let Some(since) = since else { return };
    let is_known = |at: Position| at.epoch == since.epoch && at.seq <= since.seq;
    let known = envelopes.iter().rposition(|envelope| envelope.position().is_some_and(is_known));
    envelopes.drain(..known.map_or(0, |last| last + 1));
}

/// Keeps the first messages with so many bytes of text: one at least.
fn first_within(most: usize, envelopes: &mut Vec<Envelope>) {
    let mut bytes = 0;
    let fit = envelopes.iter().take_while(|envelope| {
        bytes += envelope.event.text_length();
        bytes <= most
    });
    envelopes.truncate(fit.count().max(1));
}

/// Keeps the last messages with so many bytes of text: a room of long texts must not overrun who enters it.
fn last_within(most: usize, envelopes: &mut Vec<Envelope>) {
    let mut bytes = 0;
    let fit = envelopes.iter().rev().take_while(|envelope| {
        bytes += envelope.event.text_length();
        bytes <= most
    });
    let fit = fit.count().max(1).min(envelopes.len());
    envelopes.drain(..envelopes.len() - fit);
}

fn is_of(envelope: &Envelope, channel: &str) -> bool {
    matches!(&envelope.event, Event::Said(message) if message.channel.as_deref() == Some(channel))
}

fn joined(session: &Session, room: &RoomId) -> Result<(), Refusal> {
    if session.hears(room) {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::NotJoined, "join the room first"))
}

fn no_message() -> Refusal {
    Refusal::new(RefusalCode::NotFound, "there is no such message")
}

fn taken() -> Refusal {
    Refusal::new(RefusalCode::NameTaken, "someone else has this name")
}

fn nobody() -> Refusal {
    Refusal::new(RefusalCode::Unauthorized, "give a name first")
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn unavailable(error: BackplaneError) -> Refusal {
    tracing::warn!(%error, "the backplane failed a command");
    Refusal::unavailable()
}

mod direct;

#[cfg(test)]
mod tests;
