//! A v1 client that comes back: the rooms that it was in, and those that it shares with one other person.

use std::time::Instant;

use hubbub_core::{Command, HISTORY_LENGTH, Past, Position, Refusal, Reply, RoomId};
use hubbub_dialects::Resumed;

use crate::metrics;

use super::{Connection, hearing::AGAIN};

/// Bytes of text of all rooms' pasts that are kept until they are told. Of further rooms they are read when it is their turn.
const KEPT: usize = 512 * 1_024;

impl Connection {
    /// Joins the rooms that the client was in, and answers with what it missed there. Once the backplane has failed, it
    /// is not asked again: the client sees which rooms it has to join itself.
    pub(super) async fn return_to_rooms(&mut self) -> Vec<(RoomId, Past)> {
        let mut pasts = Vec::new();
        let (mut failed, mut kept) = (None, KEPT);
        for (room, since) in std::mem::take(&mut self.returns_to) {
            let joined = match &failed {
                Some(refusal) => Err(Refusal::clone(refusal)),
                None => self.return_to(&room, since).await,
            };
            let resumed = joined.map(|(past, count)| {
                if since != Position::BEGINNING {
                    metrics::recovery(past.is_whole());
                }
                let resumed = Resumed { top: past.top(), recovered: past.is_whole(), count };
                pasts.push((room.clone(), past.within(&mut kept)));
                resumed
            });
            failed = resumed.as_ref().err().filter(|refusal| refusal.code.is_passing()).cloned();
            self.is_unread |= room.is_direct() && failed.is_some();
            if let Some(ready) = &mut self.ready {
                ready.rooms.push((room, resumed));
            }
        }
        pasts
    }

    async fn return_to(&mut self, room: &RoomId, since: Position) -> Result<(Past, usize), Refusal> {
        if room.is_direct() {
            return Ok((self.floor.chat.hear_direct(&mut self.session, room, since).await?, 2));
        }
        let join = Command::Join { room: room.clone(), since: Some(since), limit: 0 };
        match self.handle(join).await? {
            Reply::Joined { past, count, .. } => Ok((past, count)),
            _ => Err(Refusal::unavailable()),
        }
    }

    /// The rooms of two that the client has, whether it names them or not.
    pub(super) async fn return_to_directs(&mut self) {
        if self.ready.is_none() {
            return;
        }
        match self.floor.chat.open_inbox(&mut self.session).await {
            Ok(rooms) => {
                let named = |room: &RoomId| self.returns_to.iter().any(|(named, _)| named == room);
                let unnamed: Vec<_> = rooms.into_iter().filter(|room| !named(room)).collect();
                self.returns_to.extend(unnamed.into_iter().map(|room| (room, Position::BEGINNING)));
            }
            Err(_) => self.is_unread = true,
        }
    }

    /// Hears the rooms of two that the inbox names and that are new here, with everything that was said there.
    pub(super) async fn read_inbox(&mut self) {
        self.again = Instant::now() + AGAIN;
        self.peer.close_gate();
        self.is_unread = self.hear_directs().await.is_err();
        self.again = Instant::now() + AGAIN;
        self.peer.open_gate();
    }

    async fn hear_directs(&mut self) -> Result<(), Refusal> {
        for room in self.floor.chat.open_inbox(&mut self.session).await? {
            if !self.session.hears(&room) {
                let past = self.floor.chat.hear(&mut self.session, &room, None, HISTORY_LENGTH).await?;
                self.begin_replay(room, past);
            }
        }
        Ok(())
    }
}
