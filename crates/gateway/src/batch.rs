//! What a room's sockets of one dialect hear, framed once for all of them.

use bytes::{Bytes, BytesMut};
use hubbub_core::{Position, SessionId, UserId};

/// Finished frames, and which event each part of them is.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pieces: Vec<Piece>,
    frames: Bytes,
    building: BytesMut,
    volatile: usize,
    has_people: bool,
}

/// What tells whether a session knows an event already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Label {
    /// Nothing does.
    None,
    /// Its place in the room's log.
    Logged(Position),
    /// Someone came or went: the version of the room's people with it, and who.
    Person(u64, UserId),
    /// Who came and went after one version up to another.
    Difference { after: u64, version: u64 },
}

impl Label {
    fn is_about_people(&self) -> bool {
        matches!(self, Self::Person(..) | Self::Difference { .. })
    }
}

#[derive(Debug)]
struct Piece {
    end: usize,
    label: Label,
    hidden_from: Option<SessionId>,
    volatile: bool,
}

impl Batch {
    /// One more event: `write` frames it. Nothing written is no event.
    pub(crate) fn add(
        &mut self,
        label: Label,
        hidden_from: Option<SessionId>,
        write: impl FnOnce(&mut BytesMut),
    ) {
        let before = self.building.len();
        write(&mut self.building);
        let end = self.building.len();
        if end > before {
            self.has_people |= label.is_about_people();
            self.pieces.push(Piece { end, label, hidden_from, volatile: false });
        }
    }

    /// Bytes of its frames.
    pub(crate) fn length(&self) -> usize {
        self.frames.len()
    }

    /// Bytes that were added.
    pub(crate) fn bytes(&self) -> usize {
        self.building.len()
    }

    /// The same of an event that nobody misses: who is behind does not hear it.
    pub(crate) fn add_volatile(&mut self, hidden_from: Option<SessionId>, write: impl FnOnce(&mut BytesMut)) {
        let before = self.pieces.len();
        self.add(Label::None, hidden_from, write);
        for piece in &mut self.pieces[before..] {
            piece.volatile = true;
            self.volatile += 1;
        }
    }

    /// How many of its events nobody misses.
    pub(crate) fn volatile(&self) -> usize {
        self.volatile
    }

    /// Without those.
    pub(crate) fn lasting(&self) -> Self {
        let (mut lasting, mut start) = (Self::default(), 0);
        for piece in &self.pieces {
            let frames = &self.frames[std::mem::replace(&mut start, piece.end)..piece.end];
            if !piece.volatile {
                lasting.add(piece.label.clone(), piece.hidden_from, |out| out.extend_from_slice(frames));
            }
        }
        lasting.finish()
    }

    /// Done: nothing is added any more.
    pub(crate) fn finish(mut self) -> Self {
        self.frames = std::mem::take(&mut self.building).freeze();
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether it says who is in the room.
    pub(crate) fn has_people(&self) -> bool {
        self.has_people
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
    pub(crate) fn pieces_for(&self, session: SessionId) -> impl Iterator<Item = (&Label, Bytes)> + '_ {
        let mut start = 0;
        self.pieces.iter().filter_map(move |piece| {
            let range = std::mem::replace(&mut start, piece.end)..piece.end;
            (piece.hidden_from != Some(session)).then(|| (&piece.label, self.frames.slice(range)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_misses_can_be_left_out() {
        let (ann, at) = (SessionId::random(), Position { epoch: 1, seq: 1 });
        let mut batch = Batch::default();
        batch.add_volatile(None, |out| out.extend_from_slice(b"types "));
        batch.add(Label::Logged(at), None, |out| out.extend_from_slice(b"said "));
        batch.add_volatile(Some(ann), |out| out.extend_from_slice(b"types "));
        batch.add_volatile(None, |_| {});
        batch.add(Label::Person(7, UserId::new("cy")), Some(ann), |out| out.extend_from_slice(b"joined "));
        let batch = batch.finish();
        assert_eq!((batch.len(), batch.volatile()), (4, 2));
        let (lasting, bob) = (batch.lasting(), SessionId::random());
        assert_eq!((lasting.len(), lasting.volatile(), lasting.has_people()), (2, 0, true));
        assert_eq!(
            (lasting.frames_for(bob), lasting.frames_for(ann)),
            ("said joined ".into(), "said ".into())
        );
        assert_eq!(lasting.pieces_for(bob).next(), Some((&Label::Logged(at), "said ".into())));
    }

    #[test]
    fn a_session_does_not_hear_what_is_hidden_from_it() {
        let (ann, bob) = (SessionId::random(), SessionId::random());
        let mut batch = Batch::default();
        batch.add(Label::None, None, |out| out.extend_from_slice(b"all "));
        batch.add(Label::None, Some(ann), |out| out.extend_from_slice(b"others "));
        batch.add(Label::None, None, |_| {});
        batch.add(Label::None, None, |out| out.extend_from_slice(b"all"));
        let batch = batch.finish();
        assert_eq!(batch.len(), 3);
        assert_eq!(batch.frames_for(bob), "all others all");
        assert_eq!(batch.frames_for(ann), "all all");
    }
}
