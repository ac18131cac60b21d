//! One latency against another, taken in the same rounds.

use serde::Serialize;

use crate::report::latency::Summary;

/// Milliseconds that the second has more than the first; negative where it has less.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Comparison {
    pub(crate) p50: Spread,
    pub(crate) p99: Spread,
}

/// Over all rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Comparison {
    /// Round by round: what disturbs a round disturbs both.
    pub(crate) fn new(first: impl Iterator<Item = Summary>, second: impl Iterator<Item = Summary>) -> Self {
        let rounds: Vec<(Summary, Summary)> = first.zip(second).collect();
        let added = |figure: fn(&Summary) -> f64| {
            Spread::of(rounds.iter().map(|(first, second)| figure(second) - figure(first)).collect())
        };
        Self { p50: added(|summary| summary.p50), p99: added(|summary| summary.p99) }
    }
}

impl Spread {
    /// Of an even number the upper one of the two in the middle; all 0 of none.
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |place: usize| figures.get(place).copied().unwrap_or_default();
        Self { median: at(figures.len() / 2), least: at(0), most: at(figures.len().saturating_sub(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(p99: &[f64]) -> impl Iterator<Item = Summary> {
        p99.iter().map(|&p99| Summary { count: 1, p99, max: p99, ..Summary::default() })
    }

    #[test]
    fn the_difference_is_taken_round_by_round() {
        let added = Comparison::new(rounds(&[1.0, 50.0, 2.0]), rounds(&[1.5, 51.0, 1.0]));
        assert_eq!(added.p99, Spread { median: 0.5, least: -1.0, most: 1.0 });
        assert_eq!(added.p50, Spread { median: 0.0, least: 0.0, most: 0.0 });
    }

    #[test]
    fn one_disturbed_round_does_not_decide() {
        let added = Comparison::new(rounds(&[1.0, 1.0, 1.0]), rounds(&[2.0, 2.0, 90.0]));
        assert!((added.p99.median - 1.0).abs() < 1e-9);
        assert_eq!(Spread::of(vec![4.0, 1.0]), Spread { median: 4.0, least: 1.0, most: 4.0 });
    }
}
