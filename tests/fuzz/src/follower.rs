//! Who follows a stream of frames in pieces stands where it stands.

use crate::{cuts::Cut, frames::Follower, model::Place};

/// Follows the bytes in pieces, and knows after each what one knows who reads them anew.
pub fn follower(bytes: &[u8]) {
    let (cut, mut follower) = (Cut::of(bytes), Follower::default());
    for (at, piece) in cut.pieces() {
        agree(&follower, &cut.stream[..at], &cut.stream[at..]);
        follower.follow(piece);
    }
    agree(&follower, cut.stream, b"more");
}

fn agree(follower: &Follower, before: &[u8], next: &[u8]) {
    let place = Place::after(before);
    assert_eq!(follower.at_boundary(), matches!(place, Place::Between { .. }));
    assert_eq!(follower.between_messages(), place == Place::Between { messages: true });
    let rest = match place {
        Place::Between { .. } => 0,
        Place::Head => 1,
        Place::Payload(rest) => usize::try_from(rest).unwrap_or(usize::MAX),
    };
    assert_eq!(follower.rest_in(next), rest.min(next.len()));
}
