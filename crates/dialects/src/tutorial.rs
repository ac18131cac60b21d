//! The official Socket.IO tutorial: `chat message`, said once however often it is sent, and told again to whoever was
//! away.

use hubbub_core::{Command, Position, Refusal, Reply, RoomId, Said};
use serde_json::Value;
use smallvec::smallvec;

use crate::{
    Answer, Dialect, Misspoken, Told, Utterance, Utterances,
    told::{MISSING, SERVER},
    words,
};

/// The vocabulary. `clientOffset` makes a retry the same message, whichever connection it comes by; `serverOffset` is
/// the place of a message, which the page gives back when it reconnects.
#[derive(Debug)]
pub(crate) struct Tutorial;

impl Dialect for Tutorial {
    fn name(&self) -> &'static str {
        "tutorial"
    }

    fn room(&self) -> Option<RoomId> {
        Some(room())
    }

    /// A page begins with 0. Whatever else is no offset of ours is of another server's, and says nothing about our log.
    fn resumes(&self, auth: &Value) -> Option<Position> {
        let offset = auth.get("serverOffset")?.as_str().and_then(Position::of_id);
        Some(offset.unwrap_or(Position::BEGINNING))
    }

    fn decode(&self, word: &str, args: &[Value]) -> Option<Result<Command, Misspoken>> {
        (word == "chat message").then(|| chat_message(args))
    }

    fn encode(&self, _room: &RoomId, told: &Told<'_>) -> Utterances {
        match told {
            Told::Said { position, message, .. } => {
                let offset = position.id();
                let args = [message.text.as_str().into(), offset.as_str().into()];
                smallvec![Utterance::new("chat message", args)]
            }
            // The page would take what has no offset for the beginning of everything.
            Told::Gap { top } => {
                let args = [format!("{SERVER}: {MISSING}").into(), top.id().as_str().into()];
                smallvec![Utterance::new("chat message", args)]
            }
            _ => Utterances::new(),
        }
    }

    /// The page's client takes any acknowledgement as a success, and sends again what is not acknowledged in time. So
    /// what may be granted to the next try is not acknowledged.
    fn answer(&self, outcome: &Result<Reply, Refusal>) -> Answer {
        match outcome {
            Ok(_) => Answer::default(),
            Err(refusal) if refusal.code.is_passing() => Answer::silent(),
            Err(refusal) => Answer::refused(refusal),
        }
    }
}

fn room() -> RoomId {
    RoomId::reserved("tutorial")
}

/// Text, and the client's own id of it.
fn chat_message(args: &[Value]) -> Result<Command, Misspoken> {
    let text = words::string("text", args.first())?.to_owned();
    let cid = match args.get(1) {
        None | Some(Value::Null) => None,
        offset => Some(words::cid("clientOffset", words::string("clientOffset", offset)?)?),
    };
    Ok(Command::Send { room: room(), said: Said { text, cid, ..Said::default() } })
}
