//! A node that must not notice: two people talk on it meanwhile, and what it holds is counted before and after.

use std::{ffi::OsStr, net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{client::Client, http, process::Cluster};

/// A node's process, and two people on it.
#[derive(Debug)]
pub struct Watched {
    cluster: Cluster,
    before: Held,
    enough: oneshot::Sender<()>,
    talk: JoinHandle<()>,
}

impl Watched {
    /// A node alone that notices soon who is not there any more.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same, with these variables in its environment too.
    pub async fn with(settings: &[(&'static str, &'static str)]) -> Self {
        let settings: Vec<_> =
            IMPATIENT.iter().chain(settings).map(|(key, value)| (*key, OsStr::new(*value))).collect();
        let cluster = tokio::task::spawn_blocking(move || Cluster::alone(&settings)).await;
        let cluster = cluster.expect("a node");
        let before = Held::by(cluster.admin(0)).await;
        let (enough, is_enough) = oneshot::channel();
        let people = people(cluster.addr(0)).await;
        let talk = tokio::spawn(talk(people, is_enough));
        Self { cluster, before, enough, talk }
    }

    /// Where its clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.cluster.addr(0)
    }

    /// The bytes that it has in memory, once nobody is there but the two.
    pub async fn settled_memory(&self) -> u64 {
        let began = Instant::now();
        loop {
            let metrics = metrics(self.cluster.admin(0)).await;
            if sum(&metrics, "hubbub_connections") == 2 {
                return sum(&metrics, "process_resident_memory_bytes");
            }
            assert!(began.elapsed() < FORGETTING, "somebody stays:\n{metrics}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The two heard each other all the time, in order, and when they have left the node holds what it held before.
    pub async fn noticed_nothing(self) {
        self.enough.send(()).expect("they still talk");
        self.talk.await.expect("they heard everything in order");
        let began = Instant::now();
        loop {
            let held = Held::by(self.cluster.admin(0)).await;
            if held.is_within(&self.before) {
                return;
            }
            assert!(began.elapsed() < FORGETTING, "held for ever: {held:?}, before: {:?}", self.before);
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What a node holds for its clients.
#[derive(Debug)]
struct Held {
    connections: u64,
    sessions: u64,
    tasks: u64,
    descriptors: u64,
}

impl Held {
    async fn by(admin: SocketAddr) -> Self {
        let metrics = metrics(admin).await;
        Self {
            connections: sum(&metrics, "hubbub_connections"),
            sessions: sum(&metrics, "hubbub_sessions"),
            tasks: sum(&metrics, "hubbub_runtime_tasks"),
            descriptors: sum(&metrics, "process_open_fds"),
        }
    }

    fn is_within(&self, before: &Self) -> bool {
        self.connections <= before.connections
            && self.sessions <= before.sessions
            && self.tasks <= before.tasks
            && self.descriptors <= before.descriptors
    }
}

async fn metrics(admin: SocketAddr) -> String {
    http::get(admin, "/metrics").await.text()
}

fn sum(metrics: &str, name: &str) -> u64 {
    let values = metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    values.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
}

/// One by WebSocket, one by polling.
async fn people(addr: SocketAddr) -> [Client; 2] {
    let mut people = [Client::at(&addr, PLACE).await, Client::polling(&addr).await];
    people[1].connect(PLACE, &Value::Null).await;
    people
}

/// They say numbers in turn, and both hear each before the next is said.
async fn talk(mut people: [Client; 2], mut is_enough: oneshot::Receiver<()>) {
    let mut said = 0;
    while said < WORDS || is_enough.try_recv().is_err() {
        let text = said.to_string();
        people[said % 2].say_in(PLACE, "message", &[json!(text)]).await;
        for person in &mut people {
            person.hears_in(PLACE, "message", &[json!({ "text": text })]).await;
        }
        said += 1;
        sleep(BREATH).await;
    }
    for person in &mut people {
        person.send("1").await;
    }
}

/// Nobody else is there.
const PLACE: &str = "/ssio";
/// However short the test is, they say so many.
const WORDS: usize = 20;
/// Between two words.
const BREATH: Duration = Duration::from_millis(10);
const IMPATIENT: &[(&str, &str)] = &[
    ("HUBBUB__LOG__LEVEL", "info,hubbub_gateway::engine=debug"),
    ("HUBBUB__SOCKETIO__PING_INTERVAL", "500ms"),
    ("HUBBUB__SOCKETIO__PING_TIMEOUT", "2s"),
    ("HUBBUB__SOCKETIO__CONNECT_TIMEOUT", "1s"),
];
/// The longest that a client may be held who says nothing more: an upgrade's ten seconds, and some for a busy machine.
const FORGETTING: Duration = Duration::from_secs(20);
