//! Seed 002, socketio-basics: people with names, a list of them, and a `Server` that comments.

use hubbub_core::{Command, Occupant, Refusal, Reply, RoomId};
use serde_json::{Map, Value};
use smallvec::smallvec;

use crate::{
    Answer, Dialect, Misspoken, Told, Utterance, Utterances,
    told::{MISSING, SERVER},
    words,
};

/// The spelling of the walkthrough and of the final server. A socket that has added no user hears it too.
pub(crate) const CAMEL: Basics = Basics { name: "basics", chat: "updateChat", users: "updateUsers" };

/// The spelling of the final page, which as printed never worked against the final server.
pub(crate) const LOWER: Basics = Basics { name: "basics_lower", chat: "updatechat", users: "updateusers" };

/// The vocabulary, in the spelling that its sockets hear. Both understand both: the walkthrough's page adds with
/// `addUser` and sends with `sendchat`.
///
/// The page appends what it hears as HTML, so names and texts are escaped here, and in no other vocabulary.
#[derive(Debug)]
pub(crate) struct Basics {
    name: &'static str,
    chat: &'static str,
    users: &'static str,
}

impl Dialect for Basics {
    fn name(&self) -> &'static str {
        self.name
    }

    fn room(&self) -> Option<RoomId> {
        Some(room())
    }

    fn lists_people(&self) -> bool {
        true
    }

    fn decode(&self, word: &str, args: &[Value]) -> Option<Result<Command, Misspoken>> {
        match word {
            "addUser" | "adduser" => Some(words::enter(room(), args)),
            "sendChat" | "sendchat" => Some(words::say(room(), args)),
            _ => None,
        }
    }

    fn turns_to(&self, word: &str) -> Option<&'static dyn Dialect> {
        match word {
            "addUser" => Some(&CAMEL),
            "adduser" => Some(&LOWER),
            _ => None,
        }
    }

    fn encode(&self, _room: &RoomId, told: &Told<'_>) -> Utterances {
        match told {
            Told::Said { message, .. } => self.line(message.author.name.as_str(), &message.text),
            Told::Joined { who, .. } => self.notice(&format!("{} has connected", who.name)),
            Told::Left { who, .. } => self.notice(&format!("{} has disconnected.", who.name)),
            Told::Gap { .. } => self.notice(MISSING),
            Told::Roster(people) => smallvec![Utterance::new(self.users, [roster(people)])],
            Told::Connected
            | Told::Ready(_)
            | Told::Updated { .. }
            | Told::Typing { .. }
            | Told::Read { .. }
            | Told::Bye { .. }
            | Told::Changed { .. } => Utterances::new(),
        }
    }

    fn notice(&self, text: &str) -> Utterances {
        self.line(SERVER, text)
    }

    fn answer(&self, outcome: &Result<Reply, Refusal>) -> Answer {
        match outcome {
            Ok(Reply::Entered { .. }) => {
                Answer { told: self.notice("you have connected"), ..Answer::default() }
            }
            Ok(_) => Answer::default(),
            Err(refusal) => Answer::refused(refusal),
        }
    }
}

impl Basics {
    fn line(&self, name: &str, text: &str) -> Utterances {
        smallvec![Utterance::new(self.chat, [escaped(name).into(), escaped(text).into()])]
    }
}

fn room() -> RoomId {
    RoomId::reserved("basics")
}

/// The names as the keys of an object, as the page prints them.
fn roster(people: &[Occupant]) -> Value {
    let names = people.iter().map(|who| escaped(who.name.as_str()));
    names.map(|name| (name.clone(), name.into())).collect::<Map<_, _>>().into()
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}
