//! Connections that say nothing.

use std::sync::atomic::Ordering;

use anyhow::ensure;
use serde::Serialize;

use crate::{
    arguments::Idle,
    crowd::{self, Account, gauges::Span, run::Run},
    machine::{bill::Watch, limits, spent::Meter},
    plan::{Crowd, Plan},
    report::{self, Report, Row, count, decimals, float, latency::Summary, ratio},
    words::dialect::Dialect,
};

/// True when every connection was still there at the end.
pub(crate) async fn run(arguments: Idle) -> anyhow::Result<bool> {
    ensure!(!arguments.target.places.pid.is_empty(), "idle measures the server's memory: say its --pid");
    let watch = Watch::begin(&arguments.target.places)?;
    limits::make_room_for(arguments.clients)?;
    let meter = Meter::new(&arguments.target.places);
    let before = memory(&meter)?;
    let plan =
        Plan::new(&arguments.target, Crowd { rooms: 1, members: arguments.clients, ..Crowd::default() });
    let run = Run::start(plan, meter, crowd::attend)?;
    let arriving = run.reading()?;
    let everybody = u64::from(arguments.clients);
    run.wait_for(everybody, "are connected", arguments.target.patience, |board| {
        board.connected.load(Ordering::Relaxed)
    })
    .await?;
    let arrived = run.reading()?.since(&arriving);
    let held = run.pass(arguments.seconds, |span| tell(span, everybody)).await?;
    let figures = figures(run, &arguments, before, &arrived, &held).await?;
    report::publish(&figures, watch, arguments.target.places.json.as_deref())
}

fn memory(meter: &Meter) -> anyhow::Result<u64> {
    Ok(meter.servers.memory()?.unwrap_or_default())
}

fn tell(span: &Span, clients: u64) -> String {
    format!("holding {clients}  server CPU {} s", decimals(span.server_cpu.unwrap_or_default()))
}

async fn figures(
    run: Run<Account>,
    arguments: &Idle,
    before: u64,
    arrived: &Span,
    held: &Span,
) -> anyhow::Result<Figures> {
    let after = memory(&run.meter)?;
    let (plan, board) = (run.plan.clone(), run.board.clone());
    let account = Account::sum(run.finish().await?);
    Ok(Figures {
        dialect: arguments.target.dialect,
        nodes: plan.nodes.len(),
        clients: arguments.clients,
        memory_before_kib: before,
        memory_after_kib: after,
        kib_per_connection: (float(after) - float(before)) / f64::from(arguments.clients),
        connects_per_second: arrived.per_second(arrived.connected),
        server_cpu_ms_per_connect: arrived.server_cpu.and_then(|cpu| ratio(cpu * 1e3, arrived.connected)),
        server_load_while_idle: held.server_cpu.map(|cpu| held.load(cpu)),
        connect_ms: account.ledger.arrivals.summary(),
        cut_off: board.cut_off.load(Ordering::Relaxed),
    })
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "idle")]
struct Figures {
    dialect: Dialect,
    nodes: usize,
    clients: u32,
    memory_before_kib: u64,
    memory_after_kib: u64,
    kib_per_connection: f64,
    connects_per_second: f64,
    server_cpu_ms_per_connect: Option<f64>,
    /// Processors kept busy by heartbeats alone.
    server_load_while_idle: Option<f64>,
    connect_ms: Summary,
    cut_off: u32,
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        self.cut_off == 0
    }

    fn rows(&self) -> Vec<Row> {
        vec![
            ("connections", format!("{} on {} node(s)", self.clients, self.nodes)),
            ("server memory before, KiB", count(float(self.memory_before_kib))),
            ("server memory after, KiB", count(float(self.memory_after_kib))),
            ("KiB per idle connection", decimals(self.kib_per_connection)),
            ("connects/s", count(self.connects_per_second)),
            ("server CPU ms per connect", report::or_dash(self.server_cpu_ms_per_connect, decimals)),
            ("server CPUs busy while idle", report::or_dash(self.server_load_while_idle, decimals)),
            ("connect p50, ms", decimals(self.connect_ms.p50)),
            ("connect p99, ms", decimals(self.connect_ms.p99)),
            ("connect max, ms", decimals(self.connect_ms.max)),
            ("cut off", self.cut_off.to_string()),
        ]
    }
}
