//! The vocabularies: what clients say and hear, word by word. Pure translation, no I/O.
//!
//! A vocabulary is a [`Dialect`]; [`spoken_at`] says which ones a socket may speak, [`understand`] what it says and
//! which one it speaks from then on.

mod basics;
mod bocadillo;
mod example;
mod flask;
mod misspoken;
mod simple;
mod teamtalk;
mod told;
mod tutorial;
mod utc;
mod v1;
mod words;

use std::fmt;

use hubbub_core::{Command, Position, Refusal, Reply, RoomId};
use serde_json::Value;

pub use misspoken::Misspoken;
pub use told::{Answer, Ready, Resumed, Told, Utterance, Utterances};
pub use v1::{Hello, connect_error, hello};

/// One vocabulary. Implementations are constants without state.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// Its name in metrics and logs.
    fn name(&self) -> &'static str;

    /// The room that its sockets hear from connect on; `None`: they join rooms themselves.
    fn room(&self) -> Option<RoomId>;

    /// How many of the room's last messages a new socket is told.
    fn greeting(&self) -> usize {
        0
    }

    /// Where a client stopped that comes back, from its credentials (`Value::Null`: it has none). Everything that the room
    /// has said since is told to it, instead of a greeting. `None`: it does not say so, in this vocabulary; if it does, it
    /// speaks this one. It never panics, whatever they are.
    fn resumes(&self, _auth: &Value) -> Option<Position> {
        None
    }

    /// What messages are labelled with until their sender gives a name; `None`: a guest's name.
    fn fallback(&self) -> Option<&'static str> {
        None
    }

    /// Whether its sockets are told the whole set of people ([`Told::Roster`]) when that changes.
    fn lists_people(&self) -> bool {
        false
    }

    /// Whether a session hears its own messages.
    fn echoes(&self) -> bool {
        true
    }

    /// What the word asks for. `None`: it is not of this vocabulary. It never panics, whatever the arguments.
    fn decode(&self, word: &str, args: &[Value]) -> Option<Result<Command, Misspoken>>;

    /// The spelling that a socket hears from this word on, its answer included; `None`: it stays as it is.
    ///
    /// Seed 002 exists in two spellings, and what a socket hears is spelled as the word that it added its user with.
    fn turns_to(&self, _word: &str) -> Option<&'static dyn Dialect> {
        None
    }

    /// What its sockets hear of this: the same bytes for each of them, so it is encoded once per dialect.
    fn encode(&self, room: &RoomId, told: &Told<'_>) -> Utterances;

    /// A line from the server itself, where the vocabulary can show one: that something could not be done for a client
    /// that asked for no acknowledgement, or that messages may be missing.
    fn notice(&self, _text: &str) -> Utterances {
        Utterances::new()
    }

    /// What the socket alone is told when its command is done. The acknowledgement is sent only if it asked for one.
    ///
    /// Unless a vocabulary says more: an empty acknowledgement, or one that carries the refusal.
    fn answer(&self, outcome: &Result<Reply, Refusal>) -> Answer {
        match outcome {
            Ok(_) => Answer::default(),
            Err(refusal) => Answer::refused(refusal),
        }
    }

    /// What the socket is told when its words were malformed: the acknowledgement says so, and nothing else.
    fn object(&self, misspoken: &Misspoken) -> Answer {
        Answer::refused(&misspoken.refusal())
    }
}

/// What the word asks for, and the vocabulary that the socket speaks from it on. `None`: none of these knows it.
///
/// A malformed word narrows too: whoever says it speaks that vocabulary. For the two spellings of seed 002 only the
/// word that adds a user decides; a socket that sends before it hears camelCase, as it did while it was undecided.
pub fn understand(
    spoken: &[&'static dyn Dialect],
    word: &str,
    args: &[Value],
) -> Option<(&'static dyn Dialect, Result<Command, Misspoken>)> {
    spoken.iter().find_map(|dialect| {
        let command = dialect.decode(word, args)?;
        Some((dialect.turns_to(word).unwrap_or(*dialect), command))
    })
}

/// The vocabularies that a socket may speak.
///
/// With several it is undecided: it hears each vocabulary's room (of those that share a room, as the first one says
/// it), and its first word narrows it to one: see [`understand`].
pub fn spoken_at(namespace: &str, own_path: bool) -> &'static [&'static dyn Dialect] {
    match (namespace, own_path) {
        ("/", false) => &[
            &basics::CAMEL,
            &basics::LOWER,
            &bocadillo::Bocadillo,
            &teamtalk::Teamtalk,
            &example::Example,
            &tutorial::Tutorial,
        ],
        ("/", true) => &[&bocadillo::Bocadillo],
        ("/ssio", _) => &[&simple::Simple],
        ("/iss", _) => &[&flask::Flask],
        ("/v1", _) => &[&v1::V1],
        _ => &[],
    }
}

/// The namespaces that exist.
pub const NAMESPACES: &[&str] = &["/", "/ssio", "/iss", "/v1"];
