//! Rounds of clients that come, are in a room, and go, half of them without a word: what remains of them afterwards.

mod remains;
mod slope;
mod visitor;

use std::{rc::Rc, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tokio::{
    sync::{Semaphore, watch},
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, timeout},
};

use crate::{
    arguments::Leaks,
    guests::Scene,
    machine::{bill::Watch, limits},
    plan::{Crowd, Plan},
    report::{self, Report, Row, count, decimals, float, progress::Progress},
    words::dialect::{Dialect, Script},
    workloads::leaks::{
        remains::{Places, Remains},
        slope::slope,
        visitor::Visitor,
    },
};

/// True when nothing remains and the memory grows no more than it may.
pub(crate) async fn run(arguments: Leaks) -> anyhow::Result<bool> {
    ensure!(
        arguments.places.url.len() == arguments.admin.len(),
        "say --admin for each --url, in the same order"
    );
    ensure!(arguments.rounds > arguments.warm_up + 1, "of so few --rounds none would be left to be judged");
    let watch = Watch::begin(&arguments.places)?;
    limits::make_room_for(arguments.clients)?;
    let figures = LocalSet::new().run_until(measure(&arguments)).await?;
    report::publish(&figures, watch, arguments.places.json.as_deref())
}

async fn measure(arguments: &Leaks) -> anyhow::Result<Figures> {
    let places = Places { admin: arguments.admin.clone(), store: arguments.redis.clone() };
    let plan = Plan::at(&arguments.places.url, arguments.places.path.as_ref(), Dialect::V1, Crowd::default());
    let scene = Rc::new(Scene::new(plan));
    let before = places.look().await?;
    let connections = places.connections().await?;
    let (mut memory, progress) = (Vec::new(), Progress::on_standard_error());
    for round in 0..arguments.rounds {
        pass(arguments, &scene, round).await?;
        wait_for_goodbyes(&places, connections).await?;
        memory.push(places.memory().await?);
        let last = show_memory(memory.last().expect("just pushed"));
        progress.tell(&format!("round {:>3} of {}  {last}", round + 1, arguments.rounds));
    }
    let ended = Instant::now();
    let patience = Duration::from_secs(arguments.settle);
    let mut remains = places.look().await?.since(&before);
    while !remains.are_none() && ended.elapsed() < patience {
        sleep(GLANCE).await;
        remains = places.look().await?.since(&before);
    }
    let keys = before.names.keys.len();
    Ok(Figures::new(arguments, &memory, remains, keys, ended.elapsed()))
}

/// All come in, a few at a time, and when all are there all go at once.
async fn pass(arguments: &Leaks, scene: &Rc<Scene>, round: u32) -> anyhow::Result<()> {
    let turnstile = Arc::new(Semaphore::new(ARRIVALS_AT_ONCE));
    let (over, is_over) = watch::channel(false);
    let mut visitors = JoinSet::new();
    for number in 0..arguments.clients {
        let place = Arc::clone(&turnstile).acquire_owned().await?;
        visitors.spawn_local(visitor(arguments, scene, round, number).visit(place, is_over.clone()));
        check(&mut visitors)?;
    }
    let all_are_in = turnstile.acquire_many(u32::try_from(ARRIVALS_AT_ONCE)?);
    let _all = timeout(LONGEST, all_are_in).await.context("not all were let in")??;
    check(&mut visitors)?;
    over.send_replace(true);
    while let Some(gone) = visitors.join_next().await {
        gone.context("a visitor panicked")??;
    }
    Ok(())
}

/// Every other two speak v1 and 002, so that on each node half of each are rude.
fn visitor(arguments: &Leaks, scene: &Rc<Scene>, round: u32, number: u32) -> Visitor {
    let nodes = u32::try_from(scene.plan.nodes.len()).unwrap_or(1);
    let kind = number / nodes;
    let dialect = if kind.is_multiple_of(2) { Dialect::V1 } else { Dialect::Basics };
    let run = scene.plan.script.run;
    let script = Script { dialect, run, room: format!("{}-{round}", scene.plan.script.room) };
    Visitor {
        scene: Rc::clone(scene),
        script,
        number: round * arguments.clients + number,
        is_rude: (kind / 2).is_multiple_of(2),
    }
}

