//! What a node says about its Redis, and how patient it is with it.

use std::{fmt, time::Duration};

use hubbub_core::{HISTORY_LENGTH, NodeId};

/// How to reach Redis, and how this node uses it. All nodes of a cluster must agree on all but the node's id.
#[derive(Clone)]
pub struct Options {
    /// `redis://user:password@host:port/db`, `unix:///path?db=0&user=..&pass=..`, or, to ask sentinels for the master,
    /// `redis+sentinel://user:password@host:port,host:port/master/db?sentinel_user=..&sentinel_pass=..`; a cluster is
    /// `redis+cluster://user:password@host:port,host:port`, with some of its members.
    pub url: String,
    /// This node. Two that run at once with one id fence each other.
    pub node: NodeId,
    /// Messages that a room's history keeps; a tenth more may be there.
    pub history_length: usize,
    /// How long they are kept after a room's last one.
    pub history_age: Duration,
    /// How long a node that no longer renews its lease is still believed to live.
    pub lease: Duration,
    /// How often the lease is renewed; never less than three times a lease.
    pub beat: Duration,
    /// How often quiet rooms are compared with the top of their log.
    pub sweep: Duration,
    /// How often what this node holds is compared with what Redis thinks it holds.
    pub repair: Duration,
    /// How long one attempt at a command may take, connecting included. There are two.
    pub response_timeout: Duration,
    /// Connections for long answers (histories, lists of people). Short commands share one of their own.
    pub pool_size: usize,
    /// Whether [`crate::connect()`] fails when Redis cannot be reached at once, instead of waiting for it.
    pub fail_fast: bool,
}

impl Options {
    /// The defaults, for this Redis and node.
    pub fn new(url: impl Into<String>, node: NodeId) -> Self {
        Self {
            url: url.into(),
            node,
            history_length: HISTORY_LENGTH,
            history_age: Duration::from_hours(24),
            lease: Duration::from_secs(6),
            beat: Duration::from_secs(2),
            sweep: Duration::from_secs(5),
            repair: Duration::from_mins(1),
            response_timeout: Duration::from_secs(1),
            pool_size: 4,
            fail_fast: false,
        }
    }
}

impl fmt::Debug for Options {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("node", &self.node).finish_non_exhaustive()
    }
}
