//! What the backplane counts. A metric's documentation is its help text.

use std::time::Duration;

macro_rules! counters {
    ($(#[doc = $help:literal] $function:ident = $name:literal;)*) => {
        $(#[doc = $help] pub(crate) fn $function(by: u64) {
            metrics::counter!($name).increment(by);
        })*

        /// Makes everything known, at 0.
        pub(crate) fn start() {
            $(metrics::describe_counter!($name, $help.trim());
              $function(0);)*
            metrics::describe_histogram!("hubbub_redis_command_seconds", metrics::Unit::Seconds, COMMAND_HELP);
            metrics::describe_gauge!("hubbub_presence_lease_age_seconds", metrics::Unit::Seconds, LEASE_HELP);
            lease_age(Duration::ZERO);
        }
    };
}

counters! {
    /// Redis commands that failed or were not answered in time.
    errors = "hubbub_redis_errors_total";
    /// Times the subscribing connection came back.
    reconnects = "hubbub_redis_reconnects_total";
    /// Rooms that were subscribed again after it came back.
    resubscribes = "hubbub_redis_resubscribes_total";
    /// Rooms found to miss messages, or to have a new epoch.
    gaps = "hubbub_backplane_gaps_total";
    /// Messages that were missed and then read from the log.
    recovered = "hubbub_backplane_recovered_messages_total";
    /// Messages that were missed and were no longer in the log.
    lost = "hubbub_backplane_lost_messages_total";
    /// Frames from Redis that could not be understood.
    malformed = "hubbub_backplane_malformed_total";
    /// Times this node had lost its lease and began a new incarnation.
    fenced = "hubbub_presence_fenced_total";
    /// People whose leave this node announced for a dead one.
    buried_users = "hubbub_presence_buried_users_total";
    /// Differences between what this node holds and what Redis knew of it, put right.
    repairs = "hubbub_presence_repairs_total";
}

const COMMAND_HELP: &str = "How long Redis took to answer, by command.";
const LEASE_HELP: &str = "How long ago this node's lease was last renewed.";

/// How long Redis took to answer a command.
pub(crate) fn command(name: &'static str, took: Duration) {
    metrics::histogram!("hubbub_redis_command_seconds", "command" => name).record(took.as_secs_f64());
}

/// How long ago the lease was last renewed.
pub(crate) fn lease_age(age: Duration) {
    metrics::gauge!("hubbub_presence_lease_age_seconds").set(age.as_secs_f64());
}
