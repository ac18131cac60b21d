//! The judge of presence: at every observer each person's coming and going alternate, everything that happened is told
//! and nothing else, the counts are right, and so is who is here in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use super::{
    sight::{List, Sight, Told, User},
    truth::{Fate, Truth},
};

/// A way in which an observer, or a list, was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// Someone came who was here, or went who was not.
    OutOfTurn,
    /// Someone came or went, and nothing of the kind had happened.
    Unfounded,
    /// Someone went before their time was over.
    Early,
    /// Someone came or went, and the observer was not told.
    Untold,
    /// A count that is not the number of those who are here.
    Miscounted,
    /// Someone who is here in the end and should not be, or the other way round.
    WrongEnd,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    found: BTreeMap<Finding, u64>,
    examples: Vec<String>,
    /// How many comings and goings observers were told of since it began.
    pub told: u64,
    /// Of these, goings of people who were here all the time and had been forgotten.
    pub forgotten: u64,
}

/// Judges what observers were told.
pub fn judge(sights: &[Sight], truth: &Truth) -> Verdict {
    let mut verdict = Verdict::default();
    for sight in sights {
        let mut walk = Walk::of(sight, truth);
        walk.follow(&mut verdict);
        walk.compare(&mut verdict);
        verdict.ends(&sight.observer, &walk.here, truth);
    }
    verdict
}

impl Verdict {
    /// Judges a node's list too, at the end.
    pub fn lists(&mut self, node: &str, list: &List, truth: &Truth) {
        let members: BTreeSet<_> = list.members.iter().cloned().collect();
        if list.count != members.len() as u64 || members.len() != list.members.len() {
            let (listed, named) = (list.members.len(), list.count);
            self.find(Finding::Miscounted, || format!("{node} lists {listed}, and says {named}"));
        }
        self.ends(node, &members, truth);
    }

    /// How often this was found.
    pub fn count(&self, finding: Finding) -> u64 {
        self.found.get(&finding).copied().unwrap_or(0)
    }

    /// Told wrongly, or not at all.
    pub fn mistold(&self) -> u64 {
        let found = [Finding::OutOfTurn, Finding::Unfounded, Finding::Early, Finding::Untold];
        found.map(|finding| self.count(finding)).iter().sum()
    }

    /// Wrong counts, and wrong people in the end.
    pub fn mislisted(&self) -> u64 {
        self.count(Finding::Miscounted) + self.count(Finding::WrongEnd)
    }

    /// The first things found, for people.
    pub fn examples(&self) -> &[String] {
        &self.examples
    }

    fn ends(&mut self, who: &str, here: &BTreeSet<User>, truth: &Truth) {
        for user in here.symmetric_difference(&truth.here()) {
            let what = if here.contains(user) { "has" } else { "misses" };
            self.find(Finding::WrongEnd, || format!("{who} {what} {user}"));
        }
    }

    fn find(&mut self, finding: Finding, what: impl FnOnce() -> String) {
        let count = self.found.entry(finding).or_default();
        *count += 1;
        if *count <= EXAMPLES {
            self.examples.push(format!("{finding:?}: {}", what()));
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} comings and goings told; {} wrongly or not at all, ", self.told, self.mistold())?;
        write!(f, "{} wrong in counts and lists", self.mislisted())
    }
}

/// An observer's way through what it was told.
struct Walk<'a> {
    sight: &'a Sight,
    truth: &'a Truth,
    here: BTreeSet<User>,
    steps: BTreeMap<&'a User, Vec<Step>>,
}

/// Someone's coming or going, and when it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Came(Duration),
    Went(Duration),
}

impl<'a> Walk<'a> {
    fn of(sight: &'a Sight, truth: &'a Truth) -> Self {
        Self { sight, truth, here: BTreeSet::new(), steps: BTreeMap::new() }
    }

    fn follow(&mut self, verdict: &mut Verdict) {
        for (at, told) in &self.sight.entries {
            if let Told::Changed { joined, left, .. } = told {
                left.iter().for_each(|user| self.step(user, Step::Went(*at), verdict));
                joined.iter().for_each(|user| self.step(user, Step::Came(*at), verdict));
            }
            told.apply_to(&mut self.here);
            self.count(*at, told, verdict);
        }
    }

    fn step(&mut self, user: &'a User, step: Step, verdict: &mut Verdict) {
        let (Step::Came(at) | Step::Went(at)) = step;
        if self.here.contains(user) != matches!(step, Step::Went(_)) {
            verdict.find(Finding::OutOfTurn, || format!("{}: {user} {step:.2?}", self.sight.observer));
        }
        if at >= self.truth.began() {
            verdict.told += 1;
            self.steps.entry(user).or_default().push(step);
        }
    }

    fn count(&self, at: Duration, told: &Told, verdict: &mut Verdict) {
        let (Told::Found(List { count, .. }) | Told::Changed { count, .. }) = told;
        let here = self.here.len();
        if *count != here as u64 {
            let what = || format!("{}: {count} where {here} are here, at {at:.2?}", self.sight.observer);
            verdict.find(Finding::Miscounted, what);
        }
    }

    /// Holds what was told of everyone against what became of them.
    fn compare(&self, verdict: &mut Verdict) {
        let observer = &self.sight.observer;
        for (user, steps) in self.steps.iter().filter(|(user, _)| self.truth.fate(user).is_none()) {
            verdict.find(Finding::Unfounded, || format!("{observer}: the stranger {user} {steps:.2?}"));
        }
        for (user, fate) in self.truth.everyone() {
            let steps = self.steps.get(user).map_or(&[][..], Vec::as_slice);
            if let Some(finding) = finding(fate, steps) {
                verdict.find(finding, || format!("{observer}: {user} {fate:.2?}, and was told {steps:.2?}"));
            }
            if fate == Fate::Forgotten {
                verdict.forgotten += steps.iter().filter(|step| matches!(step, Step::Went(_))).count() as u64;
            }
        }
    }
}

/// What is wrong with what was told of someone, if anything is.
fn finding(fate: Fate, steps: &[Step]) -> Option<Finding> {
    match (fate, steps) {
        (Fate::Stays, []) | (Fate::Forgotten, _) | (Fate::Returns, [Step::Went(_), Step::Came(_)]) => None,
        (Fate::Leaves(not_before), [Step::Went(at)]) => (*at < not_before).then_some(Finding::Early),
        (Fate::Leaves(_), []) | (Fate::Returns, [] | [Step::Went(_)]) => Some(Finding::Untold),
        _ => Some(Finding::Unfounded),
    }
}

/// Of each kind.
const EXAMPLES: u64 = 5;
