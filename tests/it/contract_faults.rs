//! What Redis and the wire to it can do to a node short of going away: calls end in bounded time, nothing is half done,
//! and when it is over all is heard again, in order and once.

use std::{
    ffi::OsStr,
    time::{Duration, Instant},
};

use hubbub_core::{Arrival, Departure, Inbound, NodeId, RoomId, Subscription};
use hubbub_redis::{ConnectError, Options};
use hubbub_tests::{
    process::Cluster,
    proxy::Proxy,
    redis_server::{PASSWORD, RedisServer},
};

use crate::contract_world::{
    Node, claim, connect, draft, eventually, exit, node, node_with, options, position, room, show, within,
};

/// A call may take so long when Redis does not answer.
const BOUNDED: Duration = Duration::from_secs(6);

/// All is heard again so long after a Redis that refused works again.
const HEALED: Duration = Duration::from_secs(2);

/// And so long after a wire that lost everything is clear again.
const WHOLE: Duration = Duration::from_secs(7);

fn lobby() -> RoomId {
    room("lobby")
}

/// A Redis, a node that reaches it through a wire of ours, and one that reaches it directly. Both listen.
struct Stage {
    server: RedisServer,
    wire: Proxy,
    far: Node,
    near: Node,
    _listening: [Subscription; 2],
}

impl Stage {
    async fn set() -> Self {
        Self::with(|options| options).await
    }

    async fn with(choose: impl Fn(Options) -> Options) -> Self {
        let server = RedisServer::start_with_tcp();
        let wire = Proxy::to(server.address()).await;
        let url = RedisServer::url_at(wire.addr());
        // What is missing is looked for because something ended, not because it is time again.
        let options = Options { sweep: Duration::from_hours(1), ..options(&server) };
        let far = node_with(choose(Options { url, node: NodeId::random(), ..options.clone() })).await;
        let near = node_with(choose(options)).await;
        let listening = [far.listen(&lobby()).await, near.listen(&lobby()).await];
        Self { server, wire, far, near, _listening: listening }
    }

    /// Says the numbers, beside the wire.
    async fn say(&self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            self.near.say(&lobby(), &number.to_string()).await;
        }
    }
}

/// Exactly these, in this order; that presence may be missing does not matter here.
async fn hears(node: &mut Node, texts: impl IntoIterator<Item = String>) {
    for text in texts {
        loop {
            match node.next().await {
                Inbound::PresenceGap { .. } => {}
                heard => {
                    assert_eq!(show(&heard), format!("ann: {text}"));
                    break;
                }
            }
        }
    }
}

fn numbers(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(|number| number.to_string())
}

/// Saying it fails, within the bound.
async fn is_refused(node: &Node, text: &str) -> String {
    let begun = Instant::now();
    let refused = node.backplane.broker.publish(draft(&lobby(), text, text)).await;
    assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
    refused.expect_err("it was said").to_string()
}

/// Since it was over, all is heard again.
fn took(healed: Instant, bound: Duration) {
    let took = healed.elapsed();
    eprintln!("healed {took:?} after it was over");
    assert!(took < bound, "{took:?}");
}

