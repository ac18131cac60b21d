//! More than the server can carry: what it does then to those who talk and those who listen.

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::{
    arguments::{Overload, shared::Talk},
    machine::{bill::Watch, limits},
    plan::{Crowd, Pace, Plan},
    report::{self, Report, Row, count, decimals, outcome::Outcome},
    words::dialect::Dialect,
};

use super::talking;

/// True when nobody was told anything wrong, everybody who can come back is back, and what is carried did not collapse.
pub(crate) async fn run(arguments: Overload) -> anyhow::Result<bool> {
    let Overload { target, listeners, talk, .. } = &arguments;
    ensure!(listeners.senders <= listeners.clients, "--senders are some of the --clients, at most all");
    let watch = Watch::begin(&target.places)?;
    limits::make_room_for(listeners.clients)?;
    let (carried, steps) = carry(&arguments).await?;
    let rate = carried.cost.messages_per_second * arguments.multiple;
    ensure!(rate > 0.0, "nothing was carried in the closed loop");
    let outcome = measure(&arguments, Pace::Open { rate }, *talk).await?;
    let figures = Figures::new(&arguments, (carried, steps), rate, outcome);
    report::publish(&figures, watch, target.places.json.as_deref())
}

/// As much as it can be made to carry: the best of several steps, each with more in flight.
async fn carry(arguments: &Overload) -> anyhow::Result<(Outcome, Vec<Step>)> {
    let talk = Talk { seconds: arguments.carried, ..arguments.talk };
    let (mut best, mut steps) = (None::<Outcome>, Vec::new());
    for step in 0..STEPS {
        let inflight = arguments.inflight.saturating_mul(MORE.pow(step));
        let carried = measure(arguments, Pace::Closed { inflight }, talk).await?;
        let deliveries_per_second = carried.cost.deliveries_per_second;
        steps.push(Step { inflight, deliveries_per_second });
        if best.as_ref().is_none_or(|best| deliveries_per_second > best.cost.deliveries_per_second) {
            best = Some(carried);
        }
    }
    Ok((best.context("there is a first step")?, steps))
}

async fn measure(arguments: &Overload, pace: Pace, talk: Talk) -> anyhow::Result<Outcome> {
    let Overload { target, listeners, .. } = arguments;
    let crowd = Crowd { comes_back: target.dialect == Dialect::V1, ..Crowd::of(listeners, pace, talk) };
    talking::measure(Plan::new(target, crowd), target, talk).await
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "overload")]
struct Figures {
    setting: Setting,
    /// The same room in a closed loop.
    carried: Outcome,
    /// What led there.
    steps: Vec<Step>,
    /// Messages a second that were to be said.
    offered_per_second: f64,
    /// Deliveries a second at overload, of those that were carried before: 1 is all of them.
    kept: f64,
    /// Whether clients that were cut off can come back for what they missed.
    comes_back: bool,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
struct Step {
    /// Of each sender.
    inflight: u32,
    deliveries_per_second: f64,
}

#[derive(Debug, Serialize)]
struct Setting {
    dialect: Dialect,
    nodes: usize,
    clients: u32,
    senders: u32,
    inflight: u32,
    multiple: f64,
    bytes: u32,
    seconds: u64,
    keeps_at_least: f64,
}

impl Step {
    fn words(&self) -> String {
        format!("{}: {:.1}", self.inflight, self.deliveries_per_second / 1e6)
    }
}

impl Figures {
    fn new(
        arguments: &Overload,
        (carried, steps): (Outcome, Vec<Step>),
        rate: f64,
        outcome: Outcome,
    ) -> Self {
        let Overload { target, listeners, talk, .. } = arguments;
        Self {
            setting: Setting {
                dialect: target.dialect,
                nodes: target.places.url.len(),
                clients: listeners.clients,
                senders: listeners.senders,
                inflight: arguments.inflight,
                multiple: arguments.multiple,
                bytes: talk.text.bytes,
                seconds: talk.seconds,
                keeps_at_least: arguments.keeps_at_least,
            },
            offered_per_second: rate,
            kept: outcome.cost.deliveries_per_second / carried.cost.deliveries_per_second,
            comes_back: target.dialect == Dialect::V1,
            carried,
            steps,
            outcome,
        }
    }
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        let is_honest = [&self.carried, &self.outcome].iter().all(|outcome| outcome.verdict.is_honest());
        let are_back = !self.comes_back || self.outcome.gone == 0;
        is_honest && are_back && self.kept * 100.0 >= self.setting.keeps_at_least
    }

    fn rows(&self) -> Vec<Row> {
        let Setting { clients, senders, nodes, multiple, bytes, .. } = self.setting;
        let mut rows = vec![
            ("senders", format!("{senders} of {clients} on {nodes} node(s)")),
            ("bytes", bytes.to_string()),
            ("carried, deliveries/s", count(self.carried.cost.deliveries_per_second)),
            (
                "carried, M/s by how many are in flight",
                self.steps.iter().map(Step::words).collect::<Vec<_>>().join(", "),
            ),
            ("carried, messages/s", count(self.carried.cost.messages_per_second)),
            ("carried, latency p99, ms", decimals(self.carried.latency_ms.p99)),
            ("offered, messages/s", format!("{}, {multiple} times as many", count(self.offered_per_second))),
            ("deliveries kept, %", decimals(self.kept * 100.0)),
        ];
        rows.extend(self.outcome.rows());
        rows
    }

    fn warnings(&self) -> Vec<String> {
        let said = self.outcome.cost.messages_per_second;
        let short = (said < self.offered_per_second * OFFERED).then(|| {
            format!(
                "only {} messages/s were said: senders were cut off, or the load generator is too slow",
                count(said)
            )
        });
        let [mut before, during] = [&self.carried, &self.outcome].map(|outcome| outcome.cost.warnings());
        before.iter_mut().for_each(|warning| warning.insert_str(0, "in the closed loop: "));
        before.into_iter().chain(during).chain(short).collect()
    }
}

/// From ten in flight to 270: servers stop reading who has said much more than they have answered.
const STEPS: u32 = 4;
const MORE: u32 = 3;

/// Of what was to be said, so much must have been for the figures to be those of the multiple.
const OFFERED: f64 = 0.95;
