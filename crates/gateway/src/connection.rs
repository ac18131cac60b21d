//! One session's task: the client's words become commands, in order, and the replies become its answers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_core::{Command, Envelope, Name, Position, Recent, Refusal, Reply, RoomId, Session};
use hubbub_dialects::{Answer, Dialect, Hello, Misspoken, NAMESPACES, Ready, Told, understand};
use serde_json::Value;
use socketioxide::handler::Value as Packet;
use tokio::time::{timeout, timeout_at};

use crate::{
    batch::Batch,
    delivery::ListFor,
    ears::Ears,
    engine::{Marker, Visit},
    floor::Floor,
    mailbox::Word,
    metrics,
    packet::put_event,
    peer::Peer,
};

/// While the backplane is away, rooms that could not be heard are tried again this often.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a CONNECT may wait for the backplane.
const PATIENCE: Duration = Duration::from_millis(500);

/// Bytes of a greeting that go out in one write, about: a poll's answer takes whole writes.
const ONE_WRITE: usize = 64 * 1_024;

/// A session in a namespace, from its connect to its end.
#[derive(Debug)]
pub(crate) struct Connection {
    floor: Arc<Floor>,
    peer: Arc<Peer>,
    ears: Arc<Ears>,
    session: Session,
    _visit: Visit,
    ready: Option<Ready>,
    /// Rooms that it should hear and does not yet, and when they are tried again.
    unheard: Vec<(RoomId, Greeting)>,
    again: Instant,
    /// What rooms had said before they were heard, not told yet.
    heard: Vec<(RoomId, Recent)>,
}

/// What a client is told of a room when it begins to hear it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Greeting {
    /// Only what is new.
    Nothing,
    /// So many of its last messages.
    Last(usize),
    /// What was said since it stopped.
    Since(Position),
}

