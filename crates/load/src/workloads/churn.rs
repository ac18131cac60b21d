//! Clients that come and go.

use std::{collections::BTreeMap, rc::Rc, sync::Arc, sync::atomic::Ordering, time::Duration};

use serde::Serialize;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    arguments::Churn,
    crowd::{
        arrival,
        board::Phase,
        gauges::Span,
        run::Run,
        shard::{Ledger, Shard},
    },
    machine::{bill::Watch, limits, spent::Meter},
    plan::{Crowd, Plan},
    report::{self, Report, Row, count, decimals, float, latency::Summary, or_dash, ratio},
    wire::connection::Ended,
    words::dialect::Dialect,
};

/// True when everybody was let in and nobody was cut off.
pub(crate) async fn run(arguments: Churn) -> anyhow::Result<bool> {
    let watch = Watch::begin(&arguments.target.places)?;
    limits::make_room_for(arguments.at_once)?;
    let meter = Meter::new(&arguments.target.places);
    let before = meter.servers.memory()?;
    let plan = Plan::new(&arguments.target, Crowd::default());
    let visiting = Visiting::new(&arguments, plan.threads);
    let run = Run::start(plan, meter, move |shard| come_and_go(shard, visiting))?;
    run.enter(Phase::Talking);
    let span = run.pass(arguments.seconds, tell).await?;
    let figures = figures(run, &arguments, before, &span).await?;
    report::publish(&figures, watch, arguments.target.places.json.as_deref())
}

fn tell(span: &Span) -> String {
    let cost = span.server_cpu.and_then(|cpu| ratio(cpu * 1e3, span.connected));
    format!(
        "{:>7} connects/s  server CPU ms per connect {}",
        count(span.per_second(span.connected)),
        or_dash(cost, decimals)
    )
}

/// One thread's part of the coming and going.
#[derive(Clone, Copy, Debug)]
struct Visiting {
    between: Duration,
    stay: Duration,
    dirty_percent: u8,
    at_once: usize,
    threads: u32,
}

impl Visiting {
    fn new(arguments: &Churn, threads: u32) -> Self {
        Self {
            between: Duration::from_secs_f64(f64::from(threads) / arguments.rate),
            stay: Duration::from_millis(arguments.stay),
            dirty_percent: arguments.dirty,
            at_once: (arguments.at_once / threads).max(1) as usize,
            threads,
        }
    }

    /// 37 and 100 have no common divisor: the dirty ones are spread evenly.
    fn is_dirty(&self, visitor: u32) -> bool {
        visitor % 100 * 37 % 100 < u32::from(self.dirty_percent)
    }
}

async fn come_and_go(shard: Rc<Shard>, visiting: Visiting) -> anyhow::Result<Ledger> {
    let mut phases = shard.board.phases();
    phases.wait_for(|phase| *phase >= Phase::Talking).await?;
    let room = Arc::new(Semaphore::new(visiting.at_once));
    let (mut visits, mut visitor, mut due) = (JoinSet::new(), shard.thread, Instant::now());
    while shard.board.is_talking() {
        sleep_until(due).await;
        due += visiting.between;
        let place = Arc::clone(&room).acquire_owned().await?;
        let shard = Rc::clone(&shard);
        visits.spawn_local(async move {
            visit(shard, visitor, visiting).await;
            drop(place);
        });
        visitor = visitor.wrapping_add(visiting.threads);
        while visits.try_join_next().is_some() {}
    }
    visits.join_all().await;
    Ok(shard.ledger.take())
}

async fn visit(shard: Rc<Shard>, visitor: u32, visiting: Visiting) {
    let (mut listener, client) = match arrival::arrive(Rc::clone(&shard), visitor).await {
        Ok(arrival) => arrival,
        Err(error) => return shard.note_ending(error.root_cause().to_string()),
    };
    shard.board.connected.fetch_add(1, Ordering::Relaxed);
    let mut listening = std::pin::pin!(arrival::listen(&mut listener, &client, &shard));
    if let Ok(ended) = timeout(visiting.stay, &mut listening).await {
        return shard.note_ending(Ended::to_string(&ended));
    }
    if !visiting.is_dirty(visitor) {
        client.borrow().leave();
        let _ = timeout(LONGEST_GOODBYE, listening).await;
    }
}

