//! A room in which one reads no more: what that costs the server and the others, and whether it is whole afterwards.

mod sleeper;

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    arguments::Stalled,
    crowd::{self, Account, board::Phase, course::Course, run::Run},
    machine::{bill::Watch, limits, spent::Meter},
    plan::{Crowd, Pace, Plan},
    report::{
        self, Report, Row,
        comparison::{Comparison, Spread},
        decimals,
        latency::Summary,
    },
    verdict::Verdict,
    words::dialect::Dialect,
    workloads::stalled::sleeper::{Sleeper, Slept},
};

/// True when the figures are clean, and nothing cost more than it may.
pub(crate) async fn run(arguments: Stalled) -> anyhow::Result<bool> {
    ensure!(arguments.target.dialect == Dialect::V1, "only v1 tells what was missed: say --dialect v1");
    ensure!(!arguments.target.places.pid.is_empty(), "stalled measures the server's memory: say its --pid");
    ensure!(
        arguments.listeners.senders <= arguments.listeners.clients,
        "--senders are some of the --clients, at most all"
    );
    let watch = Watch::begin(&arguments.target.places)?;
    limits::make_room_for(arguments.listeners.clients)?;
    let mut rounds = Vec::new();
    for _ in 0..arguments.rounds {
        rounds.push([measure(&arguments, false).await?, measure(&arguments, true).await?]);
    }
    report::publish(&Figures::new(&arguments, &rounds), watch, arguments.target.places.json.as_deref())
}

/// One room, from its first client to its last.
#[derive(Debug)]
struct Measured {
    latency: Summary,
    /// KiB that the server had more at most while it was measured.
    grown: i64,
    is_clean: bool,
    slept: Option<Slept>,
}

async fn measure(arguments: &Stalled, one_sleeps: bool) -> anyhow::Result<Measured> {
    let crowd = Crowd::of(&arguments.listeners, Pace::Open { rate: arguments.rate }, arguments.talk);
    let meter = Meter::new(&arguments.target.places);
    let run = Run::start(Plan::new(&arguments.target, crowd), meter, crowd::attend)?;
    let course = Course::new(&arguments.target, arguments.talk);
    let sleep = async { if one_sleeps { sleeps(&run, arguments).await.map(Some) } else { Ok(None) } };
    let (_, grown, slept) = tokio::try_join!(course.follow(&run), watch_memory(&run), sleep)?;
    let board = run.board.clone();
    let account = Account::sum(run.finish().await?);
    let cut_off = board.cut_off.load(std::sync::atomic::Ordering::Relaxed);
    Ok(Measured {
        latency: account.ledger.deliveries.summary(),
        grown,
        is_clean: Verdict::new(&account, cut_off).is_clean(),
        slept,
    })
}

async fn sleeps(run: &Run<Account>, arguments: &Stalled) -> anyhow::Result<Slept> {
    run.reaches(Phase::Talking).await;
    let plan = &run.plan;
    let (node, admin) = (plan.node_of(0), &arguments.admin);
    Sleeper { node, admin, path: &plan.path, script: &plan.script }.sleep().await
}

/// How many KiB more the server has at most while people talk.
async fn watch_memory(run: &Run<Account>) -> anyhow::Result<i64> {
    let resident = || run.meter.servers.resident()?.context("no --pid").map(u64::cast_signed);
    run.reaches(Phase::Talking).await;
    let before = resident()?;
    let mut most = before;
    while run.phase() == Phase::Talking {
        most = most.max(resident()?);
        sleep(GLANCE).await;
    }
    Ok(most - before)
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "stalled")]
struct Figures {
    rounds: u32,
    clients: u32,
    rate: f64,
    bytes: u32,
    cut_off_within_s: f64,
    memory_at_most_kib: i64,
    added_at_most_percent: f64,
    /// Seconds until it was cut off.
    cut_off_s: Spread,
    /// KiB that the server had more at most than in the same room without it.
    memory_kib: Spread,
    calm_p99_ms: Spread,
    stalled_p99_ms: Spread,
    added_ms: Comparison,
    added_p99_percent: Spread,
    caught_up: u64,
    gaps: u64,
    is_clean: bool,
}

impl Figures {
    fn new(arguments: &Stalled, rounds: &[[Measured; 2]]) -> Self {
        let spread = |figure: fn(&[Measured; 2]) -> f64| Spread::of(rounds.iter().map(figure).collect());
        let latency = |which: usize| rounds.iter().map(move |round| round[which].latency);
        let slept: Vec<Slept> = rounds.iter().filter_map(|[_, stalled]| stalled.slept).collect();
        Self {
            rounds: arguments.rounds,
            clients: arguments.listeners.clients,
            rate: arguments.rate,
            bytes: arguments.talk.text.bytes,
            cut_off_within_s: arguments.cut_off_within,
            memory_at_most_kib: arguments.memory_at_most,
            added_at_most_percent: arguments.added_at_most,
            cut_off_s: Spread::of(slept.iter().map(|slept| slept.cut_off_after.as_secs_f64()).collect()),
            memory_kib: spread(|[calm, stalled]| kib(stalled.grown - calm.grown)),
            calm_p99_ms: spread(|[calm, _]| calm.latency.p99),
            stalled_p99_ms: spread(|[_, stalled]| stalled.latency.p99),
            added_ms: Comparison::new(latency(0), latency(1)),
            added_p99_percent: spread(|[calm, stalled]| {
                (stalled.latency.p99 / calm.latency.p99 - 1.0) * 100.0
            }),
            caught_up: slept.iter().map(|slept| slept.caught_up).sum(),
            gaps: slept.iter().map(|slept| slept.gaps).sum(),
            is_clean: rounds.iter().flatten().all(|measured| measured.is_clean),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read: 15 digits are enough")]
fn kib(count: i64) -> f64 {
    count as f64
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        self.is_clean
            && self.gaps == 0
            && self.cut_off_s.most <= self.cut_off_within_s
            && self.memory_kib.median <= kib(self.memory_at_most_kib)
            && self.added_p99_percent.median <= self.added_at_most_percent
    }

    fn rows(&self) -> Vec<Row> {
        let show = |Spread { median, least, most }: Spread| {
            format!("{} ({} to {})", decimals(median), decimals(least), decimals(most))
        };
        let room = format!("{} of {} clients, {} messages/s", self.rounds, self.clients, self.rate);
        vec![
            ("rounds", room),
            ("bytes", self.bytes.to_string()),
            ("cut off after, s", show(self.cut_off_s)),
            ("memory added, KiB", show(self.memory_kib)),
            ("p99 without it, ms", show(self.calm_p99_ms)),
            ("p99 with it, ms", show(self.stalled_p99_ms)),
            ("added to p99, %", show(self.added_p99_percent)),
            ("caught up", self.caught_up.to_string()),
            ("gaps", self.gaps.to_string()),
            ("all others clean", self.is_clean.to_string()),
        ]
    }
}

const GLANCE: Duration = Duration::from_millis(50);
