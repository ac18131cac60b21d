//! How many files, and so how many connections, this process may have.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, and refuses what would not fit.
pub(crate) fn allow(files: u64) -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused or not: what counts is the limit that is read back.
    let _ = setrlimit(Resource::Nofile, limit);
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < files => Err(io::Error::other(format!(
            "{files} open files are needed and {allowed} allowed: ulimit -Hn {files} raises that"
        ))),
        _ => Ok(()),
    }
}
