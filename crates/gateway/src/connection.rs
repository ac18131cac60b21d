//! One session's task: the client's words become commands, in order, and the replies become its answers.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_core::{Command, HISTORY_LENGTH, Name, Past, Position, Refusal, Reply, RoomId, Session};
use hubbub_dialects::{Answer, Dialect, Hello, Misspoken, NAMESPACES, Ready, Resumed, Told, understand};
use serde_json::Value;
use socketioxide::handler::Value as Packet;
use tokio::time::{sleep_until, timeout};

use crate::{
    delivery::ListFor,
    ears::Ears,
    engine::{Marker, Visit},
    floor::Floor,
    mailbox::{Taken, Word},
    metrics,
    peer::Peer,
    replay::{Progress, Replay},
};

/// While the backplane is away, rooms that could not be heard are tried again this often.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a CONNECT may wait for the backplane.
const PATIENCE: Duration = Duration::from_millis(500);

/// A session in a namespace, from its connect to its end.
#[derive(Debug)]
pub(crate) struct Connection {
    floor: Arc<Floor>,
    peer: Arc<Peer>,
    ears: Arc<Ears>,
    session: Session,
    _visit: Visit,
    ready: Option<Ready>,
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
}

/// What the session's task does next.
enum Next {
    Hear(Word),
    ReadInbox,
    Replay,
    TryAgain,
    End,
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
            returns_to: Vec::new(),
            unheard: Vec::new(),
            replays: VecDeque::new(),
            rests_until: Instant::now(),
            is_unread: false,
            again: Instant::now(),
        }
    }

    /// Lets the client in under a name of its own.
    pub(crate) async fn admit(&mut self, mut hello: Hello) -> Result<(), Refusal> {
        self.returns_to = std::mem::take(&mut hello.rooms);
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
        loop {
            match self.next().await {
                Next::Hear(word) => self.hear(word).await,
                Next::ReadInbox => self.read_inbox().await,
                Next::Replay => self.replay().await,
                Next::TryAgain => self.try_again().await,
                Next::End => break,
            }
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
    async fn greet(&mut self) {
        self.return_to_directs().await;
        let pasts = self.return_to_rooms().await;
        if let [only] = self.ears.spoken().as_slice() {
            let greeting = self.ready.as_ref().map_or(Told::Connected, Told::Ready);
            self.peer.tell(&only.encode(&only.room().unwrap_or_else(RoomId::names), &greeting), None);
        }
        self.ready = None;
        pasts.into_iter().for_each(|(room, past)| self.begin_replay(room, past));
        self.peer.open_gate();
    }

    /// Joins the rooms that the client was in, and answers with what it missed there. Once the backplane has failed, it
    /// is not asked again: the client sees which rooms it has to join itself.
    async fn return_to_rooms(&mut self) -> Vec<(RoomId, Past)> {
        let mut pasts = Vec::new();
        let mut failed = None;
        for (room, since) in std::mem::take(&mut self.returns_to) {
            let joined = match &failed {
                Some(refusal) => Err(Refusal::clone(refusal)),
                None => self.return_to(&room, since).await,
            };
            let resumed = joined.map(|(past, count)| {
                metrics::recovery(if past.is_whole() { "recovered" } else { "refused" });
                let resumed = Resumed { top: past.top(), recovered: past.is_whole(), count };
                pasts.push((room.clone(), past));
                resumed
            });
            self.is_unread |= room.is_direct() && resumed.is_err();
            failed = resumed.as_ref().err().filter(|refusal| refusal.code.is_passing()).cloned();
            if let Some(ready) = &mut self.ready {
                ready.rooms.push((room, resumed));
            }
        }
        pasts
    }

    /// The rooms of two that the client has, whether it names them or not.
    async fn return_to_directs(&mut self) {
        if self.ready.is_none() {
            return;
        }
        match self.floor.chat.open_inbox(&mut self.session).await {
            Ok(rooms) => {
                let named = |room: &RoomId| self.returns_to.iter().any(|(named, _)| named == room);
                let unnamed: Vec<_> = rooms.into_iter().filter(|room| !named(room)).collect();
                self.returns_to.extend(unnamed.into_iter().map(|room| (room, Position::BEGINNING)));
            }
            Err(_) => self.is_unread = true,
        }
    }

    async fn return_to(&mut self, room: &RoomId, since: Position) -> Result<(Past, usize), Refusal> {
        if room.is_direct() {
            return Ok((self.floor.chat.hear_direct(&mut self.session, room, since).await?, 2));
        }
        let join = Command::Join { room: room.clone(), since: Some(since), limit: 0 };
        match self.floor.chat.handle(&mut self.session, join).await? {
            Reply::Joined { past, count, .. } => Ok((past, count)),
            _ => Err(Refusal::unavailable()),
        }
    }

    /// Hears the rooms that it does not hear yet. Those that fail stay for the next time.
    async fn hear_rooms(&mut self) {
        self.again = Instant::now() + AGAIN;
        for (room, greeting) in self.unheard.clone() {
            let (chat, session) = (&self.floor.chat, &mut self.session);
            let heard = match greeting {
                Greeting::Nothing => chat.listen(session, &room).await.map(|()| None),
                Greeting::Last(limit) => chat.hear(session, &room, None, limit).await.map(Some),
                Greeting::Since(since) => {
                    chat.hear(session, &room, Some(since), HISTORY_LENGTH).await.map(Some)
                }
            };
            if let Ok(past) = heard {
                self.unheard.retain(|(unheard, _)| *unheard != room);
                past.into_iter().for_each(|past| self.begin_replay(room.clone(), past));
            }
        }
    }

    /// What the room has said is told from here on, before anything new.
    fn begin_replay(&mut self, room: RoomId, past: Past) {
        let Some(dialect) = self.ears.dialect_of(&room) else { return };
        self.replays.retain(|replay| replay.room != room);
        self.peer.replay(&room);
        self.replays.push_back(Replay::new(room, dialect, past));
    }

    /// Tells a little more of what rooms have said. One that cannot be read is tried again later.
    async fn replay(&mut self) {
        let Some(mut replay) = self.replays.pop_front() else { return };
        match replay.step(&self.floor.chat, &self.peer).await {
            Ok(Progress::Done) => {}
            Ok(Progress::More) => self.replays.push_front(replay),
            Err(_) => {
                self.rests_until = Instant::now() + AGAIN;
                self.replays.push_back(replay);
            }
        }
    }

    /// Of a room that was cut short while it began to be heard nothing is told yet, or it would be told twice.
    fn forget_unheard(&mut self) {
        for (room, _) in &self.unheard {
            self.session.forget(room);
        }
    }

    async fn next(&mut self) -> Next {
        let is_replaying = !self.replays.is_empty();
        let is_deaf = self.is_unread || !self.unheard.is_empty();
        tokio::select! {
            taken = self.peer.mailbox.take() => self.taken(taken),
            () = self.roomy(), if is_replaying => Next::Replay,
            () = sleep_until(self.again.into()), if is_deaf => Next::TryAgain,
        }
    }

    /// The client has read what it was told, and the backplane may be asked.
    async fn roomy(&self) {
        if self.rests_until > Instant::now() {
            sleep_until(self.rests_until.into()).await;
        }
        self.peer.link.roomy().await;
    }

    fn taken(&self, taken: Taken) -> Next {
        match taken {
            Taken::Word(word, room) => {
                if room {
                    self.peer.link.resume(self.peer.namespace);
                }
                Next::Hear(word)
            }
            Taken::Nudge => Next::ReadInbox,
            Taken::End => Next::End,
        }
    }

    /// Hears the rooms of two that the inbox names and that are new here, with everything that was said there.
    async fn read_inbox(&mut self) {
        self.again = Instant::now() + AGAIN;
        self.peer.close_gate();
        self.is_unread = self.hear_directs().await.is_err();
        self.peer.open_gate();
    }

    async fn hear_directs(&mut self) -> Result<(), Refusal> {
        for room in self.floor.chat.open_inbox(&mut self.session).await? {
            if !self.session.hears(&room) {
                let past = self.floor.chat.hear(&mut self.session, &room, None, HISTORY_LENGTH).await?;
                self.begin_replay(room, past);
            }
        }
        Ok(())
    }

    async fn try_again(&mut self) {
        self.hear_rooms().await;
        self.forget_unheard();
        self.peer.open_gate();
        if self.is_unread {
            self.read_inbox().await;
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
        let comes_back = matches!(command, Command::Join { since: Some(_), .. });
        let started = Instant::now();
        let outcome = if room.as_ref().is_some_and(|room| self.is_unheard(room)) {
            Err(Refusal::unavailable())
        } else {
            self.floor.chat.handle(&mut self.session, command).await.map(|reply| self.floor.with_token(reply))
        };
        metrics::handled(dialect.name(), started.elapsed());
        self.answer(dialect, &outcome, ack);
        self.replays.retain(|replay| self.session.hears(&replay.room));
        if let Ok(Reply::Joined { room, past, .. }) = &outcome {
            if comes_back {
                metrics::recovery(if past.is_whole() { "recovered" } else { "refused" });
            }
            self.begin_replay(room.clone(), past.clone().untold());
        }
        self.peer.open_gate();
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
        self.replays.retain(|replay| own.as_ref() == Some(&replay.room));
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
