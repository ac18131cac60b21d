//! One connection of a client, from its first packet to its end.

mod asking;

use std::{
    collections::BTreeMap,
    io,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tokio::time::{self, MissedTickBehavior};

use crate::{
    client::{Client, Missing},
    crowd::Mode,
    line::Line,
    log::{Entry, Position, Room},
    words::{self, Heard},
};

use asking::Asked;

/// A connection, and what was asked on it.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    client: &'a mut Client,
    line: Line,
    /// Requests that are not answered yet, and when they were made.
    asked: BTreeMap<u64, (Asked, Instant)>,
    numbers: u64,
    heard_at: Instant,
    /// Rooms that it hears, and up to where it is told what it has missed.
    heard: BTreeMap<Room, Position>,
    /// No room is asked for before.
    not_before: Instant,
    is_in: bool,
    is_whole: bool,
    /// When it says something next.
    next: Instant,
}

impl<'a> Visit<'a> {
    pub(crate) fn of(client: &'a mut Client, line: Line) -> Self {
        let now = Instant::now();
        Self {
            client,
            line,
            asked: BTreeMap::new(),
            numbers: 0,
            heard_at: now,
            heard: BTreeMap::new(),
            not_before: now,
            is_in: false,
            is_whole: false,
            next: now,
        }
    }

    /// Stays until the connection is lost or the client leaves. Whether it ever got in.
    pub(crate) async fn stay(mut self) -> bool {
        // However it ends, the client goes on.
        let _ = self.talk_and_hear().await;
        self.is_in
    }

    async fn talk_and_hear(&mut self) -> io::Result<()> {
        let memory = &self.client.memory;
        let hello = words::connect(&self.client.course.name, memory.session.as_deref(), &memory.at);
        self.line.send(hello).await?;
        let mut ticks = time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while *self.client.mode.borrow() != Mode::Leaving {
            let reads = *self.client.reads.borrow_and_update();
            tokio::select! {
                packet = self.line.next(), if reads => {
                    let packet = packet.ok_or(io::ErrorKind::UnexpectedEof)?;
                    self.hear(&packet).await?;
                }
                _ = ticks.tick(), if reads => self.tick().await?,
                Ok(()) = self.client.reads.changed() => self.heard_at = Instant::now(),
            }
        }
        self.leave().await
    }

    async fn hear(&mut self, packet: &str) -> io::Result<()> {
        self.heard_at = Instant::now();
        match words::understand(packet) {
            Heard::Ping => return self.line.send("3".into()).await,
            Heard::Over => return Err(io::ErrorKind::ConnectionAborted.into()),
            Heard::Refused(why) => return Err(self.is_refused(&why)),
            Heard::Answer(number, body) => return self.is_answered(number, &body).await,
            Heard::Ready { session, rooms, .. } => self.is_ready(session, rooms),
            Heard::Told { room, position, cid, digest, id } => {
                self.client.notes(Entry::Told { room, position, cid, digest });
                self.client.memory.last.extend(id.map(|id| (room, id)));
                self.client.reaches(room, position);
                self.becomes_whole();
            }
            Heard::Gap(room, position) => {
                self.client.notes(Entry::Gap { room, position });
                self.jumps(room, position);
            }
            Heard::Other => {}
        }
        Ok(())
    }

    fn is_refused(&self, why: &str) -> io::Error {
        self.client.board().refused.fetch_add(1, Ordering::Relaxed);
        if why != "unavailable" && why != "draining" {
            self.client.surprises(&format!("refused: {why}"));
        }
        io::ErrorKind::ConnectionRefused.into()
    }

    fn is_ready(&mut self, session: String, rooms: Vec<(Room, Position, bool)>) {
        self.is_in = true;
        self.client.notes(Entry::Connected);
        self.client.memory.session = Some(session);
        for (room, at, recovered) in rooms {
            self.hears_room(room, at, recovered);
        }
        self.becomes_whole();
    }

    fn hears_room(&mut self, room: Room, at: Position, recovered: bool) {
        let since = self.client.memory.at.get(&room).copied();
        self.client.notes(Entry::Resumed { room, since, at, recovered });
        self.heard.insert(room, at);
        if !recovered {
            self.jumps(room, at);
        }
    }

    /// It hears a room from here on. What it knew before has its end somewhere before that.
    fn jumps(&mut self, room: Room, to: Position) {
        let knew = self.client.memory.at.insert(room, to);
        if knew.is_some_and(|knew| knew.seq != to.seq) {
            let after = self.client.memory.last.get(&room).cloned();
            self.is_whole = false;
            self.client.stand().whole.store(false, Ordering::Relaxed);
            self.client.memory.missing.entry(room).or_insert(Missing { after, to }).to = to;
        }
        self.client.reaches(room, to);
    }

    /// All that it had missed is there.
    fn becomes_whole(&mut self) {
        let (rooms, at) = (&self.client.course.rooms, &self.client.memory.at);
        let is_there = |room| self.heard.get(room).is_some_and(|end| at.get(room) >= Some(end));
        if self.is_whole || !rooms.iter().all(is_there) || !self.client.memory.missing.is_empty() {
            return;
        }
        self.is_whole = true;
        self.client.notes(Entry::Whole);
        self.client.stand().whole.store(true, Ordering::Relaxed);
    }

    async fn tick(&mut self) -> io::Result<()> {
        if self.heard_at.elapsed() > self.line.patience {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.is_in {
            self.ask().await?;
        }
        Ok(())
    }

    async fn leave(&mut self) -> io::Result<()> {
        self.line.send("41/v1,".into()).await
    }
}

/// How often a client looks whether it has something to say.
const TICK: Duration = Duration::from_millis(20);
