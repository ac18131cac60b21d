//! From the backplane's inbox to this node's sockets: each event is encoded once per dialect, and the same bytes go
//! to every socket of it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::BytesMut;
use hubbub_core::{
    Envelope, Event, Hint, Inbound, Millis, Occupancy, Occupant, Place, Position, Presence, RoomId, SessionId,
};
use hubbub_dialects::{Dialect, Told};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    batch::Batch,
    metrics,
    packet::put_event,
    peer::Peer,
    people::{Announcement, Change, People},
    rooms::{Hearers, Opening, Rooms},
};

/// Envelopes that are taken from the inbox at once, to go out in one write per socket.
const AT_ONCE: usize = 256;
/// Bytes of text that go out in one write, about.
const ONE_WRITE: usize = 64 * 1_024;
/// A room that could not be read is read again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// Rooms that nobody hears any more and that may still be known, before they are looked for.
const FORGOTTEN: usize = 64;
/// Bytes of names that one list may have. More people than that are there all the same; nobody reads such a list.
const LIST: usize = 64 * 1_024;
/// Requests for lists that may wait; a full queue holds the asking session's task back.
const REQUESTS: usize = 1_024;

/// Asks the delivery task for a room's list, for one socket.
#[derive(Debug)]
pub(crate) struct ListFor {
    pub(crate) room: RoomId,
    pub(crate) dialect: &'static dyn Dialect,
    pub(crate) peer: Arc<Peer>,
}

/// The one task that delivers.
#[derive(Debug)]
pub(crate) struct Delivery {
    rooms: Arc<Rooms>,
    presence: Arc<dyn Presence>,
    people: HashMap<RoomId, (Opening, People)>,
    /// Those whose people have changed since they were last told.
    changed: HashSet<RoomId>,
    waiting: Vec<ListFor>,
    requests: mpsc::Receiver<ListFor>,
    readings: (mpsc::Sender<Reading>, mpsc::Receiver<Reading>),
}

type Reading = (RoomId, Opening, Occupancy);

impl Delivery {
    /// The task's state, and the way to ask it for lists.
    pub(crate) fn new(rooms: Arc<Rooms>, presence: Arc<dyn Presence>) -> (Self, mpsc::Sender<ListFor>) {
        let (sender, requests) = mpsc::channel(REQUESTS);
        let (people, changed) = (HashMap::new(), HashSet::new());
        let (waiting, readings) = (Vec::new(), mpsc::channel(REQUESTS));
        (Self { rooms, presence, people, changed, waiting, requests, readings }, sender)
    }

