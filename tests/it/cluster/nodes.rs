//! Who is in the cluster: each node says so, counts it and logs who comes and goes.

use std::{ffi::OsStr, net::SocketAddr, time::Duration};

use hubbub_core::NodeId;
use hubbub_redis::{Options, connect};
use hubbub_tests::{http, node::Node, person::Person, process::Cluster, redis_cluster::RedisCluster};
use serde_json::{Value, json};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

/// How long a node that does not answer is believed to live.
const LEASE: Duration = Duration::from_secs(2);
/// By when everybody has noticed that it is over.
const NOTICED: Duration = Duration::from_millis(1_500);
const DEADLINE: Duration = Duration::from_secs(15);

#[tokio::test]
async fn nodes_see_each_other() {
    let cluster = nodes(2).await;
    for (node, other) in [(0, 1), (1, 0)] {
        sees(&cluster, node, &["node-1", "node-2"]).await;
        let all = list(cluster.admin(node)).await;
        let [me, them] = [node, other].map(|number| &all[number]);
        assert_eq!([&me["self"], &them["self"]], [true, false]);
        assert_eq!(them["address"], cluster.addr(other).to_string());
        let (lease, held) = (them["lease_ms"].as_u64(), them["held_ms"].as_u64());
        assert!(lease.is_some_and(|left| 0 < left && u128::from(left) <= LEASE.as_millis()), "{them}");
        assert!(held.is_some_and(|held| held < 60_000), "{them}");
    }
}

#[tokio::test]
async fn a_killed_node_is_seen_to_be_gone_when_its_lease_has_ended() {
    const PEOPLE: u64 = 20;
    let mut cluster = nodes(3).await;
    for node in 0..2 {
        sees(&cluster, node, &["node-1", "node-2", "node-3"]).await;
        assert_eq!(value(&cluster, node, "users_online").await, 0);
        for counter in [BURIED, FENCED, "presence_repairs_total"] {
            assert_eq!(value(&cluster, node, counter).await, 0, "{counter}");
        }
    }
    let (dying, mut people) = (cluster.addr(2), Vec::new());
    for number in 0..PEOPLE {
        people.push(Person::named(&dying, &format!("p{number}")).await);
    }
    assert_eq!(value(&cluster, 2, "users_online").await, PEOPLE);
    until("the others know how many it has", async || list(cluster.admin(0)).await[2]["people"] == PEOPLE)
        .await;
    cluster.kill(2);
    let killed = Instant::now();
    for node in 0..2 {
        sees(&cluster, node, &["node-1", "node-2"]).await;
        assert!(killed.elapsed() < LEASE + NOTICED, "after {:?}", killed.elapsed());
        logs(&cluster, node, &["a node was buried", "other=node-3", &format!("address={dying}")]).await;
    }
    let forgotten = async || !cluster.redis().cli(["HKEYS", "{h:p0}:about"]).contains("node-3");
    until("nothing is kept of it", forgotten).await;
    until("its people are counted once, by whoever said that they left", async || {
        value(&cluster, 0, BURIED).await + value(&cluster, 1, BURIED).await == PEOPLE
    })
    .await;
}

#[tokio::test]
async fn a_node_that_stops_for_longer_than_its_lease_is_fenced_and_comes_back() {
    let cluster = nodes(2).await;
    sees(&cluster, 0, &["node-1", "node-2"]).await;
    let before = list(cluster.admin(0)).await[1]["incarnation"].clone();
    cluster.pause(1);
    let paused = Instant::now();
    sees(&cluster, 0, &["node-1"]).await;
    assert!(paused.elapsed() < LEASE + NOTICED, "after {:?}", paused.elapsed());
    cluster.resume(1);
    for node in 0..2 {
        sees(&cluster, node, &["node-1", "node-2"]).await;
    }
    let after = list(cluster.admin(0)).await[1]["incarnation"].clone();
    assert_ne!(after, before);
    assert_eq!([value(&cluster, 0, FENCED).await, value(&cluster, 1, FENCED).await], [0, 1]);
    for incarnation in [before, after].iter().filter_map(Value::as_str) {
        logs(&cluster, 0, &["a node was born", "other=node-2", incarnation]).await;
    }
}

#[tokio::test]
async fn a_node_that_is_stopped_in_order_leaves_at_once_and_is_no_dead_one() {
    let cluster = nodes_with(2, &[("HUBBUB__DRAIN__DELAY", "0s"), ("HUBBUB__DRAIN__WINDOW", "0s")]).await;
    sees(&cluster, 0, &["node-1", "node-2"]).await;
    let stopped = Instant::now();
    cluster.stop(1);
    sees(&cluster, 0, &["node-1"]).await;
    logs(&cluster, 0, &["a node left", "other=node-2"]).await;
    assert!(stopped.elapsed() < LEASE, "after {:?}", stopped.elapsed());
    assert!(!cluster.log(0).contains("a node was buried"));
}

#[tokio::test]
async fn while_redis_is_away_nobody_knows_and_that_is_said_in_time() {
    let mut cluster = nodes(2).await;
    cluster.redis().pause();
    are_unavailable(&cluster).await;
    cluster.redis().resume();
    cluster.redis_mut().kill();
    are_unavailable(&cluster).await;
    cluster.redis_mut().restart();
    sees(&cluster, 0, &["node-1", "node-2"]).await;
}

