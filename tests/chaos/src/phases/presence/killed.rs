//! A node with many people is killed, and all others bury it at once.

use std::io::{self, Write};

use super::{Act, BEYOND, BURIED, KILLED, Scale, doors, moved, users, will_move};
use crate::{
    presence::{person::Person, scene::Scene, times, truth::Fate},
    report::Figure,
    stage::Stage,
};

/// Its people, and those of other nodes.
pub(super) async fn run(
    stage: &mut Stage,
    mut scene: Scene,
    (mut ghosts, mut people): (Vec<Person>, Vec<Person>),
    scale: Scale,
    out: &mut impl Write,
) -> io::Result<Act> {
    let back = ghosts.split_off(ghosts.len() - usize::from(scale.back));
    let observer = scene.dismiss(KILLED);
    let truth = scene.truth().with(users(&people).chain(users(&back)), Fate::Stays);
    let began = truth.began();
    let gone: Vec<_> = users(&ghosts).chain([&observer.user]).cloned().collect();
    let truth = truth.with(&gone, Fate::Leaves(began));
    let moving = will_move(back, &doors(stage, KILLED + 1..stage.nodes()));
    stage.kill(KILLED);
    people.extend(moved(moving).await?);
    let returned = scene.now().saturating_sub(began);
    scene.comes_right(&truth, BURIED * scale.slack + BEYOND).await;
    let sights = scene.sights();
    let buried = times::gone(&sights, &gone, began);
    writeln!(out, "  kill -9: {} were straight back, within {returned:.2?}", scale.back)?;
    writeln!(out, "    {} were buried, by nodes so many each: {:?}", gone.len(), burials(stage).await)?;
    let leaves = times::goings(&sights, &gone, began);
    let figures = vec![
        Figure::within(5, "kill -9: ghosts gone everywhere", BURIED * scale.slack, buried),
        Figure::exactly(5, "kill -9: leaves told of them", (gone.len() * sights.len()) as u64, leaves),
    ];
    stage.start_again(KILLED);
    Ok(Act { promise: 5, about: "kill -9", until: scene.now(), scene, truth, people, figures })
}

/// How many people each of the others has buried so far.
async fn burials(stage: &Stage) -> Vec<u64> {
    let mut burials = Vec::new();
    for node in KILLED + 1..stage.nodes() {
        burials.push(stage.metric(node, "hubbub_presence_buried_users_total").await);
    }
    burials
}
