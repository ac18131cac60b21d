//! What the node counts: here is what happens to the metrics, in `metrics/instruments.rs` which ones there are.
//!
//! One recorder per process. Label sets are closed and known beforehand, so that each series is there from the start,
//! at 0, and none ever comes from what a client sent.

mod family;
mod instruments;
mod words;

use std::{sync::LazyLock, thread, time::Duration};

use hubbub_core::Millis;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::runtime::Handle;

use self::instruments::Instruments;

/// Makes every metric known, at 0. What other crates record before it is lost.
pub(crate) fn install() {
    LazyLock::force(&METRICS);
}

/// Everything, as Prometheus reads it.
pub(crate) fn render() -> String {
    let tasks = Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks());
    instruments().runtime_tasks.at([]).set(float(tasks));
    METRICS.process.collect();
    METRICS.prometheus.render()
}

/// What the admin port found the node to be.
pub(crate) fn health(ready: bool, draining: bool, backplane_up: bool) {
    let flag = |on: bool| f64::from(u8::from(on));
    instruments().ready.at([]).set(flag(ready));
    instruments().draining.at([]).set(flag(draining));
    instruments().backplane_up.at([]).set(flag(backplane_up));
}

/// So many nodes hold a lease, as this one saw it just now.
pub(crate) fn cluster_nodes(count: usize) {
    instruments().cluster_nodes.at([]).set(float(count));
}

/// So many people with a name have a session on this node.
pub(crate) fn users_online(count: usize) {
    instruments().users_online.at([]).set(float(count));
}

/// This node listens to so many rooms.
pub(crate) fn rooms(count: usize) {
    instruments().rooms.at([]).set(float(count));
}

/// An Engine.IO session is open. `transport` is `polling` or `websocket`, `eio` is `3` or `4`.
pub(crate) fn connection_opened(transport: &'static str, eio: &'static str) {
    instruments().connections.at([transport, eio]).increment(1);
    instruments().connections_opened_total.at([transport, eio]).increment(1);
}

/// An open session went from polling to a WebSocket.
pub(crate) fn connection_upgraded(eio: &'static str) {
    instruments().connections.at(["polling", eio]).decrement(1);
    instruments().connections.at(["websocket", eio]).increment(1);
}

/// An open session ended on this transport.
pub(crate) fn connection_closed(transport: &'static str, eio: &'static str, reason: &'static str) {
    instruments().connections.at([transport, eio]).decrement(1);
    instruments().disconnects_total.at([reason]).increment(1);
}

/// A session was opened or upgraded (`ok`), or could not be (`failed`), or was not allowed to be (`refused`).
pub(crate) fn shook_hands(transport: &'static str, result: &'static str, took: Duration) {
    instruments().handshake_seconds.at([transport, result]).record(took);
}

/// A socket is connected to this namespace.
pub(crate) fn session_opened(namespace: &'static str) {
    instruments().sessions.at([namespace]).increment(1);
}

/// A socket that was connected to this namespace is no longer.
pub(crate) fn session_closed(namespace: &'static str) {
    instruments().sessions.at([namespace]).decrement(1);
}

/// An event of this name came in.
pub(crate) fn heard(name: &str) {
    instruments().events_received_total.at([event_label(name)]).increment(1);
}

/// The event's name, if it is one of ours: safe to log and to label with.
pub(crate) fn event_label(name: &str) -> &'static str {
    words::label(name)
}

/// An event could not be understood; `reason` is a [`hubbub_dialects::Misspoken::label`].
pub(crate) fn malformed(reason: &'static str) {
    instruments().malformed_total.at([reason]).increment(1);
}

/// Something was refused: a [`hubbub_core::RefusalCode`], or `origin`, `unknown_sid`, `timeout`, `full`.
pub(crate) fn rejected(reason: &'static str) {
    instruments().rejections_total.at([reason]).increment(1);
}

/// A command of this dialect was carried out or refused.
pub(crate) fn handled(dialect: &'static str, took: Duration) {
    instruments().event_handler_seconds.at([dialect]).record(took);
}

/// So many sockets of this dialect were told so many events at once.
pub(crate) fn fanned_out(dialect: &'static str, sockets: usize, events: usize) {
    instruments().events_sent_total.at([dialect]).increment(whole(sockets.saturating_mul(events)));
    instruments().fanout_size.at([]).record(float(sockets));
}

/// Messages that the backplane accepted at these times are with their members' connections at `now`. `path` is
/// `local`, `remote` or `recovered`.
pub(crate) fn delivered(path: &'static str, accepted: impl IntoIterator<Item = Millis>, now: Millis) {
    let series = instruments().delivery_seconds.at([path]);
    accepted.into_iter().for_each(|at| series.record(Duration::from_millis(now.saturating_sub(at))));
}