async fn are_unavailable(cluster: &Cluster) {
    for path in ["/nodes", "/rooms/lobby/members"] {
        let asked = Instant::now();
        let answer = http::get(cluster.admin(0), path).await;
        let error: Value = serde_json::from_str(&answer.text()).expect("in JSON");
        assert_eq!((answer.status, &error["error"]["code"]), (503, &json!("unavailable")), "{error}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{path}: after {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn a_rooms_members_are_the_same_on_every_node() {
    let cluster = nodes(2).await;
    let (mut ann, mut bob) =
        (Person::in_lobby(&cluster.addr(0), "Ann").await, Person::in_lobby(&cluster.addr(1), "Bob").await);
    let mut expected = [(ann.id().to_owned(), "Ann"), (bob.id().to_owned(), "Bob")];
    expected.sort();
    let first = members(&cluster, 0, "lobby", "").await;
    assert_eq!(first, members(&cluster, 1, "lobby", "").await);
    assert_eq!((&first["room"], &first["count"], &first["next"]), (&json!("lobby"), &json!(2), &json!(null)));
    let listed = first["members"].as_array().expect("a list");
    let listed: Vec<_> = listed.iter().map(|who| (who["user"].as_str(), who["name"].as_str())).collect();
    assert_eq!(listed, expected.each_ref().map(|(user, name)| (Some(user.as_str()), Some(*name))));
    let names = members(&cluster, 1, "%40names", "").await;
    assert_eq!([&names["members"][0]["user"], &names["members"][1]["user"]], ["ann", "bob"]);
    ann.does("leave", json!({ "room": "lobby" })).await;
    let second = members(&cluster, 1, "lobby", "").await;
    assert_eq!((&second["members"][0]["name"], &second["count"]), (&json!("Bob"), &json!(1)));
    assert!(second["version"].as_u64() > first["version"].as_u64());
    bob.does("leave", json!({ "room": "lobby" })).await;
}

#[tokio::test]
async fn nodes_on_a_cluster_of_redis_see_each_other() {
    let redis = RedisCluster::start();
    let join = async |id| {
        let options = Options::new(redis.url(), NodeId::parse(id).expect("an id"));
        let id = options.node.clone();
        Node::on(connect(options).await.expect("a URL"), |config| config.node.id = id).await
    };
    let (one, two) = (join("one").await, join("two").await);
    for node in [&one, &two] {
        until("both are there", async || ids(node.admin()).await == ["one", "two"]).await;
        let all = list(node.admin()).await;
        let addresses = [&all[0]["address"], &all[1]["address"]];
        assert_eq!(addresses, [one.addr(), two.addr()].map(|addr| json!(addr.to_string())).each_ref());
    }
}

const BURIED: &str = "presence_buried_users_total";
const FENCED: &str = "presence_fenced_total";

async fn nodes(number: usize) -> Cluster {
    nodes_with(number, &[]).await
}

async fn nodes_with(number: usize, settings: &[(&'static str, &'static str)]) -> Cluster {
    let settings = [settings, &[("HUBBUB__PRESENCE__LEASE", "2s")]].concat();
    let start = move || {
        let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, OsStr::new(*value))).collect();
        Cluster::with(number, &settings)
    };
    spawn_blocking(start).await.expect("a cluster")
}

/// A node's `/nodes` has these and no others, now or soon, and it counts as many.
async fn sees(cluster: &Cluster, node: usize, expected: &[&str]) {
    until(&format!("{expected:?} are there"), async || {
        ids(cluster.admin(node)).await == expected
            && value(cluster, node, "cluster_nodes").await == expected.len() as u64
    })
    .await;
}

async fn ids(admin: SocketAddr) -> Vec<String> {
    list(admin).await.iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
}

/// What a node's `/nodes` has; nothing where it cannot tell.
async fn list(admin: SocketAddr) -> Vec<Value> {
    let answer: Value =
        serde_json::from_str(&http::get(admin, "/nodes").await.text()).expect("nodes in JSON");
    answer["nodes"].as_array().cloned().unwrap_or_default()
}

async fn members(cluster: &Cluster, node: usize, room: &str, query: &str) -> Value {
    let answer = http::get(cluster.admin(node), &format!("/rooms/{room}/members{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_str(&answer.text()).expect("members in JSON")
}

async fn value(cluster: &Cluster, node: usize, metric: &str) -> u64 {
    let metrics = http::get(cluster.admin(node), "/metrics").await.text();
    let start = format!("hubbub_{metric} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok());
    value.unwrap_or_else(|| panic!("no {metric} in\n{metrics}"))
}

/// One line of a node's log has all these words, now or soon; no second one does.
async fn logs(cluster: &Cluster, node: usize, words: &[&str]) {
    let lines = || {
        let log = cluster.log(node);
        log.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    };
    until(&format!("a line with {words:?}"), async || lines() > 0).await;
    assert_eq!(lines(), 1, "lines with {words:?}");
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waited = timeout(DEADLINE, async {
        while !is_so().await {
            sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "not so within {DEADLINE:?}: {what}");
}
