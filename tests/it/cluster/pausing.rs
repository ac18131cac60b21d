//! A client that says more than Redis takes is read more slowly, and not cut off.

use std::time::Duration;

use hubbub_tests::{client::Client, node::Node, raw::Raw, redis_server::RedisServer};
use serde_json::json;
use tokio::time::sleep;

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const SAID: usize = 3_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_in_one_namespace_while_redis_is_slow_is_heard_out() {
    heard_out(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_in_two_namespaces_while_redis_is_slow_is_heard_out() {
    heard_out(&["42/ssio,[\"nonsense\"]"]).await;
}

/// Between any two messages the client says this too.
async fn heard_out(between: &[&str]) {
    let redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    let mut hearer = Client::at(&node, "/").await;
    let mut raw = Raw::websocket(node.addr(), WEBSOCKET).await;
    for connect in ["40", "40/ssio,"] {
        raw.say(&[connect]).await;
        raw.reads(&format!("{connect}{{\"sid\":")).await;
    }
    redis.pause();
    let speaking = tokio::spawn({
        let between: Vec<_> = between.iter().map(|packet| (*packet).to_owned()).collect();
        async move {
            for number in 0..SAID {
                let said = format!("42{}", json!(["message", number.to_string()]));
                raw.say(&[said.as_str()]).await;
                for packet in &between {
                    raw.say(&[packet.as_str()]).await;
                }
            }
            raw
        }
    });
    // Long enough to fill its mailbox, too short for Redis to be given up.
    sleep(Duration::from_millis(300)).await;
    redis.resume();
    for number in 0..SAID {
        hearer.hears("response", &[json!(number.to_string())]).await;
    }
    drop(speaking.await.expect("it said everything"));
}
