//! A few talk, all listen.

use anyhow::ensure;
use serde::Serialize;

use crate::{
    arguments::{Fanout, shared::Loop},
    machine::{bill::Watch, limits},
    plan::{Crowd, Pace, Plan},
    report::{self, Report, Row, outcome::Outcome},
    words::dialect::Dialect,
};

use super::talking;

/// True when the figures are clean.
pub(crate) async fn run(arguments: Fanout) -> anyhow::Result<bool> {
    let Fanout { target, listeners, pace, carriers, talk } = &arguments;
    ensure!(listeners.senders <= listeners.clients, "--senders are some of the --clients, at most all");
    let watch = Watch::begin(&target.places)?;
    let mix = carriers.mix()?;
    limits::make_room_for(mix.connections(listeners.clients, target.places.url.len()))?;
    let plan = Plan::new(target, Crowd::of(listeners, Pace::of(pace), *talk)).carried_by(mix);
    let setting = Setting::new(&arguments, &plan);
    let figures = Figures { setting, outcome: talking::measure(plan, target, *talk).await? };
    report::publish(&figures, watch, target.places.json.as_deref())
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "fanout")]
struct Figures {
    setting: Setting,
    #[serde(flatten)]
    outcome: Outcome,
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
    /// Of a hundred clients.
    polling: u32,
    upgraded: u32,
    bytes: u32,
    seconds: u64,
}

impl Setting {
    fn new(Fanout { target, listeners, pace, carriers, talk }: &Fanout, plan: &Plan) -> Self {
        Self {
            dialect: target.dialect,
            nodes: plan.nodes.len(),
            threads: plan.threads,
            clients: listeners.clients,
            senders: listeners.senders,
            inflight: pace.closed.then_some(pace.inflight),
            rate: pace.rate,
            polling: carriers.polling,
            upgraded: carriers.upgraded,
            bytes: talk.text.bytes,
            seconds: talk.seconds,
        }
    }

    fn rows(&self) -> Vec<Row> {
        vec![
            ("senders", format!("{} of {} on {} node(s)", self.senders, self.clients, self.nodes)),
            ("loop", Loop::words(self.inflight, self.rate)),
            ("polling, upgraded, of a hundred", format!("{}, {}", self.polling, self.upgraded)),
            ("bytes", self.bytes.to_string()),
        ]
    }
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        self.outcome.is_clean()
    }

    fn rows(&self) -> Vec<Row> {
        [self.setting.rows(), self.outcome.rows()].concat()
    }

    fn warnings(&self) -> Vec<String> {
        self.outcome.cost.warnings()
    }
}
