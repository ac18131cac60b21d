//! An observer: it is in a room itself, keeps what it is told of the others, and asks its node for the list.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time,
};

use super::{
    admission::{self, Admission, Hello},
    sight::{List, Sight, Told, User},
    words::{change, list},
};
use crate::{
    line::{Line, Transport},
    log::Room,
    words::{self, Heard},
};

/// Someone who watches a room on one node.
#[derive(Debug)]
pub struct Observer {
    /// How the cluster knows it.
    pub user: User,
    asks: mpsc::Sender<Asked>,
    sight: Arc<Mutex<Sight>>,
    task: JoinHandle<io::Result<()>>,
}

/// Who wants the list.
type Asked = oneshot::Sender<List>;

/// Its connection.
struct Watch {
    line: Line,
    room: Room,
    began: Instant,
    sight: Arc<Mutex<Sight>>,
    /// The list that is being read, and for whom.
    reading: Option<(List, Asked)>,
    numbers: u64,
}

impl Observer {
    /// It comes into the room. Its times count from `began`.
    pub async fn comes(name: String, door: SocketAddr, room: Room, began: Instant) -> io::Result<Self> {
        let mut line = Line::open(door, Transport::WebSocket).await?;
        let user = match admission::ask(&mut line, Hello::New(&name)).await? {
            Admission::Ready { user, .. } => user,
            Admission::Refused(why) => return Err(io::Error::other(format!("{name} was refused: {why}"))),
        };
        let answer = admission::join(&mut line, room).await?;
        let mut sight = Sight::of(name);
        sight.take(began.elapsed(), Told::Found(list(&answer).ok_or_else(|| admission::strange(&answer))?));
        let (sight, (asks, asked)) = (Arc::new(Mutex::new(sight)), mpsc::channel(1));
        let watch = Watch { line, room, began, sight: Arc::clone(&sight), reading: None, numbers: 1 };
        Ok(Self { user, asks, sight, task: tokio::spawn(watch.watches(asked)) })
    }

    /// What it has been told so far.
    pub fn sight(&self) -> MutexGuard<'_, Sight> {
        lock(&self.sight)
    }

    /// Whether its connection has never ended.
    pub fn is_there(&self) -> bool {
        !self.task.is_finished()
    }

    /// Everyone whom its node lists, page by page. `None`: it is not answered.
    pub async fn list(&self) -> Option<List> {
        let (asked, answer) = oneshot::channel();
        self.asks.send(asked).await.ok()?;
        time::timeout(ANSWERED, answer).await.ok()?.ok()
    }
}

impl Watch {
    async fn watches(mut self, mut asked: mpsc::Receiver<Asked>) -> io::Result<()> {
        loop {
            tokio::select! {
                packet = admission::next(&mut self.line) => self.hears(&packet?).await?,
                Some(asked) = asked.recv(), if self.reading.is_none() => {
                    self.reading = Some((List::default(), asked));
                    self.ask(&json!({ "room": self.room.name() })).await?;
                }
            }
        }
    }

    async fn hears(&mut self, packet: &str) -> io::Result<()> {
        if let Some(told) = change(packet) {
            lock(&self.sight).take(self.began.elapsed(), told);
        } else if let Heard::Answer(number, body) = words::understand(packet)
            && number == self.numbers
        {
            self.is_answered(&body).await?;
        }
        Ok(())
    }

    async fn is_answered(&mut self, body: &Value) -> io::Result<()> {
        let page = list(body).ok_or_else(|| admission::strange(body))?;
        let Some((mut all, asked)) = self.reading.take() else { return Ok(()) };
        all.members.extend(page.members);
        all.count = page.count;
        let Some(next) = body["next"].as_str() else {
            // Nobody may be waiting any more.
            let _ = asked.send(all);
            return Ok(());
        };
        self.reading = Some((all, asked));
        self.ask(&json!({ "room": self.room.name(), "after": next })).await
    }

    async fn ask(&mut self, body: &Value) -> io::Result<()> {
        self.numbers += 1;
        self.line.send(words::request(self.numbers, "members", body)).await
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An observer that panicked has been noticed as such.
fn lock(sight: &Mutex<Sight>) -> MutexGuard<'_, Sight> {
    sight.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a whole list may take.
const ANSWERED: Duration = Duration::from_secs(10);
