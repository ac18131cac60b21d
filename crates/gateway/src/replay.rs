//! Telling a room's past little by little, as fast as the client reads it, and then what has been said meanwhile.
//!
//! ```text
//!  past ──► a batch ──► outbox empty? ──► a batch ──► ... ──► told all that is known: catch up
//!    ▲                                                            │ more was said than is held back
//!    └──────────────────── read on in the log ◄───────────────────┘ done otherwise: live
//! ```

use std::collections::VecDeque;

use bytes::Bytes;
use hubbub_core::{Chat, Envelope, Past, Position, Refusal, RoomId};
use hubbub_dialects::{Dialect, Told};

use crate::{
    batch::{Batch, Label},
    metrics,
    packet::put_event,
    peer::Peer,
};

/// Bytes that go out in one batch, about: one message at least.
const ONE_BATCH: usize = 32 * 1_024;

/// One room's past, on its way to one client.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) room: RoomId,
    dialect: &'static dyn Dialect,
    /// What is read and not told.
    pending: VecDeque<Envelope>,
    /// What is told when that is.
    told: Position,
    /// The log had more after it.
    is_behind: bool,
}

/// How far it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Done,
}

impl Replay {
    pub(crate) fn new(room: RoomId, dialect: &'static dyn Dialect, past: Past) -> Self {
        match past {
            Past::Recent(recent) => {
                let pending = recent.envelopes.into();
                Self { room, dialect, pending, told: recent.top, is_behind: false }
            }
            Past::Missed { since, missed } => {
                let told = missed.envelopes.last().and_then(Envelope::position).unwrap_or(since);
                let is_behind = told != missed.top;
                Self { room, dialect, pending: missed.envelopes.into(), told, is_behind }
            }
        }
    }

    /// Tells the next batch, or reads on.
    pub(crate) async fn step(&mut self, chat: &Chat, peer: &Peer) -> Result<Progress, Refusal> {
        if self.pending.is_empty() {
            if !self.is_behind && peer.catch_up(&self.room, self.told) {
                return Ok(Progress::Done);
            }
            self.read_on(chat, peer).await?;
        }
        peer.tell_framed(self.batch(peer));
        Ok(Progress::More)
    }

    async fn read_on(&mut self, chat: &Chat, peer: &Peer) -> Result<(), Refusal> {
        if let Some(missed) = chat.read_on(&self.room, self.told).await? {
            self.told = missed.envelopes.last().and_then(Envelope::position).unwrap_or(self.told);
            self.is_behind = self.told != missed.top;
            self.pending = missed.envelopes.into();
            return Ok(());
        }
        // It was trimmed, or is another one by now.
        (self.told, self.is_behind) = (chat.top(&self.room).await?, false);
        metrics::recovery_lost();
        tracing::info!(room = %self.room, "a client came too late for what it missed");
        peer.tell(&self.dialect.encode(&self.room, &Told::Gap { top: self.told }), None);
        Ok(())
    }

    fn batch(&mut self, peer: &Peer) -> Option<Bytes> {
        let mut batch = Batch::default();
        while batch.bytes() < ONE_BATCH {
            let Some(envelope) = self.pending.pop_front() else { break };
            let Some(told) = Told::logged(&envelope) else { continue };
            batch.add(Label::None, None, |out| {
                let utterances = self.dialect.encode(&self.room, &told);
                utterances.iter().for_each(|utterance| put_event(out, peer.namespace, utterance));
            });
        }
        let batch = batch.finish();
        (!batch.is_empty()).then(|| batch.frames_for(peer.id))
    }
}
