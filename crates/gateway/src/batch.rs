//! What a room's sockets of one dialect hear, framed once for all of them.

use bytes::{Bytes, BytesMut};
use hubbub_core::{Position, SessionId};

/// Finished frames, and which event each part of them is.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pieces: Vec<Piece>,
    frames: Bytes,
    building: BytesMut,
}

#[derive(Debug)]
struct Piece {
    end: usize,
    position: Option<Position>,
    hidden_from: Option<SessionId>,
}

impl Batch {
    /// One more event: `write` frames it. Nothing written is no event.
    pub(crate) fn add(
        &mut self,
        position: Option<Position>,
        hidden_from: Option<SessionId>,
        write: impl FnOnce(&mut BytesMut),
    ) {
        let before = self.building.len();
        write(&mut self.building);
        let end = self.building.len();
        if end > before {
            self.pieces.push(Piece { end, position, hidden_from });
        }
    }

    /// Bytes that were added.
    pub(crate) fn bytes(&self) -> usize {
        self.building.len()
    }

    /// Done: nothing is added any more.
    pub(crate) fn finish(mut self) -> Self {
        self.frames = std::mem::take(&mut self.building).freeze();
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many events it has.
    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// What this session hears of it: mostly all, as the same bytes.
    pub(crate) fn frames_for(&self, session: SessionId) -> Bytes {
        if self.pieces.iter().all(|piece| piece.hidden_from != Some(session)) {
            return self.frames.clone();
        }
        let mut own = BytesMut::new();
        self.pieces_for(session).for_each(|(_, frames)| own.extend_from_slice(&frames));
        own.freeze()
    }

    /// The same, event by event.
    pub(crate) fn pieces_for(
        &self,
        session: SessionId,
    ) -> impl Iterator<Item = (Option<Position>, Bytes)> + '_ {
        let mut start = 0;
        self.pieces.iter().filter_map(move |piece| {
            let range = std::mem::replace(&mut start, piece.end)..piece.end;
            (piece.hidden_from != Some(session)).then(|| (piece.position, self.frames.slice(range)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_does_not_hear_what_is_hidden_from_it() {
        let (ann, bob) = (SessionId::random(), SessionId::random());
        let mut batch = Batch::default();
        batch.add(None, None, |out| out.extend_from_slice(b"all "));
        batch.add(None, Some(ann), |out| out.extend_from_slice(b"others "));
        batch.add(None, None, |_| {});
        batch.add(None, None, |out| out.extend_from_slice(b"all"));
        let batch = batch.finish();
        assert_eq!(batch.len(), 3);
        assert_eq!(batch.frames_for(bob), "all others all");
        assert_eq!(batch.frames_for(ann), "all all");
    }
}
