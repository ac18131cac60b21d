//! What a node counts adds up. Alone in its process, for the counters are the process's.

use std::time::Duration;

use futures_util::future::join_all;
use hubbub_core::{Backplane, Claim, Exit, Name, NodeId, RoomId, SessionId, UserId};
use hubbub_redis::{Options, connect};
use hubbub_tests::{client::Client, node::Node, redis_server::RedisServer};
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

#[tokio::test]
async fn who_leaves_with_their_node_or_after_their_grace_was_not_buried() {
    let (node, redis) = (Node::start().await, RedisServer::start());
    let (staying, going) = (joined(&redis).await, joined(&redis).await);
    let people = ["ann", "bob", "cy"].map(claim);
    for claim in people.clone() {
        going.presence.enter(claim).await.expect("an arrival");
    }
    let [Claim { room, user, session, .. }, ..] = people;
    let lost = Exit { room, user, session, grace: Duration::from_millis(50) };
    going.presence.leave(lost).await.expect("a departure");
    going.presence.resign().await.expect("to resign");
    beats_until(&staying, "everyone has left", async || users(&staying).await.is_empty()).await;
    assert_eq!(sum(&node.metrics().await, "hubbub_presence_buried_users_total "), 0);
}

#[tokio::test]
async fn each_difference_that_is_put_right_is_counted_once() {
    let (node, redis) = (Node::start().await, RedisServer::start());
    let joined = joined(&redis).await;
    joined.presence.enter(claim("ann")).await.expect("an arrival");
    joined.presence.heartbeat().await.expect("a heartbeat");
    assert_eq!(sum(&node.metrics().await, REPAIRS), 0);
    let held = format!("{{h:p0}}:n:{}", redis.cli(["ZRANGE", "{h:p0}:nodes", "0", "-1"]));
    redis.cli(["SREM", &held, "lobby\nann"]);
    redis.cli(["HDEL", "{h:p0}:r:lobby", "uann"]);
    redis.cli(["SADD", &held, "lobby\neve"]);
    beats_until(&joined, "she is back", async || users(&joined).await == ["ann"]).await;
    sleep(REPAIR * 2).await;
    joined.presence.heartbeat().await.expect("a heartbeat");
    assert_eq!(sum(&node.metrics().await, REPAIRS), 2);
}

#[tokio::test]
async fn a_lease_that_many_find_lost_was_lost_once() {
    let (node, redis) = (Node::start().await, RedisServer::start());
    let joined = joined(&redis).await;
    redis.cli(["FLUSHALL"]);
    // It can see that the lease is gone, and cannot begin another one.
    redis.cli(["ACL", "SETUSER", "hubbub", "-zadd"]);
    let entering = ["ann", "bob", "cy"].map(|name| joined.presence.enter(claim(name)));
    for entered in join_all(entering).await {
        entered.expect_err("no lease");
    }
    redis.cli(["ACL", "SETUSER", "hubbub", "+zadd"]);
    joined.presence.enter(claim("ann")).await.expect("an arrival");
    assert_eq!(sum(&node.metrics().await, "hubbub_presence_fenced_total "), 1);
}

const REPAIRS: &str = "hubbub_presence_repairs_total ";
const REPAIR: Duration = Duration::from_millis(50);

async fn joined(redis: &RedisServer) -> Backplane {
    let options = Options { repair: REPAIR, ..Options::new(redis.url(), NodeId::random()) };
    let backplane = connect(options).await.expect("a backplane");
    backplane.presence.heartbeat().await.expect("a heartbeat");
    backplane
}

fn claim(name: &str) -> Claim {
    Claim {
        room: RoomId::parse("lobby").expect("a room"),
        user: UserId::new(name),
        name: Name::parse(name).expect("a name"),
        subject: None,
        session: SessionId::random(),
        renames: false,
        grace: Duration::ZERO,
    }
}

async fn users(backplane: &Backplane) -> Vec<String> {
    let lobby = RoomId::parse("lobby").expect("a room");
    let occupancy = backplane.presence.occupants(&lobby).await.expect("occupants");
    occupancy.occupants.iter().map(|who| who.user.to_string()).collect()
}

/// The node's heart beats until it is so.
async fn beats_until(backplane: &Backplane, what: &str, is_so: impl AsyncFn() -> bool) {
    let waited = timeout(Duration::from_secs(10), async {
        while !is_so().await {
            backplane.presence.heartbeat().await.expect("a heartbeat");
            sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(waited.await.is_ok(), "not so in time: {what}");
}

/// The sum of a metric over its labels.
fn sum(metrics: &str, start: &str) -> i64 {
    let values = metrics.lines().filter(|line| line.starts_with(start));
    values.filter_map(|line| line.rsplit_once(' ')?.1.parse::<i64>().ok()).sum()
}
