//! The official Socket.IO chat example: people with names, how many they are, and who types.

use hubbub_core::{Command, Refusal, Reply, RoomId};
use serde_json::{Value, json};
use smallvec::smallvec;

use crate::{
    Answer, Dialect, Misspoken, Told, Utterance, Utterances,
    told::{MISSING, SERVER},
    words,
};

/// The vocabulary. Its page shows its own words at once and hears those of others only, all of it as text, so nothing
/// is escaped.
#[derive(Debug)]
pub(crate) struct Example;

impl Dialect for Example {
    fn name(&self) -> &'static str {
        "example"
    }

    fn room(&self) -> Option<RoomId> {
        Some(room())
    }

    fn echoes(&self) -> bool {
        false
    }

    fn decode(&self, word: &str, args: &[Value]) -> Option<Result<Command, Misspoken>> {
        match word {
            "add user" => Some(words::enter(room(), args)),
            // With anything else it is a word of seed 004.
            "new message" if matches!(args, [Value::String(_), ..]) => Some(words::say(room(), args)),
            "typing" => Some(Ok(Command::Type { room: room(), on: true })),
            "stop typing" => Some(Ok(Command::Type { room: room(), on: false })),
            _ => None,
        }
    }

    fn encode(&self, _room: &RoomId, told: &Told<'_>) -> Utterances {
        match told {
            Told::Said { message, .. } => line(message.author.name.as_str(), &message.text),
            Told::Gap { .. } => self.notice(MISSING),
            Told::Typing { who, on } => {
                let word = if *on { "typing" } else { "stop typing" };
                smallvec![Utterance::new(word, [json!({ "username": who.name.as_str() })])]
            }
            Told::Joined { who, count } => counted("user joined", who.name.as_str(), *count),
            Told::Left { who, count } => counted("user left", who.name.as_str(), *count),
            Told::Connected
            | Told::Updated { .. }
            | Told::Read { .. }
            | Told::Ready(_)
            | Told::Bye { .. }
            | Told::Roster(_)
            | Told::Changed { .. } => Utterances::new(),
        }
    }

    fn notice(&self, text: &str) -> Utterances {
        line(SERVER, text)
    }

    fn answer(&self, outcome: &Result<Reply, Refusal>) -> Answer {
        match outcome {
            Ok(Reply::Entered { count, .. }) => {
                let login = Utterance::new("login", [json!({ "numUsers": count })]);
                Answer { told: smallvec![login], ..Answer::default() }
            }
            Ok(_) => Answer::default(),
            Err(refusal) => Answer::refused(refusal),
        }
    }
}

fn room() -> RoomId {
    RoomId::reserved("example")
}

fn line(name: &str, text: &str) -> Utterances {
    smallvec![Utterance::new("new message", [json!({ "username": name, "message": text })])]
}

fn counted(word: &'static str, name: &str, count: usize) -> Utterances {
    smallvec![Utterance::new(word, [json!({ "username": name, "numUsers": count })])]
}
