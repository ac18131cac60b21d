//! What was promised, what was measured, and whether that will do.

use std::{fmt, time::Duration};

use crate::checker::Verdict;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// The number of the promise in the table of all; 0: of all of them.
    pub promise: u8,
    /// What it is about.
    pub about: String,
    /// What may be measured.
    pub wanted: String,
    /// What was.
    pub measured: String,
    /// Whether that is within it.
    pub kept: bool,
}

/// All lines.
#[derive(Debug, Default)]
pub struct Report(Vec<Figure>);

impl Figure {
    /// A number that must be this one.
    pub fn exactly(promise: u8, about: &str, wanted: u64, measured: u64) -> Self {
        Self {
            promise,
            about: about.to_owned(),
            wanted: wanted.to_string(),
            measured: measured.to_string(),
            kept: wanted == measured,
        }
    }

    /// A time that must not be longer. `None`: it never came.
    pub fn within(promise: u8, about: &str, bound: Duration, measured: Option<Duration>) -> Self {
        let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
        Self {
            promise,
            about: about.to_owned(),
            wanted: format!("at most {}", seconds(bound)),
            measured: measured.map_or_else(|| "never".to_owned(), seconds),
            kept: measured.is_some_and(|time| time <= bound),
        }
    }

    /// A number that must not be smaller.
    pub fn at_least(promise: u8, about: &str, wanted: u64, measured: u64) -> Self {
        Self {
            kept: measured >= wanted,
            wanted: format!("at least {wanted}"),
            ..Self::exactly(promise, about, wanted, measured)
        }
    }

    /// What every run must keep.
    pub fn of_verdict(promise: u8, verdict: &Verdict) -> Vec<Self> {
        vec![
            Self::exactly(promise, "acknowledged and lost", 0, verdict.lost()),
            Self::exactly(promise, "said or told twice", 0, verdict.twice()),
            Self::exactly(promise, "out of order", 0, verdict.out_of_order()),
            Self::exactly(promise, "holes unannounced, gaps unexplained", 0, verdict.holes()),
        ]
    }
}

impl Report {
    /// Adds lines.
    pub fn add(&mut self, figures: impl IntoIterator<Item = Figure>) {
        self.0.extend(figures);
    }

    /// Whether every promise was kept.
    pub fn is_kept(&self) -> bool {
        self.0.iter().all(|figure| figure.kept)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>7}  {:<58} {:>16} {:>12}", "promise", "figure", "wanted", "measured")?;
        for Figure { promise, about, wanted, measured, kept } in &self.0 {
            let verdict = if *kept { "pass" } else { "FAIL" };
            writeln!(f, "{promise:>7}  {about:<58} {wanted:>16} {measured:>12}  {verdict}")?;
        }
        Ok(())
    }
}