/// Someone came back to a room: what they had missed is told without a hole, or cannot be proved to be whole.
pub(crate) fn recovery(is_whole: bool) {
    let result = if is_whole { "recovered" } else { "refused" };
    instruments().recoveries_total.at([result]).increment(1);
}

/// What someone had missed was gone before they had read it.
pub(crate) fn recovery_lost() {
    instruments().recoveries_total.at(["lost"]).increment(1);
}

/// Messages were not sent: the connection was too `slow`, or had just `closed`, or they were `volatile` and it was
/// behind.
pub(crate) fn dropped(reason: &'static str, messages: usize) {
    instruments().messages_dropped_total.at([reason]).increment(whole(messages));
}

/// So many bytes came from clients.
pub(crate) fn received(bytes: usize) {
    instruments().received_bytes_total.at([]).increment(whole(bytes));
}

/// So many bytes went to clients.
pub(crate) fn sent(bytes: usize) {
    instruments().sent_bytes_total.at([]).increment(whole(bytes));
}

/// A request went to the node that has its session. `kind` is `poll`, `post` or `websocket`, `result` is `ok`, `failed`
/// or `refused`.
pub(crate) fn forwarded(kind: &'static str, result: &'static str) {
    instruments().forwarded_requests_total.at([kind, result]).increment(1);
}

fn instruments() -> &'static Instruments {
    &METRICS.instruments
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::install);

struct Metrics {
    prometheus: PrometheusHandle,
    instruments: Instruments,
    process: Collector,
}

impl Metrics {
    fn install() -> Self {
        let prometheus = recorder().install_recorder().expect("nobody else installs a recorder");
        let instruments = Instruments::register();
        instruments.build_info.at([env!("CARGO_PKG_VERSION")]).set(1);
        let process = Collector::default();
        process.describe();
        keep_up(prometheus.clone());
        Self { prometheus, instruments, process }
    }
}

fn recorder() -> PrometheusBuilder {
    let buckets = |builder: PrometheusBuilder, suffix: &str, buckets: &[f64]| {
        builder
            .set_buckets_for_metric(Matcher::Suffix(suffix.to_owned()), buckets)
            .expect("buckets are not empty")
    };
    let builder = buckets(PrometheusBuilder::new(), "_seconds", SECONDS);
    buckets(builder, "_size", SIZES)
}

/// Histograms keep every sample until it is counted: without this, a node that nobody scrapes would grow.
fn keep_up(prometheus: PrometheusHandle) {
    let endless = move || {
        loop {
            thread::sleep(KEEP_UP);
            prometheus.run_upkeep();
        }
    };
    let started = thread::Builder::new().name("metrics".to_owned()).spawn(endless);
    if let Err(error) = started {
        tracing::warn!(%error, "histograms are counted only when they are scraped");
    }
}

fn whole(number: usize) -> u64 {
    number as u64
}

/// Exact below 2^32, which is more than a node has of anything.
fn float(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// How often samples are counted.
const KEEP_UP: Duration = Duration::from_secs(5);

/// Upper bounds of everything that is a time.
const SECONDS: &[f64] = &[
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

/// Upper bounds of everything that is a number of sockets.
const SIZES: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0];

#[cfg(test)]
mod tests {
    use super::*;

    /// One test alone, for the recorder is the process's.
    #[test]
    fn every_series_is_there_from_the_start_and_counts() {
        let text = render();
        for series in [
            "# HELP hubbub_connections Engine.IO sessions that are open, by what carries them now.\n",
            "# TYPE hubbub_connections gauge\n",
            concat!("hubbub_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n"),
            "hubbub_messages_dropped_total{reason=\"slow\"} 0\n",
            "hubbub_rejections_total{reason=\"name_taken\"} 0\n",
            "hubbub_rejections_total{reason=\"origin\"} 0\n",
            "hubbub_malformed_total{reason=\"wrong_type\"} 0\n",
            "hubbub_handshake_seconds_bucket{transport=\"polling\",result=\"refused\",le=\"0.0005\"} 0\n",
            "hubbub_event_handler_seconds_count{dialect=\"basics_lower\"} 0\n",
            "hubbub_sessions{namespace=\"/iss\"} 0\n",
        ] {
            assert!(text.contains(series), "{series} is missing in\n{text}");
        }
        assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");

        let before = value("hubbub_forwarded_requests_total{kind=\"post\",result=\"failed\"}");
        forwarded("post", "failed");
        assert_eq!(value("hubbub_forwarded_requests_total{kind=\"post\",result=\"failed\"}"), before + 1);
        let before = value("hubbub_delivery_seconds_count{path=\"recovered\"}");
        delivered("recovered", [5, 50], 10);
        assert_eq!(value("hubbub_delivery_seconds_count{path=\"recovered\"}"), before + 2);
    }

    fn value(series: &str) -> u64 {
        let text = render();
        let line = text.lines().find_map(|line| line.strip_prefix(series)).unwrap();
        line.trim().parse().unwrap()
    }
}