async fn figures(
    run: Run<Ledger>,
    arguments: &Churn,
    memory_before_kib: Option<u64>,
    span: &Span,
) -> anyhow::Result<Figures> {
    let (plan, board, servers) = (run.plan.clone(), run.board.clone(), run.meter.servers.clone());
    let mut ledger = Ledger::default();
    for part in run.finish().await? {
        ledger.add(part);
    }
    sleep(SETTLING).await;
    Ok(Figures {
        dialect: arguments.target.dialect,
        nodes: plan.nodes.len(),
        rate: arguments.rate,
        dirty_percent: arguments.dirty,
        connects: span.connected,
        connects_per_second: span.per_second(span.connected),
        server_cpu_ms_per_connect: span.server_cpu.and_then(|cpu| ratio(cpu * 1e3, span.connected)),
        own_cpu_ms_per_connect: ratio(span.own_cpu * 1e3, span.connected),
        connect_ms: ledger.arrivals.summary(),
        memory_before_kib,
        memory_after_kib: servers.memory()?,
        cut_off: board.cut_off.load(Ordering::Relaxed),
        endings: ledger.endings,
    })
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "churn")]
struct Figures {
    dialect: Dialect,
    nodes: usize,
    rate: f64,
    dirty_percent: u8,
    connects: u64,
    connects_per_second: f64,
    /// Coming, staying and leaving.
    server_cpu_ms_per_connect: Option<f64>,
    own_cpu_ms_per_connect: Option<f64>,
    connect_ms: Summary,
    memory_before_kib: Option<u64>,
    /// When all have left.
    memory_after_kib: Option<u64>,
    /// Not let in, or closed by the server.
    cut_off: u32,
    endings: BTreeMap<String, u64>,
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        self.cut_off == 0
    }

    fn rows(&self) -> Vec<Row> {
        let kib = |kib: Option<u64>| or_dash(kib, |kib| count(float(kib)));
        let mut rows = vec![
            (
                "rate asked for",
                format!("{}/s, {} % dirty, {} node(s)", self.rate, self.dirty_percent, self.nodes),
            ),
            ("connects", self.connects.to_string()),
            ("connects/s", count(self.connects_per_second)),
            ("server CPU ms per connect", or_dash(self.server_cpu_ms_per_connect, decimals)),
            ("own CPU ms per connect", or_dash(self.own_cpu_ms_per_connect, decimals)),
            ("connect p50, ms", decimals(self.connect_ms.p50)),
            ("connect p99, ms", decimals(self.connect_ms.p99)),
            ("connect max, ms", decimals(self.connect_ms.max)),
            ("server memory before, KiB", kib(self.memory_before_kib)),
            ("server memory after, KiB", kib(self.memory_after_kib)),
            ("not let in or cut off", self.cut_off.to_string()),
        ];
        rows.extend(self.endings.iter().map(|(reason, times)| ("because", format!("{times} x {reason}"))));
        rows
    }
}

/// How long a server may take to answer a goodbye.
const LONGEST_GOODBYE: Duration = Duration::from_secs(1);

/// Time for the server to notice who left without a word.
const SETTLING: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_of_a_hundred_are_dirty() {
        let visiting =
            Visiting { between: SETTLING, stay: SETTLING, dirty_percent: 30, at_once: 1, threads: 1 };
        let dirty = |visitors: std::ops::Range<u32>| visitors.filter(|&it| visiting.is_dirty(it)).count();
        assert_eq!(dirty(0..100), 30);
        assert!((1..=5).contains(&dirty(0..10)));
    }
}
