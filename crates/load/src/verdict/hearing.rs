//! What one receiver has heard: nothing twice, nothing missing, each sender in order, all in one order.

use std::collections::BTreeMap;

/// The account of one receiver over every sender.
#[derive(Debug)]
pub(crate) struct Hearing {
    /// For each sender, one past the highest sequence number heard.
    next: Vec<u32>,
    /// What was jumped over and has not come since: (sender, first) to one past the last.
    gaps: BTreeMap<(u32, u32), u32>,
    /// The same, where it was told that something may be missing.
    announced: BTreeMap<(u32, u32), u32>,
    /// Of whom something may be missing before what is heard next; empty as long as nothing is.
    excused: Vec<bool>,
    order: u64,
    repeated: u64,
    reordered: u64,
    strayed: u64,
}

/// What a sender said in all: how many, and which of them nobody has to hear, in ascending order: those that the server
/// refused, and those that were not answered before the sender's connection was lost.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) count: u32,
    pub(crate) not_owed: Vec<u32>,
}

impl Said {
    fn not_owed_between(&self, from: u32, to: u32) -> usize {
        let below = |bound| self.not_owed.partition_point(|&sequence| sequence < bound);
        below(to) - below(from)
    }

    fn owed_between(&self, from: u32, to: u32) -> u64 {
        u64::from(to.saturating_sub(from)).saturating_sub(self.not_owed_between(from, to) as u64)
    }
}

impl Hearing {
    pub(crate) fn new(senders: usize) -> Self {
        Self {
            next: vec![0; senders],
            gaps: BTreeMap::new(),
            announced: BTreeMap::new(),
            excused: Vec::new(),
            order: 0,
            repeated: 0,
            reordered: 0,
            strayed: 0,
        }
    }

    /// By the sender's place in this receiver's room; what comes from elsewhere has strayed.
    pub(crate) fn hear(&mut self, sender: u32, sequence: u32) {
        let Some(next) = self.next.get_mut(sender as usize) else {
            self.strayed += 1;
            return;
        };
        if sequence < *next {
            return self.hear_late(sender, sequence);
        }
        let is_excused = self.excused.get_mut(sender as usize).is_some_and(std::mem::take);
        if sequence > *next {
            let gaps = if is_excused { &mut self.announced } else { &mut self.gaps };
            gaps.insert((sender, *next), sequence);
        }
        *next = sequence + 1;
        self.remember_order(sender, sequence);
    }

    /// This receiver was told that something may be missing before what it hears next.
    pub(crate) fn excuse(&mut self) {
        self.excused = vec![true; self.next.len()];
    }

    fn hear_late(&mut self, sender: u32, sequence: u32) {
        let Some((from, to)) = self.gap_around(sender, sequence) else {
            self.repeated += 1;
            return;
        };
        self.gaps.remove(&(sender, from));
        if from < sequence {
            self.gaps.insert((sender, from), sequence);
        }
        if sequence + 1 < to {
            self.gaps.insert((sender, sequence + 1), to);
        }
        self.reordered += 1;
        self.remember_order(sender, sequence);
    }

    fn gap_around(&self, sender: u32, sequence: u32) -> Option<(u32, u32)> {
        let (&(owner, from), &to) = self.gaps.range(..=(sender, sequence)).next_back()?;
        (owner == sender && sequence < to).then_some((from, to))
    }

