//! What a load has cost while it was measured, the server and the load generator itself.

use serde::Serialize;

use crate::{
    crowd::{course::Measured, gauges::Span},
    report::{Row, count, decimals, float, latency::Summary, or_dash},
};

#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    deliveries: u64,
    pub(crate) deliveries_per_second: f64,
    pub(crate) messages_per_second: f64,
    server_cpu_per_million: Option<f64>,
    /// Processors kept busy.
    server_load: Option<f64>,
    /// While everybody talks.
    server_memory_kib: Option<u64>,
    redis_cpu_per_million: Option<f64>,
    redis_load: Option<f64>,
    redis_memory_kib: Option<u64>,
    own_cpu_per_million: Option<f64>,
    own_load: f64,
    /// The part of their time in which the load generator's threads were busy.
    own_busy: f64,
    /// How late the load generator was woken.
    own_lag_ms: Summary,
    /// Processors of this machine that were busy, with everything that runs on it, and how many it has.
    machine_load: f64,
    processors: usize,
}

impl Cost {
    pub(crate) fn new(measured: &Measured, threads: u32, own_lag_ms: Summary) -> Self {
        let span = &measured.span;
        let per_million = |cpu| span.per_million_heard(cpu);
        let own_load = span.load(span.own_cpu);
        Self {
            deliveries: span.heard,
            deliveries_per_second: span.per_second(span.heard),
            messages_per_second: span.per_second(span.said),
            server_cpu_per_million: span.server_cpu.and_then(per_million),
            server_load: span.server_cpu.map(|cpu| span.load(cpu)),
            server_memory_kib: measured.server_memory,
            redis_cpu_per_million: span.redis_cpu.and_then(per_million),
            redis_load: span.redis_cpu.map(|cpu| span.load(cpu)),
            redis_memory_kib: measured.redis_memory,
            own_cpu_per_million: per_million(span.own_cpu),
            own_load,
            own_busy: own_load / f64::from(threads),
            own_lag_ms,
            machine_load: machine_load(span),
            processors: processors(),
        }
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = vec![
            ("deliveries/s", count(self.deliveries_per_second)),
            ("messages/s", count(self.messages_per_second)),
            ("server CPU s per million", or_dash(self.server_cpu_per_million, decimals)),
            ("server CPUs busy", or_dash(self.server_load, decimals)),
            ("server memory, MiB", or_dash(self.server_memory_kib, mebibytes)),
        ];
        rows.extend(self.redis_cpu_per_million.map(|cpu| ("Redis CPU s per million", decimals(cpu))));
        rows.extend(self.redis_load.map(|load| ("Redis CPUs busy", decimals(load))));
        rows.extend(self.redis_memory_kib.map(|kib| ("Redis memory, MiB", mebibytes(kib))));
        rows.extend([
            ("generator CPU s per million", or_dash(self.own_cpu_per_million, decimals)),
            ("generator threads busy, %", decimals(self.own_busy * 100.0)),
            ("generator lag p99, ms", decimals(self.own_lag_ms.p99)),
            ("generator lag max, ms", decimals(self.own_lag_ms.max)),
            ("CPUs busy on this machine", format!("{} of {}", decimals(self.machine_load), self.processors)),
        ]);
        rows
    }

    /// Whether the load generator itself was what was measured.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let busy = (self.own_busy > BUSY).then(|| {
            format!(
                "the load generator was the bottleneck: its threads were {:.0} % busy; give it more --threads or fewer clients",
                self.own_busy * 100.0
            )
        });
        let late = (self.own_lag_ms.p99 > LATE).then(|| {
            format!(
                "the load generator was late itself: in a hundredth of the time by {:.0} ms or more, which is in all latencies",
                self.own_lag_ms.p99
            )
        });
        busy.into_iter().chain(late).collect()
    }
}

fn mebibytes(kib: u64) -> String {
    format!("{:.1}", float(kib) / 1024.0)
}

fn machine_load(span: &Span) -> f64 {
    span.load(span.machine_cpu)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A thread that is used so much cannot be trusted to have waited for the server.
const BUSY: f64 = 0.9;

/// Milliseconds.
const LATE: f64 = 100.0;
