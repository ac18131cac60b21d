//! What a load has cost while it was measured.

use serde::Serialize;

use crate::{
    crowd::gauges::{Span, float},
    report::{Row, count, decimals, or_dash},
};

#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    deliveries: u64,
    deliveries_per_second: f64,
    messages_per_second: f64,
    server_cpu_per_million: Option<f64>,
    /// Processors kept busy.
    server_load: Option<f64>,
    /// While everybody talks.
    server_memory_kib: Option<u64>,
    own_cpu_per_million: Option<f64>,
    own_load: f64,
}

impl Cost {
    pub(crate) fn new(span: &Span, server_memory_kib: Option<u64>) -> Self {
        Self {
            deliveries: span.heard,
            deliveries_per_second: span.per_second(span.heard),
            messages_per_second: span.per_second(span.said),
            server_cpu_per_million: span.server_cpu.and_then(|cpu| span.per_million_heard(cpu)),
            server_load: span.server_cpu.map(|cpu| span.load(cpu)),
            server_memory_kib,
            own_cpu_per_million: span.per_million_heard(span.own_cpu),
            own_load: span.load(span.own_cpu),
        }
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let mebibytes = |kib: u64| format!("{:.1}", float(kib) / 1024.0);
        vec![
            ("deliveries/s", count(self.deliveries_per_second)),
            ("messages/s", count(self.messages_per_second)),
            ("server CPU s per million", or_dash(self.server_cpu_per_million, decimals)),
            ("server CPUs busy", or_dash(self.server_load, decimals)),
            ("server memory, MiB", or_dash(self.server_memory_kib, mebibytes)),
            ("own CPU s per million", or_dash(self.own_cpu_per_million, decimals)),
            ("own CPUs busy", decimals(self.own_load)),
        ]
    }
}
