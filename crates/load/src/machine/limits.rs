//! The process's limit on open files, which is its limit on connections.

use anyhow::bail;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, and refuses a run that would not fit.
pub(crate) fn make_room_for(connections: u32) -> anyhow::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused or not: what counts is the limit that is read back.
    let _ = setrlimit(Resource::Nofile, limit);
    let needed = u64::from(connections) + RESERVE;
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < needed => bail!(
            "{connections} clients need {needed} file descriptors and only {allowed} are allowed: \
             raise the hard limit (ulimit -Hn {needed}) or ask for fewer --clients"
        ),
        _ => Ok(()),
    }
}

/// Standard streams, runtimes and the files read meanwhile.
const RESERVE: u64 = 64;
