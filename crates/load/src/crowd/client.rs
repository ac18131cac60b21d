//! One client: says what the vocabulary asks of it, answers heartbeats, keeps the account of what it hears.

mod returning;
mod speaking;

use std::{rc::Rc, sync::atomic::Ordering};

use serde_json::Value;

use crate::{
    crowd::{shard::Shard, voice::Voice},
    plan::Transport,
    verdict::{hearing::Hearing, track::Track},
    wire::{
        connection::{Ended, Message},
        outbox::Outbox,
        payload::Eio,
    },
    words::{
        dialect::{GREETING, Script},
        stamp::{Finder, Kind, Stamp},
    },
};

#[derive(Debug)]
pub(crate) struct Client {
    shard: Rc<Shard>,
    number: u32,
    script: Script,
    /// The number of the first of its room.
    first: u32,
    stage: Stage,
    outbox: Rc<dyn Outbox>,
    finder: Finder,
    pub(crate) hearing: Hearing,
    pub(crate) track: Track,
    /// With which it can come back (v1).
    session: Option<String>,
    is_coming_back: bool,
    pub(crate) voice: Option<Voice>,
    has_heard_probe: bool,
    /// Messages heard in this turn, which the board does not know yet.
    heard: u64,
    /// Those that the board knows.
    heard_before: u64,
}

#[derive(Debug)]
enum Stage {
    /// Until the server has let it in.
    Arriving,
    Ready,
    Ended(String),
}

impl Client {
    pub(crate) fn new(shard: Rc<Shard>, number: u32, outbox: Rc<dyn Outbox>) -> Self {
        let plan = &shard.plan;
        Self {
            number,
            script: plan.script_of(number),
            first: number - plan.crowd.place_of(number),
            stage: Stage::Arriving,
            outbox,
            finder: Finder::new(plan.script.run),
            hearing: Hearing::new(plan.crowd.senders as usize),
            track: Track::default(),
            session: None,
            is_coming_back: false,
            voice: plan.crowd.is_sender(number).then(Voice::new),
            has_heard_probe: false,
            heard: 0,
            heard_before: 0,
            shard,
        }
    }

    pub(crate) fn hear(&mut self, message: &Message<'_>, now: u64) {
        match message {
            Message::Text(text) if text.starts_with(self.script.dialect.spoken()) => {
                if self.script.dialect.has_positions() {
                    self.track.hear(text);
                }
                if let Some(stamp) = self.finder.find(text) {
                    self.hear_spoken(&stamp, now);
                }
            }
            Message::Text(text) => self.hear_control(text),
            Message::Ping(payload) => self.outbox.pong(payload),
            Message::Close => self.end("closed by the server"),
        }
    }

    /// After a turn's last message: what was answered goes out.
    pub(crate) fn end_turn(&mut self) -> Result<(), Ended> {
        self.flush();
        if self.heard > 0 {
            self.heard_before += self.heard;
            self.shard.board.heard.fetch_add(std::mem::take(&mut self.heard), Ordering::Relaxed);
        }
        match &self.stage {
            Stage::Ended(reason) => Err(Ended::Told(reason.clone())),
            _ => Ok(()),
        }
    }

    fn hear_spoken(&mut self, stamp: &Stamp, now: u64) {
        if stamp.kind == Kind::Probe {
            return self.hear_probe();
        }
        self.heard += 1;
        self.hearing.hear(stamp.sender.wrapping_sub(self.first), stamp.sequence);
        self.shard.record_delivery(now.saturating_sub(stamp.said_at));
        if stamp.sender == self.number
            && let Some(voice) = &mut self.voice
        {
            voice.heard_back(stamp.sequence);
            self.say_what_may_be_said();
        }
    }

    fn hear_probe(&mut self) {
        if !self.has_heard_probe {
            self.has_heard_probe = true;
            self.shard.board.probed.fetch_add(1, Ordering::Relaxed);
        }
    }

