//! Sessions by long-polling behind a round-robin that knows no sessions.

use anyhow::ensure;
use serde::Serialize;

use crate::{
    arguments::Polling,
    crowd::{self, course::Course, gauges::Span, run::Run},
    machine::{bill::Watch, limits, spent::Meter},
    plan::{Crowd, Mix, Pace, Plan},
    report::{self, Report, Row, count, decimals, latency::Summary, or_dash, outcome::Outcome, ratio},
    wire::payload::Eio,
    words::dialect::Dialect,
};

/// True when the figures are clean: every message once and in order, and no answer but 200.
pub(crate) async fn run(arguments: Polling) -> anyhow::Result<bool> {
    ensure!(
        arguments.listeners.senders <= arguments.listeners.clients,
        "--senders are some of the --clients, at most all"
    );
    ensure!(
        (arguments.eio, arguments.target.dialect) != (Eio::Three, Dialect::V1),
        "--eio 3 speaks the vocabularies of the main namespace, and v1 has one of its own"
    );
    let watch = Watch::begin(&arguments.target.places)?;
    let mix = Mix { polling: 100, upgraded: 0, eio: arguments.eio };
    let nodes = arguments.target.places.url.len();
    limits::make_room_for(mix.connections(arguments.listeners.clients, nodes))?;
    let crowd = Crowd::of(&arguments.listeners, Pace::Open { rate: arguments.rate }, arguments.talk);
    let plan = Plan::new(&arguments.target, crowd).carried_by(mix);
    let setting = Setting::new(&arguments, &plan);
    let run = Run::start(plan, Meter::new(&arguments.target.places), crowd::attend)?;
    let measured = Course::new(&arguments.target, arguments.talk).follow(&run).await?;
    let figures = Figures::new(setting, &measured.span, Outcome::of(run, &measured).await?);
    report::publish(&figures, watch, arguments.target.places.json.as_deref())
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "polling")]
struct Figures {
    setting: Setting,
    /// Answered while it was measured.
    requests: u64,
    requests_per_second: f64,
    server_cpu_ms_per_request: Option<f64>,
    connect_ms: Summary,
    #[serde(flatten)]
    outcome: Outcome,
}

impl Figures {
    fn new(setting: Setting, span: &Span, outcome: Outcome) -> Self {
        Self {
            setting,
            requests: span.answered,
            requests_per_second: span.per_second(span.answered),
            server_cpu_ms_per_request: span.server_cpu.and_then(|cpu| ratio(cpu * 1e3, span.answered)),
            connect_ms: outcome.arrivals,
            outcome,
        }
    }
}

#[derive(Debug, Serialize)]
struct Setting {
    dialect: Dialect,
    eio: Eio,
    nodes: usize,
    threads: u32,
    clients: u32,
    senders: u32,
    rate: f64,
    bytes: u32,
    seconds: u64,
}

impl Setting {
    fn new(arguments: &Polling, plan: &Plan) -> Self {
        Self {
            dialect: arguments.target.dialect,
            eio: arguments.eio,
            nodes: plan.nodes.len(),
            threads: plan.threads,
            clients: arguments.listeners.clients,
            senders: arguments.listeners.senders,
            rate: arguments.rate,
            bytes: arguments.talk.text.bytes,
            seconds: arguments.talk.seconds,
        }
    }

    fn rows(&self) -> Vec<Row> {
        let crowd = format!(
            "{} of {} polling by EIO={} on {} url(s)",
            self.senders,
            self.clients,
            self.eio.number(),
            self.nodes
        );
        vec![
            ("senders", crowd),
            ("loop", format!("open, {} messages/s", self.rate)),
            ("bytes", self.bytes.to_string()),
        ]
    }
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        self.outcome.is_clean()
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.setting.rows();
        rows.extend([
            ("requests/s", count(self.requests_per_second)),
            ("server CPU ms per request", or_dash(self.server_cpu_ms_per_request, decimals)),
            ("connect p99, ms", decimals(self.connect_ms.p99)),
        ]);
        rows.extend(self.outcome.rows());
        rows
    }

    fn warnings(&self) -> Vec<String> {
        self.outcome.cost.warnings()
    }
}
