//! One session's task: the client's words become commands, in order, and the replies become its answers.

mod hearing;
mod holding;
mod returning;
mod task;

use std::{collections::VecDeque, sync::Arc, time::Instant};

use hubbub_core::{Command, Name, Position, Refusal, Reply, RoomId, Session, UserId};
use hubbub_dialects::{Answer, Dialect, Hello, Misspoken, Ready, Told, understand};
use serde_json::Value;
use socketioxide::handler::Value as Packet;

use crate::{
    delivery::Wanted,
    ears::Ears,
    engine::{Marker, Visit},
    floor::Floor,
    mailbox::Word,
    metrics,
    peer::Peer,
    replay::Replay,
};

use self::{hearing::Greeting, holding::Holding};

pub(crate) use self::holding::Bounds;

type Outcome = Result<Reply, Refusal>;

/// A session in a namespace, from its connect to its end.
#[derive(Debug)]
pub(crate) struct Connection {
    floor: Arc<Floor>,
    peer: Arc<Peer>,
    ears: Arc<Ears>,
    session: Session,
    _visit: Visit,
    ready: Option<Box<Ready>>,
    /// The rooms that it was in before, and where it stopped hearing each.
    returns_to: Vec<(RoomId, Position)>,
    /// Rooms that it should hear and does not yet, and when they are tried again.
    unheard: Vec<(RoomId, Greeting)>,
    again: Instant,
    /// What rooms had said before they were heard, on its way to the client; and when the backplane may be asked for more
    /// of it, after it has failed.
    replays: VecDeque<Replay>,
    rests_until: Instant,
    /// The inbox could not be read.
    is_unread: bool,
    /// Words that wait for the backplane.
    holding: Holding,
}

impl Connection {
    pub(crate) fn new(floor: Arc<Floor>, peer: Arc<Peer>, ears: Arc<Ears>, visit: Visit) -> Box<Self> {
        let session = Session::new(peer.id, ears.clone());
        Box::new(Self {
            floor,
            peer,
            ears,
            session,
            _visit: visit,
            ready: None,
            returns_to: Vec::new(),
            unheard: Vec::new(),
            replays: VecDeque::new(),
            rests_until: Instant::now(),
            is_unread: false,
            holding: Holding::default(),
            again: Instant::now(),
        })
    }

    /// Lets the client in under a name of its own.
    pub(crate) async fn admit(&mut self, mut hello: Hello) -> Result<(), Refusal> {
        self.returns_to = std::mem::take(&mut hello.rooms);
        self.ready = Some(Box::new(self.floor.admit(&mut self.session, hello).await?));
        Ok(())
    }

    /// The CONNECT is out: what is said to the client goes behind it.
    pub(crate) fn connect(&self) {
        let marker: Arc<dyn Marker> = self.peer.clone();
        self.peer.link.connect(self.peer.namespace, &marker);
    }

    /// The CONNECT is out: the greeting, and what the rooms have said meanwhile.
    async fn greet(&mut self) {
        self.return_to_directs().await;
        let pasts = self.return_to_rooms().await;
        if let [only] = *self.ears.spoken() {
            let greeting = self.ready.as_deref().map_or(Told::Connected, Told::Ready);
            self.peer.tell(&only.encode(&only.room().unwrap_or_else(RoomId::names), &greeting), None);
        }
        self.ready = None;
        pasts.into_iter().for_each(|(room, past)| self.begin_replay(room, past));
        self.peer.open_gate();
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
        // What waits was said before.
        if self.holding.is_due() {
            self.try_held().await;
        }
        let outcome = if ack.is_some() && !self.holding.is_empty() {
            Some(Err(Refusal::unavailable()))
        } else {
            self.carry_out_or_hold(dialect, command, ack.is_some()).await
        };
        if let Some(outcome) = outcome {
            self.conclude(dialect, outcome, ack).await;
        }
    }

    async fn attempt(&mut self, dialect: &dyn Dialect, command: Command) -> Outcome {
        if matches!(command, Command::Enter { .. } | Command::Join { .. } | Command::Members { .. }) {
            self.peer.close_gate();
        }
        let started = Instant::now();
        let outcome = if command.room().is_some_and(|room| self.is_unheard(room)) {
            Err(Refusal::unavailable())
        } else {
            self.handle(command).await
        };
        metrics::handled(dialect.name(), started.elapsed());
        outcome
    }

    async fn handle(&mut self, command: Command) -> Outcome {
        let chat = &self.floor.chat;
        let begun = match &command {
            Command::Write { to, .. } => chat.begin(&mut self.session, to).await?,
            _ => None,
        };
        let reply = chat.handle(&mut self.session, command).await;
        if let (Ok(Reply::Joined { room, version, .. }), Some(identity)) = (&reply, &self.session.identity) {
            self.peer.knows_people(room, *version, identity.user.clone());
        }
        // Also if it could not be said: from here on the room is heard.
        begun.into_iter().for_each(|(room, past)| self.begin_replay(room, past));
        Ok(self.floor.with_token(reply?))
    }

    /// Answers, and lets go what was held back for the answer.
    async fn conclude(&mut self, dialect: &'static dyn Dialect, outcome: Outcome, ack: Option<i64>) {
        self.answer(dialect, &outcome, ack);
        self.replays.retain(|replay| self.session.hears(&replay.room));
        let list = match outcome {
            Ok(Reply::Joined { room, past, .. }) => {
                self.begin_replay(room, past.untold());
                None
            }
            Ok(Reply::Entered { room, name, first, version, .. }) => {
                self.peer.knows_people(&room, version, UserId::from(&name));
                // The room is told of who is new, and they with it.
                (!first && dialect.lists_people()).then_some((room, version))
            }
            _ => None,
        };
        self.peer.open_gate();
        if let Some((room, version)) = list {
            let wanted = Wanted::list(room, version, dialect, self.peer.clone());
            // A closed queue means that the node stops.
            let _stopping = self.floor.lists.send(wanted).await;
        }
    }

    fn is_unheard(&self, room: &RoomId) -> bool {
        self.unheard.iter().any(|(unheard, _)| unheard == room)
    }

    fn answer(&self, dialect: &dyn Dialect, outcome: &Outcome, ack: Option<i64>) {
        match outcome {
            Err(refusal) => metrics::rejected(refusal.code.as_str()),
            Ok(Reply::Joined { past, is_back: true, .. }) => metrics::recovery(past.is_whole()),
            Ok(_) => {}
        }
        self.tell_answer(&dialect.answer(outcome), ack);
        if let (Err(refusal), None) = (outcome, ack) {
            self.peer.tell(&dialect.notice(&refusal.message), None);
        }
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
        if matches!(*before, [only] if only.name() == dialect.name()) {
            self.session.fallback = dialect.fallback().and_then(|name| Name::parse(name).ok());
            return;
        }
        self.ears.decide(dialect);
        self.session.fallback = dialect.fallback().and_then(|name| Name::parse(name).ok());
        let own = dialect.room();
        for room in before.iter().filter_map(|other| other.room()).filter(|room| own.as_ref() != Some(room)) {
            self.session.forget(&room);
        }
        self.replays.retain(|replay| own.as_ref() == Some(&replay.room));
        self.unheard.retain(|(room, _)| own.as_ref() == Some(room));
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