    // Engine.IO: 0 open, 1 close, 2 ping; Socket.IO behind a 4: 0 CONNECT, 1 DISCONNECT, 3 ACK, 4 CONNECT_ERROR.
    fn hear_control(&mut self, text: &[u8]) {
        match text {
            b"2" => self.send("3"),
            [b'0', ..] => self.connect(),
            [b'4', b'0', ..] => self.greet(),
            [b'4', b'3', answer @ ..] => self.hear_answer(answer),
            [b'4', b'1' | b'4', ..] | [b'1'] => {
                self.end(&format!("the server said {}", String::from_utf8_lossy(text)));
            }
            _ => self.hear_event(text),
        }
    }

    /// In protocol 3 everybody is connected to the main namespace without a word.
    fn connect(&self) {
        if self.shard.plan.transport_of(self.number) != Transport::Polling(Eio::Three) {
            self.send(&self.connect_packet());
        }
    }

    fn greet(&mut self) {
        if self.is_coming_back {
            return;
        }
        let greeting = self.script.greeting(self.number);
        if let Some(greeting) = &greeting {
            self.send(&greeting.packet);
        }
        if greeting.is_none_or(|greeting| !greeting.wants_answer) {
            self.stage = Stage::Ready;
        }
    }

    /// `answer` is the packet behind `43`.
    fn hear_answer(&mut self, answer: &[u8]) {
        let namespace = self.script.dialect.namespace().as_bytes();
        let Some(answer) = answer.strip_prefix(namespace) else { return };
        let digits = answer.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (id, arguments) = answer.split_at(digits);
        match str::from_utf8(id).unwrap_or_default().parse() {
            Ok(GREETING) => self.hear_greeting_answered(arguments),
            Ok(id) if id < FIRST_PROBE => self.hear_message_answered(id - FIRST_MESSAGE, arguments),
            _ => {}
        }
    }

    fn hear_greeting_answered(&mut self, arguments: &[u8]) {
        match refusal(arguments) {
            None => {
                let answer: Value = serde_json::from_slice(arguments).unwrap_or_default();
                self.track.enter(&answer[0]);
                self.stage = Stage::Ready;
            }
            Some(code) => self.end(&format!("the greeting was refused: {code}")),
        }
    }

    fn hear_message_answered(&mut self, sequence: u32, arguments: &[u8]) {
        let Some(voice) = &mut self.voice else { return };
        let refusal = refusal(arguments);
        voice.answered(sequence, refusal.is_some());
        if let Some(code) = refusal {
            self.shard.board.refused.fetch_add(1, Ordering::Relaxed);
            *self.shard.ledger.borrow_mut().refused.entry(code).or_default() += 1;
            self.say_what_may_be_said();
        }
    }

    fn end(&mut self, reason: &str) {
        self.stage = Stage::Ended(reason.to_owned());
    }

    /// As far as the board knows.
    pub(crate) fn heard_in_all(&self) -> u64 {
        self.heard_before
    }

    /// Let in, and not gone since.
    pub(crate) fn is_in(&self) -> bool {
        matches!(self.stage, Stage::Ready)
    }

    /// The connection is gone.
    pub(crate) fn lose(&mut self, ended: &Ended) {
        self.end(&ended.to_string());
        let unknown = self.voice.as_mut().map_or(0, Voice::lose);
        self.shard.board.refused.fetch_add(unknown as u64, Ordering::Relaxed);
    }
}

/// The code of an answer that is not `{ok: true, ..}`.
fn refusal(arguments: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(arguments).unwrap_or_default();
    if answer[0]["ok"] == Value::Bool(true) {
        return None;
    }
    let code = answer[0]["error"]["code"].as_str().unwrap_or("unintelligible");
    Some(code.to_owned())
}

/// Acknowledgement ids: 0 is the greeting's, then come the messages', then the probes'.
const FIRST_MESSAGE: u32 = GREETING + 1;
const FIRST_PROBE: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_yes_or_why_not() {
        assert_eq!(refusal(br#"[{"ok":true,"seq":1}]"#), None);
        let limited = br#"[{"ok":false,"error":{"code":"rate_limited","message":""}}]"#;
        assert_eq!(refusal(limited).as_deref(), Some("rate_limited"));
        for nonsense in [&b""[..], b"[]", b"{", b"[7]"] {
            assert_eq!(refusal(nonsense).as_deref(), Some("unintelligible"));
        }
    }
}