/// Nobody ends before the round does, but who was not let in or was cut off.
fn check(visitors: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    if let Some(ended) = visitors.try_join_next() {
        ended.context("a visitor panicked")??;
        bail!("a visitor has gone before its time");
    }
    Ok(())
}

/// Until the nodes have noticed that all are gone.
async fn wait_for_goodbyes(places: &Places, connections: u64) -> anyhow::Result<()> {
    let all_gone = async {
        while places.connections().await? > connections {
            sleep(GLANCE).await;
        }
        anyhow::Ok(())
    };
    timeout(LONGEST, all_gone).await.context("connections stay open though nobody is there")?
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "leaks")]
struct Figures {
    nodes: usize,
    rounds: u32,
    clients: u32,
    /// Rounds at the beginning whose memory does not count: an allocator takes what it will need.
    warm_up: u32,
    slope_at_most_mb: f64,
    /// Of each node, by round.
    memory_bytes: Vec<Vec<u64>>,
    /// MB that each node grows a round, by least squares.
    slope_mb: Vec<f64>,
    keys: usize,
    remains: Remains,
    /// From the last goodbye until nothing remained, or the patience was over.
    settled_after_s: f64,
}

impl Figures {
    fn new(
        arguments: &Leaks,
        memory: &[Vec<u64>],
        remains: Remains,
        keys: usize,
        settled_after: Duration,
    ) -> Self {
        let nodes = arguments.places.url.len();
        let counted = &memory[arguments.warm_up as usize..];
        let grows = |node: usize| {
            let megabytes: Vec<f64> = counted.iter().map(|round| float(round[node]) / 1e6).collect();
            slope(&megabytes).unwrap_or_default()
        };
        Self {
            nodes,
            rounds: arguments.rounds,
            clients: arguments.clients,
            warm_up: arguments.warm_up,
            slope_at_most_mb: arguments.slope_at_most,
            memory_bytes: memory.to_vec(),
            slope_mb: (0..nodes).map(grows).collect(),
            keys,
            remains,
            settled_after_s: settled_after.as_secs_f64(),
        }
    }
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        self.remains.are_none() && self.slope_mb.iter().all(|slope| *slope <= self.slope_at_most_mb)
    }

    fn rows(&self) -> Vec<Row> {
        let Remains { counts, keys, channels, passing } = &self.remains;
        let slopes: Vec<_> = self.slope_mb.iter().copied().map(decimals).collect();
        let mut rows = vec![
            ("rounds", format!("{} of {} clients on {} node(s)", self.rounds, self.clients, self.nodes)),
            ("memory, MB a round, by node", slopes.join(", ")),
            (
                "allowed, MB a round",
                format!("{}, the first {} rounds left out", self.slope_at_most_mb, self.warm_up),
            ),
            (
                "memory after the last round",
                self.memory_bytes.last().map(|last| show_memory(last)).unwrap_or_default(),
            ),
            ("Redis keys at the start", self.keys.to_string()),
            ("as at the start again after, s", decimals(self.settled_after_s)),
            ("remaining", (counts.len() + keys.len() + channels.len()).to_string()),
        ];
        let named = |name: &'static str, lines: &[String]| {
            lines.iter().take(SHOWN).map(|line| (name, line.clone())).collect::<Vec<_>>()
        };
        rows.extend(named("count", counts));
        rows.extend(named("key", keys));
        rows.extend(named("channel", channels));
        rows.extend(passing.iter().map(|(kind, (count, seconds))| {
            ("forgotten by itself", format!("{count} x {kind} within {seconds} s"))
        }));
        rows
    }
}

fn show_memory(nodes: &[u64]) -> String {
    let megabytes: Vec<_> = nodes.iter().map(|&bytes| format!("{} MB", count(float(bytes) / 1e6))).collect();
    megabytes.join(", ")
}

const ARRIVALS_AT_ONCE: usize = 64;
const GLANCE: Duration = Duration::from_millis(50);
/// What takes longer is broken, not slow.
const LONGEST: Duration = Duration::from_secs(30);
/// Lines of what remains: the first ones tell what it is.
const SHOWN: usize = 10;