/// The node has noticed.
async fn knows(node: &Node) {
    let begun = Instant::now();
    eventually("the node knows", async || !node.backplane.cluster.healthy()).await;
    assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_wire_that_loses_everything_is_given_up_and_a_new_one_tells_the_rest() {
    let mut stage = Stage::set().await;
    stage.say(0..20).await;
    hears(&mut stage.far, numbers(0..20)).await;
    stage.wire.black_hole();
    stage.say(20..40).await;
    is_refused(&stage.far, "lost").await;
    knows(&stage.far).await;
    stage.say(40..60).await;

    stage.wire.heal();
    let healed = Instant::now();
    hears(&mut stage.far, numbers(20..60)).await;
    took(healed, WHOLE);
    stage.far.say(&lobby(), "found").await;
    hears(&mut stage.far, ["found".into()]).await;
    hears(&mut stage.near, numbers(0..60).chain(["found".into()])).await;
}

#[tokio::test]
async fn what_arrived_though_its_answer_was_lost_is_said_once() {
    let mut stage = Stage::set().await;
    stage.wire.black_hole_answers();
    is_refused(&stage.far, "once").await;
    hears(&mut stage.near, ["once".into()]).await;

    stage.wire.heal();
    let healed = Instant::now();
    let again = async || stage.far.backplane.broker.publish(draft(&lobby(), "once", "once")).await;
    eventually("the retry is answered", async || again().await.is_ok_and(|receipt| receipt.duplicate)).await;
    hears(&mut stage.far, ["once".into()]).await;
    took(healed, WHOLE);
    stage.far.say(&lobby(), "next").await;
    for node in [&mut stage.far, &mut stage.near] {
        hears(node, ["next".into()]).await;
    }
}

#[tokio::test]
async fn a_wire_that_stands_still_for_a_moment_loses_nothing() {
    let mut stage = Stage::set().await;
    stage.wire.stall();
    stage.say(0..20).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stage.wire.heal();
    hears(&mut stage.far, numbers(0..20)).await;
    assert!(stage.far.backplane.cluster.healthy(), "nobody was cut off");
}

#[tokio::test]
async fn a_wire_that_is_cut_again_and_again_loses_nothing() {
    let mut stage = Stage::set().await;
    for round in 0..10 {
        stage.say(round * 10..round * 10 + 5).await;
        stage.wire.cut();
        stage.say(round * 10 + 5..round * 10 + 10).await;
    }
    hears(&mut stage.far, numbers(0..100)).await;
}

#[tokio::test]
async fn a_listener_that_redis_kicks_for_reading_too_slowly_hears_all_the_rest() {
    const MESSAGES: usize = 6_000;
    let mut stage = Stage::with(|options| Options { history_length: MESSAGES, ..options }).await;
    stage.server.cli(["CONFIG", "SET", "client-output-buffer-limit", "pubsub 64kb 32kb 1"]);
    stage.wire.stall();
    // More than all the buffers between them hold.
    let text = "x".repeat(2_000);
    for start in (0..MESSAGES).step_by(100) {
        let said = (start..start + 100).map(|number| {
            let draft = draft(&lobby(), &text, &number.to_string());
            stage.near.backplane.broker.publish(draft)
        });
        for receipt in futures_util::future::join_all(said).await {
            receipt.expect("a receipt");
        }
    }
    let channel = "{room:lobby}:c";
    eventually("one of them is kicked", async || {
        stage.server.cli(["PUBSUB", "NUMSUB", channel]) == format!("{channel}\n1")
    })
    .await;
    hears_positions(&mut stage.near, MESSAGES).await;
    stage.wire.heal();
    hears_positions(&mut stage.far, MESSAGES).await;
}

/// So many messages, whatever they say, without a hole or a repeat.
async fn hears_positions(node: &mut Node, count: usize) {
    let mut last = 0;
    while last < count as u64 {
        match node.next().await {
            Inbound::Heard(envelope) => {
                assert_eq!(position(&envelope).seq, last + 1);
                last += 1;
            }
            Inbound::PresenceGap { .. } => {}
            gap @ Inbound::Gap { .. } => panic!("{} after {last}", show(&gap)),
        }
    }
}

/// A Redis that becomes a replica of nobody who answers, with this setting, and a master again.
async fn is_demoted(setting: &str) {
    let server = RedisServer::start();
    let mut node = node(&server).await;
    let _listening = node.listen(&lobby()).await;
    node.say(&lobby(), "before").await;
    server.cli(["CONFIG", "SET", "replica-serve-stale-data", setting]);
    server.cli(["REPLICAOF", "127.0.0.1", "1"]);
    is_refused(&node, "lost").await;
    knows(&node).await;
    assert!(is_refused(&node, "lost").await.contains("not the master"));
    assert!(within("an answer", node.backplane.presence.enter(claim(&lobby(), "ann"))).await.is_err());

    server.cli(["REPLICAOF", "NO", "ONE"]);
    let healed = Instant::now();
    node.is_healthy().await;
    node.say(&lobby(), "after").await;
    hears(&mut node, ["before".into(), "after".into()]).await;
    took(healed, HEALED);
}

#[tokio::test]
async fn a_master_that_becomes_a_replica_is_not_taken_for_one() {
    is_demoted("yes").await;
}

#[tokio::test]
async fn a_replica_without_its_master_is_not_taken_for_one() {
    is_demoted("no").await;
}

#[tokio::test]
async fn a_redis_that_is_loading_its_data_is_waited_for() {
    let mut server = RedisServer::start();
    let mut node = node(&server).await;
    let _listening = node.listen(&lobby()).await;
    let before = node.say(&lobby(), "before").await.position;
    hears(&mut node, ["before".into()]).await;
    // It looks up from its work after every 1,024th.
    server.cli(["EVAL", "for key = 1, 49152 do redis.call('SET', 'some' .. key, 'thing') end", "0"]);
    server.launch(&["--key-load-delay", "250"]);
    eventually("it is loading", async || server.cli(["PING"]).starts_with("LOADING")).await;
    eventually("it says why", async || is_refused(&node, "lost").await.contains("loading")).await;
    assert!(!node.backplane.cluster.healthy());

    eventually("it has loaded", async || server.cli(["PING"]) == "PONG").await;
    let healed = Instant::now();
    node.is_healthy().await;
    let after = node.say(&lobby(), "after").await.position;
    assert!(after.epoch > before.epoch && after.seq == before.seq + 1);
    assert_eq!(node.hear_until("ann: after").await.iter().filter(|heard| *heard == "gap lobby").count(), 1);
    took(healed, HEALED);
}

#[tokio::test]
async fn a_full_redis_refuses_what_is_said_and_who_comes_and_still_lets_people_go() {
    let server = RedisServer::start();
    let (mut node, mut dying) = (node(&server).await, node(&server).await);
    node.live();
    dying.live();
    let _listening = node.listen(&lobby()).await;
    let (ann, bob) = (claim(&lobby(), "ann"), claim(&lobby(), "bob"));
    node.enter(ann.clone()).await;
    dying.enter(bob).await;
    let before = node.say(&lobby(), "before").await.position;
    node.hear_until("ann: before").await;

    server.cli(["CONFIG", "SET", "maxmemory", "1mb"]);
    for place in [lobby(), room("never seen before")] {
        for number in 0..20 {
            let key = number.to_string();
            let refused = node.backplane.broker.publish(draft(&place, "lost", &key)).await;
            assert!(refused.expect_err("it was said").to_string().contains("OOM"));
        }
    }
    assert!(node.backplane.presence.enter(claim(&lobby(), "cy")).await.is_err());
    assert!(matches!(node.leave(exit(&ann)).await, Departure::Last { .. }));
    assert_eq!(node.hear().await, "-ann");
    dying.freeze();
    assert_eq!(node.hear().await, "-bob", "the dead are buried");
    assert!(node.backplane.cluster.healthy());

    server.cli(["CONFIG", "SET", "maxmemory", "0"]);
    let after = node.say(&lobby(), "after").await.position;
    assert_eq!((after.epoch, after.seq), (before.epoch, before.seq + 1), "no refused one took a position");
    assert_eq!(node.hear().await, "ann: after");
    let recent = node.backplane.broker.recent(&lobby(), 100).await.expect("recent messages");
    assert_eq!(recent.envelopes.iter().map(position).collect::<Vec<_>>(), [before, after]);
    assert!(matches!(node.enter(claim(&lobby(), "ann")).await, Arrival::First { .. }));
}

#[tokio::test]
async fn a_node_whose_lease_ends_while_redis_is_full_is_none_of_the_dead() {
    let server = RedisServer::start();
    let (mut one, mut other) = (node(&server).await, node(&server).await);
    one.live();
    other.live();
    let _listening = one.listen(&lobby()).await;
    other.enter(claim(&lobby(), "bob")).await;
    assert_eq!(one.hear().await, "+bob");
    server.cli(["CONFIG", "SET", "maxmemory", "1mb"]);
    tokio::time::sleep(options(&server).lease * 2).await;
    server.cli(["CONFIG", "SET", "maxmemory", "0"]);
    one.say(&lobby(), "next").await;
    assert_eq!(one.hear().await, "ann: next");
    assert_eq!(one.users(&lobby()).await, ["bob"]);
}

#[tokio::test]
async fn a_wrong_password_is_said_without_repeating_it_and_a_right_one_is_taken_up() {
    let server = RedisServer::start();
    server.cli(["ACL", "SETUSER", "hubbub", "resetpass", ">another"]);
    let failed = hubbub_redis::connect(Options { fail_fast: true, ..options(&server) }).await;
    let Err(error @ ConnectError::Unreachable(_)) = failed else { panic!("it was let in") };
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("assword") && !shown.contains(PASSWORD), "{shown}");

    let mut node = connect(options(&server)).await;
    assert!(is_refused(&node, "lost").await.contains("assword"));
    assert!(!node.backplane.cluster.healthy());
    server.cli(["ACL", "SETUSER", "hubbub", &format!(">{PASSWORD}")]);
    let healed = Instant::now();
    node.is_healthy().await;
    let _listening = node.listen(&lobby()).await;
    node.say(&lobby(), "let in").await;
    hears(&mut node, ["let in".into()]).await;
    took(healed, HEALED);
}

