//! Hearing a room, and what was said there before.

use crate::{BackplaneError, Chat, Envelope, Past, Position, Recent, Refusal, RoomId, Session};

use super::{last_within, unavailable};

/// Bytes of text of a room's past that may be kept for someone who is told it little by little.
const PAST_TEXT: usize = 512 * 1_024;
/// Entries of a log that are read on at once.
const PIECE: usize = 64;

impl Chat {
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
}

/// Drops what someone knows who stopped there. The history goes on from one epoch to the next, so some of it may be older.
fn without_known(since: Option<Position>, envelopes: &mut Vec<Envelope>) {
    let Some(since) = since else { return };
    let is_known = |at: Position| at.epoch == since.epoch && at.seq <= since.seq;
    let known = envelopes.iter().rposition(|envelope| envelope.position().is_some_and(is_known));
    envelopes.drain(..known.map_or(0, |last| last + 1));
}
