//! The rooms that a session hears: how it begins to hear them, and what it is told of their past.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use hubbub_core::{HISTORY_LENGTH, Past, Position, RoomId};
use hubbub_dialects::Dialect;
use serde_json::Value;
use tokio::time::timeout;

use crate::replay::{Progress, Replay};

use super::Connection;

/// While the backplane is away, rooms that could not be heard are tried again this often.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// How long a CONNECT may wait for the backplane.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a client is told of a room when it begins to hear it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greeting {
    /// Only what is new.
    Nothing,
    /// So many of its last messages.
    Last(usize),
    /// What was said since it stopped.
    Since(Position),
}

impl Connection {
    /// Before the CONNECT is out: hears the rooms, so that what is said from then on reaches the client. What they say
    /// waits at the gate. Where the backplane takes too long, the client connects all the same and hears them later.
    pub(crate) async fn prepare(&mut self, auth: &Value) {
        let since = self.resume(auth);
        let spoken = self.ears.spoken();
        if let [only] = *spoken {
            self.settle(only);
        }
        for dialect in spoken.iter() {
            let greeting = since.map_or_else(|| Greeting::of(*dialect), Greeting::Since);
            self.unheard.extend(dialect.room().map(|room| (room, greeting)));
        }
        self.unheard.dedup();
        self.peer.close_gate();
        // Cut short, it hears some rooms and not others; the rest stay unheard.
        let _late = timeout(PATIENCE, self.hear_rooms()).await;
        self.forget_unheard();
    }

    /// Where the client stopped, if it says so: then it speaks the vocabulary in which it does.
    fn resume(&mut self, auth: &Value) -> Option<Position> {
        let spoken = self.ears.spoken();
        let (dialect, since) = spoken.iter().find_map(|dialect| Some((*dialect, dialect.resumes(auth)?)))?;
        self.settle(dialect);
        Some(since)
    }

    /// Hears the rooms that it does not hear yet. Those that fail stay for the next time.
    async fn hear_rooms(&mut self) {
        self.again = Instant::now() + AGAIN;
        for (room, greeting) in self.unheard.clone() {
            let (chat, session) = (&self.floor.chat, &mut self.session);
            let heard = match greeting {
                Greeting::Nothing => chat.listen(session, &room).await.map(|()| None),
                Greeting::Last(limit) => chat.hear(session, &room, None, limit).await.map(Some),
                Greeting::Since(since) => {
                    chat.hear(session, &room, Some(since), HISTORY_LENGTH).await.map(Some)
                }
            };
            if let Ok(past) = heard {
                self.unheard.retain(|(unheard, _)| *unheard != room);
                past.into_iter().for_each(|past| self.begin_replay(room.clone(), past));
            }
        }
        if self.unheard.is_empty() {
            self.unheard = Vec::new();
        }
        // What took long leaves time for the client's words.
        self.again = Instant::now() + AGAIN;
    }

    /// What the room has said is told from here on, before anything new.
    pub(super) fn begin_replay(&mut self, room: RoomId, past: Past) {
        let Some(dialect) = self.ears.dialect_of(&room) else { return };
        self.replays.retain(|replay| replay.room != room);
        self.peer.replay(&room);
        self.replays.push_back(Replay::new(room, dialect, past));
    }

    /// Tells a little more of what rooms have said. One that cannot be read is tried again later.
    pub(super) async fn replay(&mut self) {
        let Some(mut replay) = self.replays.pop_front() else { return };
        match replay.step(&self.floor.chat, &self.peer).await {
            Ok(Progress::Done) if self.replays.is_empty() => self.replays = VecDeque::new(),
            Ok(Progress::Done) => {}
            Ok(Progress::More) => self.replays.push_front(replay),
            Err(_) => {
                self.rests_until = Instant::now() + AGAIN;
                self.replays.push_back(replay);
            }
        }
    }

    /// Of a room that was cut short while it began to be heard nothing is told yet, or it would be told twice.
    pub(super) fn forget_unheard(&mut self) {
        for (room, _) in &self.unheard {
            self.session.forget(room);
        }
    }

    pub(super) async fn try_again(&mut self) {
        self.hear_rooms().await;
        self.forget_unheard();
        self.peer.open_gate();
        if self.is_unread {
            self.read_inbox().await;
        }
    }
}

impl Greeting {
    fn of(dialect: &dyn Dialect) -> Self {
        match dialect.greeting() {
            0 => Self::Nothing,
            limit => Self::Last(limit),
        }
    }
}
