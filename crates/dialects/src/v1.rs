//! v1, our own protocol: requests that are one object, each acknowledged by one object.
//!
//! `docs/asyncapi.yaml` describes it, and a test holds that to what is written here.

mod bodies;
mod hello;
mod requests;

use hubbub_core::{Command, Refusal, Reply, RoomId};
use serde_json::Value;
use smallvec::smallvec;

use crate::{Answer, Dialect, Misspoken, Told, Utterance, Utterances};

pub use hello::{Hello, connect_error, hello};

/// The vocabulary. Its sockets join rooms themselves, and who comes and goes is told as differences.
#[derive(Debug)]
pub(crate) struct V1;

impl Dialect for V1 {
    fn name(&self) -> &'static str {
        "v1"
    }

    fn room(&self) -> Option<RoomId> {
        None
    }

    fn decode(&self, word: &str, args: &[Value]) -> Option<Result<Command, Misspoken>> {
        match word {
            "join" => Some(requests::join(args)),
            "leave" => Some(requests::leave(args)),
            "send" => Some(requests::send(args)),
            "modify" => Some(requests::modify(args)),
            "history" => Some(requests::history(args)),
            "members" => Some(requests::members(args)),
            "typing" => Some(requests::typing(args)),
            "read" => Some(requests::read(args)),
            "rename" => Some(requests::rename(args)),
            _ => None,
        }
    }

    fn encode(&self, room: &RoomId, told: &Told<'_>) -> Utterances {
        match *told {
            Told::Ready(ready) => smallvec![Utterance::new("ready", [bodies::ready(ready)])],
            Told::Said { position, at, message } => {
                smallvec![Utterance::new("message", [bodies::message(room, position, at, message)])]
            }
            Told::Updated { position, at, update } => {
                smallvec![Utterance::new("update", [bodies::update(room, position, at, update)])]
            }
            Told::Typing { who, on } => {
                smallvec![Utterance::new("typing", [bodies::typing(room, who, on)])]
            }
            Told::Read { who, seq } => smallvec![Utterance::new("read", [bodies::read(room, who, seq)])],
            Told::Gap { top } => smallvec![Utterance::new("gap", [bodies::gap(room, top)])],
            Told::Changed { joined, left, count } => {
                smallvec![Utterance::new("presence", [bodies::presence(room, joined, left, count)])]
            }
            Told::Bye { reason, retry_after } => {
                smallvec![Utterance::new("bye", [bodies::bye(reason, retry_after)])]
            }
            Told::Connected | Told::Joined { .. } | Told::Left { .. } | Told::Roster(_) => Utterances::new(),
        }
    }

    fn answer(&self, outcome: &Result<Reply, Refusal>) -> Answer {
        match outcome {
            Ok(reply) => Answer::acknowledged([bodies::granted(reply)]),
            Err(refusal) => Answer::refused(refusal),
        }
    }
}
