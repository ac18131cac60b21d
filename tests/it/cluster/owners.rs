//! What a session's requests are told when the node that has it dies, or stops in its tracks.

use std::{ffi::OsStr, net::SocketAddr, time::Duration};

use hubbub_tests::{
    client::Client,
    http::{EIO4, get, open, post},
    node::Node,
    polling::Polling,
    process::Cluster,
    redis_server::RedisServer,
    wire::{HANDSHAKE, Wire, request},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep, timeout},
};

/// How long the cluster believes in a node that does not answer.
const LEASE: Duration = Duration::from_secs(2);
/// The dead are buried twice a second or so, and asked for every second.
const SURELY: Duration = Duration::from_secs(2);

async fn two_nodes() -> Cluster {
    let lease = [("HUBBUB__PRESENCE__LEASE", OsStr::new("2s"))];
    spawn_blocking(move || Cluster::with(2, &lease)).await.expect("a cluster")
}

#[tokio::test]
async fn a_killed_owner_is_an_unknown_session_at_once() {
    let mut cluster = two_nodes().await;
    let [owner, other] = [cluster.addr(0), cluster.addr(1)];
    let pending = pending(owner, other).await;
    let (mut carried, path) = (carried(owner, other).await, format!("{EIO4}&sid={}", open(owner).await));
    cluster.kill(0);
    let killed = Instant::now();
    assert_eq!(pending.await.expect("the poll"), (400, json!(1)));
    carried.is_closed().await;
    for refusal in [get(other, &path).await.refusal(), post(other, &path, "40").await.refusal()] {
        assert_eq!(refusal, (400, json!(1)));
    }
    assert_eq!(upgrade(other, &path).await, "\"code\":1");
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
    Client::at(&other, "/").await.leave().await;
}

#[tokio::test]
async fn an_owner_that_stops_answering_is_an_unknown_session_when_its_lease_ends() {
    let cluster = two_nodes().await;
    let [owner, other] = [cluster.addr(0), cluster.addr(1)];
    let pending = pending(owner, other).await;
    let (mut carried, path) = (carried(owner, other).await, format!("{EIO4}&sid={}", open(owner).await));
    cluster.pause(0);
    let stopped = Instant::now();
    let (pending, (), polled, posted, upgraded) = tokio::join!(
        pending,
        carried.is_closed(),
        get(other, &path),
        post(other, &path, "40"),
        upgrade(other, &path)
    );
    for refusal in [pending.expect("the poll"), polled.refusal(), posted.refusal()] {
        assert_eq!(refusal, (400, json!(1)));
    }
    assert_eq!(upgraded, "\"code\":1");
    assert!(stopped.elapsed() < LEASE + SURELY, "{:?}", stopped.elapsed());

    let buried = Instant::now();
    assert_eq!(get(other, &path).await.refusal(), (400, json!(1)));
    assert!(buried.elapsed() < Duration::from_millis(500), "{:?}", buried.elapsed());

    cluster.resume(0);
    until_it_is_found(owner, other).await;
}

/// It goes on, makes itself known again, and serves new sessions through the other node.
async fn until_it_is_found(owner: SocketAddr, other: SocketAddr) {
    let resumed = Instant::now();
    let path = format!("{EIO4}&sid={}", open(owner).await);
    while post(other, &path, "40").await.status != 200 {
        assert!(resumed.elapsed() < Duration::from_secs(5), "it is not found again");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(get(other, &path).await.text().starts_with("40{"));
}

/// A poll through the other node that waits for something to hear.
async fn pending(owner: SocketAddr, other: SocketAddr) -> JoinHandle<(u16, Value)> {
    let path = format!("{EIO4}&sid={}", open(owner).await);
    post(other, &path, "40").await;
    assert!(get(other, &path).await.text().starts_with("40{"));
    let poll = tokio::spawn(async move { get(other, &path).await.refusal() });
    // Nothing tells from outside that it waits at the owner; were it too late, it would be refused all the same.
    sleep(Duration::from_millis(200)).await;
    poll
}

/// A WebSocket through the other node.
async fn carried(owner: SocketAddr, other: SocketAddr) -> Client {
    let mut carried = Client::upgrading(&other, &open(owner).await).await;
    carried.connect("/", &Value::Null).await;
    carried
}

/// Asks for a WebSocket, and gives the code of the refusal.
async fn upgrade(addr: SocketAddr, path: &str) -> String {
    let mut wire = Wire::to(addr).await;
    wire.says(&request("GET", &path.replace("polling", "websocket"), HANDSHAKE)).await;
    let answer = wire.hears("}").await;
    answer.split(['{', ',']).find(|part| part.starts_with("\"code\"")).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_owner_without_room_for_a_connection_is_no_unknown_session() {
    let redis = RedisServer::start();
    let full = Node::joined(&redis, "full", |config| config.http.max_connections = 4).await;
    let other = Node::joined(&redis, "other", |_| {}).await;
    let polling = Polling::open(full.addr(), false).await.by_way_of(other.addr());
    let mut idle = Vec::new();
    while full.ready().await == 200 {
        idle.push(TcpStream::connect(full.addr()).await.expect("a connection"));
    }
    assert_eq!(polling.tries(&["40"]).await.status, 502);
    drop(idle);
    let room = timeout(Duration::from_secs(5), async {
        while polling.tries(&["3"]).await.status != 200 {
            sleep(Duration::from_millis(50)).await;
        }
    });
    room.await.expect("the session is still there");
}
