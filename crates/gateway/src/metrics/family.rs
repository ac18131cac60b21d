//! A metric and its series: one for each combination of labels, made at the start.

use ::metrics::{
    Counter, Gauge, Histogram, Label, SharedString, counter, describe_counter, describe_gauge,
    describe_histogram, gauge, histogram,
};

/// A label's name and all its values.
pub(super) type Values = (&'static str, Vec<&'static str>);

/// The series of one metric, found by their `N` labels.
#[derive(Debug)]
pub(super) struct Family<K, const N: usize> {
    series: Vec<([&'static str; N], K)>,
}

impl<K: Kind, const N: usize> Family<K, N> {
    /// Makes the metric known under its help text, and every series of it.
    pub(super) fn register(name: &'static str, help: &'static str, labels: &[Values; N]) -> Self {
        K::describe(name, help.trim());
        let series = combinations(labels).into_iter().map(|values| {
            let labels =
                labels.iter().zip(values).map(|((label, _), value)| Label::from_static_parts(label, value));
            (values, K::register(name, labels.collect()))
        });
        Self { series: series.collect() }
    }

    /// The series with these labels. Labels that are not among the known ones are a mistake in the program: it stops
    /// a test, and otherwise what is recorded goes nowhere.
    pub(super) fn at(&self, labels: [&str; N]) -> &K {
        let found = self.series.iter().find(|(values, _)| *values == labels);
        debug_assert!(found.is_some(), "unknown labels: {labels:?}");
        found.map_or(K::NOWHERE, |(_, series)| series)
    }
}

/// The values of each label with those of each other.
fn combinations<const N: usize>(labels: &[Values; N]) -> Vec<[&'static str; N]> {
    let mut combinations = vec![[""; N]];
    for (at, (_, values)) in labels.iter().enumerate() {
        let with = |base: &[&'static str; N]| {
            let mut base = *base;
            values.iter().map(move |value| {
                base[at] = *value;
                base
            })
        };
        combinations = combinations.iter().flat_map(|base| with(base).collect::<Vec<_>>()).collect();
    }
    combinations
}

/// Counter, gauge or histogram.
pub(super) trait Kind: Sized + 'static {
    /// Records nothing.
    const NOWHERE: &Self;

    fn describe(name: &'static str, help: &'static str);
    fn register(name: &'static str, labels: Vec<Label>) -> Self;
}

macro_rules! kinds {
    ($($Kind:ident: $register:ident, $describe:ident;)+) => {$(
        impl Kind for $Kind {
            const NOWHERE: &Self = &$Kind::noop();

            fn describe(name: &'static str, help: &'static str) {
                $describe!(name, SharedString::const_str(help));
            }

            fn register(name: &'static str, labels: Vec<Label>) -> Self {
                $register!(name, labels)
            }
        }
    )+};
}

kinds! {
    Counter: counter, describe_counter;
    Gauge: gauge, describe_gauge;
    Histogram: histogram, describe_histogram;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_meets_every_other() {
        assert_eq!(combinations(&[]), [[""; 0]]);
        assert_eq!(
            combinations(&[("a", vec!["1", "2"]), ("b", vec!["x", "y"])]),
            [["1", "x"], ["1", "y"], ["2", "x"], ["2", "y"]],
        );
    }
}
