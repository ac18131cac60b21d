//! One session's task: the client's words become commands, in order, and the replies become its answers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_core::{Command, Name, Position, Recent, Refusal, Reply, RoomId, Session};
use hubbub_dialects::{Dialect, Hello, Misspoken, NAMESPACES, Ready, Told, Utterances, understand};
use serde_json::Value;
use socketioxide::handler::Value as Packet;

use crate::{
    delivery::ListFor, ears::Ears, engine::Marker, floor::Floor, mailbox::Word, metrics, peer::Peer,
};

/// While the backplane is away, rooms that could not be heard are tried again this often.
const AGAIN: Duration = Duration::from_secs(1);

/// A session in a namespace, from its connect to its end.
#[derive(Debug)]
pub(crate) struct Connection {
    floor: Arc<Floor>,
    peer: Arc<Peer>,
    ears: Arc<Ears>,
    session: Session,
    ready: Option<Ready>,
    /// Rooms that it should hear and does not yet.
    unheard: Vec<(RoomId, usize)>,
}

impl Connection {
    pub(crate) fn new(floor: Arc<Floor>, peer: Arc<Peer>, ears: Arc<Ears>) -> Self {
        let session = Session::new(peer.id, ears.clone());
        Self { floor, peer, ears, session, ready: None, unheard: Vec::new() }
    }

    /// Lets the client in under a name of its own.
    pub(crate) async fn admit(&mut self, hello: Hello) -> Result<(), Refusal> {
        self.ready = Some(self.floor.admit(&mut self.session, hello).await?);
        Ok(())
    }

    /// The CONNECT is out: what is said to the client goes behind it.
    pub(crate) fn connect(&self) {
        let marker: Arc<dyn Marker> = self.peer.clone();
        self.peer.link.connect(self.peer.namespace, &marker);
    }

    /// Runs until the client is gone. What it said before that is still carried out.
    pub(crate) async fn run(mut self) {
        let namespace = NAMESPACES[usize::from(self.peer.namespace)];
        metrics::session_opened(namespace);
        self.greet().await;
        while let Some(word) = self.next_word().await {
            self.hear(word).await;
        }
        self.close().await;
        metrics::session_closed(namespace);
    }

    /// Leaves everything.
    pub(crate) async fn close(mut self) {
        self.floor.chat.close(&mut self.session).await;
    }

    async fn greet(&mut self) {
        let spoken = self.ears.spoken();
        if let [only] = spoken.as_slice() {
            self.settle(*only);
            let greeting = self.ready.as_ref().map_or(Told::Connected, Told::Ready);
            self.peer.tell(&only.encode(&only.room().unwrap_or_else(RoomId::names), &greeting), None);
        }
        for dialect in spoken {
            self.unheard.extend(dialect.room().map(|room| (room, dialect.greeting())));
        }
        self.unheard.dedup();
        self.hear_rooms().await;
    }

    /// Hears the rooms that it does not hear yet. Those that fail stay for the next time.
    async fn hear_rooms(&mut self) {
        for (room, limit) in std::mem::take(&mut self.unheard) {
            match self.floor.chat.hear(&mut self.session, &room, limit).await {
                Ok(Recent { top, envelopes }) => {
                    self.tell_recent(&room, &envelopes);
                    self.peer.open_gate(Some((&room, top)));
                }
                Err(_) => {
                    self.peer.open_gate(None);
                    self.unheard.push((room, limit));
                }
            }
        }
    }

    fn tell_recent(&self, room: &RoomId, recent: &[hubbub_core::Envelope]) {
        let spoken = self.ears.spoken();
        let Some(dialect) = spoken.iter().find(|dialect| dialect.room().as_ref() == Some(room)) else {
            return;
        };
        let told = recent.iter().filter_map(Told::said).flat_map(|told| dialect.encode(room, &told));
        self.peer.tell(&told.collect::<Utterances>(), None);
    }

    async fn next_word(&mut self) -> Option<Word> {
        loop {
            let taken = if self.unheard.is_empty() {
                self.peer.mailbox.take().await
            } else if let Ok(taken) = tokio::time::timeout(AGAIN, self.peer.mailbox.take()).await {
                taken
            } else {
                self.hear_rooms().await;
                continue;
            };
            let (word, room) = taken?;
            if room {
                self.peer.link.resume();
            }
            return Some(word);
        }
    }

