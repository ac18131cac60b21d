//! Redis loses everything while everybody is there.

use std::{
    io::{self, Write},
    time::Duration,
};

use tokio::time;

use super::{BEYOND, RIGHT, Scale, told, users};
use crate::{
    presence::{
        judge::Verdict,
        person::Person,
        scene::Scene,
        times,
        truth::{Fate, Truth},
    },
    report::Figure,
    stage::Stage,
};

pub(super) async fn run(
    stage: &Stage,
    scene: &Scene,
    people: &[Person],
    scale: Scale,
    out: &mut impl Write,
) -> io::Result<Vec<Figure>> {
    let before = fenced(stage).await;
    let truth = Truth::since(scene.now()).with(users(people), Fate::Forgotten);
    let truth = truth.with(scene.observers(), Fate::Forgotten);
    stage.redis().cli(["FLUSHALL"]);
    let bound = RIGHT * scale.slack;
    let noticed = time::timeout(bound + BEYOND, is_noticed(stage, &before)).await.is_ok();
    scene.comes_right(&truth, bound + BEYOND).await;
    let listed = is_listed(scene, &truth, bound + BEYOND).await?;
    let told_right = times::right(&scene.sights(), &truth);
    let right = listed.zip(told_right).map(|(lists, sets)| lists.max(sets)).filter(|_| noticed);
    writeln!(out, "  FLUSHALL: lists right after {listed:.2?}, observers after {told_right:.2?}")?;
    let verdict = scene.judged(&truth, out).await?;
    writeln!(out, "    {} times somebody was told to be gone who was not", verdict.forgotten)?;
    let mut figures = vec![Figure::within(5, "FLUSHALL: right again everywhere", bound, right)];
    figures.extend(told(5, "FLUSHALL", &verdict));
    Ok(figures)
}

/// How long it took until every node's list was right. `None`: longer than this.
async fn is_listed(scene: &Scene, truth: &Truth, within: Duration) -> io::Result<Option<Duration>> {
    loop {
        let mut verdict = Verdict::default();
        for (name, list) in scene.lists().await? {
            verdict.lists(&name, &list, truth);
        }
        let lasted = scene.now().saturating_sub(truth.began());
        if verdict.mislisted() == 0 {
            return Ok(Some(lasted));
        }
        if lasted > within {
            return Ok(None);
        }
        time::sleep(ASKED).await;
    }
}

/// Waits until every node knows that its lease is gone.
async fn is_noticed(stage: &Stage, before: &[u64]) {
    while fenced(stage).await.iter().zip(before).any(|(now, before)| now == before) {
        time::sleep(ASKED).await;
    }
}

/// How often each node has lost its lease.
async fn fenced(stage: &Stage) -> Vec<u64> {
    let mut fenced = Vec::new();
    for node in 0..stage.nodes() {
        fenced.push(stage.metric(node, "hubbub_presence_fenced_total").await);
    }
    fenced
}

const ASKED: Duration = Duration::from_millis(100);
