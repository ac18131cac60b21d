//! Names for people who gave none.

use crate::Name;

/// `guest-` and four letters or digits without the ones that look alike.
pub fn guest_name() -> Name {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let tail: String = (0..4).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect();
    Name::plain(format!("guest-{tail}"))
}
