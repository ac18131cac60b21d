//! The rules: a session and a command make a reply, and what others hear of it.

use std::sync::Arc;

use crate::{
    BackplaneError, Broker, Change, Command, Draft, Envelope, Event, Hint, Identity, Limits, Message,
    MessageId, Position, Presence, Receipt, Recent, Refusal, RefusalCode, Reply, Revised, Revision, RoomId,
    Rosters, Said, Session, Side, guest_name,
};

/// The last messages that are searched for a channel's.
const CHANNEL_SEARCH: usize = crate::HISTORY_LENGTH;
/// The most of them that are answered with, as seed 004's server did.
const CHANNEL_LENGTH: usize = 100;
/// Bytes of text that one answer may bring. Encoded it may be six times as much, and still fits an outbox.
const ONE_ANSWER: usize = 128 * 1_024;

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

fn nobody() -> Refusal {
    Refusal::new(RefusalCode::Unauthorized, "give a name first")
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn unavailable(error: BackplaneError) -> Refusal {
    tracing::warn!(%error, "the backplane failed a command");
    Refusal::unavailable()
}

mod direct;
mod past;
mod people;

#[cfg(test)]
mod tests;
