//! From the backplane's inbox to this node's sockets: each event is encoded once per dialect, and the same bytes go
//! to every socket of it.

mod answered;
mod crowds;
mod news;
mod wanted;

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::BytesMut;
use hubbub_core::{Envelope, Inbound, Millis, Place, Presence, RoomId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    batch::Batch,
    metrics,
    packet::put_event,
    people::Change,
    rooms::{Hearers, Rooms},
};

use self::{crowds::Crowds, news::News, wanted::REQUESTS};

pub(crate) use self::wanted::{Copies, Wanted};

/// Envelopes that are taken from the inbox at once, to go out in one write per socket.
const AT_ONCE: usize = 256;
/// Bytes of text that go out in one write, about.
const ONE_WRITE: usize = 64 * 1_024;

/// The one task that delivers.
#[derive(Debug)]
pub(crate) struct Delivery {
    rooms: Arc<Rooms>,
    crowds: Crowds,
    requests: mpsc::Receiver<Wanted>,
}

impl Delivery {
    /// The task's state, and the way to ask it who is in its rooms.
    pub(crate) fn new(rooms: Arc<Rooms>, presence: Arc<dyn Presence>) -> (Self, mpsc::Sender<Wanted>) {
        let (sender, requests) = mpsc::channel(REQUESTS);
        (Self { crowds: Crowds::new(rooms.clone(), presence), rooms, requests }, sender)
    }

    /// Delivers until the backplane ends or `stop` says so.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Inbound>, stop: CancellationToken) {
        let mut arrived = Vec::with_capacity(AT_ONCE);
        loop {
            let due = self.crowds.due(Instant::now());
            tokio::select! {
                count = inbox.recv_many(&mut arrived, AT_ONCE) => {
                    if count == 0 { return }
                    while !arrived.is_empty() {
                        self.arrived(&mut arrived);
                        tokio::task::yield_now().await;
                    }
                }
                Some(wanted) = self.requests.recv() => self.crowds.want(wanted),
                Some(reading) = self.crowds.next_reading() => {
                    let (room, news) = self.crowds.read(reading);
                    self.announce(&room, &news);
                }
                () = sleep_until(due) => {}
                () = stop.cancelled() => return,
            }
            self.crowds.settle(Instant::now());
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
                Inbound::Heard(Envelope {
                    place: Place::Presence { version, count }, event, origin, ..
                }) => {
                    news.extend(self.crowds.heard(room, Change { version, count, event, origin }));
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
                Inbound::PresenceGap { .. } => self.crowds.doubt(room),
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

    /// Encodes once per dialect, and says it to everyone who hears the room.
    fn announce(&self, room: &RoomId, news: &[News]) {
        if news.is_empty() {
            return;
        }
        for hearers in self.rooms.groups(room) {
            let mut batch = Batch::default();
            for news in news {
                let Some(told) = news.told() else { continue };
                let hidden_from = news.hidden_from(hearers.dialect);
                let write = |out: &mut BytesMut| {
                    for utterance in hearers.dialect.encode(room, &told) {
                        put_event(out, hearers.namespace, &utterance);
                    }
                };
                if news.volatile {
                    batch.add_volatile(hidden_from, write);
                } else {
                    batch.add(news.label(), hidden_from, write);
                }
            }
            deliver(room, &hearers, &batch.finish());
        }
        for (path, local) in [("local", true), ("remote", false)] {
            let messages = news.iter().filter(|news| news.is_said() && news.local == local);
            metrics::delivered(path, messages.map(|news| news.at), now());
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

fn deliver(room: &RoomId, hearers: &Hearers, batch: &Batch) {
    if batch.is_empty() {
        return;
    }
    metrics::fanned_out(hearers.dialect.name(), hearers.peers.len(), batch.len());
    hearers.peers.iter().for_each(|peer| peer.deliver(room, batch));
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
