//! One client: says what the vocabulary asks of it, answers heartbeats, keeps the account of what it hears.

use std::{rc::Rc, sync::atomic::Ordering};

use serde_json::Value;

use crate::{
    crowd::{shard::Shard, voice::Voice},
    plan::{Pace, Transport},
    verdict::{hearing::Hearing, track::Track},
    wire::{
        connection::{Ended, Message},
        outbox::Outbox,
        payload::Eio,
    },
    words::{
        dialect::{GREETING, Place, Script},
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

    /// v1's that are not somebody's text.
    fn hear_event(&mut self, text: &[u8]) {
        let Some(event) = text.strip_prefix(b"42/v1,[") else { return };
        let body = || serde_json::from_slice::<Value>(&text[V1_EVENT..]).unwrap_or_default()[1].take();
        match event {
            [b'"', b'u', b'p', b'd', ..] => self.track.hear(text),
            [b'"', b'b', b'y', b'e', ..] => self.end(&String::from_utf8_lossy(text)),
            [b'"', b'g', b'a', b'p', ..] => self.hear_gap(&body()),
            [b'"', b'r', b'e', b'a', b'd', b'y', ..] => self.hear_ready(&body()),
            _ => {}
        }
    }

    fn hear_gap(&mut self, gap: &Value) {
        if let Some(place) = Place::of(gap) {
            self.track.jump(place);
            self.hearing.excuse();
        }
    }

    fn hear_ready(&mut self, ready: &Value) {
        self.session = ready["session"].as_str().map(str::to_owned);
        if !self.is_coming_back {
            return;
        }
        let room = &ready["rooms"][&self.script.room];
        match Place::of(room) {
            None => return self.end(&format!("the room was refused: {room}")),
            Some(_) if room["recovered"] == true => {}
            Some(_) => {
                self.shard.ledger.borrow_mut().unproved += 1;
                self.hear_gap(room);
            }
        }
        self.stage = Stage::Ready;
    }

    /// In protocol 3 everybody is connected to the main namespace without a word.
    fn connect(&self) {
        if self.shard.plan.transport_of(self.number) != Transport::Polling(Eio::Three) {
            self.send(&self.connect_packet());
        }
    }

    fn connect_packet(&self) -> String {
        match (&self.session, self.track.place()) {
            (Some(session), Some(place)) if self.is_coming_back => self.script.come_back(session, place),
            _ => self.script.connect(self.number),
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

    pub(crate) fn can_come_back(&self) -> bool {
        self.shard.plan.crowd.comes_back && self.session.is_some() && self.track.place().is_some()
    }

    /// What it says from now on goes this way.
    pub(crate) fn speak_by(&mut self, outbox: Rc<dyn Outbox>) {
        self.outbox = outbox;
    }

    /// On another connection, on which nothing was said yet.
    pub(crate) fn return_by(&mut self, outbox: Rc<dyn Outbox>) {
        (self.outbox, self.stage, self.is_coming_back) = (outbox, Stage::Arriving, true);
    }
}

/// Speaking.
impl Client {
    /// Fills the closed loop's window, as long as it is time to talk.
    pub(crate) fn say_what_may_be_said(&mut self) {
        let pace = self.shard.plan.crowd.pace;
        if !matches!(pace, Pace::Closed { .. }) || !self.may_talk() {
            return;
        }
        while self.voice.as_ref().is_some_and(|voice| voice.has_room(pace)) {
            self.say_one();
        }
    }

    /// It is time to, and there is somebody to talk to.
    pub(crate) fn may_talk(&self) -> bool {
        self.is_in() && self.shard.board.is_talking()
    }

    /// What has not come back will not.
    pub(crate) fn give_up_waiting(&mut self) {
        if let Some(voice) = &mut self.voice {
            voice.give_up_waiting();
        }
    }

    /// One message. It goes out with the next [`Client::flush`].
    pub(crate) fn say_one(&mut self) {
        let Some(voice) = &mut self.voice else { return };
        let sequence = voice.say(self.script.dialect.is_acknowledged());
        self.shard.board.said.fetch_add(1, Ordering::Relaxed);
        self.say(Kind::Message, sequence, sequence + FIRST_MESSAGE);
    }

    pub(crate) fn say_probe(&mut self) {
        let Some(voice) = &mut self.voice else { return };
        let probe = voice.probe();
        self.say(Kind::Probe, probe, FIRST_PROBE + probe);
        self.flush();
    }

    fn say(&self, kind: Kind, sequence: u32, id: u32) {
        let plan = &self.shard.plan;
        let stamp = Stamp { kind, sender: self.number, sequence, said_at: plan.now() };
        self.send(&self.script.say(&stamp.text(plan.script.run, plan.crowd.bytes), id));
    }

    fn send(&self, packet: &str) {
        self.outbox.say(packet);
    }

    pub(crate) fn flush(&self) {
        Rc::clone(&self.outbox).flush();
    }

    /// All that it said is out.
    pub(crate) fn has_said_all(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Says goodbye, as a page that is closed in order.
    pub(crate) fn leave(&self) {
        self.send(&self.script.leave());
        self.outbox.close();
        self.flush();
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

/// Where an event's array begins.
const V1_EVENT: usize = "42/v1,".len();

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
