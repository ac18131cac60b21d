//! What the judge found.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::log::Room;

/// A way in which a promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// Acknowledged, and somebody who was owed it has not seen it.
    Lost,
    /// Acknowledged, and nobody at all has seen it.
    Unheard,
    /// Acknowledged, and missed by somebody in an announced gap, who did not find it in the history either.
    Forgotten,
    /// Acknowledged at a position that something else has.
    Misplaced,
    /// Told again on the connection that had told it already.
    ToldTwice,
    /// One message at two positions.
    SaidTwice,
    /// Told after one that comes later.
    OutOfOrder,
    /// Something is missing before this, and nobody said so.
    SilentHole,
    /// Two clients were told different things at one position.
    TwoOrders,
    /// A gap was announced where nothing had been lost.
    Unjustified,
}

/// What was found, and what was counted beside that.
#[derive(Debug, Default)]
pub struct Verdict {
    found: BTreeMap<Finding, u64>,
    examples: Vec<String>,
    /// Acknowledgements of different messages.
    pub acknowledged: u64,
    /// Of these, changes of messages.
    pub changed: u64,
    /// Events with a position that clients were told.
    pub told: u64,
    /// Of these, on a later connection than the one that had told them first: allowed, and dropped by position.
    pub repeats: u64,
    /// Rooms that clients came back to and were told all that they had missed.
    pub recovered: u64,
    /// Rooms that they came back to and were told that something may be missing.
    pub unrecovered: u64,
    /// Gaps announced on a connection.
    pub gaps: u64,
    /// The hashes of what the observers of a room and epoch heard, one after the other.
    pub orders: BTreeMap<(Room, u64), BTreeSet<u64>>,
    /// How many observers were hashed.
    pub observers: BTreeMap<(Room, u64), usize>,
}

impl Verdict {
    /// How often this was found.
    pub fn count(&self, finding: Finding) -> u64 {
        self.found.get(&finding).copied().unwrap_or(0)
    }

    /// Acknowledged, and missed by somebody.
    pub fn lost(&self) -> u64 {
        let found = [Finding::Lost, Finding::Unheard, Finding::Forgotten];
        found.map(|finding| self.count(finding)).iter().sum()
    }

    /// Said or told twice.
    pub fn twice(&self) -> u64 {
        self.count(Finding::ToldTwice) + self.count(Finding::SaidTwice)
    }

    /// Anything about the order.
    pub fn out_of_order(&self) -> u64 {
        let orders = self.orders.values().map(|hashes| hashes.len().saturating_sub(1) as u64).sum::<u64>();
        let found = [Finding::OutOfOrder, Finding::TwoOrders, Finding::Misplaced];
        orders + found.map(|finding| self.count(finding)).iter().sum::<u64>()
    }

    /// Holes that nobody announced, and gaps that nothing explains.
    pub fn holes(&self) -> u64 {
        self.count(Finding::SilentHole) + self.count(Finding::Unjustified)
    }

    /// Every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.lost() + self.twice() + self.out_of_order() + self.holes() == 0
    }

    /// The first things found, for people.
    pub fn examples(&self) -> &[String] {
        &self.examples
    }

    pub(super) fn find(&mut self, finding: Finding, what: impl FnOnce() -> String) {
        let count = self.found.entry(finding).or_default();
        *count += 1;
        if *count <= EXAMPLES {
            self.examples.push(format!("{finding:?}: {}", what()));
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, changed, told, repeats, recovered, unrecovered, gaps, .. } = self;
        write!(f, "{acknowledged} acknowledged, {changed} of them changes, {told} told, {repeats} again, ")?;
        write!(f, "{recovered} rooms recovered, {unrecovered} not, {gaps} gaps; ")?;
        write!(f, "{} lost, {} twice, ", self.lost(), self.twice())?;
        write!(f, "{} out of order, {} holes", self.out_of_order(), self.holes())
    }
}

/// Of each kind.
const EXAMPLES: u64 = 5;
