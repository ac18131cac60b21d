//! `bye`: what v1 is told before this side ends its connection. The other vocabularies have no word for it.

use bytes::{Bytes, BytesMut};
use hubbub_core::{Millis, RoomId};
use hubbub_dialects::{NAMESPACES, Told, spoken_at};

use crate::{
    engine::{Farewells, Kick, Namespace},
    namespaces::V1,
    packet::put_event,
};

/// Other nodes are there, and each client is sent away in its turn.
const AFTER_DRAIN: Millis = 0;
/// A client that was too slow is not quicker at once.
const AFTER_SLOW: Millis = 1_000;

/// Framed once for all.
pub(crate) fn farewells() -> Farewells {
    let place = NAMESPACES.iter().position(|name| *name == V1);
    let namespace = place.and_then(|place| Namespace::try_from(place).ok()).expect("v1 has a namespace");
    let bye = |kick: Kick, retry_after| bye(namespace, kick.as_str(), retry_after);
    Farewells { namespace, slow: bye(Kick::Slow, AFTER_SLOW), drain: bye(Kick::Drain, AFTER_DRAIN) }
}

fn bye(namespace: Namespace, reason: &'static str, retry_after: Millis) -> Bytes {
    let (mut frames, told) = (BytesMut::new(), Told::Bye { reason, retry_after });
    for dialect in spoken_at(V1, false) {
        let utterances = dialect.encode(&RoomId::names(), &told);
        utterances.iter().for_each(|utterance| put_event(&mut frames, namespace, utterance));
    }
    frames.freeze()
}
