//! From the backplane's inbox to this node's sockets: each event is encoded once per dialect, and the same bytes go
//! to every socket of it.

mod answered;
mod crowds;
mod news;
mod pace;
mod wanted;

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::BytesMut;
use hubbub_core::{Envelope, Inbound, Millis, Place, Position, Presence, RoomId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    batch::Batch,
    metrics,
    packet::put_event,
    people::Change,
    rooms::{Hearers, Rooms},
};

use self::{
    crowds::{Crowds, Reading},
    news::News,
    pace::Pace,
    wanted::REQUESTS,
};

pub(crate) use self::wanted::{Copies, Wanted};

/// Envelopes that are taken from the inbox at once.
const AT_ONCE: usize = 256;

/// The one task that delivers.
#[derive(Debug)]
pub(crate) struct Delivery {
    rooms: Arc<Rooms>,
    crowds: Crowds,
    pace: Pace,
    requests: mpsc::Receiver<Wanted>,
}

impl Delivery {
    /// The task's state, and the way to ask it who is in its rooms.
    pub(crate) fn new(rooms: Arc<Rooms>, presence: Arc<dyn Presence>) -> (Self, mpsc::Sender<Wanted>) {
        let (sender, requests) = mpsc::channel(REQUESTS);
        let crowds = Crowds::new(rooms.clone(), presence);
        (Self { rooms, crowds, pace: Pace::default(), requests }, sender)
    }

    /// Delivers until the backplane ends or `stop` says so.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Inbound>, stop: CancellationToken) {
        let mut arrived = Vec::with_capacity(AT_ONCE);
        loop {
            let due = self.due();
            tokio::select! {
                count = inbox.recv_many(&mut arrived, AT_ONCE) => {
                    if count == 0 { return }
                    let now = Instant::now();
                    arrived.drain(..).for_each(|inbound| self.pace.arrived(inbound, now));
                }
                Some(wanted) = self.requests.recv() => self.crowds.want(wanted),
                Some(reading) = self.crowds.next_reading() => self.read(reading),
                () = sleep_until(due) => {}
                () = stop.cancelled() => return,
            }
            self.write_due().await;
            self.crowds.settle(Instant::now());
        }
    }

    /// When there is something to do, if nothing arrives.
    fn due(&self) -> Option<Instant> {
        self.pace.due().into_iter().chain(self.crowds.due(Instant::now())).min()
    }

    /// Writes to each room that is due, one after the other, in the order of each.
    async fn write_due(&mut self) {
        while let Some((room, events)) = self.pace.next(Instant::now()) {
            self.write(room, events);
            tokio::task::yield_now().await;
        }
    }

    fn write(&mut self, room: RoomId, events: Vec<Inbound>) {
        let (began, count) = (Instant::now(), events.len());
        self.arrived_in(&room, events);
        let now = Instant::now();
        self.pace.wrote(room, count, now - began, now);
    }

    /// A room's people have been read. What waits in the room was said before.
    fn read(&mut self, reading: Reading) {
        while let events = self.pace.take(&reading.0)
            && !events.is_empty()
        {
            self.arrived_in(&reading.0, events);
        }
        let (room, news) = self.crowds.read(reading);
        self.announce(&room, &news);
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
                    // What was said before is told by what each one knew before.
                    self.announce(room, &std::mem::take(&mut news));
                    news.push(self.gap(room, top));
                }
                Inbound::PresenceGap { .. } => self.crowds.doubt(room),
            }
        }
        self.announce(room, &news);
    }

    /// Messages of the room are missing for good: what follows comes after `top` for everyone who hears it.
    fn gap(&self, room: &RoomId, top: Position) -> News {
        tracing::warn!(%room, epoch = top.epoch, seq = top.seq, "messages may be lost");
        for hearers in self.rooms.groups(room) {
            hearers.peers.iter().for_each(|peer| peer.goes_on_after(room, top));
        }
        News { position: Some(top), ..News::gap() }
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

fn deliver(room: &RoomId, hearers: &Hearers, batch: &Batch) {
    if batch.is_empty() {
        return;
    }
    metrics::fanned_out(hearers.dialect.name(), hearers.peers.len(), batch.len());
    hearers.peers.iter().for_each(|peer| peer.deliver(room, batch));
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
