//! Redis stands still for longer than a lease: that is nobody's death, and who said goodbye meanwhile is gone after it.

use std::{
    io::{self, Write},
    time::Duration,
};

use futures_util::future::try_join_all;
use tokio::time;

use super::{Act, BEYOND, OUTLASTING, RIGHT, Scale, TOLD, UNHARMED, doors, users};
use crate::{
    presence::{person::Person, scene::Scene, times, truth::Fate},
    report::Figure,
    stage::Stage,
};

pub(super) async fn run(stage: &Stage, scale: Scale, out: &mut impl Write) -> io::Result<Act> {
    let doors = doors(stage, UNHARMED..stage.nodes());
    let scene = Scene::open(OUTLASTING, &doors).await?;
    let people = scene.gather("staying", 2 * scale.group, &doors).await?;
    let leaving = scene.gather("leaving", scale.group, &doors).await?;
    scene.is_seen(people.iter().chain(&leaving)).await?;

    let left: Vec<_> = users(&leaving).cloned().collect();
    let truth = scene.truth().with(users(&people), Fate::Stays);
    let began = truth.began();
    let truth = truth.with(&left, Fate::Leaves(began));
    stage.redis().pause();
    try_join_all(leaving.into_iter().map(Person::disconnects)).await?;
    time::sleep((began + LASTING).saturating_sub(scene.now())).await;
    stage.redis().resume();
    let resumed = scene.now();
    scene.comes_right(&truth, RIGHT * scale.slack + BEYOND).await;
    writeln!(out, "  Redis stood still for {LASTING:?}, and {} left meanwhile", left.len())?;
    let gone = times::gone(&scene.sights(), &left, resumed);
    let figures =
        vec![Figure::within(5, "outage: who left in it gone everywhere", RIGHT * scale.slack, gone)];
    Ok(Act { promise: 5, about: "outage", until: resumed + LEASE + TOLD, scene, truth, people, figures })
}

/// Longer than a lease.
const LASTING: Duration = Duration::from_secs(8);
/// Nobody is taken for dead for so long after it.
const LEASE: Duration = Duration::from_secs(6);
