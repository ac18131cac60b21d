//! A few talk, all listen.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use anyhow::ensure;
use serde::Serialize;

use crate::{
    arguments::Fanout,
    crowd::{
        self, Account,
        course::Course,
        gauges::{Servers, Span, float},
        run::Run,
    },
    machine::limits,
    plan::{Crowd, Pace, Plan},
    report::{self, Report, Row, cost::Cost, decimals, latency::Summary},
    verdict::Verdict,
    words::dialect::Dialect,
};

/// True when the figures are clean.
pub(crate) async fn run(arguments: Fanout) -> anyhow::Result<bool> {
    ensure!(
        arguments.listeners.senders <= arguments.listeners.clients,
        "--senders are some of the --clients, at most all"
    );
    limits::make_room_for(arguments.listeners.clients)?;
    let plan = Plan::new(&arguments.target, crowd(&arguments));
    let run = Run::start(plan, Servers(arguments.target.places.pid.clone()), crowd::attend)?;
    let (span, memory) = course(&arguments).follow(&run).await?;
    let figures = figures(run, &arguments, &span, memory).await?;
    report::publish(&figures, arguments.target.places.json.as_deref())
}

fn crowd(arguments: &Fanout) -> Crowd {
    let inflight = arguments.pace.inflight;
    Crowd {
        clients: arguments.listeners.clients,
        senders: arguments.listeners.senders,
        pace: arguments.pace.rate.map_or(Pace::Closed { inflight }, |rate| Pace::Open { rate }),
        bytes: arguments.talk.text.bytes as usize,
    }
}

fn course(arguments: &Fanout) -> Course {
    Course {
        clients: arguments.listeners.clients,
        patience: arguments.target.patience,
        warm_up: arguments.talk.warm_up,
        seconds: arguments.talk.seconds,
        drain: arguments.talk.drain,
    }
}

async fn figures(
    run: Run<Account>,
    arguments: &Fanout,
    span: &Span,
    memory: Option<u64>,
) -> anyhow::Result<Figures> {
    let (plan, board) = (run.plan.clone(), run.board.clone());
    let mut account = Account::sum(run.finish().await?);
    let said = account.said_by_sender(&plan);
    Ok(Figures {
        setting: Setting::new(arguments, &plan),
        cost: Cost::new(span, memory),
        latency_ms: account.ledger.deliveries.summary(),
        behind_ms: arguments.pace.rate.map(|_| float(board.behind.load(Ordering::Relaxed)) / 1e6),
        verdict: Verdict::new(&account, &said, board.cut_off.load(Ordering::Relaxed)),
        unanswered: account.unanswered,
        refused: account.ledger.refused,
        endings: account.ledger.endings,
    })
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "fanout")]
struct Figures {
    setting: Setting,
    #[serde(flatten)]
    cost: Cost,
    latency_ms: Summary,
    /// How late an open loop was at worst: the load generator's own delay.
    behind_ms: Option<f64>,
    #[serde(flatten)]
    verdict: Verdict,
    /// Acknowledgements that never came, where the vocabulary has any.
    unanswered: u64,
    refused: BTreeMap<String, u64>,
    endings: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Setting {
    dialect: Dialect,
    nodes: usize,
    threads: u32,
    clients: u32,
    senders: u32,
    inflight: Option<u32>,
    rate: Option<f64>,
    bytes: u32,
    seconds: u64,
}

impl Setting {
    fn new(arguments: &Fanout, plan: &Plan) -> Self {
        Self {
            dialect: arguments.target.dialect,
            nodes: plan.nodes.len(),
            threads: plan.threads,
            clients: arguments.listeners.clients,
            senders: arguments.listeners.senders,
            inflight: arguments.pace.closed.then_some(arguments.pace.inflight),
            rate: arguments.pace.rate,
            bytes: arguments.talk.text.bytes,
            seconds: arguments.talk.seconds,
        }
    }
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        self.verdict.is_clean()
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.setting.rows();
        rows.extend(self.cost.rows());
        rows.extend([
            ("latency p50, ms", decimals(self.latency_ms.p50)),
            ("latency p99, ms", decimals(self.latency_ms.p99)),
            ("latency max, ms", decimals(self.latency_ms.max)),
        ]);
        rows.extend(self.behind_ms.map(|behind| ("own delay max, ms", decimals(behind))));
        rows.extend(self.verdict.rows());
        rows.extend((self.unanswered > 0).then(|| ("unanswered", self.unanswered.to_string())));
        rows.extend(self.refused.iter().map(|(code, times)| ("refused", format!("{times} x {code}"))));
        rows.extend(
            self.endings.iter().map(|(reason, times)| ("cut off because", format!("{times} x {reason}"))),
        );
        rows
    }
}

impl Setting {
    fn rows(&self) -> Vec<Row> {
        let crowd = format!("{} of {} on {} node(s)", self.senders, self.clients, self.nodes);
        let pace = match (self.rate, self.inflight) {
            (Some(rate), _) => format!("open, {rate} messages/s"),
            (None, inflight) => format!("closed, {} in flight each", inflight.unwrap_or_default()),
        };
        vec![("senders", crowd), ("loop", pace), ("bytes", self.bytes.to_string())]
    }
}
