//! How many a node has cut off for being slow.

use std::time::Duration;

use hubbub_tests::{http, process::Cluster};
use tokio::time::{sleep, timeout};

/// A connection is counted when all of it is gone, which others may hear a moment before.
const COUNTED: Duration = Duration::from_secs(5);

/// So many were, by the first node.
pub(crate) async fn are_cut_off(cluster: &Cluster, expected: usize) {
    let counted = timeout(COUNTED, async {
        while cut_off(cluster).await < expected {
            sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(counted.await.is_ok(), "{} of {expected} are counted", cut_off(cluster).await);
    assert_eq!(cut_off(cluster).await, expected);
}

/// How many are counted by now.
pub(crate) async fn cut_off(cluster: &Cluster) -> usize {
    let metrics = http::get(cluster.admin(0), "/metrics").await.text();
    let start = "hubbub_disconnects_total{reason=\"slow\"} ";
    let count = metrics.lines().find_map(|line| line.strip_prefix(start)).expect("the series");
    count.parse().expect("a number")
}
