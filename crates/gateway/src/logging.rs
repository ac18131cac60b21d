//! What the node writes to standard error: for people or for machines, as configured.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::fmt;

use crate::{
    config::{Log, LogFormat},
    metrics,
};

/// Starts logging and counting for the whole process; once, before anything else is started.
pub fn start(log: &Log) {
    metrics::install();
    let lines = fmt().with_env_filter(log.level.filter()).with_writer(io::stderr);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "somebody else logs already");
    }
}