    async fn hear(&mut self, word: Word) {
        let Some((name, args)) = parse(&word.packet) else {
            metrics::malformed(Misspoken::WrongType("the packet", "an event").label());
            return;
        };
        metrics::heard(&name);
        let (event, bytes) = (metrics::event_label(&name), word.len());
        let spoken = self.ears.spoken();
        match understand(&spoken, &name, &args) {
            Some((dialect, Ok(command))) => {
                tracing::debug!(event, bytes, dialect = dialect.name(), room = ?command.room(), "heard");
                self.settle(dialect);
                self.carry_out(dialect, command, word.ack).await;
            }
            Some((dialect, Err(misspoken))) => {
                tracing::debug!(
                    event,
                    bytes,
                    dialect = dialect.name(),
                    reason = misspoken.label(),
                    "misheard"
                );
                self.settle(dialect);
                self.object(dialect, &misspoken, word.ack);
            }
            None => {
                tracing::debug!(event, bytes, "not understood");
                self.object(spoken[0], &Misspoken::UnknownWord, word.ack);
            }
        }
    }

    async fn carry_out(&mut self, dialect: &'static dyn Dialect, command: Command, ack: Option<i64>) {
        if matches!(command, Command::Enter { .. } | Command::Join { .. }) {
            self.peer.close_gate();
        }
        let room = command.room().cloned();
        let started = Instant::now();
        let outcome = self.floor.chat.handle(&mut self.session, command).await;
        metrics::handled(dialect.name(), started.elapsed());
        self.answer(dialect, &outcome, ack);
        self.peer.open_gate(told(&outcome));
        if let (Some(room), Ok(Reply::Entered { first: false, .. })) = (room, &outcome) {
            let wanted = ListFor { room, dialect, peer: self.peer.clone() };
            // A closed queue means that the node stops.
            let _stopping = self.floor.lists.send(wanted).await;
        }
    }

    fn answer(&self, dialect: &dyn Dialect, outcome: &Result<Reply, Refusal>, ack: Option<i64>) {
        if let Err(refusal) = outcome {
            metrics::rejected(refusal.code.as_str());
        }
        let answer = dialect.answer(outcome);
        self.peer.tell(&answer.told, ack.map(|id| (id, answer.ack.as_slice())));
    }

    fn object(&self, dialect: &dyn Dialect, misspoken: &Misspoken, ack: Option<i64>) {
        metrics::malformed(misspoken.label());
        let answer = dialect.object(misspoken);
        self.peer.tell(&answer.told, ack.map(|id| (id, answer.ack.as_slice())));
    }

    /// It speaks this dialect from here on: it hears that one's room alone.
    fn settle(&mut self, dialect: &'static dyn Dialect) {
        let before = self.ears.spoken();
        if matches!(before.as_slice(), [only] if only.name() == dialect.name()) {
            self.session.fallback = dialect.fallback().and_then(|name| Name::parse(name).ok());
            return;
        }
        self.ears.decide(dialect);
        self.session.fallback = dialect.fallback().and_then(|name| Name::parse(name).ok());
        let own = dialect.room();
        for room in before.iter().filter_map(|other| other.room()).filter(|room| own.as_ref() != Some(room)) {
            self.session.forget(&room);
        }
        self.unheard.retain(|(room, _)| own.as_ref() == Some(room));
    }
}

/// What of a room's log the reply has told already.
fn told(outcome: &Result<Reply, Refusal>) -> Option<(&RoomId, Position)> {
    match outcome {
        Ok(Reply::Joined { room, top, .. }) => Some((room, *top)),
        _ => None,
    }
}

/// The event's name and its arguments.
fn parse(packet: &Packet) -> Option<(String, Vec<Value>)> {
    let Packet::Str(text, _) = packet else { return None };
    let mut args: Vec<Value> = serde_json::from_str(text).ok()?;
    if args.is_empty() {
        return None;
    }
    match args.remove(0) {
        Value::String(name) => Some((name, args)),
        _ => None,
    }
}