impl Connection {
    pub(crate) fn new(floor: Arc<Floor>, peer: Arc<Peer>, ears: Arc<Ears>, visit: Visit) -> Self {
        let session = Session::new(peer.id, ears.clone());
        Self {
            floor,
            peer,
            ears,
            session,
            _visit: visit,
            ready: None,
            unheard: Vec::new(),
            heard: Vec::new(),
            again: Instant::now(),
        }
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
        self.greet();
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

    /// Before the CONNECT is out: hears the rooms, so that what is said from then on reaches the client. What they say
    /// waits at the gate. Where the backplane takes too long, the client connects all the same and hears them later.
    pub(crate) async fn prepare(&mut self, auth: &Value) {
        let since = self.resume(auth);
        let spoken = self.ears.spoken();
        if let [only] = spoken.as_slice() {
            self.settle(*only);
        }
        for dialect in spoken {
            let greeting = since.map_or_else(|| Greeting::of(dialect), Greeting::Since);
            self.unheard.extend(dialect.room().map(|room| (room, greeting)));
        }
        self.unheard.dedup();
        self.peer.close_gate();
        // Cut short, it hears some rooms and not others; the rest stay unheard.
        let _late = timeout(PATIENCE, self.hear_rooms()).await;
        self.forget_unheard();
    }

    /// Where the client stopped, if it says so: then it speaks the vocabulary in which it does.
    fn resume(&mut self, auth: &Value) -> Option<Position> {
        let spoken = self.ears.spoken();
        let (dialect, since) = spoken.iter().find_map(|dialect| Some((*dialect, dialect.resumes(auth)?)))?;
        self.settle(dialect);
        Some(since)
    }

    /// The CONNECT is out: the greeting, and what the rooms have said meanwhile.
    fn greet(&mut self) {
        if let [only] = self.ears.spoken().as_slice() {
            let greeting = self.ready.as_ref().map_or(Told::Connected, Told::Ready);
            self.peer.tell(&only.encode(&only.room().unwrap_or_else(RoomId::names), &greeting), None);
        }
        self.tell_heard();
    }

    /// Hears the rooms that it does not hear yet. Those that fail stay for the next time.
    async fn hear_rooms(&mut self) {
        self.again = Instant::now() + AGAIN;
        for (room, greeting) in self.unheard.clone() {
            let (chat, session) = (&self.floor.chat, &mut self.session);
            let heard = match greeting {
                Greeting::Nothing => chat.listen(session, &room).await.map(|()| None),
                Greeting::Last(limit) => chat.hear(session, &room, limit).await.map(Some),
                Greeting::Since(since) => chat.resume(session, &room, since).await.map(Some),
            };
            if let Ok(recent) = heard {
                self.unheard.retain(|(unheard, _)| *unheard != room);
                self.heard.extend(recent.map(|recent| (room, recent)));
            }
        }
    }

    /// Tells what the rooms have said before they were heard, and opens the gate for what they say since.
    fn tell_heard(&mut self) {
        self.forget_unheard();
        let heard = std::mem::take(&mut self.heard);
        heard.iter().for_each(|(room, recent)| self.tell_recent(room, &recent.envelopes));
        let told: Vec<_> = heard.into_iter().map(|(room, recent)| (room, recent.top)).collect();
        self.peer.open_gate(told);
    }

    /// Of a room that was cut short while it began to be heard nothing is told yet, or it would be told twice.
    fn forget_unheard(&mut self) {
        for (room, _) in &self.unheard {
            self.session.forget(room);
        }
    }

    fn tell_recent(&self, room: &RoomId, recent: &[Envelope]) {
        let spoken = self.ears.spoken();
        let Some(dialect) = spoken.iter().find(|dialect| dialect.room().as_ref() == Some(room)) else {
            return;
        };
        let mut batch = Batch::default();
        for told in recent.iter().filter_map(Told::said) {
            batch.add(None, None, |out| {
                let utterances = dialect.encode(room, &told);
                utterances.iter().for_each(|utterance| put_event(out, self.peer.namespace, utterance));
            });
        }
        self.peer.tell_framed(batch.finish().last(self.floor.greeting, ONE_WRITE));
    }

    async fn next_word(&mut self) -> Option<Word> {
        loop {
            let taken = if self.unheard.is_empty() {
                self.peer.mailbox.take().await
            } else if let Ok(taken) = timeout_at(self.again.into(), self.peer.mailbox.take()).await {
                taken
            } else {
                self.hear_rooms().await;
                self.tell_heard();
                continue;
            };
            let (word, room) = taken?;
            if room {
                self.peer.link.resume(self.peer.namespace);
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
        let outcome = if room.as_ref().is_some_and(|room| self.is_unheard(room)) {
            Err(Refusal::unavailable())
        } else {
            self.floor.chat.handle(&mut self.session, command).await
        };
        metrics::handled(dialect.name(), started.elapsed());
        self.answer(dialect, &outcome, ack);
        self.peer.open_gate(told(&outcome));
        if let (Some(room), Ok(Reply::Entered { first: false, .. }), true) =
            (room, &outcome, dialect.lists_people())
        {
            let wanted = ListFor { room, dialect, peer: self.peer.clone() };
            // A closed queue means that the node stops.
            let _stopping = self.floor.lists.send(wanted).await;
        }
    }

    fn is_unheard(&self, room: &RoomId) -> bool {
        self.unheard.iter().any(|(unheard, _)| unheard == room)
    }

    fn answer(&self, dialect: &dyn Dialect, outcome: &Result<Reply, Refusal>, ack: Option<i64>) {
        if let Err(refusal) = outcome {
            metrics::rejected(refusal.code.as_str());
        }
        self.tell_answer(&dialect.answer(outcome), ack);
    }

    fn object(&self, dialect: &dyn Dialect, misspoken: &Misspoken, ack: Option<i64>) {
        metrics::malformed(misspoken.label());
        self.tell_answer(&dialect.object(misspoken), ack);
    }

    fn tell_answer(&self, answer: &Answer, ack: Option<i64>) {
        self.peer.tell(&answer.told, ack.zip(answer.ack.as_deref()));
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

impl Greeting {
    fn of(dialect: &dyn Dialect) -> Self {
        match dialect.greeting() {
            0 => Self::Nothing,
            limit => Self::Last(limit),
        }
    }
}

/// What of a room's log the reply has told already.
fn told(outcome: &Result<Reply, Refusal>) -> Vec<(RoomId, Position)> {
    match outcome {
        Ok(Reply::Joined { room, top, .. }) => vec![(room.clone(), *top)],
        _ => Vec::new(),
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
