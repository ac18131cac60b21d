//! Positions that someone has seen, as the ranges that they form.

use std::collections::BTreeMap;

use crate::log::Position;

/// A set of positions. It is small where they are contiguous, as they should be.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<u64, BTreeMap<u64, u64>>);

impl Seen {
    pub(super) fn has(&self, Position { epoch, seq }: Position) -> bool {
        let before = self.0.get(&epoch).and_then(|ranges| ranges.range(..=seq).next_back());
        before.is_some_and(|(_, &last)| seq <= last)
    }

    /// Whether it is new.
    pub(super) fn add(&mut self, position: Position) -> bool {
        if self.has(position) {
            return false;
        }
        let Position { epoch, seq } = position;
        let ranges = self.0.entry(epoch).or_default();
        let last = ranges.remove(&(seq + 1)).unwrap_or(seq);
        match ranges.range_mut(..seq).next_back() {
            Some((_, before)) if *before + 1 == seq => *before = last,
            _ => {
                ranges.insert(seq, last);
            }
        }
        true
    }

    /// The first and the last of each epoch that has no hole.
    pub(super) fn whole_epochs(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.0.iter().filter(|(_, ranges)| ranges.len() == 1).filter_map(|(&epoch, ranges)| {
            let (&first, &last) = ranges.first_key_value()?;
            Some((epoch, first, last))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_grow_and_meet() {
        let mut seen = Seen::default();
        for seq in [5, 7, 6, 1] {
            assert!(seen.add(Position { epoch: 1, seq }));
        }
        assert!(!seen.add(Position { epoch: 1, seq: 6 }));
        assert!(!seen.has(Position { epoch: 1, seq: 4 }));
        assert_eq!(seen.whole_epochs().count(), 0);
        for seq in [2, 4, 3] {
            assert!(seen.add(Position { epoch: 1, seq }));
        }
        assert_eq!(seen.whole_epochs().collect::<Vec<_>>(), [(1, 1, 7)]);
    }
}
