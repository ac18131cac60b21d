//! Many rooms, in each of which a few talk: what is said in one is heard in that one only.

use anyhow::ensure;
use serde::Serialize;

use crate::{
    arguments::{Rooms, shared::Loop},
    machine::{bill::Watch, limits},
    plan::{Crowd, Pace, Plan},
    report::{self, Report, Row, outcome::Outcome},
    words::dialect::Dialect,
};

use super::talking;

/// True when the figures are clean.
pub(crate) async fn run(arguments: Rooms) -> anyhow::Result<bool> {
    let Rooms { target, number, members, senders, pace, talk } = &arguments;
    ensure!(target.dialect == Dialect::V1, "only v1 has rooms: say --dialect v1");
    ensure!(senders <= members, "--senders are some of a room's --members, at most all");
    let watch = Watch::begin(&target.places)?;
    limits::make_room_for(number.saturating_mul(*members))?;
    let bytes = talk.text.bytes as usize;
    let crowd = Crowd {
        rooms: *number,
        members: *members,
        senders: *senders,
        pace: Pace::of(pace),
        bytes,
        comes_back: false,
    };
    let plan = Plan::new(target, crowd);
    let setting = Setting::new(&arguments, &plan);
    let figures = Figures { setting, outcome: talking::measure(plan, target, *talk).await? };
    report::publish(&figures, watch, target.places.json.as_deref())
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "rooms")]
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
    rooms: u32,
    /// Of each room, as are the senders.
    members: u32,
    senders: u32,
    inflight: Option<u32>,
    rate: Option<f64>,
    bytes: u32,
    seconds: u64,
}

impl Setting {
    fn new(Rooms { target, number, members, senders, pace, talk }: &Rooms, plan: &Plan) -> Self {
        Self {
            dialect: target.dialect,
            nodes: plan.nodes.len(),
            threads: plan.threads,
            rooms: *number,
            members: *members,
            senders: *senders,
            inflight: pace.closed.then_some(pace.inflight),
            rate: pace.rate,
            bytes: talk.text.bytes,
            seconds: talk.seconds,
        }
    }
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        self.outcome.is_clean()
    }

    fn rows(&self) -> Vec<Row> {
        let Setting { rooms, members, senders, nodes, inflight, rate, bytes, .. } = self.setting;
        let setting = vec![
            ("rooms", format!("{rooms} of {members}, {senders} of them talk, on {nodes} node(s)")),
            ("loop", Loop::words(inflight, rate)),
            ("bytes", bytes.to_string()),
        ];
        [setting, self.outcome.rows()].concat()
    }

    fn warnings(&self) -> Vec<String> {
        self.outcome.cost.warnings()
    }
}
