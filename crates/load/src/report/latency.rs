//! Times, from the first delivery's to the slowest's.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::crowd::gauges::float;

/// Microseconds to three digits; longer than an hour counts as an hour.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn record_nanos(&mut self, nanos: u64) {
        self.0.saturating_record(nanos / 1000);
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.record_nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn add(&mut self, others: &Self) {
        self.0.add(&others.0).expect("made by the same constructor");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn summary(&self) -> Summary {
        let at = |quantile| millis(self.0.value_at_quantile(quantile));
        Summary { count: self.0.len(), p50: at(0.5), p99: at(0.99), max: millis(self.0.max()) }
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, HOUR, 3).expect("bounds that the crate accepts"))
    }
}

/// Milliseconds; all 0 when nothing was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

fn millis(micros: u64) -> f64 {
    float(micros) / 1000.0
}

const HOUR: u64 = 3_600_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_in_milliseconds() {
        let mut latencies = Latencies::default();
        for millis in 1..=100 {
            latencies.record(Duration::from_millis(millis));
        }
        let mut total = Latencies::default();
        total.add(&latencies);
        let Summary { count, p50, p99, max } = total.summary();
        assert_eq!(count, 100);
        assert!((p50 - 50.0).abs() < 0.1 && (p99 - 99.0).abs() < 0.1 && (max - 100.0).abs() < 0.1);
    }
}
