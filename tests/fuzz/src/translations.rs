//! The stream of a client of protocol 3 is translated in the same way, in however many pieces it comes.

use tokio::io::ReadBuf;

use crate::{
    connects::{Connects, auth, translated},
    cuts::Cut,
    model::Place,
};

/// Translates the bytes in pieces and at once, and as text.
pub fn translations(bytes: &[u8]) {
    let cut = Cut::of(bytes);
    let at_once = translation(std::iter::once(cut.stream));
    assert_eq!(translation(cut.pieces().map(|(_, piece)| piece)), at_once);
    if matches!(Place::after(cut.stream), Place::Between { .. }) {
        assert!(matches!(Place::after(&at_once), Place::Between { .. }), "a torn frame");
    }
    let text = String::from_utf8_lossy(cut.stream);
    let _any = auth(&text);
    if let Some(packet) = translated(&text) {
        assert_eq!(translated(&packet), None, "it is as it should be then");
    }
}

/// What may be read of it, some bytes at a time.
fn translation<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut connects, mut all, mut room) = (Connects::default(), Vec::new(), [0; 7]);
    for piece in pieces {
        connects.pass(piece);
        loop {
            let mut buf = ReadBuf::new(&mut room);
            let gave = connects.give(&mut buf);
            assert_eq!(gave, !buf.filled().is_empty());
            if !gave {
                break;
            }
            all.extend_from_slice(buf.filled());
        }
    }
    all
}
