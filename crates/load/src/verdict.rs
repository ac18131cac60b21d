//! Whether everything arrived: once, in order, and in one order for all.

pub(crate) mod hearing;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    crowd::Account,
    report::Row,
    verdict::hearing::{Hearing, Said},
};

/// Over the whole run, warm-up and drain too.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    said: u64,
    /// Deliveries that never came; of a receiver that was cut off, only what it had jumped over before.
    lost: u64,
    repeated: u64,
    /// Deliveries that came after a later message of the same sender.
    reordered: u64,
    /// Receivers that heard everything, but in another order than most.
    other_order: u64,
    cut_off: u32,
}

impl Verdict {
    pub(crate) fn new(account: &Account, said: &[Said], cut_off: u32) -> Self {
        let Account { hearings, cut_short, .. } = account;
        let missing: u64 = hearings.iter().map(|hearing| hearing.missing(said)).sum();
        let missing_before_the_cut: u64 = cut_short.iter().map(|hearing| hearing.jumped(said)).sum();
        let sum = |figure: fn(&Hearing) -> u64| hearings.iter().chain(cut_short).map(figure).sum();
        Self {
            said: said.iter().map(|said| u64::from(said.count)).sum(),
            lost: missing + missing_before_the_cut,
            repeated: sum(Hearing::repeated),
            reordered: sum(Hearing::reordered),
            other_order: in_another_order(hearings, said),
            cut_off,
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        let Self { said: _, lost, repeated, reordered, other_order, cut_off } = self;
        [*lost, *repeated, *reordered, *other_order, u64::from(*cut_off)] == [0; 5]
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        vec![
            ("said", self.said.to_string()),
            ("lost", self.lost.to_string()),
            ("repeated", self.repeated.to_string()),
            ("reordered", self.reordered.to_string()),
            ("receivers in another order", self.other_order.to_string()),
            ("cut off", self.cut_off.to_string()),
        ]
    }
}

fn in_another_order(hearings: &[Hearing], said: &[Said]) -> u64 {
    let mut orders = BTreeMap::<u64, u64>::new();
    for hearing in hearings.iter().filter(|hearing| hearing.missing(said) == 0) {
        *orders.entry(hearing.order()).or_default() += 1;
    }
    orders.values().sum::<u64>() - orders.values().max().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(order: &[(u32, u32)]) -> Hearing {
        let mut hearing = Hearing::new(2);
        for &(sender, sequence) in order {
            hearing.hear(sender, sequence);
        }
        hearing
    }

    #[test]
    fn only_who_heard_everything_can_have_heard_another_order() {
        let said = [1, 1].map(|count| Said { count, refused: Vec::new() });
        let (usual, other, partial) = ([(0, 0), (1, 0)], [(1, 0), (0, 0)], [(0, 0)]);
        let hearings = [&usual[..], &usual[..], &other[..], &partial[..]].map(heard);
        assert_eq!(in_another_order(&hearings, &said), 1);
        assert_eq!(in_another_order(&[], &said), 0);
    }
}
