//! Who vanishes without a word is gone from presence within the heartbeat's bounds.

use std::time::Duration;

use hubbub_gateway::config::{Size, Span};
use hubbub_tests::{client::Client, node::Node, raw::Raw, redis_server::RedisServer};
use serde_json::json;
use tokio::time::Instant;

use crate::watcher::Watcher;

const INTERVAL: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_millis(300);
/// For a machine that has other things to do.
const SLACK: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polling_client_that_vanishes_leaves_within_a_heartbeat() {
    let redis = RedisServer::start();
    let (one, two) = nodes(&redis).await;
    let mut ann = Watcher::at(&two, "Ann").await;
    for (older, polls) in [(false, 0), (false, 5), (true, 0), (true, 5)] {
        let mut client = Client::polls(&one, older).await;
        client.say("addUser", &[json!("Ghost")]).await;
        for _ in 0..polls {
            let heard = client.session().hears().await.expect("an answer");
            if heard.iter().any(|packet| packet == "2") {
                client.send("3").await;
            } else if older {
                client.send("2").await;
            }
        }
        vanishes(&mut ann).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_that_is_neither_read_nor_closed_leaves_within_a_heartbeat() {
    let redis = RedisServer::start();
    let (one, two) = nodes(&redis).await;
    let (mut ann, mut bob) = (Watcher::at(&two, "Ann").await, Watcher::at(&two, "Bob").await);
    for path in ["/socket.io/?EIO=4&transport=websocket", "/socket.io/?EIO=3&transport=websocket"] {
        let mut stalled = Raw::narrow(one.addr(), path).await;
        if path.contains("EIO=4") {
            stalled.say(&["40"]).await;
        }
        stalled.reads("40").await;
        stalled.say(&["42[\"addUser\",\"Ghost\"]"]).await;
        // More than its socket takes, less than its outbox.
        for _ in 0..170 {
            bob.says("x".repeat(30_000)).await;
        }
        vanishes(&mut ann).await;
        drop(stalled);
    }
}

/// One whose heartbeat is short, and another for who watches.
async fn nodes(redis: &RedisServer) -> (Node, Node) {
    let one = Node::joined(redis, "one", |config| {
        (config.socketio.ping_interval, config.socketio.ping_timeout) = (Span(INTERVAL), Span(TIMEOUT));
        config.socketio.outbox = Size::mib(8);
    });
    (one.await, Node::joined(redis, "two", |_| {}).await)
}

async fn vanishes(watcher: &mut Watcher) {
    watcher.hears_from("Server", "Ghost has connected").await;
    let began = Instant::now();
    watcher.hears_from("Server", "Ghost has disconnected.").await;
    let took = began.elapsed();
    assert!(took <= INTERVAL + TIMEOUT + SLACK, "it took {took:?}");
}
