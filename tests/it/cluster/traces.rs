//! What those who are there leave in counters and in Redis.

use std::time::Duration;

use hubbub_tests::{http, process::Cluster};
use tokio::time::{sleep, timeout};

/// What a node counts of those who are there, and what Redis has of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Traces {
    counted: Vec<String>,
    held: String,
    heard: String,
}

impl Traces {
    pub(crate) async fn of(cluster: &Cluster) -> Self {
        let mut counted = Vec::new();
        for node in 0..2 {
            let metrics = http::get(cluster.admin(node), "/metrics").await.text();
            let counts = metrics.lines().filter(|line| COUNTED.iter().any(|metric| line.starts_with(metric)));
            counted.extend(
                counts.filter(|line| !line.ends_with(" 0")).map(|line| format!("node {node}: {line}")),
            );
        }
        let lines = |text: String| {
            let mut lines: Vec<_> = text.lines().collect();
            lines.sort_unstable();
            lines.join("\n")
        };
        let redis = cluster.redis();
        let held = "local all = {} for _, key in ipairs(redis.call('keys', '{h:p0}:[nr]:*')) do all[#all + 1] = key \
                    local kind = redis.call('type', key).ok \
                    for _, held in ipairs(kind == 'set' and redis.call('smembers', key) or redis.call('hkeys', key)) \
                    do all[#all + 1] = key .. ' ' .. held end end return all";
        counted.sort_unstable();
        Self {
            counted,
            held: lines(redis.cli(["eval", held, "0"])),
            heard: lines(redis.cli(["pubsub", "channels"])),
        }
    }

    pub(crate) async fn are_all_again(self, cluster: &Cluster) {
        let mut now = Self::of(cluster).await;
        let again = timeout(DEADLINE, async {
            while now != self {
                sleep(Duration::from_millis(50)).await;
                now = Self::of(cluster).await;
            }
        });
        assert!(again.await.is_ok(), "it was {self:#?}\nand is {now:#?}");
    }
}

const COUNTED: [&str; 3] = ["hubbub_connections{", "hubbub_sessions{", "hubbub_rooms "];
const DEADLINE: Duration = Duration::from_secs(15);
