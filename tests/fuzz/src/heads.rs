//! Heads are read as they are written, and whatever they announce is not believed.

use bytes::BytesMut;

use crate::{
    frames::{first, head, is_client_text, payloads, put_client_text, put_text, unmasked},
    model,
};

/// Reads the bytes as frames, and writes them as one.
pub fn heads(bytes: &[u8]) {
    assert_eq!(head(bytes), model::head(bytes));
    assert_eq!(first(bytes), first_frame(bytes));
    assert!(payloads(bytes).eq(frames(bytes)));
    written(bytes);
}

fn first_frame(bytes: &[u8]) -> usize {
    let end = model::head(bytes).map(|(head, length)| u128::from(length) + head as u128);
    end.and_then(|end| usize::try_from(end).ok()).unwrap_or(bytes.len()).min(bytes.len())
}

fn frames(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (head, length) = model::head(bytes)?;
        let payload = &bytes[head..];
        let (payload, rest) = payload.split_at_checked(usize::try_from(length).ok()?)?;
        bytes = rest;
        Some(payload)
    })
}

fn written(payload: &[u8]) {
    let (mut ours, mut theirs) = (BytesMut::new(), BytesMut::new());
    let (some, more) = payload.split_at(payload.len() / 2);
    put_text(&mut ours, &[some, more]);
    assert!(!is_client_text(&ours) && payloads(&ours).eq([payload]));
    put_client_text(&mut theirs, payload);
    let (head, length) = head(&theirs).expect("a whole head");
    assert_eq!((is_client_text(&theirs), length), (true, payload.len() as u64));
    assert_eq!(unmasked(&theirs[..head], &theirs[head..]), payload);
}