    fn remember_order(&mut self, sender: u32, sequence: u32) {
        let heard = u64::from(sender) << 32 | u64::from(sequence);
        self.order = (self.order.rotate_left(5) ^ heard).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    /// Two receivers that heard the same messages in the same order have the same; others, for all practical purposes, not.
    pub(crate) fn order(&self) -> u64 {
        self.order
    }

    /// Deliveries of what had been heard before.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Deliveries that came after a later message of the same sender.
    pub(crate) fn reordered(&self) -> u64 {
        self.reordered
    }

    /// Deliveries of what was said in another room, or by nobody.
    pub(crate) fn strayed(&self) -> u64 {
        self.strayed
    }

    /// Messages that were said, are owed, and were not heard until now; without those that were announced.
    pub(crate) fn missing(&self, said: &[&Said]) -> u64 {
        self.jumped(said) + self.tail(said, false)
    }

    /// The same, but only those behind which something of the same sender was heard.
    pub(crate) fn jumped(&self, said: &[&Said]) -> u64 {
        owed_in(&self.gaps, said)
    }

    /// Messages that are owed and were not heard, and of which this receiver was told that they may be missing.
    pub(crate) fn announced(&self, said: &[&Said]) -> u64 {
        owed_in(&self.announced, said) + self.tail(said, true)
    }

    pub(crate) fn has_all(&self, said: &[&Said]) -> bool {
        self.missing(said) == 0 && self.announced(said) == 0
    }

    /// Behind the last that was heard of each sender.
    fn tail(&self, said: &[&Said], is_excused: bool) -> u64 {
        let excused = |sender: usize| self.excused.get(sender).copied().unwrap_or_default();
        let senders = self.next.iter().zip(said).enumerate();
        let counted = senders.filter(|(sender, _)| excused(*sender) == is_excused);
        counted.map(|(_, (&next, said))| said.owed_between(next, said.count)).sum()
    }
}

fn owed_in(gaps: &BTreeMap<(u32, u32), u32>, said: &[&Said]) -> u64 {
    let owed = |(&(sender, from), &to): (&(u32, u32), &u32)| said[sender as usize].owed_between(from, to);
    gaps.iter().map(owed).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heard(deliveries: &[(u32, u32)]) -> Hearing {
        let mut hearing = Hearing::new(2);
        for &(sender, sequence) in deliveries {
            hearing.hear(sender, sequence);
        }
        hearing
    }

    fn said(counts: [u32; 2]) -> [Said; 2] {
        counts.map(|count| Said { count, not_owed: Vec::new() })
    }

    fn account(hearing: &Hearing, said: &[Said]) -> (u64, u64, u64) {
        (missing(hearing, said), hearing.repeated(), hearing.reordered())
    }

    fn missing(hearing: &Hearing, said: &[Said]) -> u64 {
        hearing.missing(&said.iter().collect::<Vec<_>>())
    }

    #[test]
    fn all_in_order_is_clean() {
        let hearing = heard(&[(0, 0), (1, 0), (0, 1), (1, 1), (0, 2)]);
        assert_eq!(account(&hearing, &said([3, 2])), (0, 0, 0));
    }

    #[test]
    fn a_jump_is_missing_until_it_comes_late() {
        let mut hearing = heard(&[(0, 0), (0, 4)]);
        assert_eq!(account(&hearing, &said([5, 0])), (3, 0, 0));
        hearing.hear(0, 2);
        assert_eq!(account(&hearing, &said([5, 0])), (2, 0, 1));
        hearing.hear(0, 1);
        hearing.hear(0, 3);
        assert_eq!(account(&hearing, &said([5, 0])), (0, 0, 3));
    }

    #[test]
    fn the_end_that_never_came_is_missing() {
        let hearing = heard(&[(0, 1)]);
        assert_eq!(account(&hearing, &said([4, 2])), (5, 0, 0));
        let said = said([4, 2]);
        assert_eq!(hearing.jumped(&said.iter().collect::<Vec<_>>()), 1);
    }

    #[test]
    fn twice_is_repeated_whether_early_or_late() {
        let hearing = heard(&[(0, 0), (0, 0), (0, 3), (0, 1), (0, 1), (0, 2)]);
        assert_eq!(account(&hearing, &said([4, 0])), (0, 2, 2));
    }

    #[test]
    fn what_was_refused_is_not_missed() {
        let said = [Said { count: 6, not_owed: vec![1, 2, 5] }, Said::default()];
        assert_eq!(missing(&heard(&[(0, 0), (0, 4)]), &said), 1);
    }

    #[test]
    fn what_was_announced_is_not_missed_but_what_is_lost_afterwards_is() {
        let mut hearing = heard(&[(0, 0), (1, 0)]);
        hearing.excuse();
        hearing.hear(0, 3);
        hearing.hear(0, 5);
        let said = said([6, 4]);
        let said: Vec<_> = said.iter().collect();
        assert_eq!((hearing.missing(&said), hearing.announced(&said)), (1, 2 + 3));
    }

    #[test]
    fn one_order_has_one_hash_and_another_order_another() {
        let told = [(0, 0), (1, 0), (0, 1)];
        let otherwise = [(1, 0), (0, 0), (0, 1)];
        assert_eq!(heard(&told).order(), heard(&told).order());
        assert_ne!(heard(&told).order(), heard(&otherwise).order());
    }

    #[test]
    fn a_stranger_has_strayed() {
        let hearing = heard(&[(0, 0), (9, 0), (u32::MAX, 0)]);
        assert_eq!((account(&hearing, &said([1, 0])), hearing.strayed()), ((0, 0, 0), 2));
    }

    proptest! {
        /// Against the obvious account: a set of what was heard and the highest so far.
        #[test]
        fn it_agrees_with_a_plain_set(sequences in proptest::collection::vec(0..20_u32, 0..60)) {
            let (mut seen, mut repeated, mut reordered) = (std::collections::BTreeSet::new(), 0, 0);
            let mut hearing = Hearing::new(2);
            for &sequence in &sequences {
                let was_overtaken = seen.last().is_some_and(|&highest| sequence < highest);
                match seen.insert(sequence) {
                    true if was_overtaken => reordered += 1,
                    true => {}
                    false => repeated += 1,
                }
                hearing.hear(1, sequence);
            }
            let missing = 20 - seen.len() as u64;
            prop_assert_eq!(account(&hearing, &said([0, 20])), (missing, repeated, reordered));
        }
    }
}
