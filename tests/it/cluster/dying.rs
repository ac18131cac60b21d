//! Who dies leaves no trace: not with the others, not in the counters, not in Redis.

use std::ffi::OsStr;

use hubbub_tests::process::Cluster;
use serde_json::json;
use tokio::task::{JoinSet, spawn_blocking};

use crate::{leaving::come_and_go, traces::Traces, watcher::Watcher};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_and_leaves_at_once_is_gone_everywhere() {
    let cluster =
        cluster(&[("HUBBUB__SOCKETIO__PING_INTERVAL", "1s"), ("HUBBUB__SOCKETIO__PING_TIMEOUT", "1s")]).await;
    let mut watchers =
        [Watcher::at(&cluster.addr(0), "Ann").await, Watcher::at(&cluster.addr(1), "Bob").await];
    for watcher in &mut watchers {
        watcher.lists(&json!({ "Ann": "Ann", "Bob": "Bob" })).await;
    }
    let before = Traces::of(&cluster).await;
    let mut crowd = JoinSet::new();
    for number in 0..COME_AND_GO {
        if crowd.len() == 20 {
            crowd.join_next().await.expect("one of them").expect("came and went");
        }
        let (here, there) = (cluster.addr(number / 2 % 2), cluster.addr(number % 2));
        crowd.spawn(async move { come_and_go(number, &format!("u{number}"), here, there).await });
    }
    crowd.join_all().await;
    before.are_all_again(&cluster).await;
    for watcher in &mut watchers {
        watcher.hears_the_end().await;
        watcher.lists(&json!({ "Ann": "Ann", "Bob": "Bob" })).await;
        let crowd = watcher.comings_and_goings().into_iter().filter(|(name, _)| name.starts_with('u'));
        for (name, came_and_left) in crowd {
            assert_eq!(came_and_left, (1, 1), "{name}");
        }
    }
}

const COME_AND_GO: usize = 500;

async fn cluster(settings: &'static [(&str, &str)]) -> Cluster {
    let start = move || {
        let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, OsStr::new(*value))).collect();
        Cluster::with(2, &settings)
    };
    spawn_blocking(start).await.expect("a cluster")
}
