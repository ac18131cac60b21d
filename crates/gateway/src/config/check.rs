//! What a value must be besides being of its kind.

use super::Config;

impl Config {
    /// The first key whose value cannot work, and what was expected of it.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let wrong = self.demands().into_iter().find(|(_, met, _)| !met);
        wrong.map_or(Ok(()), |(key, _, expected)| Err((key, expected)))
    }

    fn demands(&self) -> [(&'static str, bool, &'static str); 13] {
        let Self { http, redis, socketio, limits, history, presence, node, .. } = self;
        [
            ("http.max_connections", http.max_connections > 0, ABOVE_ZERO),
            ("redis.pool", redis.pool > 0, ABOVE_ZERO),
            ("socketio.ping_interval", !socketio.ping_interval.is_zero(), SOME_TIME),
            ("socketio.ping_timeout", !socketio.ping_timeout.is_zero(), SOME_TIME),
            ("socketio.connect_timeout", !socketio.connect_timeout.is_zero(), SOME_TIME),
            ("socketio.max_payload", socketio.max_payload.0 > 0, SOME_SIZE),
            ("socketio.outbox", socketio.outbox.0 > 0, SOME_SIZE),
            ("socketio.outbox_age", !socketio.outbox_age.is_zero(), SOME_TIME),
            ("limits.text", limits.text.0 > 0, SOME_SIZE),
            ("limits.rooms", limits.rooms > 0, ABOVE_ZERO),
            ("history.messages", history.messages > 0, ABOVE_ZERO),
            ("presence.lease", presence.lease.as_millis() >= 300, "at least 300ms"),
            ("node.advertise", node.advertise.as_deref().is_none_or(has_port), "host:port"),
        ]
    }
}

fn has_port(address: &str) -> bool {
    address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|n| n > 0))
}

const ABOVE_ZERO: &str = "a number above 0";
const SOME_TIME: &str = "a time above 0s";
const SOME_SIZE: &str = "a size above 0";
