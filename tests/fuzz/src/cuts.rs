//! Bytes in pieces: the first bytes say how long the pieces of the rest are.

/// A stream, and the lengths of its pieces in turn.
pub(crate) struct Cut<'a> {
    lengths: &'a [u8],
    pub(crate) stream: &'a [u8],
}

impl<'a> Cut<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let (count, rest) = bytes.split_first().unwrap_or((&0, &[]));
        let (lengths, stream) = rest.split_at(usize::from(count % 16).min(rest.len()));
        Self { lengths, stream }
    }

    /// The pieces; each with where it begins.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let (mut at, stream, mut lengths) = (0, self.stream, self.lengths.iter().cycle());
        std::iter::from_fn(move || {
            let rest = stream.get(at..).filter(|rest| !rest.is_empty())?;
            let length = lengths.next().map_or(1, |length| usize::from(*length) + 1);
            let piece = (at, &rest[..length.min(rest.len())]);
            at += length;
            Some(piece)
        })
    }
}
