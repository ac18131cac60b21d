//! What a client asks on its connection, and what it does with the answers.

use std::{
    io,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Visit;
use crate::{
    client::{Missing, Unsaid},
    crowd::Mode,
    log::{Cid, Entry, Position, Room},
    words,
};

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To hear a room.
    Join(Room),
    /// To say what is unsaid.
    Send,
    /// What a room's history has up to here.
    History(Room, Position),
}

impl Unsaid {
    /// The same at every try. Changes are reactions and edits in turn; an edited text goes on saying which one it is.
    fn request(&self, length: usize) -> (&'static str, Value) {
        let (room, cid) = (self.room.name(), self.cid.to_string());
        match &self.changed {
            None => {
                let filling = length.saturating_sub(cid.len() + 1);
                (
                    "send",
                    json!({ "room": room, "cid": cid, "text": format!("{cid} {}", "x".repeat(filling)) }),
                )
            }
            Some((_, id)) if self.cid.count.is_multiple_of(2 * CHANGES) => {
                ("modify", json!({ "room": room, "cid": cid, "id": id, "op": "react", "emoji": "🦀" }))
            }
            Some((own, id)) => {
                let text = format!("{own} by {cid}");
                ("modify", json!({ "room": room, "cid": cid, "id": id, "op": "edit", "text": text }))
            }
        }
    }
}

