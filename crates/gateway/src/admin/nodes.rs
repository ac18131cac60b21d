//! Who is in the cluster, as this node sees it.

use std::time::Duration;

use axum::{Json, extract::State};
use hubbub_core::{ClusterNode, NodeId};
use serde_json::{Value, json};

use super::{Admin, refusal::AdminError};

/// `GET /nodes`
pub(super) async fn nodes(State(admin): State<Admin>) -> Result<Json<Value>, AdminError> {
    let nodes = admin.cluster.nodes().await?;
    let nodes: Vec<_> = nodes.iter().map(|node| told(node, &admin.node)).collect();
    Ok(Json(json!({ "nodes": nodes })))
}

fn told(node: &ClusterNode, me: &NodeId) -> Value {
    json!({
        "id": node.id.as_str(),
        "self": node.id == *me,
        "address": node.address,
        "incarnation": node.incarnation,
        "lease_ms": node.lease.map(milliseconds),
        "held_ms": milliseconds(node.held),
        "people": node.people,
    })
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
