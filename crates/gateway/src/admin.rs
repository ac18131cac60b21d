//! The admin port: is it alive, is it ready, what is it, what does it count, and who is in the cluster and in a room.
//!
//! `/livez` never looks at the backplane: a blip of it must not have all nodes restarted at once.

mod members;
mod nodes;
mod port;
mod readiness;
mod refusal;

use std::{sync::Arc, time::Instant};

use axum::{Json, Router, extract::State, response::IntoResponse, routing::get};
use http::{StatusCode, header};
use hubbub_core::{Cluster, NodeId, Presence};
use serde_json::json;

use self::refusal::AdminError;
use crate::metrics;

pub(crate) use self::{port::serve, readiness::Readiness};

/// What the admin port knows.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    readiness: Arc<Readiness>,
    node: NodeId,
    cluster: Arc<dyn Cluster>,
    presence: Arc<dyn Presence>,
}

impl Admin {
    pub(crate) fn new(
        readiness: Arc<Readiness>,
        node: NodeId,
        cluster: Arc<dyn Cluster>,
        presence: Arc<dyn Presence>,
    ) -> Self {
        metrics::install();
        Self { readiness, node, cluster, presence }
    }
}

/// The admin port's paths.
fn router(admin: Admin) -> Router {
    probes()
        .merge(insights())
        .fallback(async || AdminError::NotFound)
        .method_not_allowed_fallback(async || AdminError::Method)
        .with_state(admin)
}

/// What balancers, orchestrators and Prometheus ask of this node.
fn probes() -> Router<Admin> {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/version", get(version))
        .route("/metrics", get(scrape))
}

/// What people ask about the cluster.
fn insights() -> Router<Admin> {
    Router::new().route("/nodes", get(nodes::nodes)).route("/rooms/{room}/members", get(members::members))
}

async fn ready(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    let verdict = admin.readiness.verdict(Instant::now());
    (verdict.status(), verdict.text())
}

async fn version(State(admin): State<Admin>) -> impl IntoResponse {
    Json(json!({ "name": "hubbub", "version": env!("CARGO_PKG_VERSION"), "node": admin.node.as_str() }))
}

async fn scrape(State(admin): State<Admin>) -> impl IntoResponse {
    admin.readiness.measure(Instant::now());
    metrics::users_online(admin.presence.people());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use hubbub_core::Backplane;
    use tokio::sync::Semaphore;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn readiness_is_what_the_node_says() {
        let (readiness, router) = node();
        assert_eq!(ask(&router, "/livez").await, (StatusCode::OK, "alive\n".to_owned()));
        assert_eq!(ask(&router, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned()));
        readiness.started();
        assert_eq!(ask(&router, "/readyz").await, (StatusCode::OK, "ready\n".to_owned()));
        readiness.draining();
        assert_eq!(ask(&router, "/readyz").await, (StatusCode::NOT_FOUND, "draining\n".to_owned()));
        assert_eq!(ask(&router, "/livez").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn version_and_metrics_can_be_read() {
        let (_, router) = node();
        let (_, version) = ask(&router, "/version").await;
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&version).unwrap(),
            json!({ "name": "hubbub", "version": env!("CARGO_PKG_VERSION"), "node": "one" }),
        );
        let (status, metrics) = ask(&router, "/metrics").await;
        assert!(status == StatusCode::OK && metrics.contains("\nhubbub_ready "), "{metrics}");
        assert_eq!(ask(&router, "/").await.0, StatusCode::NOT_FOUND);
    }

    fn node() -> (Arc<Readiness>, Router) {
        let seats = Arc::new(Semaphore::new(1));
        let Backplane { cluster, presence, .. } = hubbub_core::memory(hubbub_core::HISTORY_LENGTH);
        let readiness = Arc::new(Readiness::new(seats, cluster.clone(), Duration::from_secs(30)));
        let admin = Admin::new(readiness.clone(), NodeId::parse("one").unwrap(), cluster, presence);
        (readiness, router(admin))
    }

    async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
        let response = router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}
