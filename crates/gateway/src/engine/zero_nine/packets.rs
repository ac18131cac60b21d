//! Packets of 0.9 and those of protocol 3, translated into each other.
//!
//! 0.9 writes `type:id:endpoint:data`, the endpoint being the namespace and empty for `/`, and an event as one object.

use serde_json::{Value, json};

use crate::engine::payload::Malformed;

/// Nothing to say.
pub(super) const NOOP: &str = "8::";
/// Are you there? The client says the same.
pub(super) const HEARTBEAT: &str = "2::";
/// `unauthorized`: the client's `connect_failed`. Others than the protocol's three reasons cannot be said.
const UNAUTHORIZED: &str = "2";

/// What a client says, for the engine. `None`: it means nothing to us.
pub(super) fn to_engine(packet: &str) -> Result<Option<String>, Malformed> {
    let mut parts = packet.splitn(4, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (kind, id, endpoint, data) = (part(), part(), part(), part());
    let namespace = namespace(endpoint).ok_or(Malformed)?;
    let id = id.strip_suffix('+').unwrap_or(id);
    if !id.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Malformed);
    }
    let event = |args: Value| Some(format!("42{namespace}{id}{args}"));
    Ok(match kind {
        "0" if endpoint.is_empty() => Some("1".to_owned()),
        "0" => Some(format!("41{namespace}")),
        "1" if !endpoint.is_empty() => Some(format!("40{endpoint}{data},")),
        "2" => Some("2".to_owned()),
        "3" => event(json!(["message", data])),
        "4" => event(json!(["message", serde_json::from_str::<Value>(data).map_err(|_| Malformed)?])),
        "5" => event(said(data).ok_or(Malformed)?),
        "1" | "6" | "7" | "8" => None,
        _ => return Err(Malformed),
    })
}

/// What the engine says, for a client. `None`: it means nothing to it.
pub(super) fn from_engine(packet: &str) -> Option<String> {
    let (kind, rest) = packet.strip_prefix('4')?.split_at_checked(1)?;
    let (endpoint, rest) = match rest.strip_prefix('/') {
        Some(_) => rest.split_once(',').unwrap_or((rest, "")),
        None => ("", rest),
    };
    match kind {
        "0" => Some(format!("1::{endpoint}")),
        "1" => Some(format!("0::{endpoint}")),
        "2" => Some(format!("5::{endpoint}:{}", event(rest)?)),
        "3" => {
            let (id, args) = rest.split_at(rest.find('[')?);
            Some(format!("6::{endpoint}:{id}+{args}"))
        }
        "4" => Some(format!("7::{endpoint}:{UNAUTHORIZED}")),
        _ => None,
    }
}

/// As it stands in a packet of protocol 3.
fn namespace(endpoint: &str) -> Option<String> {
    match endpoint {
        "" | "/" => Some(String::new()),
        _ if endpoint.starts_with('/') && !endpoint.contains(',') => Some(format!("{endpoint},")),
        _ => None,
    }
}

/// `{name, args?}` as `[name, ...args]`.
fn said(data: &str) -> Option<Value> {
    let mut event: Value = serde_json::from_str(data).ok()?;
    let name = event.get_mut("name").filter(|name| name.is_string())?.take();
    let args = event.get_mut("args").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    Some([vec![name], args].concat().into())
}

/// `[name, ...args]` as `{name, args}`.
fn event(json: &str) -> Option<Value> {
    let mut args: Vec<Value> = serde_json::from_str(json).ok()?;
    if args.is_empty() {
        return None;
    }
    let name = args.remove(0);
    Some(json!({ "name": name, "args": args }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heard(packet: &str) -> Option<String> {
        to_engine(packet).expect("well formed")
    }

    #[test]
    fn what_clients_say_becomes_packets_of_protocol_3() {
        for (said, meant) in [
            ("5:::{\"name\":\"addUser\",\"args\":[\"Zoë 🦀\"]}", "42[\"addUser\",\"Zoë 🦀\"]"),
            ("5:7+:/v1:{\"name\":\"join\",\"args\":[{}]}", "42/v1,7[\"join\",{}]"),
            ("5:::{\"name\":\"bare\"}", "42[\"bare\"]"),
            ("3:1::a:b", "421[\"message\",\"a:b\"]"),
            ("4::/iss:{\"a\":1}", "42/iss,[\"message\",{\"a\":1}]"),
            ("1::/v1:?auth=%7B%7D", "40/v1?auth=%7B%7D,"),
            ("0::/v1", "41/v1,"),
            ("0::", "1"),
            ("0", "1"),
            ("2::", "2"),
        ] {
            assert_eq!(heard(said).as_deref(), Some(meant));
        }
        assert_eq!(heard("6:::1"), None);
        assert_eq!(heard("1::"), None);
    }

    #[test]
    fn what_is_malformed_is_nothing() {
        for said in [
            "",
            "9::",
            "5:::",
            "5:::{\"name\":1}",
            "5:x::{\"name\":\"a\"}",
            "5::v1:{\"name\":\"a\"}",
            "4:::{",
        ] {
            assert_eq!(to_engine(said), Err(Malformed), "{said}");
        }
    }

    #[test]
    fn what_the_engine_says_becomes_packets_of_the_client() {
        for (meant, said) in [
            ("40", "1::"),
            ("40/v1,", "1::/v1"),
            ("40/v1", "1::/v1"),
            ("41/v1,", "0::/v1"),
            ("42[\"a\",1,{}]", "5:::{\"args\":[1,{}],\"name\":\"a\"}"),
            ("42/v1,[\"a\"]", "5::/v1:{\"args\":[],\"name\":\"a\"}"),
            ("43/v1,12[{}]", "6::/v1:12+[{}]"),
            ("431[]", "6:::1+[]"),
            ("44/v1,{\"message\":\"name_taken\"}", "7::/v1:2"),
        ] {
            assert_eq!(from_engine(meant).as_deref(), Some(said));
        }
        assert_eq!(from_engine("3"), None);
        assert_eq!(from_engine("6"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(packet in "[0-9]?:?[0-9+]{0,3}:?\\PC{0,40}") {
            let _ = (to_engine(&packet), from_engine(&packet));
        }
    }
}
