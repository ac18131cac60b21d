//! Seed 001, Flask and Angular: texts under a label that may change at any time.

use hubbub_core::{Command, RoomId};
use serde_json::{Value, json};
use smallvec::smallvec;

use crate::{
    Dialect, Misspoken, Told, Utterance, Utterances,
    told::{MISSING, SERVER},
    words,
};

/// The vocabulary. The post has `connected` and `identify`; `message` is from the same class's sibling code.
#[derive(Debug)]
pub(crate) struct Flask;

impl Dialect for Flask {
    fn name(&self) -> &'static str {
        "flask"
    }

    fn room(&self) -> Option<RoomId> {
        Some(room())
    }

    fn greeting(&self) -> usize {
        50
    }

    fn fallback(&self) -> Option<&'static str> {
        Some("New user")
    }

    fn decode(&self, word: &str, args: &[Value]) -> Option<Result<Command, Misspoken>> {
        match word {
            "identify" => {
                Some(words::name_or_guest("name", args.first()).map(|name| Command::Label { name }))
            }
            "message" => Some(words::say(room(), args)),
            _ => None,
        }
    }

    fn encode(&self, _room: &RoomId, told: &Told<'_>) -> Utterances {
        match told {
            Told::Connected => smallvec![Utterance::new("connected", [])],
            Told::Said { message, .. } => line(message.author.name.as_str(), &message.text),
            Told::Gap { .. } => self.notice(MISSING),
            _ => Utterances::new(),
        }
    }

    fn notice(&self, text: &str) -> Utterances {
        line(SERVER, text)
    }
}

fn line(name: &str, text: &str) -> Utterances {
    smallvec![Utterance::new("message", [json!({ "text": text, "name": name })])]
}

fn room() -> RoomId {
    RoomId::reserved("flask")
}
