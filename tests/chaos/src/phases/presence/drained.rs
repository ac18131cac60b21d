//! A node is drained: its people come back elsewhere, and nobody sees that.

use std::{
    io::{self, Write},
    time::Duration,
};

use tokio::time;

use super::{Act, DRAINED, DRAINING, Scale, TOLD, UNHARMED, doors, moved, users, will_move};
use crate::{
    presence::{scene::Scene, truth::Fate},
    report::Figure,
    stage::Stage,
};

pub(super) async fn run(stage: &mut Stage, scale: Scale, out: &mut impl Write) -> io::Result<Act> {
    let elsewhere = doors(stage, UNHARMED..stage.nodes());
    let scene = Scene::open(DRAINING, &elsewhere).await?;
    let people = scene.gather("moving", scale.drained, &[stage.direct(DRAINED)]).await?;
    scene.is_seen(&people).await?;

    let truth = scene.truth().with(users(&people), Fate::Stays);
    let moving = will_move(people, &elsewhere);
    stage.stop(DRAINED);
    let people = moved(moving).await?;
    let returned = scene.now().saturating_sub(truth.began());
    let ended = has_ended(stage).await;
    writeln!(out, "  drained: {} came back within {returned:.2?}", people.len())?;
    stage.start_again(DRAINED);
    let figures = vec![Figure::exactly(8, "drain: the node has ended in order", 1, ended.into())];
    let until = scene.now() + scale.grace + TOLD;
    Ok(Act { promise: 8, about: "drain", until, scene, truth, people, figures })
}

async fn has_ended(stage: &mut Stage) -> bool {
    let ended = time::timeout(ENDED, async {
        while stage.is_running(DRAINED) {
            time::sleep(Duration::from_millis(50)).await;
        }
    });
    ended.await.is_ok()
}

/// How long a drain may take, with all that it waits for.
const ENDED: Duration = Duration::from_secs(20);