    /// Delivers until the backplane ends or `stop` says so.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Inbound>, stop: CancellationToken) {
        let mut arrived = Vec::with_capacity(AT_ONCE);
        loop {
            let now = Instant::now();
            let due = self.changed.iter().filter_map(|room| self.people.get(room)?.1.due(now)).min();
            tokio::select! {
                count = inbox.recv_many(&mut arrived, AT_ONCE) => {
                    if count == 0 { return }
                    while !arrived.is_empty() {
                        self.arrived(&mut arrived);
                        tokio::task::yield_now().await;
                    }
                }
                Some(wanted) = self.requests.recv() => self.list_for(wanted),
                Some((room, opening, occupancy)) = self.readings.1.recv() => self.read(&room, opening, occupancy),
                () = sleep_until(due) => {}
                () = stop.cancelled() => return,
            }
            self.tell_changes();
        }
    }

    /// Delivers the first of what arrived, as much as goes well into one write per socket. Room by room, in the order
    /// of each.
    fn arrived(&mut self, arrived: &mut Vec<Inbound>) {
        let mut rooms: Vec<(RoomId, Vec<Inbound>)> = Vec::new();
        for inbound in arrived.drain(..first_slice(arrived)) {
            let room = room_of(&inbound);
            match rooms.iter_mut().find(|(known, _)| known == room) {
                Some((_, events)) => events.push(inbound),
                None => rooms.push((room.clone(), vec![inbound])),
            }
        }
        rooms.into_iter().for_each(|(room, events)| self.arrived_in(&room, events));
    }

    fn arrived_in(&mut self, room: &RoomId, inbounds: Vec<Inbound>) {
        if room.is_inbox() {
            return self.nudge(room);
        }
        let mut news = Vec::new();
        for inbound in inbounds {
            match inbound {
                Inbound::Heard(Envelope { place: Place::Presence(version), event, origin, .. }) => {
                    news.extend(self.presence_changed(room, Change { version, event, origin }));
                }
                Inbound::Heard(Envelope { place: Place::Logged(position), at, event, origin, .. }) => {
                    let local = origin.is_some_and(|origin| self.rooms.has(room, origin));
                    news.push(News { position: Some(position), at, local, origin, ..News::now(event) });
                }
                Inbound::Heard(Envelope { place: Place::Volatile, event, origin, .. }) => {
                    news.push(News { origin, volatile: true, ..News::now(event) });
                }
                Inbound::Gap { top, .. } => {
                    tracing::warn!(%room, epoch = top.epoch, seq = top.seq, "messages may be lost");
                    let groups = self.rooms.groups(room);
                    let peers = groups.iter().flat_map(|hearers| hearers.peers.iter());
                    peers.for_each(|peer| peer.goes_on_after(room, top));
                    news.push(News { position: Some(top), ..News::gap() });
                }
                Inbound::PresenceGap { .. } => self.ask(room),
            }
        }
        self.announce(room, &news);
    }

    /// Someone's inbox has something new, or may have lost something: their sessions read it again.
    fn nudge(&self, inbox: &RoomId) {
        self.rooms
            .groups(inbox)
            .iter()
            .flat_map(|hearers| hearers.peers.iter())
            .for_each(|peer| peer.nudge());
    }

    fn presence_changed(&mut self, room: &RoomId, change: Change) -> Vec<News> {
        let Some(people) = self.people_in(room) else { return Vec::new() };
        let heard = people.heard(change);
        self.changed.insert(room.clone());
        if heard.read {
            self.read_later(room);
        }
        heard.news.into_iter().map(News::from).collect()
    }

    /// Encodes once per dialect, and says it to everyone who hears the room.
    fn announce(&self, room: &RoomId, news: &[News]) {
        if news.is_empty() {
            return;
        }
        for hearers in self.rooms.groups(room) {
            let mut batch = Batch::default();
            for news in news {
                let (told, hidden_from) = (news.told(), news.hidden_from(hearers.dialect));
                let write = |out: &mut BytesMut| {
                    for utterance in hearers.dialect.encode(room, &told) {
                        put_event(out, hearers.namespace, &utterance);
                    }
                };
                if news.volatile {
                    batch.add_volatile(hidden_from, write);
                } else {
                    batch.add(news.position, hidden_from, write);
                }
            }
            deliver(room, &hearers, &batch.finish());
        }
        for (path, local) in [("local", true), ("remote", false)] {
            let messages = news.iter().filter(|news| news.is_said() && news.local == local);
            metrics::delivered(path, messages.map(|news| news.at), now());
        }
    }

    /// Says what has gathered in each room whose time has come.
    fn tell_changes(&mut self) {
        let now = Instant::now();
        for room in std::mem::take(&mut self.changed) {
            match self.people.get_mut(&room).and_then(|(_, people)| people.due(now).map(|due| (due, people)))
            {
                Some((due, people)) if due <= now => tell_changed(&self.rooms, &room, people, now),
                Some(_) => drop(self.changed.insert(room)),
                None => {}
            }
        }
        if self.people.len() > 2 * self.rooms.count() + FORGOTTEN {
            self.people.retain(|room, (opening, _)| self.rooms.opening(room) == Some(*opening));
        }
    }

    fn list_for(&mut self, wanted: ListFor) {
        match self.people_in(&wanted.room) {
            Some(people) if people.known() => tell_list(&wanted, people),
            Some(_) => {
                self.ask(&wanted.room);
                self.waiting.push(wanted);
            }
            None => {}
        }
    }

    fn ask(&mut self, room: &RoomId) {
        if self.people_in(room).is_some_and(People::ask) {
            self.read_later(room);
        }
    }

    /// What is known of the room since it is heard without a break; `None`: nobody hears it.
    fn people_in(&mut self, room: &RoomId) -> Option<&mut People> {
        let opening = self.rooms.opening(room)?;
        let (known, people) = self.people.entry(room.clone()).or_default();
        if *known != opening {
            (*known, *people) = (opening, People::default());
        }
        Some(people)
    }

    /// Reads who is in the room, as often as it takes while somebody hears it.
    fn read_later(&self, room: &RoomId) {
        let Some(opening) = self.rooms.opening(room) else { return };
        let (presence, rooms, room, done) =
            (self.presence.clone(), self.rooms.clone(), room.clone(), self.readings.0.clone());
        tokio::spawn(async move {
            while rooms.opening(&room) == Some(opening) {
                match presence.occupants(&room).await {
                    Ok(occupancy) => {
                        // A closed channel means that the node stops.
                        let _stopping = done.send((room, opening, occupancy)).await;
                        return;
                    }
                    Err(error) => {
                        tracing::debug!(%error, %room, "could not read who is in a room; trying again");
                    }
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
    }

    fn read(&mut self, room: &RoomId, opening: Opening, occupancy: Occupancy) {
        if self.rooms.opening(room) != Some(opening) {
            return;
        }
        let Some(people) = self.people_in(room) else { return };
        let heard = people.read(occupancy);
        self.changed.insert(room.clone());
        if heard.read {
            self.read_later(room);
        } else {
            self.tell_waiting(room);
        }
        let news: Vec<_> = heard.news.into_iter().map(News::from).collect();
        self.announce(room, &news);
    }

    fn tell_waiting(&mut self, room: &RoomId) {
        let waiting: Vec<_> = self.waiting.extract_if(.., |wanted| wanted.room == *room).collect();
        if let Some((_, people)) = self.people.get(room) {
            waiting.iter().for_each(|wanted| tell_list(wanted, people));
        }
    }
}

/// How many of these fill one write. A slow reader's bound is many such writes, so that a burst alone does not
/// exceed it.
fn first_slice(arrived: &[Inbound]) -> usize {
    let mut bytes = 0;
    let fit = arrived.iter().take_while(|inbound| {
        bytes += text_length(inbound);
        bytes <= ONE_WRITE
    });
    fit.count().max(1)
}

fn text_length(inbound: &Inbound) -> usize {
    match inbound {
        Inbound::Heard(envelope) => envelope.event.text_length(),
        _ => 0,
    }
}

/// An event on its way to sockets.
#[derive(Debug)]
struct News {
    position: Option<Position>,
    at: Millis,
    /// One of this node's sessions said it.
    local: bool,
    /// The session that caused it.
    origin: Option<SessionId>,
    /// How many people were in the room right after it, where it says who came or went.
    count: usize,
    /// Nobody misses it.
    volatile: bool,
    /// `None`: what was before its position may be missing.
    event: Option<Event>,
}

impl News {
    fn now(event: Event) -> Self {
        Self { event: Some(event), ..Self::gap() }
    }

    fn gap() -> Self {
        Self { position: None, at: 0, local: false, origin: None, count: 0, volatile: false, event: None }
    }

    fn is_said(&self) -> bool {
        matches!(self.event, Some(Event::Said(_)))
    }

    /// Nobody is told of their own coming, going and typing; of their own words most are.
    fn hidden_from(&self, dialect: &dyn Dialect) -> Option<SessionId> {
        let is_shown = self.position.is_some() && dialect.echoes();
        self.origin.filter(|_| !is_shown)
    }

    fn told(&self) -> Told<'_> {
        let position = self.position.unwrap_or(Position::BEGINNING);
        match &self.event {
            None => Told::Gap { top: position },
            Some(Event::Said(message)) => Told::Said { position, at: self.at, message },
            Some(Event::Updated(update)) => Told::Updated { position, at: self.at, update },
            Some(Event::Joined(who)) => Told::Joined { who, count: self.count },
            Some(Event::Left(who)) => Told::Left { who, count: self.count },
            Some(Event::Hinted(Hint::Typing { who, on })) => Told::Typing { who, on: *on },
            Some(Event::Hinted(Hint::Read { who, seq })) => Told::Read { who, seq: *seq },
        }
    }
}

impl From<Announcement> for News {
    fn from(Announcement { event, origin, count }: Announcement) -> Self {
        Self { origin, count, ..Self::now(event) }
    }
}

fn one(room: &RoomId, dialect: &dyn Dialect, namespace: crate::engine::Namespace, told: &Told<'_>) -> Batch {
    let mut batch = Batch::default();
    batch.add(None, None, |out| {
        dialect.encode(room, told).iter().for_each(|utterance| put_event(out, namespace, utterance));
    });
    batch.finish()
}

fn deliver(room: &RoomId, hearers: &Hearers, batch: &Batch) {
    if batch.is_empty() {
        return;
    }
    metrics::fanned_out(hearers.dialect.name(), hearers.peers.len(), batch.len());
    hearers.peers.iter().for_each(|peer| peer.deliver(room, batch));
}

fn tell_changed(rooms: &Rooms, room: &RoomId, people: &mut People, now: Instant) {
    let (joined, left) = people.gathered(now);
    let everyone = people.everyone();
    for hearers in rooms.groups(room) {
        let told = if hearers.dialect.lists_people() {
            Told::Roster(within_a_list(&everyone))
        } else {
            Told::Changed { joined: &joined, left: &left, count: everyone.len() }
        };
        deliver(room, &hearers, &one(room, hearers.dialect, hearers.namespace, &told));
    }
}

/// As many of them as a list may name.
fn within_a_list(everyone: &[Occupant]) -> &[Occupant] {
    let mut bytes = 0;
    let fit = everyone.iter().take_while(|who| {
        bytes += who.name.as_str().len();
        bytes <= LIST
    });
    &everyone[..fit.count()]
}

fn tell_list(wanted: &ListFor, people: &People) {
    let everyone = people.everyone();
    wanted.peer.tell(&wanted.dialect.encode(&wanted.room, &Told::Roster(within_a_list(&everyone))), None);
}

fn room_of(inbound: &Inbound) -> &RoomId {
    match inbound {
        Inbound::Heard(envelope) => &envelope.room,
        Inbound::Gap { room, .. } | Inbound::PresenceGap { room } => room,
    }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
