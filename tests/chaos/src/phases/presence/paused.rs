//! A node stands still for longer than its lease, another one has no Redis for as long, and both go on as if nothing had
//! been.

use std::{
    io::{self, Write},
    time::Duration,
};

use tokio::time;

use super::{
    Act, BEYOND, BURIED, CUT_OFF, PAUSED, PAUSING, RIGHT, Scale, TOLD, UNHARMED, doors, return_by, users,
    vanish,
};
use crate::{
    presence::{scene::Scene, times, truth::Fate},
    proxy::Way,
    report::Figure,
    stage::Stage,
};

pub(super) async fn run(stage: &Stage, scale: Scale, out: &mut impl Write) -> io::Result<Act> {
    let elsewhere = doors(stage, UNHARMED..stage.nodes());
    let scene = Scene::open(PAUSING, &elsewhere).await?;
    let mut people = scene.gather("patient", scale.group, &[stage.direct(PAUSED)]).await?;
    people.extend(scene.gather("cut-off", scale.group, &[stage.direct(CUT_OFF)]).await?);
    let moving = scene.gather("moving", scale.group, &[stage.direct(PAUSED)]).await?;
    scene.is_seen(people.iter().chain(&moving)).await?;

    let patient: Vec<_> = users(&people).cloned().collect();
    let truth = scene.truth().with(users(&moving), Fate::Stays).with(&patient, Fate::Returns);
    let began = truth.began();
    stage.pause(PAUSED);
    stage.back(CUT_OFF).set(Way::Held);
    people.extend(return_by(&elsewhere, vanish(moving).await?).await?);
    time::sleep((began + LASTING).saturating_sub(scene.now())).await;
    stage.resume(PAUSED);
    stage.back(CUT_OFF).set(Way::Open);
    let resumed = scene.now();
    scene.comes_right(&truth, RIGHT * scale.slack + BEYOND).await;

    let sights = scene.sights();
    let right = times::right(&sights, &truth);
    let back = right.map(|right| (right + began).saturating_sub(resumed));
    writeln!(out, "  a node stood still and one had no Redis, for {LASTING:?}; {} moved", scale.group)?;
    let gone = times::gone(&sights, &patient, began);
    let figures = vec![
        Figure::within(5, "stopped, cut off: people gone everywhere", BURIED * scale.slack, gone),
        Figure::within(5, "stopped, cut off: back everywhere when it is over", RIGHT * scale.slack, back),
    ];
    Ok(Act {
        promise: 5,
        about: "stopped, cut off",
        until: resumed + scale.grace + TOLD,
        scene,
        truth,
        people,
        figures,
    })
}

/// Longer than a lease, and until it is noticed.
const LASTING: Duration = Duration::from_secs(9);
