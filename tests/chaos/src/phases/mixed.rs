//! Everything at once, by the plan of a seed.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use tokio::time;

use super::{KEPT, Room, begin, clients, judged, scripts, times};
use crate::{
    checker::Excuses,
    crowd::Crowd,
    plan::{Plan, Turn},
    report::Figure,
    stage::Stage,
};

pub(super) async fn run(seed: u64, lasting: Duration, out: &mut impl Write) -> io::Result<Vec<Figure>> {
    let mut stage = Stage::open(3).await?;
    let plan = Plan::of(seed, stage.nodes(), usize::from(CLIENTS), lasting);
    writeln!(out, "mixed, for {lasting:.0?}: {} faults of the seed {seed}\n{plan}", plan.steps().len())?;
    let mut courses = clients(CLIENTS, &stage.doors(), &ROOMS, Some(PACE), u32::MAX);
    courses.iter_mut().for_each(|course| course.changes = true);
    let crowd = begin(courses, scripts(&stage, CLIENTS, &ROOMS, PACE, u32::MAX)).await?;
    follow(&plan, &mut stage, &crowd).await;
    let excuses = Excuses { restarts: plan.restarts(), kept: KEPT };
    let (logs, verdict, mut figures) = judged(0, (stage, crowd), excuses, out).await?;
    let resumptions: Vec<_> = logs.iter().flat_map(times::resumptions).collect();
    let count = resumptions.len() as u64;
    writeln!(out, "  {count} connections resumed, within {:.2?} at p99", times::percentile(resumptions, 99))?;
    figures.push(Figure::at_least(0, "edits and reactions acknowledged", 1, verdict.changed));
    figures.push(Figure::at_least(0, "connections lost and resumed", 1, count));
    Ok(figures)
}

async fn follow(plan: &Plan, stage: &mut Stage, crowd: &Crowd) {
    let began = Instant::now();
    for (at, turn) in plan.turns() {
        time::sleep(at.saturating_sub(began.elapsed())).await;
        match turn {
            Turn::Begin(fault) => fault.begin(stage, crowd),
            Turn::End(fault) => fault.end(stage, crowd),
        }
    }
}

const ROOMS: [Room; 3] = [Room(0), Room(1), Room(2)];
const CLIENTS: u16 = 40;
const PACE: Duration = Duration::from_millis(500);