#[tokio::test]
async fn a_password_that_was_changed_under_a_node_is_logged_and_taken_up_when_it_is_right_again() {
    let cluster =
        tokio::task::spawn_blocking(|| Cluster::with(1, &[("HUBBUB__LOG__LEVEL", OsStr::new("info"))]));
    let cluster = cluster.await.expect("a cluster");
    cluster.redis().cli(["ACL", "SETUSER", "hubbub", "resetpass", ">another"]);
    cluster.redis().cli(["CLIENT", "KILL", "USER", "hubbub"]);
    let says_why = |line: &str| line.contains("not connected to redis") && line.contains("assword");
    eventually("it says so", async || cluster.log(0).lines().any(says_why)).await;
    cluster.redis().cli(["ACL", "SETUSER", "hubbub", &format!(">{PASSWORD}")]);
    eventually("it is back", async || cluster.log(0).matches("connected to redis\n").count() == 2).await;
    let log = cluster.log(0);
    assert!(!log.contains(PASSWORD), "{log}");
}

#[tokio::test]
async fn what_was_acknowledged_before_a_restart_is_heard_after_it() {
    let mut stage = Stage::set().await;
    stage.say(0..5).await;
    hears(&mut stage.far, numbers(0..5)).await;
    stage.wire.stall();
    stage.say(5..10).await;
    stage.server.restart();
    stage.wire.cut();
    stage.wire.heal();
    stage.near.say(&lobby(), "after").await;
    let mut heard = stage.far.hear_until("ann: after").await;
    heard.retain(|heard| !heard.starts_with("presence"));
    assert_eq!(heard, ["ann: 5", "ann: 6", "ann: 7", "ann: 8", "ann: 9", "gap lobby"]);
}
