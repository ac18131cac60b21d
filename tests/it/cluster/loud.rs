//! A loud room over two nodes, those who hear it as they should, and what others cost.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hubbub_tests::{client::Client, http, person::Person, process::Cluster};
use serde_json::{Value, json};
use tokio::{
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{Instant, sleep, timeout},
};

/// Bytes of a text, and the time between two.
const LENGTH: usize = 20_000;
const BREATH: Duration = Duration::from_millis(20);
/// What is to come comes within this.
const DEADLINE: Duration = Duration::from_secs(30);
/// The last that is said.
const END: &str = "the end";

/// Two nodes with people who talk; what goes wrong goes wrong at the first.
pub(crate) struct Loud {
    pub(crate) cluster: Cluster,
    enough: Arc<AtomicBool>,
    talk: JoinHandle<u64>,
    witnesses: JoinSet<u64>,
    before: BTreeMap<String, usize>,
}

impl Loud {
    /// With these variables in the nodes' environment.
    pub(crate) async fn with(settings: &'static [(&'static str, &'static str)]) -> Self {
        let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, OsStr::new(*value))).collect();
        let cluster = spawn_blocking(move || Cluster::with(2, &settings)).await.expect("a cluster");
        let (enough, mut witnesses) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for node in 0..2 {
            for (kind, client) in [
                ("reads", Client::websocket(&cluster.addr(node)).await),
                ("polls", Client::polling(&cluster.addr(node)).await),
            ] {
                witnesses.spawn(hears_all(enters(client, &format!("{kind}{node}")).await));
            }
        }
        let speaker = enters(Client::websocket(&cluster.addr(1)).await, "speaker").await;
        let talk = tokio::spawn(talks(speaker, enough.clone()));
        let before = ends(&cluster).await;
        Self { cluster, enough, talk, witnesses, before }
    }

    /// So many connections of the first node ended for these reasons, and for no others.
    pub(crate) async fn ended(&self, expected: &[(&str, usize)]) {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        let began = Instant::now();
        loop {
            let mut ended = ends(&self.cluster).await;
            ended.iter_mut().for_each(|(reason, count)| *count -= self.before[reason]);
            ended.retain(|_, count| *count > 0);
            if ended == expected {
                return;
            }
            assert!(began.elapsed() < DEADLINE, "ended: {ended:?}, expected: {expected:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everybody else heard everything, whole, once and in order.
    pub(crate) async fn was_heard_by_all(mut self) {
        self.enough.store(true, Ordering::Relaxed);
        let said = timeout(DEADLINE, self.talk).await.expect("it is said in time").expect("it is said");
        while let Some(heard) =
            timeout(DEADLINE, self.witnesses.join_next()).await.expect("it is heard in time")
        {
            assert_eq!(heard.expect("it heard everything in order"), said);
        }
    }
}

/// The node's memory: what it has, and the most that it had.
pub(crate) struct Memory<'a> {
    cluster: &'a Cluster,
    before: usize,
}

impl<'a> Memory<'a> {
    pub(crate) fn of(cluster: &'a Cluster) -> Self {
        Self { cluster, before: cluster.memory(0) }
    }

    /// Bytes more than at the beginning.
    pub(crate) fn grown(&self) -> usize {
        self.cluster.memory(0).saturating_sub(self.before)
    }
}

async fn enters(client: Client, name: &str) -> Person {
    let mut person = Person::over(client, &json!({ "name": name })).await;
    person.does("join", json!({ "room": "lobby", "limit": 0 })).await;
    person
}

/// Says one text after another, each once the one before is in the log. How many.
async fn talks(mut speaker: Person, enough: Arc<AtomicBool>) -> u64 {
    for number in 1.. {
        if enough.load(Ordering::Relaxed) {
            speaker.says(END).await;
            return number;
        }
        speaker.says(&text(number)).await;
        sleep(BREATH).await;
    }
    unreachable!("there are numbers enough")
}

/// Hears one text after the other, up to the last.
async fn hears_all(mut witness: Person) -> u64 {
    for number in 1.. {
        let (heard, place) = witness.hears_message().await;
        assert_eq!(place, number);
        if heard == END {
            return number;
        }
        assert!(heard == text(number), "{number} is another text");
    }
    unreachable!("there are numbers enough")
}

/// Of which each piece is known from the others.
fn text(number: u64) -> String {
    let word = format!("{number} ");
    word.repeat(LENGTH / word.len())
}

/// Connections of the first node that ended, by reason.
async fn ends(cluster: &Cluster) -> BTreeMap<String, usize> {
    let metrics = http::get(cluster.admin(0), "/metrics").await.text();
    let reasons = metrics.lines().filter_map(|line| {
        let (reason, count) = line.strip_prefix("hubbub_disconnects_total{reason=\"")?.split_once("\"} ")?;
        Some((reason.to_owned(), count.parse().ok()?))
    });
    reasons.collect()
}

/// How a client of v1 comes in by hand and joins the room: its packets, and the beginnings of their answers.
pub(crate) fn entrance(older: bool, name: &str) -> [(String, &'static str); 2] {
    let connect = if older {
        let auth = format!("%7B%22name%22%3A%22{name}%22%7D");
        format!("40/v1?auth={auth},")
    } else {
        format!("40/v1,{}", Value::from_iter([("name", name)]))
    };
    let join = "42/v1,1[\"join\",{\"room\":\"lobby\",\"limit\":0}]".to_owned();
    [(connect, "[\"ready\""), (join, "43/v1,1[")]
}
