//! Connections are lost: whoever is back in time was never away, also when the node that knew it is killed meanwhile; and
//! whoever has another connection is not away at all.

use std::{
    io::{self, Write},
    time::Duration,
};

use futures_util::future::try_join_all;
use tokio::time;

use super::{Act, BEYOND, HOLDING, LOST, Pass, Scale, TOLD, doors, return_by, users, vanish};
use crate::{
    presence::{person::Person, scene::Scene, times, truth::Fate},
    report::Figure,
    stage::Stage,
};

pub(super) async fn run(stage: &mut Stage, scale: Scale, out: &mut impl Write) -> io::Result<Act> {
    let scene = Scene::open(LOST, &doors(stage, (1..stage.nodes()).filter(|node| *node != HOLDING))).await?;
    let (stays, dies) = ([stage.direct(LIVING)], [stage.direct(HOLDING)]);
    let leaving = scene.gather("leaving", scale.group, &stays).await?;
    let gone = scene.gather("gone", scale.group, &stays).await?;
    let mut back = scene.gather("back", scale.group, &stays).await?;
    let doubled = scene.gather("doubled", scale.group, &stays).await?;
    let held = scene.gather("held", scale.group, &dies).await?;
    back.extend(scene.gather("held-back", scale.group, &dies).await?);
    scene.is_seen([&leaving, &gone, &held, &back, &doubled].into_iter().flatten()).await?;
    let elsewhere = doors(stage, [ELSEWHERE]);
    let mut people = return_by(&elsewhere, doubled.iter().map(Person::pass).collect()).await?;

    let truth = scene.truth();
    let began = truth.began();
    let due = began + scale.grace;
    let truth = truth.with(users(&back).chain(users(&doubled)), Fate::Stays);
    let truth = truth.with(users(&leaving), Fate::Leaves(began));
    let truth = truth.with(users(&gone).chain(users(&held)), Fate::Leaves(due));
    let goodbyes = try_join_all(leaving.into_iter().map(Person::disconnects));
    let (left, gone, held, back, _) =
        tokio::try_join!(goodbyes, vanish(gone), vanish(held), vanish(back), vanish(doubled))?;
    time::sleep((began + scale.grace / 5).saturating_sub(scene.now())).await;
    stage.kill(HOLDING);
    time::sleep((began + scale.grace / 2).saturating_sub(scene.now())).await;
    people.extend(return_by(&elsewhere, back).await?);
    let returned = scene.now().saturating_sub(began);
    let late = scale.grace + TOLD * scale.slack;
    scene.comes_right(&truth, late + BEYOND).await;
    stage.start_again(HOLDING);

    let sights = scene.sights();
    let told = |passes: &[Pass]| times::gone(&sights, passes.iter().map(|pass| &pass.user), began);
    writeln!(out, "  connections lost: {} were back after {returned:.2?}", 2 * scale.group)?;
    let figures = vec![
        Figure::within(5, "DISCONNECT: gone everywhere", AT_ONCE * scale.slack, told(&left)),
        Figure::within(5, "lost transport: gone everywhere", late, told(&gone)),
        Figure::within(5, "lost transport, then its node: gone everywhere", late, told(&held)),
    ];
    Ok(Act { promise: 5, about: "lost transport", until: due + TOLD, scene, truth, people, figures })
}

/// Its connections are lost, and it lives.
const LIVING: usize = 1;
/// Where they come back, or are too.
const ELSEWHERE: usize = 3;
const AT_ONCE: Duration = Duration::from_secs(1);
