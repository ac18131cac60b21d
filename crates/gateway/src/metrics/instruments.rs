//! Every metric: its name, which is the field's with `hubbub_` before it, its help text and its labels.

use ::metrics::{Counter, Gauge, Histogram};
use hubbub_core::RefusalCode;
use hubbub_dialects::{Misspoken, NAMESPACES, spoken_at};

use super::{family::Family, words};

macro_rules! instruments {
    ($($(#[doc = $help:literal])+ $metric:ident: $Kind:ident[$($label:ident in $values:expr),*];)+) => {
        /// The metrics of this process.
        #[derive(Debug)]
        pub(super) struct Instruments {
            $($(#[doc = $help])+ pub(super) $metric: Family<$Kind, { <[&str]>::len(&[$(stringify!($label)),*]) }>,)+
        }

        impl Instruments {
            /// Makes them all known to the recorder that is in force.
            pub(super) fn register() -> Self {
                Self {
                    $($metric: Family::register(
                        concat!("hubbub_", stringify!($metric)),
                        concat!($($help),+),
                        &[$((stringify!($label), $values)),*],
                    ),)+
                }
            }
        }
    };
}

instruments! {
    /// 1, with the version that runs.
    build_info: Gauge[version in one(env!("CARGO_PKG_VERSION"))];
    /// Whether the node takes new sessions.
    ready: Gauge[];
    /// Whether the node is about to stop.
    draining: Gauge[];
    /// Whether the backplane answered of late.
    backplane_up: Gauge[];
    /// Nodes that hold a lease, this one among them, as it saw it at its last heartbeat that the backplane answered.
    cluster_nodes: Gauge[];
    /// People with a name who have a session on this node, once each; one who is on two nodes is counted on both.
    users_online: Gauge[];
    /// Rooms that this node listens to.
    rooms: Gauge[];
    /// Tasks of the runtime that have not ended.
    runtime_tasks: Gauge[];

    /// Engine.IO sessions that are open, by what carries them now.
    connections: Gauge[transport in transports(), eio in generations()];
    /// Engine.IO sessions ever opened, by what carried them first.
    connections_opened_total: Counter[transport in transports(), eio in generations()];
    /// Engine.IO sessions that ended, by who ended them and why.
    disconnects_total: Counter[reason in all(&[
        "client", "transport", "heartbeat", "slow", "flood", "protocol", "drain", "kicked",
    ])];
    /// How long it took to open an Engine.IO session or to upgrade it.
    handshake_seconds: Histogram[transport in transports(), result in all(&["ok", "failed", "refused"])];
    /// Socket.IO sockets that are connected.
    sessions: Gauge[namespace in all(NAMESPACES)];

    /// Events from clients, by name; those that no vocabulary has are `unknown`.
    events_received_total: Counter[event in words::all()];
    /// Events from clients that their vocabulary could not take, by what was wrong.
    malformed_total: Counter[reason in all(Misspoken::LABELS)];
    /// What was refused: commands by their error code, requests and connections by what was wrong.
    rejections_total: Counter[reason in rejections()];
    /// How long it took to carry out a command.
    event_handler_seconds: Histogram[dialect in dialects()];

    /// Events put into members' queues for what was said in their rooms: members times events.
    events_sent_total: Counter[dialect in dialects()];
    /// From a message's publication to its members' queues.
    delivery_seconds: Histogram[path in all(&["local", "remote", "recovered"])];
    /// Sockets of one vocabulary that heard the same batch.
    fanout_size: Histogram[];
    /// Rooms that someone came back to with a position: told what they had missed, or not, or too late.
    recoveries_total: Counter[result in all(&["recovered", "refused", "lost"])];
    /// Messages that did not reach a client that was connected.
    messages_dropped_total: Counter[reason in all(&["slow", "flood", "drain", "closed", "volatile"])];
    /// Bytes of Engine.IO packets and WebSocket frames from clients.
    received_bytes_total: Counter[];
    /// Bytes of Engine.IO packets and WebSocket frames to clients.
    sent_bytes_total: Counter[];

    /// Requests handed to the node that has their session.
    forwarded_requests_total: Counter[
        kind in all(&["poll", "post", "websocket"]), result in all(&["ok", "failed", "refused"])
    ];
}

fn one(value: &'static str) -> Vec<&'static str> {
    vec![value]
}

fn all(values: &[&'static str]) -> Vec<&'static str> {
    values.to_vec()
}

fn transports() -> Vec<&'static str> {
    all(&["polling", "websocket"])
}

fn generations() -> Vec<&'static str> {
    all(&["3", "4"])
}

fn rejections() -> Vec<&'static str> {
    let codes = RefusalCode::ALL.iter().map(|code| code.as_str());
    codes.chain(["origin", "unknown_sid", "timeout", "full"]).collect()
}

fn dialects() -> Vec<&'static str> {
    let places =
        NAMESPACES.iter().flat_map(|namespace| [spoken_at(namespace, false), spoken_at(namespace, true)]);
    let mut names: Vec<_> = places.flatten().map(|dialect| dialect.name()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
