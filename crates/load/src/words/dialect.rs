//! The vocabularies that can be spoken, as Socket.IO 5 packets (`wire.md` of the project says what they mean).

use serde::Serialize;
use serde_json::{Value, json};

use crate::words::stamp::RunTag;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
pub(crate) enum Dialect {
    /// Says `message`, hears `response`, as the Bocadillo tutorial and any plain echo server
    #[value(name = "003")]
    #[serde(rename = "003")]
    Response,
    /// `addUser`, then says `sendChat`, hears `updateChat`, as socketio-basics
    #[value(name = "002")]
    #[serde(rename = "002")]
    Basics,
    /// Hubbub's own protocol: one room, every message acknowledged
    #[value(name = "v1")]
    #[serde(rename = "v1")]
    V1,
}

/// What a client of this run says, word for word.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) dialect: Dialect,
    pub(crate) run: RunTag,
    pub(crate) room: String,
}

/// The word after CONNECT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) packet: String,
    /// The client is not in before the answer says so.
    pub(crate) wants_answer: bool,
}

/// Where a room is heard up to (v1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
}

impl Place {
    /// As answers and events have it.
    pub(crate) fn of(body: &Value) -> Option<Self> {
        Some(Self { epoch: body["epoch"].as_u64()?, seq: body["seq"].as_u64()? })
    }
}

impl Dialect {
    pub(crate) fn default_path(self) -> &'static str {
        match self {
            Self::Response => "/sio/socket.io/",
            Self::Basics | Self::V1 => "/socket.io/",
        }
    }

    /// How every packet that carries somebody's text begins, and no other.
    pub(crate) fn spoken(self) -> &'static [u8] {
        match self {
            Self::Response => br#"42["response","#,
            Self::Basics => br#"42["updateChat","#,
            Self::V1 => br#"42/v1,["message","#,
        }
    }

    /// How every packet begins that says who is there, and no other; `None`: nobody is told.
    pub(crate) fn people(self) -> Option<&'static [u8]> {
        match self {
            Self::Response => None,
            Self::Basics => Some(br#"42["updateUsers","#),
            Self::V1 => Some(br#"42/v1,["presence","#),
        }
    }

    /// Whether this packet tells somebody that they are in, whatever else it tells.
    pub(crate) fn is_let_in_by(self, packet: &[u8]) -> bool {
        match self {
            Self::Response => packet.starts_with(b"40"),
            // Nobody answers; the first list is the answer.
            Self::Basics => self.people().is_some_and(|people| packet.starts_with(people)),
            Self::V1 => packet.starts_with(b"43/v1,0"),
        }
    }

    /// What stands between a packet's type and its body.
    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Response | Self::Basics => "",
            Self::V1 => "/v1,",
        }
    }

    /// Whether a message has a position, and a client can come back to it.
    pub(crate) fn has_positions(self) -> bool {
        self == Self::V1
    }

    /// Whether the server answers every message with an acknowledgement.
    pub(crate) fn is_acknowledged(self) -> bool {
        self == Self::V1
    }
}

impl Script {
    /// The same in one of several rooms.
    pub(crate) fn in_room(&self, number: u32) -> Self {
        Self { room: format!("{}-{number:05}", self.room), ..self.clone() }
    }

    pub(crate) fn connect(&self, client: u32) -> String {
        match self.dialect {
            Dialect::Response | Dialect::Basics => "40".to_owned(),
            Dialect::V1 => format!("40/v1,{}", json!({ "name": self.name(client) })),
        }
    }

    /// As somebody who was there before, who knows the room up to here (v1).
    pub(crate) fn come_back(&self, session: &str, at: Place) -> String {
        let rooms = json!({ self.room.as_str(): { "epoch": at.epoch, "seq": at.seq } });
        format!("40/v1,{}", json!({ "session": session, "rooms": rooms }))
    }

    pub(crate) fn greeting(&self, client: u32) -> Option<Greeting> {
        match self.dialect {
            Dialect::Response => None,
            Dialect::Basics => {
                let packet = format!("42{}", json!(["addUser", self.name(client)]));
                Some(Greeting { packet, wants_answer: false })
            }
            Dialect::V1 => {
                let packet = format!("42/v1,{GREETING}{}", json!(["join", { "room": self.room }]));
                Some(Greeting { packet, wants_answer: true })
            }
        }
    }

    /// `id` is the acknowledgement's, and must be the sender's only one: anything but [`GREETING`].
    pub(crate) fn say(&self, text: &str, id: u32) -> String {
        match self.dialect {
            Dialect::Response => format!(r#"42["message","{text}"]"#),
            Dialect::Basics => format!(r#"42["sendChat","{text}"]"#),
            Dialect::V1 => {
                let cid = format!("{}-{id}", self.run.as_str());
                format!("42/v1,{id}{}", json!(["send", { "room": self.room, "text": text, "cid": cid }]))
            }
        }
    }

    pub(crate) fn leave(&self) -> String {
        format!("41{}", self.dialect.namespace())
    }

    fn name(&self, client: u32) -> String {
        format!("load-{}-{client:06}", self.run.as_str())
    }
}

/// What every answer has that is a refusal (v1).
pub(crate) const REFUSED: &[u8] = br#""ok":false"#;

/// The acknowledgement id of the greeting.
pub(crate) const GREETING: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    fn script(dialect: Dialect) -> Script {
        Script { dialect, run: RunTag::from_seed(0), room: "a \"room\"".into() }
    }

    #[test]
    fn response_says_a_bare_string() {
        let script = script(Dialect::Response);
        assert_eq!(script.connect(7), "40");
        assert_eq!(script.greeting(7), None);
        assert_eq!(script.say("hi", 1), r#"42["message","hi"]"#);
        assert_eq!(script.leave(), "41");
    }

    #[test]
    fn basics_adds_its_name_first() {
        let script = script(Dialect::Basics);
        assert_eq!(script.greeting(7).unwrap().packet, r#"42["addUser","load-aaaa-000007"]"#);
        assert_eq!(script.say("hi", 1), r#"42["sendChat","hi"]"#);
    }

    #[test]
    fn v1_connects_by_name_joins_and_sends_with_a_cid() {
        let script = script(Dialect::V1);
        assert_eq!(script.connect(7), r#"40/v1,{"name":"load-aaaa-000007"}"#);
        let greeting = script.greeting(7).unwrap();
        assert_eq!(greeting.packet, r#"42/v1,0["join",{"room":"a \"room\""}]"#);
        assert!(greeting.wants_answer);
        let said = script.say("hi", 9);
        let arguments: serde_json::Value =
            serde_json::from_str(said.strip_prefix("42/v1,9").unwrap()).unwrap();
        assert_eq!(arguments, json!(["send", { "room": "a \"room\"", "text": "hi", "cid": "aaaa-9" }]));
    }

    #[test]
    fn who_comes_back_brings_the_session_and_the_place() {
        let packet = script(Dialect::V1).come_back("token", Place { epoch: 3, seq: 4 });
        let credentials: Value = serde_json::from_str(packet.strip_prefix("40/v1,").unwrap()).unwrap();
        let rooms = json!({ "a \"room\"": { "epoch": 3, "seq": 4 } });
        assert_eq!(credentials, json!({ "session": "token", "rooms": rooms }));
    }
}
