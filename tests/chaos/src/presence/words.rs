//! What v1 says of who is here.

use serde::Deserialize;
use serde_json::Value;

use super::sight::{List, Told, User};

/// What a packet tells of who came and went; `None`: nothing.
pub(super) fn change(packet: &str) -> Option<Told> {
    let body = packet.strip_prefix("42/v1,[\"presence\",")?.strip_suffix(']')?;
    let Presence { join, leave, count } = serde_json::from_str(body).ok()?;
    Some(Told::Changed { joined: join.into_iter().map(|who| who.user).collect(), left: leave, count })
}

/// What an answer lists, to `join` and to `members`.
pub(super) fn list(body: &Value) -> Option<List> {
    let members = body["members"].as_array()?.iter();
    let members = members.map(|who| who["user"].as_str().map(User::from)).collect::<Option<_>>()?;
    Some(List { members, count: body["count"].as_u64()? })
}

#[derive(Deserialize)]
struct Presence {
    join: Vec<Joined>,
    leave: Vec<User>,
    count: u64,
}

#[derive(Deserialize)]
struct Joined {
    user: User,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_known_by_its_word() {
        let packet =
            r#"42/v1,["presence",{"room":"r","join":[{"user":"a","name":"Ann"}],"leave":["b"],"count":7}]"#;
        let told = Told::Changed { joined: vec!["a".into()], left: vec!["b".into()], count: 7 };
        assert_eq!(change(packet), Some(told));
        assert_eq!(change(r#"42/v1,["message",{"room":"r"}]"#), None);
    }

    #[test]
    fn a_list_that_names_nobody_is_none() {
        let body = json!({ "ok": true, "members": [{ "user": "a", "name": "Ann" }], "count": 3 });
        assert_eq!(list(&body), Some(List { members: vec!["a".into()], count: 3 }));
        assert_eq!(list(&json!({ "ok": false })), None);
    }
}
