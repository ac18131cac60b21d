//! What a node counts adds up. Alone in its process, for the counters are the process's.

use std::time::Duration;

use hubbub_tests::{client::Client, node::Node};
use serde_json::json;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn what_is_opened_less_what_is_closed_is_what_is_there() {
    let node = Node::start().await;
    let mut staying = Client::at(&node, "/").await;
    for _ in 0..20 {
        Client::at(&node, "/iss").await.leave().await;
        drop(Client::at(&node, "/").await);
        drop(Client::polling(&node).await);
    }
    timeout(Duration::from_secs(10), async {
        while sum(&node.metrics().await, "hubbub_connections{") > 21 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("only the one that stays and the polling ones, whose death takes a heartbeat to see");
    let metrics = node.metrics().await;
    let (opened, closed) =
        (sum(&metrics, "hubbub_connections_opened_total{"), sum(&metrics, "hubbub_disconnects_total{"));
    assert_eq!(opened - closed, sum(&metrics, "hubbub_connections{"));
    staying.say("message", &[json!("still here")]).await;
    staying.hears("response", &[json!("still here")]).await;
}

/// The sum of a metric over its labels.
fn sum(metrics: &str, start: &str) -> i64 {
    let values = metrics.lines().filter(|line| line.starts_with(start));
    values.filter_map(|line| line.rsplit_once(' ')?.1.parse::<i64>().ok()).sum()
}
