//! Sessions by long-polling behind a round-robin that knows no sessions.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use anyhow::ensure;
use serde::Serialize;

use crate::{
    arguments::Polling,
    crowd::{
        self, Account,
        course::Course,
        gauges::{Servers, Span, float, ratio},
        run::Run,
    },
    machine::limits,
    plan::{Crowd, Pace, Plan},
    report::{self, Report, Row, cost::Cost, count, decimals, latency::Summary, or_dash},
    verdict::Verdict,
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
    // Each may have left a connection at every node, and one more that posts.
    let places = u32::try_from(arguments.target.places.url.len())? + 1;
    limits::make_room_for(arguments.listeners.clients.saturating_mul(places))?;
    let plan = Plan::new(&arguments.target, crowd(&arguments)).by_polling(arguments.eio);
    let run = Run::start(plan, Servers(arguments.target.places.pid.clone()), crowd::attend)?;
    let (span, memory) = course(&arguments).follow(&run).await?;
    let figures = figures(run, &arguments, &span, memory).await?;
    report::publish(&figures, arguments.target.places.json.as_deref())
}

fn crowd(arguments: &Polling) -> Crowd {
    Crowd {
        clients: arguments.listeners.clients,
        senders: arguments.listeners.senders,
        pace: Pace::Open { rate: arguments.rate },
        bytes: arguments.talk.text.bytes as usize,
    }
}

fn course(arguments: &Polling) -> Course {
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
    arguments: &Polling,
    span: &Span,
    memory: Option<u64>,
) -> anyhow::Result<Figures> {
    let (plan, board, answers) = (run.plan.clone(), run.board.clone(), run.board.answers.by_status());
    let mut account = Account::sum(run.finish().await?);
    let said = account.said_by_sender(&plan);
    Ok(Figures {
        setting: Setting::new(arguments, &plan),
        requests: span.answered,
        requests_per_second: span.per_second(span.answered),
        server_cpu_ms_per_request: span.server_cpu.and_then(|cpu| ratio(cpu * 1e3, span.answered)),
        answers,
        cost: Cost::new(span, memory),
        connect_ms: account.ledger.arrivals.summary(),
        latency_ms: account.ledger.deliveries.summary(),
        behind_ms: float(board.behind.load(Ordering::Relaxed)) / 1e6,
        verdict: Verdict::new(&account, &said, board.cut_off.load(Ordering::Relaxed)),
        unanswered: account.unanswered,
        refused: account.ledger.refused,
        endings: account.ledger.endings,
    })
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "polling")]
struct Figures {
    setting: Setting,
    /// Answered while it was measured.
    requests: u64,
    requests_per_second: f64,
    server_cpu_ms_per_request: Option<f64>,
    /// How many answers had which status, over the whole run.
    answers: BTreeMap<u16, u64>,
    #[serde(flatten)]
    cost: Cost,
    connect_ms: Summary,
    latency_ms: Summary,
    /// How late the rate was kept at worst: the load generator's own delay.
    behind_ms: f64,
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
        self.verdict.is_clean() && self.answers.keys().all(|&status| status == 200)
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.setting.rows();
        rows.extend([
            ("requests/s", count(self.requests_per_second)),
            ("server CPU ms per request", or_dash(self.server_cpu_ms_per_request, decimals)),
        ]);
        rows.extend(
            self.answers
                .iter()
                .map(|(status, times)| ("answers", format!("{} x {status}", count(float(*times))))),
        );
        rows.extend(self.cost.rows());
        rows.extend([
            ("connect p99, ms", decimals(self.connect_ms.p99)),
            ("latency p50, ms", decimals(self.latency_ms.p50)),
            ("latency p99, ms", decimals(self.latency_ms.p99)),
            ("latency max, ms", decimals(self.latency_ms.max)),
            ("own delay max, ms", decimals(self.behind_ms)),
        ]);
        rows.extend(self.verdict.rows());
        rows.extend((self.unanswered > 0).then(|| ("unanswered", self.unanswered.to_string())));
        rows.extend(self.refused.iter().map(|(code, times)| ("refused", format!("{times} x {code}"))));
        rows.extend(
            self.endings.iter().map(|(reason, times)| ("cut off because", format!("{times} x {reason}"))),
        );
        rows
    }
}
