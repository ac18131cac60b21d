//! What it costs that a request lands on a node that has not its session: the same load on one cluster, in turn with
//! all requests to the sessions' own node and with all requests to another.

mod echo;
mod pairs;
mod stage;

use std::rc::Rc;

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::task::LocalSet;

use crate::{
    arguments::Handover,
    machine::bill::Watch,
    report::{
        self, Report, Row,
        comparison::{Comparison, Spread},
        decimals,
        latency::{Latencies, Summary},
        progress::Progress,
    },
    workloads::handover::stage::{Stage, Way},
};

/// True when handing over adds at most what it may.
pub(crate) async fn run(arguments: Handover) -> anyhow::Result<bool> {
    ensure!(arguments.places.url.len() > 1, "one node has nobody to hand over to: say --url for each node");
    let watch = Watch::begin(&arguments.places)?;
    let figures = LocalSet::new().run_until(measure(&arguments)).await?;
    report::publish(&figures, watch, arguments.places.json.as_deref())
}

async fn measure(arguments: &Handover) -> anyhow::Result<Figures> {
    let stage = Rc::new(Stage::new(arguments));
    let progress = Progress::on_standard_error();
    let mut samples: Vec<[Sample; 3]> = Vec::new();
    for round in 0..arguments.rounds {
        let mut sample = [(); 3].map(|()| Sample::default());
        for way in ways(arguments, round) {
            let (name, way) = way;
            sample[name as usize] =
                take(&stage, way).await.with_context(|| format!("round {}, {}", round + 1, name.words()))?;
        }
        progress.tell(&format!("round {} of {}", round + 1, arguments.rounds));
        samples.push(sample);
    }
    Ok(Figures::new(arguments, &samples))
}

/// In another order each round, and with another node as the owner.
fn ways(arguments: &Handover, round: u32) -> Vec<(Name, Way)> {
    let nodes = arguments.places.url.len();
    let owner = round as usize % nodes;
    let mut ways = vec![
        (Name::Own, Way { owner, by: owner }),
        (Name::HandedOver, Way { owner, by: (owner + 1) % nodes }),
    ];
    ways.extend(arguments.alone.as_ref().map(|_| (Name::Alone, Way { owner: nodes, by: nodes })));
    let count = ways.len();
    ways.rotate_left(round as usize % count);
    ways
}

async fn take(stage: &Rc<Stage>, way: Way) -> anyhow::Result<Sample> {
    let (posts, deliveries) = stage.pairs(way).await?;
    let echoes = stage.echoes(way).await?;
    Ok(Sample { posts, deliveries, echoes })
}

/// One way in one round.
#[derive(Debug, Default)]
struct Sample {
    /// From a post to its 200.
    posts: Latencies,
    /// From a post to the poll of another session that brings its message.
    deliveries: Latencies,
    /// From a WebSocket's message to its coming back.
    echoes: Latencies,
}

#[derive(Clone, Copy, Debug)]
enum Name {
    Own,
    HandedOver,
    /// A node that no other node knows.
    Alone,
}

impl Name {
    fn words(self) -> &'static str {
        match self {
            Self::Own => "own node",
            Self::HandedOver => "handed over",
            Self::Alone => "a node alone",
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "handover")]
struct Figures {
    nodes: usize,
    rounds: u32,
    pairs: u32,
    messages: u32,
    rate: f64,
    bytes: u32,
    added_at_most_ms: f64,
    post: Measured,
    delivery: Measured,
    echo: Measured,
}

/// One kind of latency, in milliseconds.
#[derive(Debug, Serialize)]
struct Measured {
    own: Summary,
    handed_over: Summary,
    alone: Option<Summary>,
    /// What handing over adds to the own node's.
    added: Comparison,
    /// What a cluster adds to a node alone.
    added_by_cluster: Option<Comparison>,
}

type Kind = fn(&Sample) -> &Latencies;

impl Figures {
    fn new(arguments: &Handover, samples: &[[Sample; 3]]) -> Self {
        let measured = |kind| Measured::new(samples, kind, arguments.alone.is_some());
        Self {
            nodes: arguments.places.url.len(),
            rounds: arguments.rounds,
            pairs: arguments.pairs,
            messages: arguments.messages,
            rate: arguments.rate,
            bytes: arguments.text.bytes,
            added_at_most_ms: arguments.added_at_most,
            post: measured(|sample| &sample.posts),
            delivery: measured(|sample| &sample.deliveries),
            echo: measured(|sample| &sample.echoes),
        }
    }

    fn kinds(&self) -> [(&'static str, &Measured); 3] {
        [
            ("post until its 200, ms", &self.post),
            ("post until another's poll, ms", &self.delivery),
            ("websocket echo, ms", &self.echo),
        ]
    }
}

impl Measured {
    fn new(samples: &[[Sample; 3]], kind: Kind, has_alone: bool) -> Self {
        let rounds = |name: Name| samples.iter().map(move |round| kind(&round[name as usize]).summary());
        let total = |name: Name| {
            let mut total = Latencies::default();
            samples.iter().for_each(|round| total.add(kind(&round[name as usize])));
            total.summary()
        };
        Self {
            own: total(Name::Own),
            handed_over: total(Name::HandedOver),
            alone: has_alone.then(|| total(Name::Alone)),
            added: Comparison::new(rounds(Name::Own), rounds(Name::HandedOver)),
            added_by_cluster: has_alone.then(|| Comparison::new(rounds(Name::Alone), rounds(Name::Own))),
        }
    }

    fn rows(&self, kind: &'static str) -> Vec<Row> {
        let ways = [
            (Name::Alone, self.alone.as_ref()),
            (Name::Own, Some(&self.own)),
            (Name::HandedOver, Some(&self.handed_over)),
        ];
        let of_ways = ways.into_iter().filter_map(|(name, summary)| Some((name.words(), summary?)));
        let mut rows: Vec<Row> = of_ways.map(|(way, summary)| (kind, of_way(way, summary))).collect();
        rows.extend(self.added_by_cluster.iter().map(|added| (kind, of_added("the cluster adds", added))));
        rows.push((kind, of_added("handing over adds", &self.added)));
        rows
    }
}

fn of_way(way: &str, Summary { p50, p99, .. }: &Summary) -> String {
    format!("{way}: p50 {:>24}  p99 {:>24}", decimals(*p50), decimals(*p99))
}

fn of_added(what: &str, Comparison { p50, p99 }: &Comparison) -> String {
    let show = |Spread { median, least, most }: &Spread| format!("{median:.3} ({least:.3} to {most:.3})");
    format!("{what}: p50 {:>24}  p99 {:>24}", show(p50), show(p99))
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        self.kinds().iter().all(|(_, measured)| measured.added.p99.median <= self.added_at_most_ms)
    }

    fn rows(&self) -> Vec<Row> {
        let load = format!(
            "{} of {} messages, {} pairs, {} messages/s, {} nodes",
            self.rounds, self.messages, self.pairs, self.rate, self.nodes
        );
        let mut rows = vec![("rounds", load)];
        rows.extend(self.kinds().iter().flat_map(|(kind, measured)| measured.rows(kind)));
        rows.push(("may be added at p99, ms", decimals(self.added_at_most_ms)));
        rows
    }
}
