//! A client: it knows where it stands in each room, comes back at once to another node, and says everything until it is
//! acknowledged.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time};

use crate::{
    crowd::{Board, Mode, Stand},
    line::{Line, Transport},
    log::{Cid, Entry, Log, Position, Room},
    visit::Visit,
};

/// What a client is to do.
#[derive(Debug, Clone)]
pub struct Course {
    /// What it is called.
    pub name: String,
    /// Its number: nobody else in the run has it.
    pub number: u16,
    /// The nodes that it goes to, in turn.
    pub doors: Vec<SocketAddr>,
    /// What carries it.
    pub transport: Transport,
    /// The rooms that it is in.
    pub rooms: Vec<Room>,
    /// From one message to the next; `None`: it only listens.
    pub pace: Option<Duration>,
    /// It says no more messages than this.
    pub quota: u32,
    /// Whether it changes some of them: edits, and reacts.
    pub changes: bool,
    /// About how long its messages are, in bytes.
    pub length: usize,
}

/// A client that lives through its connections.
#[derive(Debug)]
pub struct Client {
    pub(crate) course: Course,
    pub(crate) memory: Memory,
    pub(crate) mode: watch::Receiver<Mode>,
    pub(crate) reads: watch::Receiver<bool>,
    board: Arc<Board>,
    place: usize,
    log: Log,
}

/// What it keeps over its connections, as `hubbub.js` does in a browser.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Proves who it is.
    pub(crate) session: Option<String>,
    /// Where it stands.
    pub(crate) at: BTreeMap<Room, Position>,
    /// The last message of each room, to ask the history for what came after it.
    pub(crate) last: BTreeMap<Room, String>,
    /// Rooms whose history it must read, however many connections that takes.
    pub(crate) missing: BTreeMap<Room, Missing>,
    /// The last message that it said itself.
    pub(crate) own: Option<(Room, Cid, String)>,
    /// Said and not acknowledged.
    pub(crate) unsaid: Option<Unsaid>,
    /// How many it has begun to say.
    pub(crate) said: u32,
}

/// What may be missing of a room.
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    /// All after this message; `None`: all.
    pub(crate) after: Option<String>,
    /// Up to here.
    pub(crate) to: Position,
}

/// A message on its way, or a change of one.
#[derive(Debug, Clone)]
pub(crate) struct Unsaid {
    pub(crate) cid: Cid,
    pub(crate) room: Room,
    /// The message that it changes, and what that one is.
    pub(crate) changed: Option<(Cid, String)>,
    /// Not to be tried before.
    pub(crate) not_before: Instant,
}

impl Client {
    pub(crate) fn new(
        course: Course,
        place: usize,
        board: Arc<Board>,
        mode: watch::Receiver<Mode>,
        reads: watch::Receiver<bool>,
    ) -> Self {
        let log = Log { client: course.name.clone(), entries: Vec::new() };
        Self { course, memory: Memory::default(), mode, reads, board, place, log }
    }

    /// Goes from node to node until it is told to leave.
    pub async fn live(mut self) -> Log {
        let mut door = usize::from(self.course.number);
        let mut failed = 0;
        while *self.mode.borrow() != Mode::Leaving {
            let addr = self.course.doors[door % self.course.doors.len()];
            door += 1;
            failed = if self.goes_to(addr).await { 0 } else { failed + 1 };
            // At once to the next one; but whoever found nobody anywhere waits a little.
            if failed > 0 && failed % self.course.doors.len() == 0 {
                time::sleep(BREATH).await;
            }
        }
        self.log
    }

    /// Whether it got in.
    async fn goes_to(&mut self, addr: SocketAddr) -> bool {
        let Ok(line) = Line::open(addr, self.course.transport).await else { return false };
        let was_in = Visit::of(self, line).stay().await;
        if was_in {
            self.notes(Entry::Lost);
            self.board.lost.fetch_add(1, Ordering::Relaxed);
            self.stand().whole.store(false, Ordering::Relaxed);
        }
        was_in
    }

    pub(crate) fn notes(&mut self, entry: Entry) {
        self.log.entries.push((self.board.started.elapsed(), entry));
    }

    /// It has come to here in a room, one way or the other.
    pub(crate) fn reaches(&mut self, room: Room, position: Position) {
        let at = self.memory.at.entry(room).or_insert(position);
        *at = (*at).max(position);
        let at = *at;
        self.stand().reach(room, at);
    }

    /// It met something that no fault explains.
    pub(crate) fn surprises(&self, what: &str) {
        self.board.surprise(format!("{}: {what}", self.course.name));
    }

    pub(crate) fn stand(&self) -> &Stand {
        self.board.stand(self.place)
    }

    pub(crate) fn board(&self) -> &Board {
        &self.board
    }
}

/// After all nodes were in vain.
const BREATH: Duration = Duration::from_millis(150);
