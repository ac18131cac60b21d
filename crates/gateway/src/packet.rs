//! Socket.IO packets (protocol 4 and 5 alike) in finished WebSocket frames.

use bytes::BytesMut;
use hubbub_dialects::{NAMESPACES, Utterance};
use serde::ser::{SerializeSeq, Serializer};
use serde_json::Value;

use crate::engine::{Namespace, put_text};

/// Appends an event.
pub(crate) fn put_event(out: &mut BytesMut, namespace: Namespace, utterance: &Utterance) {
    let mut json = Vec::with_capacity(128);
    let written = write_event(&mut json, utterance);
    debug_assert!(written.is_ok(), "a value always serialises into memory");
    put_text(out, &[b"42", prefix(namespace).as_bytes(), &json]);
}

/// Appends an acknowledgement.
pub(crate) fn put_ack(out: &mut BytesMut, namespace: Namespace, id: i64, args: &[Value]) {
    let json = Value::from(args).to_string();
    put_text(out, &[b"43", prefix(namespace).as_bytes(), id.to_string().as_bytes(), json.as_bytes()]);
}

fn write_event(json: &mut Vec<u8>, utterance: &Utterance) -> serde_json::Result<()> {
    let mut serializer = serde_json::Serializer::new(json);
    let mut array = serializer.serialize_seq(Some(utterance.args.len() + 1))?;
    array.serialize_element(utterance.event)?;
    utterance.args.iter().try_for_each(|arg| array.serialize_element(arg))?;
    array.end()
}

fn prefix(namespace: Namespace) -> String {
    match NAMESPACES.get(usize::from(namespace)) {
        None | Some(&"/") => String::new(),
        Some(name) => format!("{name},"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_and_acknowledgements_are_socket_io_packets() {
        let mut out = BytesMut::new();
        put_event(&mut out, 0, &Utterance::new("updateChat", [json!("Server"), json!("hé")]));
        assert_eq!(&out[2..], "42[\"updateChat\",\"Server\",\"hé\"]".as_bytes());
        out.clear();
        put_event(&mut out, 2, &Utterance::new("connected", []));
        assert_eq!(&out[2..], b"42/iss,[\"connected\"]");
        out.clear();
        put_ack(&mut out, 3, 7, &[json!({ "ok": true })]);
        assert_eq!(&out[2..], b"43/v1,7[{\"ok\":true}]");
    }
}