impl Visit<'_> {
    /// Asks for whatever is wanted by now and not asked for yet.
    pub(super) async fn ask(&mut self) -> io::Result<()> {
        let now = Instant::now();
        // Asked again, as somebody does whose answer does not come.
        self.asked.retain(|_, (_, asked)| now.duration_since(*asked) < ANSWERED);
        if now >= self.not_before {
            for room in self.client.course.rooms.clone() {
                self.join(room).await?;
            }
            for (room, missing) in self.client.memory.missing.clone() {
                self.read_history(room, missing).await?;
            }
        }
        self.say(now).await
    }

    pub(super) async fn is_answered(&mut self, number: u64, body: &Value) -> io::Result<()> {
        // The answer to a request that was given up.
        let Some((asked, _)) = self.asked.remove(&number) else { return Ok(()) };
        if body["ok"] != true {
            self.is_put_off(asked, &body["error"]);
            return Ok(());
        }
        match asked {
            Asked::Join(room) => self.has_joined(room, body),
            Asked::History(room, to) => self.has_read(room, to, body),
            Asked::Send => {
                self.is_acknowledged(body);
                return self.say(Instant::now()).await;
            }
        }
        Ok(())
    }

    async fn join(&mut self, room: Room) -> io::Result<()> {
        if self.heard.contains_key(&room) || self.is_asked(|asked| *asked == Asked::Join(room)) {
            return Ok(());
        }
        let mut body = json!({ "room": room.name(), "limit": 0 });
        if let Some(at) = self.client.memory.at.get(&room) {
            body["since"] = words::position(*at);
        }
        self.request("join", &body, Asked::Join(room)).await
    }

    fn has_joined(&mut self, room: Room, body: &Value) {
        let Some(at) = words::position_of(body) else { return self.is_strange("join", body) };
        self.hears_room(room, at, body["recovered"] == true);
        self.becomes_whole();
    }

    async fn read_history(&mut self, room: Room, Missing { after, to }: Missing) -> io::Result<()> {
        let is_asked = self.is_asked(|asked| matches!(asked, Asked::History(other, _) if *other == room));
        if is_asked || !self.heard.contains_key(&room) {
            return Ok(());
        }
        let mut body = json!({ "room": room.name(), "limit": PAGE });
        // Whoever had heard nothing reads the last page, which is what there is.
        if let Some(after) = after {
            body["after"] = after.into();
        }
        self.request("history", &body, Asked::History(room, to)).await
    }

    fn has_read(&mut self, room: Room, to: Position, body: &Value) {
        let mut reached = None;
        for message in body["messages"].as_array().into_iter().flatten() {
            let Some(position) = words::position_of(message) else { return self.is_strange("history", body) };
            let cid = message["text"].as_str().and_then(Cid::of_text);
            self.client.notes(Entry::Shown { room, position, cid });
            reached = message["id"].as_str().map(|id| (position, id.to_owned()));
        }
        let Some(missing) = self.client.memory.missing.get_mut(&room) else { return };
        match reached {
            Some((position, id)) if body["more"] == true && position < to => missing.after = Some(id),
            // It may have become more since this was asked for.
            _ if missing.to == to => drop(self.client.memory.missing.remove(&room)),
            _ => {}
        }
        self.becomes_whole();
    }

    async fn say(&mut self, now: Instant) -> io::Result<()> {
        self.think_of_something(now);
        let Some(unsaid) = &self.client.memory.unsaid else { return Ok(()) };
        let is_asked = self.is_asked(|asked| *asked == Asked::Send);
        if is_asked || now < unsaid.not_before || !self.heard.contains_key(&unsaid.room) {
            return Ok(());
        }
        let (word, body) = unsaid.request(self.client.course.length);
        self.request(word, &body, Asked::Send).await
    }

    /// The next message, or a change of the last one, when the one before is acknowledged and it is time.
    fn think_of_something(&mut self, now: Instant) {
        let mode = *self.client.mode.borrow();
        let client = &mut *self.client;
        if client.memory.unsaid.is_some() {
            return;
        }
        client.stand().quiet.store(mode == Mode::Settling, Ordering::Relaxed);
        let Some(pace) = client.course.pace else { return };
        if mode != Mode::Talking || client.memory.said >= client.course.quota || now < self.next {
            return;
        }
        self.next = now.max(self.next + pace);
        let cid = Cid { sender: client.course.number, count: client.memory.said };
        client.memory.said += 1;
        let changed =
            client.memory.own.take().filter(|_| client.course.changes && cid.count.is_multiple_of(CHANGES));
        let room = client.course.rooms[cid.count as usize % client.course.rooms.len()];
        client.memory.unsaid = Some(match changed {
            Some((room, own, id)) => Unsaid { cid, room, changed: Some((own, id)), not_before: now },
            None => Unsaid { cid, room, changed: None, not_before: now },
        });
    }

    fn is_acknowledged(&mut self, body: &Value) {
        let (Some(position), Some(unsaid)) = (words::position_of(body), self.client.memory.unsaid.take())
        else {
            return self.is_strange("send", body);
        };
        let Unsaid { cid, room, changed, .. } = unsaid;
        self.client.notes(Entry::Acked { room, position, cid, changes: changed.is_some() });
        self.client.memory.own = body["id"].as_str().map(|id| (room, cid, id.to_owned()));
        self.client.board().acknowledge(room, position);
    }

    /// What is refused for now is asked for again; a room that it is no longer in is joined again.
    fn is_put_off(&mut self, asked: Asked, error: &Value) {
        self.client.board().refused.fetch_add(1, Ordering::Relaxed);
        let pause = error["retry_after_ms"].as_u64().map_or(PAUSE, Duration::from_millis);
        let again = Instant::now() + pause;
        match (asked, &mut self.client.memory.unsaid) {
            (Asked::Send, Some(unsaid)) => unsaid.not_before = again,
            _ => self.not_before = again,
        }
        let code = error["code"].as_str().unwrap_or_default();
        if !matches!(code, "unavailable" | "draining" | "rate_limited") {
            self.client.surprises(&format!("{asked:?}: {error}"));
        }
    }

    fn is_strange(&self, word: &str, body: &Value) {
        self.client.surprises(&format!("{word} was answered {body}"));
    }

    fn is_asked(&self, what: impl Fn(&Asked) -> bool) -> bool {
        self.asked.values().any(|(asked, _)| what(asked))
    }

    async fn request(&mut self, word: &str, body: &Value, asked: Asked) -> io::Result<()> {
        self.numbers += 1;
        self.asked.insert(self.numbers, (asked, Instant::now()));
        self.line.send(words::request(self.numbers, word, body)).await
    }
}

/// One in so many words changes the message before it.
const CHANGES: u32 = 5;
/// Messages of a history that are asked for at a time.
const PAGE: usize = 100;
/// An answer that takes longer is not waited for.
const ANSWERED: Duration = Duration::from_secs(5);
/// Before something is tried again for which no time was named.
const PAUSE: Duration = Duration::from_millis(100);
