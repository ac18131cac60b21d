//! What workloads have in common in which people talk.

use crate::{
    arguments::shared::{Talk, Target},
    crowd::{self, course::Course, run::Run},
    machine::spent::Meter,
    plan::Plan,
    report::outcome::Outcome,
};

/// From the first client's coming to the last one's going.
pub(super) async fn measure(plan: Plan, target: &Target, talk: Talk) -> anyhow::Result<Outcome> {
    let run = Run::start(plan, Meter::new(&target.places), crowd::attend)?;
    let measured = Course::new(target, talk).follow(&run).await?;
    Outcome::of(run, &measured).await
}
