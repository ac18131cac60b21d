//! Seed 000, the basic Socket IO application: texts without names.

use hubbub_core::{Command, RoomId};
use serde_json::{Value, json};
use smallvec::smallvec;

use crate::{
    Dialect, Misspoken, Told, Utterance, Utterances,
    told::{MISSING, SERVER},
    words,
};

/// The vocabulary. The post shows its code in pictures; the word `message` is from its author's later version.
#[derive(Debug)]
pub(crate) struct Simple;

impl Dialect for Simple {
    fn name(&self) -> &'static str {
        "simple"
    }

    fn room(&self) -> Option<RoomId> {
        Some(room())
    }

    fn greeting(&self) -> usize {
        50
    }

    fn decode(&self, word: &str, args: &[Value]) -> Option<Result<Command, Misspoken>> {
        (word == "message").then(|| words::say(room(), args))
    }

    fn encode(&self, _room: &RoomId, told: &Told<'_>) -> Utterances {
        match told {
            Told::Said { message, .. } => line(&message.text),
            Told::Gap { .. } => self.notice(MISSING),
            _ => Utterances::new(),
        }
    }

    fn notice(&self, text: &str) -> Utterances {
        line(&format!("{SERVER}: {text}"))
    }
}

fn line(text: &str) -> Utterances {
    smallvec![Utterance::new("message", [json!({ "text": text })])]
}

fn room() -> RoomId {
    RoomId::reserved("simple")
}
