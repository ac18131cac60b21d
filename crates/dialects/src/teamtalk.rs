//! Seed 004, Flask with client 1.3.6, and teamtalk, the application that the post links to: texts that name their
//! sender, some of them in channels.

use hubbub_core::{Command, Envelope, Event, Message, Millis, Refusal, Reply, RoomId, Said};
use serde_json::{Value, json};
use smallvec::smallvec;

use crate::{
    Answer, Dialect, Misspoken, Told, Utterance, Utterances,
    told::{MISSING, SERVER},
    utc,
    words::{self, Fields},
};

/// The vocabulary. The post says `new message` and hears it back as `event_name`, its placeholder; teamtalk's own
/// words carry a channel.
#[derive(Debug)]
pub(crate) struct Teamtalk;

impl Dialect for Teamtalk {
    fn name(&self) -> &'static str {
        "teamtalk"
    }

    fn room(&self) -> Option<RoomId> {
        Some(room())
    }

    fn decode(&self, word: &str, args: &[Value]) -> Option<Result<Command, Misspoken>> {
        match word {
            // With a string it is a word of the official chat example.
            "new message" if matches!(args, [Value::String(_), ..]) => None,
            "new message" => Some(new_message(args)),
            "submit message" => Some(submit_message(args)),
            "channel selected" => Some(channel_selected(args)),
            _ => None,
        }
    }

    fn encode(&self, _room: &RoomId, told: &Told<'_>) -> Utterances {
        match told {
            Told::Said { message, at, .. } => message.channel.as_ref().map_or_else(
                || new_messages(message.author.name.as_str(), &message.text),
                |channel| {
                    smallvec![Utterance::new("announce message", [announcement(message, *at, channel)])]
                },
            ),
            Told::Gap { .. } => self.notice(MISSING),
            _ => Utterances::new(),
        }
    }

    fn notice(&self, text: &str) -> Utterances {
        new_messages(SERVER, text)
    }

    fn answer(&self, outcome: &Result<Reply, Refusal>) -> Answer {
        match outcome {
            Ok(Reply::Channel { channel, messages }) => {
                let lines: Vec<_> = messages.iter().filter_map(line).collect();
                let body = json!({ "channel": channel, "messages": lines });
                Answer { told: smallvec![Utterance::new("display channel", [body])], ..Answer::default() }
            }
            Ok(_) => Answer::default(),
            Err(refusal) => Answer::refused(refusal),
        }
    }
}

fn room() -> RoomId {
    RoomId::reserved("teamtalk")
}

fn new_message(args: &[Value]) -> Result<Command, Misspoken> {
    let said = said(Fields::of(args)?)?;
    Ok(Command::Send { room: room(), said })
}

fn submit_message(args: &[Value]) -> Result<Command, Misspoken> {
    let fields = Fields::of(args)?;
    let channel = Some(channel(fields, "channel")?);
    Ok(Command::Send { room: room(), said: Said { channel, ..said(fields)? } })
}

fn channel_selected(args: &[Value]) -> Result<Command, Misspoken> {
    let channel = channel(Fields::of(args)?, "current_channel")?;
    Ok(Command::Channel { room: room(), channel })
}

fn said(fields: Fields<'_>) -> Result<Said, Misspoken> {
    let name = fields.name_or_guest("user")?;
    Ok(Said { text: fields.string("message")?.to_owned(), name, ..Said::default() })
}

/// Whatever the page finds in its link to the channel, so it is not trimmed, only bounded.
fn channel(fields: Fields<'_>, key: &'static str) -> Result<String, Misspoken> {
    words::bounded(key, fields.string(key)?, CHANNEL_MAX).map(str::to_owned)
}

fn new_messages(user: &str, text: &str) -> Utterances {
    let body = json!({ "user": user, "message": text });
    smallvec![Utterance::new("new message", [body.clone()]), Utterance::new("event_name", [body])]
}

fn announcement(message: &Message, at: Millis, channel: &str) -> Value {
    json!({
        "user": message.author.name.as_str(),
        "timestamp": utc::timestamp(at),
        "message": message.text,
        "channel": channel,
    })
}

/// A message as teamtalk's history shows it.
fn line(envelope: &Envelope) -> Option<String> {
    let Event::Said(message) = &envelope.event else { return None };
    Some(format!("{} | {} : {}", message.author.name, utc::timestamp(envelope.at), message.text))
}

/// Longest name of a channel, in characters.
const CHANNEL_MAX: usize = 64;
