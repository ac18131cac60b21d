//! Times, from the first delivery's to the slowest's.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::report::{Row, decimals, float};

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
        Summary {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: millis(self.0.max()),
        }
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, HOUR, 3).expect("bounds that the crate accepts"))
    }
}

/// Milliseconds; all 0 when nothing was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Summary {
    pub(crate) fn rows(&self) -> [Row; 5] {
        [
            ("latency p50, ms", decimals(self.p50)),
            ("latency p90, ms", decimals(self.p90)),
            ("latency p99, ms", decimals(self.p99)),
            ("latency p99.9, ms", decimals(self.p999)),
            ("latency max, ms", decimals(self.max)),
        ]
    }
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
        for millis in 1..=1000 {
            latencies.record(Duration::from_millis(millis));
        }
        let mut total = Latencies::default();
        total.add(&latencies);
        let Summary { count, p50, p90, p99, p999, max } = total.summary();
        assert_eq!(count, 1000);
        for (is, ought) in [(p50, 500.0), (p90, 900.0), (p99, 990.0), (p999, 999.0), (max, 1000.0)] {
            assert!((is - ought).abs() < 1.0, "{is} instead of {ought}");
        }
    }
}
