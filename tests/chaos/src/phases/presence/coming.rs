//! Observers come while others come: what the answer to their join has told is not told again, and nobody is left out.

use std::io::{self, Write};

use super::{Act, COMING, doors, users};
use crate::{
    presence::{scene::Scene, truth::Fate},
    stage::Stage,
};

pub(super) async fn run(stage: &Stage, out: &mut impl Write) -> io::Result<Act> {
    let doors = doors(stage, 0..3);
    let mut scene = Scene::open(COMING, &[]).await?;
    let mut people = Vec::new();
    for (round, door) in doors.iter().cycle().take(ROUNDS).enumerate() {
        people.extend(scene.is_joined(*door, &doors, &format!("newcomer-{round}"), AT_ONCE).await?);
    }
    scene.is_seen(&people).await?;
    let truth = scene.truth().with(users(&people), Fate::Stays);
    writeln!(out, "  {} people and {ROUNDS} observers came in {:.2?}", people.len(), scene.now())?;
    let (figures, until) = (Vec::new(), scene.now());
    Ok(Act { promise: 5, about: "coming", until, scene, truth, people, figures })
}

/// The answer to a join has a hundred people: all who come are fewer.
const ROUNDS: usize = 12;
const AT_ONCE: u16 = 7;
