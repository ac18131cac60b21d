//! Whether everything arrived: once, in order, and in one order for all.

pub(crate) mod hearing;
pub(crate) mod track;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    crowd::{Account, account::Room},
    report::Row,
    verdict::hearing::{Hearing, Said},
    words::dialect::Place,
};

/// Over the whole run, warm-up and drain too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    said: u64,
    /// Deliveries that never came; of a receiver that was cut off, only what it had jumped over before.
    lost: u64,
    repeated: u64,
    /// Deliveries that came after a later message of the same sender.
    reordered: u64,
    /// Deliveries of what was said in another room, or by nobody.
    strayed: u64,
    /// Positions that were jumped over without a word (v1).
    holes: u64,
    /// Deliveries that never came to receivers who were told that something may be missing (v1).
    announced: u64,
    /// Receivers that heard everything, but in another order than most.
    other_order: u64,
    cut_off: u32,
}

impl Verdict {
    pub(crate) fn new(account: &Account, cut_off: u32) -> Self {
        let verdicts = account.rooms.values().map(Self::of_room);
        verdicts.fold(Self { cut_off, ..Self::default() }, Self::and)
    }

    fn of_room(room: &Room) -> Self {
        let said = &room.said()[..];
        let Room { hearings, cut_short, .. } = room;
        let missing: u64 = hearings.iter().map(|hearing| hearing.missing(said)).sum();
        let missing_before_the_cut: u64 = cut_short.iter().map(|hearing| hearing.jumped(said)).sum();
        let sum = |figure: fn(&Hearing) -> u64| hearings.iter().chain(cut_short).map(figure).sum();
        Self {
            said: said.iter().map(|said| u64::from(said.count)).sum(),
            lost: missing + missing_before_the_cut,
            repeated: sum(Hearing::repeated),
            reordered: sum(Hearing::reordered),
            strayed: sum(Hearing::strayed),
            holes: room.holes + behind(&room.ends),
            announced: hearings.iter().chain(cut_short).map(|hearing| hearing.announced(said)).sum(),
            other_order: in_another_order(hearings, said),
            cut_off: 0,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            said: self.said + other.said,
            lost: self.lost + other.lost,
            repeated: self.repeated + other.repeated,
            reordered: self.reordered + other.reordered,
            strayed: self.strayed + other.strayed,
            holes: self.holes + other.holes,
            announced: self.announced + other.announced,
            other_order: self.other_order + other.other_order,
            cut_off: self.cut_off + other.cut_off,
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.is_honest() && self.announced == 0 && self.cut_off == 0
    }

    /// Whatever else happened, nobody was told anything wrong: what is missing was announced.
    pub(crate) fn is_honest(&self) -> bool {
        let Self { lost, repeated, reordered, strayed, holes, other_order, .. } = self;
        [*lost, *repeated, *reordered, *strayed, *holes, *other_order] == [0; 6]
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        vec![
            ("said", self.said.to_string()),
            ("lost", self.lost.to_string()),
            ("repeated", self.repeated.to_string()),
            ("reordered", self.reordered.to_string()),
            ("heard in a room that is not its own", self.strayed.to_string()),
            ("positions jumped over in silence", self.holes.to_string()),
            ("missing and announced", self.announced.to_string()),
            ("receivers in another order", self.other_order.to_string()),
            ("cut off", self.cut_off.to_string()),
        ]
    }
}

/// What those are short of who have not come as far as another.
fn behind(ends: &[Place]) -> u64 {
    let Some(top) = ends.iter().max_by_key(|end| (end.epoch, end.seq)) else { return 0 };
    ends.iter().filter(|end| end.epoch == top.epoch).map(|end| top.seq - end.seq).sum()
}

fn in_another_order(hearings: &[Hearing], said: &[&Said]) -> u64 {
    let mut orders = BTreeMap::<u64, u64>::new();
    for hearing in hearings.iter().filter(|hearing| hearing.has_all(said)) {
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
    fn whoever_is_not_as_far_as_the_others_at_the_end_has_a_hole() {
        let ends = [(7, 10), (7, 8), (6, 3)].map(|(epoch, seq)| Place { epoch, seq });
        assert_eq!((behind(&ends), behind(&[])), (2, 0));
    }

    #[test]
    fn only_who_heard_everything_can_have_heard_another_order() {
        let said = Said { count: 1, not_owed: Vec::new() };
        let said = [&said, &said];
        let (usual, other, partial) = ([(0, 0), (1, 0)], [(1, 0), (0, 0)], [(0, 0)]);
        let hearings = [&usual[..], &usual[..], &other[..], &partial[..]].map(heard);
        assert_eq!(in_another_order(&hearings, &said), 1);
        assert_eq!(in_another_order(&[], &said), 0);
    }
}
