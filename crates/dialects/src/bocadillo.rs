//! Seed 003, Bocadillo: one string in, the same string out.

use hubbub_core::{Command, RoomId};
use serde_json::Value;
use smallvec::smallvec;

use crate::{
    Dialect, Misspoken, Told, Utterance, Utterances,
    told::{MISSING, SERVER},
    words,
};

/// The vocabulary. Nothing is escaped: the page shows it by `innerText`.
#[derive(Debug)]
pub(crate) struct Bocadillo;

impl Dialect for Bocadillo {
    fn name(&self) -> &'static str {
        "bocadillo"
    }

    fn room(&self) -> Option<RoomId> {
        Some(room())
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
    smallvec![Utterance::new("response", [text.into()])]
}

fn room() -> RoomId {
    RoomId::reserved("bocadillo")
}
