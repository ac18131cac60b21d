//! What breaks when: the same seed gives the same plan.

use std::{collections::HashMap, fmt, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::fault::{Fault, Part};

/// Faults, in the order of their beginnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<Step>);

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When it begins, from the beginning of the plan.
    pub at: Duration,
    /// How long it stays.
    pub lasts: Duration,
    /// What it is.
    pub fault: Fault,
}

/// What happens in a plan, at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// A fault begins.
    Begin(Fault),
    /// It ends.
    End(Fault),
}

impl Plan {
    /// A plan for so many nodes and clients; by its end, everything is whole again.
    pub fn of(seed: u64, nodes: usize, clients: usize, time: Duration) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut broken: HashMap<Part, Duration> = HashMap::new();
        let (mut steps, mut at) = (Vec::new(), Duration::ZERO);
        loop {
            at += millis(&mut dice, 500, 3_000);
            let (fault, lasts) = roll(&mut dice, nodes, clients);
            if at + lasts > time {
                return Self(steps);
            }
            let until = broken.entry(fault.part()).or_default();
            if *until <= at {
                *until = at + lasts + REST;
                steps.push(Step { at, lasts, fault });
            }
        }
    }

    /// Its steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// How often Redis begins again.
    pub fn restarts(&self) -> usize {
        self.0.iter().filter(|step| step.fault == Fault::KillRedis).count()
    }

    /// All beginnings and ends, in order.
    pub fn turns(&self) -> Vec<(Duration, Turn)> {
        let both =
            |step: &Step| [(step.at, Turn::Begin(step.fault)), (step.at + step.lasts, Turn::End(step.fault))];
        let mut turns: Vec<_> = self.0.iter().flat_map(both).collect();
        turns.sort_by_key(|(at, _)| *at);
        turns
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Step { at, lasts, fault } in &self.0 {
            writeln!(f, "  {:7.1} s  {fault}, for {:.1} s", at.as_secs_f64(), lasts.as_secs_f64())?;
        }
        Ok(())
    }
}

/// A lease lasts six seconds, and a connection that is not heard is given up after six: some faults last longer.
fn roll(dice: &mut StdRng, nodes: usize, clients: usize) -> (Fault, Duration) {
    let node = dice.random_range(0..nodes);
    let client = dice.random_range(0..clients);
    let (fault, shortest, longest) = match dice.random_range(0..20) {
        0..4 => (Fault::KillNode(node), 200, 4_000),
        4..6 => (Fault::PauseNode(node), 500, 9_000),
        6..8 => (Fault::CutClients(node), 0, 0),
        8..10 => (Fault::HoldClients(node), 1_000, 8_000),
        10..12 => (Fault::CutNode(node), 500, 5_000),
        12..14 => (Fault::HoldNode(node), 1_000, 8_000),
        14 => (Fault::KillRedis, 100, 3_000),
        15 => (Fault::PauseRedis, 500, 8_000),
        16..18 => (Fault::KickSubscribers, 0, 0),
        _ => (Fault::StallReader(client), 2_000, 10_000),
    };
    (fault, millis(dice, shortest, longest))
}

fn millis(dice: &mut StdRng, shortest: u64, longest: u64) -> Duration {
    Duration::from_millis(dice.random_range(shortest..=longest))
}

/// What was broken is left alone for so long.
const REST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_plan_again_and_another_gives_another() {
        let plan = |seed| Plan::of(seed, 3, 40, Duration::from_mins(5));
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn nothing_is_broken_that_is_broken_already_and_all_is_whole_in_the_end() {
        let time = Duration::from_mins(10);
        for seed in 0..50 {
            let mut broken = Vec::new();
            for (at, turn) in Plan::of(seed, 3, 40, time).turns() {
                assert!(at <= time);
                match turn {
                    Turn::Begin(fault) => {
                        assert!(!broken.contains(&fault.part()), "seed {seed}: {fault} at {at:?}");
                        broken.push(fault.part());
                    }
                    Turn::End(fault) => broken.retain(|part| *part != fault.part()),
                }
            }
            assert_eq!(broken, []);
        }
    }
}
