//! v1: what a client is told of its place in the room, and how it comes back to it.

use std::rc::Rc;

use serde_json::Value;

use super::{Client, Stage};
use crate::{wire::outbox::Outbox, words::dialect::Place};

impl Client {
    pub(crate) fn can_come_back(&self) -> bool {
        self.shard.plan.crowd.comes_back && self.session.is_some() && self.track.place().is_some()
    }

    /// On another connection, on which nothing was said yet.
    pub(crate) fn return_by(&mut self, outbox: Rc<dyn Outbox>) {
        (self.outbox, self.stage, self.is_coming_back) = (outbox, Stage::Arriving, true);
    }

    pub(super) fn connect_packet(&self) -> String {
        match (&self.session, self.track.place()) {
            (Some(session), Some(place)) if self.is_coming_back => self.script.come_back(session, place),
            _ => self.script.connect(self.number),
        }
    }

    /// v1's that are not somebody's text.
    pub(super) fn hear_event(&mut self, text: &[u8]) {
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
}

/// Where an event's array begins.
const V1_EVENT: usize = "42/v1,".len();
