//! Many clients, and what whoever leads them must know of each while they talk.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{self, timeout},
};

use crate::{
    client::{Client, Course},
    log::{Log, Position, Room},
    script::Script,
};

/// What the clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They come in and hear.
    Listening,
    /// They talk.
    Talking,
    /// They say nothing new, and come to an end with what they have begun.
    Settling,
    /// They leave.
    Leaving,
}

/// Clients that run.
#[derive(Debug)]
pub struct Crowd {
    members: Vec<Member>,
    mode: watch::Sender<Mode>,
    board: Arc<Board>,
}

#[derive(Debug)]
struct Member {
    task: JoinHandle<Log>,
    reads: watch::Sender<bool>,
}

/// What clients share while they run.
#[derive(Debug)]
pub struct Board {
    /// Times in logs count from here.
    pub started: Instant,
    /// Acknowledged, in all.
    pub acknowledged: AtomicU64,
    /// Requests that were refused for now.
    pub refused: AtomicU64,
    /// Connections that were lost.
    pub lost: AtomicU64,
    /// The last position acknowledged, by room.
    top: Mutex<BTreeMap<Room, Position>>,
    stands: Vec<Stand>,
    surprises: Mutex<Vec<String>>,
}

/// Where one client stands.
#[derive(Debug, Default)]
pub struct Stand {
    /// It is connected, and has all that it had missed.
    pub whole: AtomicBool,
    /// It will say nothing more, and all that it said was acknowledged.
    pub quiet: AtomicBool,
    at: Mutex<BTreeMap<Room, Position>>,
}

impl Crowd {
    /// Lets clients come: those by hand, and after them those that are programs. They do not talk yet.
    pub fn gather(courses: Vec<Course>, scripts: Vec<Course>) -> Self {
        let (mode, modes) = watch::channel(Mode::Listening);
        let board = Arc::new(Board::for_clients(courses.len() + scripts.len()));
        let mut members = Vec::new();
        for (place, course) in courses.into_iter().enumerate() {
            let (reads, reading) = watch::channel(true);
            let client = Client::new(course, place, Arc::clone(&board), modes.clone(), reading);
            members.push(Member { task: tokio::spawn(client.live()), reads });
        }
        for course in scripts {
            let script = Script::new(course, members.len(), Arc::clone(&board));
            let (reads, _) = watch::channel(true);
            members.push(Member { task: tokio::spawn(script.live(modes.clone())), reads });
        }
        Self { members, mode, board }
    }

    /// What they share.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// How many they are.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Waits until all are in their rooms.
    pub async fn enters(&self, within: Duration) -> bool {
        self.until(within, |board| board.stands.iter().all(|stand| stand.whole.load(Ordering::Relaxed))).await
    }

    /// Waits until so many messages were acknowledged.
    pub async fn says(&self, messages: u64, within: Duration) -> bool {
        self.until(within, |board| board.acknowledged.load(Ordering::Relaxed) >= messages).await
    }

    /// They talk from now on.
    pub fn talk(&self) {
        self.mode.send_replace(Mode::Talking);
    }

    /// A client reads no more, or reads again.
    pub fn set_reading(&self, member: usize, reads: bool) {
        self.members[member].reads.send_replace(reads);
    }

    /// Nobody says anything new. Waits until all that was said is acknowledged and has reached everyone.
    pub async fn settles(&self, within: Duration) -> bool {
        self.members.iter().for_each(|member| _ = member.reads.send_replace(true));
        self.mode.send_replace(Mode::Settling);
        self.until(within, Board::is_settled).await
    }

    /// Everyone goes. What they saw is all that is left of them.
    pub async fn leave(self) -> Vec<Log> {
        self.mode.send_replace(Mode::Leaving);
        let mut logs = Vec::new();
        for member in self.members {
            logs.push(member.task.await.expect("a client does not panic"));
        }
        logs
    }

    async fn until(&self, within: Duration, is_so: impl Fn(&Board) -> bool) -> bool {
        let waited = timeout(within, async {
            while !is_so(&self.board) {
                time::sleep(LOOKED_AT).await;
            }
        });
        waited.await.is_ok()
    }
}

impl Board {
    fn for_clients(count: usize) -> Self {
        Self {
            started: Instant::now(),
            acknowledged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            top: Mutex::default(),
            stands: (0..count).map(|_| Stand::default()).collect(),
            surprises: Mutex::default(),
        }
    }

    /// Where a client stands.
    pub fn stand(&self, place: usize) -> &Stand {
        &self.stands[place]
    }

    /// What clients met that no fault explains.
    pub fn surprises(&self) -> Vec<String> {
        lock(&self.surprises).clone()
    }

    /// A client met something that no fault explains.
    pub fn surprise(&self, what: String) {
        let mut surprises = lock(&self.surprises);
        if !surprises.contains(&what) {
            surprises.push(what);
        }
    }

    /// Something was acknowledged.
    pub fn acknowledge(&self, room: Room, position: Position) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        raise(&mut lock(&self.top), room, position);
    }

    /// Who is behind, and where: for people.
    pub fn behind(&self) -> Vec<String> {
        let top = lock(&self.top).clone();
        let behind = self.stands.iter().enumerate().filter(|(_, stand)| !stand.is_settled(&top));
        behind.map(|(place, stand)| format!("client {place}: {stand:?}, the end is {top:?}")).collect()
    }

    fn is_settled(&self) -> bool {
        let top = lock(&self.top);
        self.stands.iter().all(|stand| stand.is_settled(&top))
    }
}

impl Stand {
    /// The client has come to here.
    pub fn reach(&self, room: Room, position: Position) {
        raise(&mut lock(&self.at), room, position);
    }

    fn is_settled(&self, top: &BTreeMap<Room, Position>) -> bool {
        let at = lock(&self.at);
        let is_there = at.iter().all(|(room, at)| top.get(room).is_none_or(|top| at >= top));
        is_there && self.whole.load(Ordering::Relaxed) && self.quiet.load(Ordering::Relaxed)
    }
}

fn raise(positions: &mut BTreeMap<Room, Position>, room: Room, position: Position) {
    let at = positions.entry(room).or_insert(position);
    *at = (*at).max(position);
}

/// A client that panicked has been noticed as such.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const LOOKED_AT: Duration = Duration::from_millis(20);
