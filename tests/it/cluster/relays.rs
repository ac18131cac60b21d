//! A WebSocket through another node ends on both sides when either does.

use std::time::Duration;

use hubbub_tests::{client::Client, node::Node, polling::Polling, raw::Raw, redis_server::RedisServer};
use tokio::time::{sleep, timeout};

const CONNECTIONS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_ends_with_its_session_even_if_the_client_stays() {
    let redis = RedisServer::start();
    let one = Node::joined(&redis, "one", |_| {}).await;
    let two = Node::joined(&redis, "two", |config| config.http.max_connections = CONNECTIONS).await;
    let mut staying = Vec::new();
    for _ in 0..CONNECTIONS {
        let polling = Polling::open(one.addr(), false).await;
        let mut raw = Raw::websocket(two.addr(), &polling.upgrade()).await;
        raw.say(&["2probe"]).await;
        raw.reads("3probe").await;
        raw.say(&["5", "nonsense"]).await;
        staying.push(raw);
    }
    let room = timeout(Duration::from_secs(10), async {
        while two.ready().await != 200 {
            sleep(Duration::from_millis(50)).await;
        }
    });
    room.await.expect("there is room for others again");
    Client::at(&two, "/").await;
    drop(staying);
}
