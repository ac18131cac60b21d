//! Session ids that name their node: `<the engine's id>.<node>`, so that any node knows where a request belongs.
//!
//! Clients and balancers take it for opaque. Both halves need no escaping in a query.

use hubbub_core::NodeId;

/// Joins an engine's session id and this node's.
pub(super) fn public(sid: &str, node: &NodeId) -> String {
    format!("{sid}.{node}")
}

/// Takes a public session id apart. Without a node it can be of this one only, and unknown.
pub(super) fn split(public: &str) -> (&str, Option<&str>) {
    match public.split_once('.') {
        Some((sid, node)) => (sid, Some(node)),
        None => (public, None),
    }
}
