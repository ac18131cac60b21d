//! Presence over several nodes: the truth, also when nodes die and Redis forgets.

use std::time::Duration;

use hubbub_core::{Arrival, Claim, Departure, Exit, NodeId, RoomId};
use hubbub_redis::Options;
use hubbub_tests::redis_server::RedisServer;

use crate::contract_world::{Node, claim, connect, eventually, exit, node, node_with, options, room, within};

fn lobby() -> RoomId {
    room("lobby")
}

async fn living(server: &RedisServer) -> Node {
    let mut node = node(server).await;
    node.live();
    node
}

#[tokio::test]
async fn a_name_on_two_nodes_is_one_person() {
    let server = RedisServer::start();
    let (mut a, mut b) = (node(&server).await, node(&server).await);
    let _listening = (a.listen(&lobby()).await, b.listen(&lobby()).await);
    let (here, there) = (claim(&lobby(), "ann"), claim(&lobby(), "ann"));
    assert!(matches!(a.enter(here.clone()).await, Arrival::First { count: 1, .. }));
    assert!(matches!(b.enter(there.clone()).await, Arrival::Again { count: 1, .. }));
    assert_eq!(a.devices(&lobby()).await, [("ann".to_owned(), 2)]);
    assert_eq!(a.leave(exit(&here)).await, Departure::Silent);
    assert_eq!(b.devices(&lobby()).await, [("ann".to_owned(), 1)]);
    assert!(matches!(b.leave(exit(&there)).await, Departure::Last { .. }));
    for node in [&mut a, &mut b] {
        assert_eq!(node.hear_until("-ann").await, ["+ann", "ann x2", "ann x1"]);
    }
}

#[tokio::test]
async fn a_thousand_racing_claims_on_three_nodes_have_one_winner() {
    let server = RedisServer::start();
    let nodes = [node(&server).await, node(&server).await, node(&server).await];
    let claims = (0..1_000).map(|number| {
        let subject = Some(format!("user {number}"));
        nodes[number % 3].enter(Claim { subject, ..claim(&RoomId::names(), "ann") })
    });
    let arrivals = futures_util::future::join_all(claims).await;
    let firsts = arrivals.iter().filter(|arrival| matches!(arrival, Arrival::First { .. })).count();
    let taken = arrivals.iter().filter(|arrival| **arrival == Arrival::Taken).count();
    assert_eq!((firsts, taken), (1, 999));
}

#[tokio::test]
async fn eight_nodes_bury_a_dead_one_and_each_of_its_people_leaves_once() {
    const PEOPLE: usize = 1_000;
    let server = RedisServer::start();
    let mut watching = living(&server).await;
    let mut others = Vec::new();
    for _ in 0..7 {
        others.push(living(&server).await);
    }
    let _listening = watching.listen(&lobby()).await;
    let mut dying = living(&server).await;
    let entering = (0..PEOPLE).map(|number| dying.enter(claim(&lobby(), &format!("user {number}"))));
    futures_util::future::join_all(entering).await;
    watching.enter(claim(&lobby(), "user 7")).await;
    assert_eq!(watching.hear_until("user 7 x2").await.len(), PEOPLE);

    dying.freeze();
    let mut heard = Vec::new();
    for _ in 0..PEOPLE {
        heard.push(watching.hear().await);
    }
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), PEOPLE);
    assert_eq!(heard.iter().filter(|heard| heard.starts_with('-')).count(), PEOPLE - 1);
    assert!(heard.contains(&"user 7 x1".to_owned()), "she has one device left");
    assert_eq!(watching.users(&lobby()).await, ["user 7"]);
    watching.enter(claim(&lobby(), "last")).await;
    assert_eq!(watching.hear().await, "+last", "nothing was said twice");
}

#[tokio::test]
async fn a_node_that_was_thought_dead_comes_back_with_its_people() {
    let server = RedisServer::start();
    let mut watching = living(&server).await;
    let _listening = watching.listen(&lobby()).await;
    let mut paused = living(&server).await;
    let ann = claim(&lobby(), "ann");
    paused.enter(ann.clone()).await;
    assert_eq!(watching.hear().await, "+ann");
    paused.freeze();
    assert_eq!(watching.hear().await, "-ann");
    paused.live();
    assert_eq!(watching.hear().await, "+ann");
    paused.leave(exit(&ann)).await;
    assert_eq!(watching.hear().await, "-ann");
}

#[tokio::test]
async fn someone_who_enters_on_a_node_that_lost_its_lease_enters_all_the_same() {
    let server = RedisServer::start();
    let node = node(&server).await;
    let Arrival::First { version: before, .. } = node.enter(claim(&lobby(), "ann")).await else {
        panic!("not the first");
    };
    server.cli(["FLUSHALL"]);
    let Arrival::First { version: after, .. } = node.enter(claim(&lobby(), "bob")).await else {
        panic!("not the first");
    };
    assert!(after > before + 1, "versions never count backwards");
    assert_eq!(node.users(&lobby()).await, ["ann", "bob"]);
}

#[tokio::test]
async fn after_redis_lost_its_data_everyone_is_there_again() {
    let server = RedisServer::start();
    let (a, b) = (living(&server).await, living(&server).await);
    for number in 0..300 {
        let node = if number % 2 == 0 { &a } else { &b };
        node.enter(claim(&lobby(), &format!("user {number}"))).await;
    }
    let before = a.backplane.presence.occupants(&lobby()).await.expect("occupants");
    server.cli(["FLUSHALL"]);
    eventually("everyone is back", async || {
        let after = b.backplane.presence.occupants(&lobby()).await.expect("occupants");
        assert!(after.version > before.version, "versions never count backwards");
        after.occupants == before.occupants
    })
    .await;
}

#[tokio::test]
async fn a_room_that_was_lost_while_it_emptied_is_newer_than_what_was_known_of_it() {
    let server = RedisServer::start();
    let mut node = node(&server).await;
    let _listening = node.listen(&lobby()).await;
    node.enter(claim(&lobby(), "ann")).await;
    let before = node.backplane.presence.occupants(&lobby()).await.expect("occupants");
    assert_eq!(node.hear().await, "+ann");
    server.cli(["FLUSHALL"]);
    let mut heard = [node.hear().await, node.hear().await];
    heard.sort();
    assert_eq!(heard, ["gap lobby", "presence gap lobby"]);
    let after = node.backplane.presence.occupants(&lobby()).await.expect("occupants");
    assert!(after.version > before.version && after.occupants.is_empty());
}

#[tokio::test]
async fn when_redis_was_away_for_long_only_the_dead_are_buried_for_it() {
    let server = RedisServer::start();
    let mut a = living(&server).await;
    let others = [living(&server).await, living(&server).await, living(&server).await];
    let mut dead = living(&server).await;
    let _listening = a.listen(&lobby()).await;
    a.enter(claim(&lobby(), "ann")).await;
    for (node, user) in others.iter().zip(["bob", "cy", "eve"]) {
        node.enter(claim(&lobby(), user)).await;
    }
    dead.enter(claim(&lobby(), "dan")).await;
    assert_eq!(a.hear_until("+dan").await, ["+ann", "+bob", "+cy", "+eve"]);
    server.pause();
    dead.freeze();
    tokio::time::sleep(options(&server).lease * 2).await;
    server.resume();
    let heard = a.hear_until("-dan").await;
    assert!(heard.iter().all(|heard| heard == "presence gap lobby"), "{heard:?}");
    assert_eq!(a.users(&lobby()).await, ["ann", "bob", "cy", "eve"]);
}

#[tokio::test]
async fn a_leave_while_redis_is_away_is_announced_when_it_is_back() {
    let mut server = RedisServer::start();
    let mut node = living(&server).await;
    let _listening = node.listen(&lobby()).await;
    let ann = claim(&lobby(), "ann");
    node.enter(ann.clone()).await;
    node.enter(claim(&lobby(), "bob")).await;
    assert_eq!([node.hear().await, node.hear().await], ["+ann", "+bob"]);
    server.kill();
    assert_eq!(node.leave(exit(&ann)).await, Departure::Silent);
    server.restart();
    eventually("she has left", async || node.users(&lobby()).await == ["bob"]).await;
    // She left before the node listened again, or after it.
    node.is_healthy().await;
    node.enter(claim(&lobby(), "cy")).await;
    let heard = node.hear_until("+cy").await;
    assert!(heard.iter().any(|heard| heard == "-ann" || heard == "presence gap lobby"), "{heard:?}");
}

#[tokio::test]
async fn an_enter_that_failed_leaves_nothing_behind() {
    let server = RedisServer::start();
    // Nothing that is left behind goes with the lease.
    let lease = Duration::from_mins(1);
    let mut node = node_with(Options { lease, ..options(&server) }).await;
    node.live();
    let _listening = node.listen(&lobby()).await;
    node.enter(claim(&lobby(), "bob")).await;
    let ann = claim(&lobby(), "ann");
    // It arrives, but nobody is there any more to hear the answer.
    server.pause();
    assert!(node.backplane.presence.enter(ann.clone()).await.is_err());
    server.resume();
    eventually("she is not there", async || {
        node.is_healthy().await;
        node.users(&lobby()).await == ["bob"] && server.cli(["SMEMBERS", &held(&server)]) == "lobby\nbob"
    })
    .await;
    node.enter(ann).await;
    assert_eq!(node.users(&lobby()).await, ["ann", "bob"]);
    node.hear().await;
}

/// The key of what the only incarnation holds.
fn held(server: &RedisServer) -> String {
    format!("{{h:p0}}:n:{}", server.cli(["ZRANGE", "{h:p0}:nodes", "0", "-1"]))
}

#[tokio::test]
async fn a_call_that_is_given_up_halfway_leaves_nothing_behind() {
    let server = RedisServer::start();
    let node = living(&server).await;
    node.enter(claim(&lobby(), "bob")).await;
    for number in 0..50 {
        let ann = claim(&lobby(), "ann");
        let patience = Duration::from_micros(20 * number);
        let entered = tokio::time::timeout(patience, node.backplane.presence.enter(ann.clone())).await;
        if entered.is_ok() {
            node.leave(exit(&ann)).await;
        }
    }
    eventually("she is not there", async || server.cli(["SMEMBERS", &held(&server)]) == "lobby\nbob").await;
    assert_eq!(node.users(&lobby()).await, ["bob"]);
}

#[tokio::test]
async fn a_node_that_resigns_takes_its_people_and_its_address_along() {
    let server = RedisServer::start();
    let mut watching = living(&server).await;
    let _listening = watching.listen(&lobby()).await;
    let id = NodeId::random();
    let mut going = node_with(Options { node: id.clone(), ..options(&server) }).await;
    going.live();
    going.backplane.cluster.advertise(&id, Some("10.0.0.1:8080".into()), 8080).await.expect("to advertise");
    for number in 0..400 {
        going.enter(claim(&lobby(), &format!("user {number}"))).await;
    }
    for _ in 0..400 {
        assert!(watching.hear().await.starts_with('+'));
    }
    within("resignation", going.backplane.presence.resign()).await.expect("to resign");
    assert!(watching.users(&lobby()).await.is_empty());
    for _ in 0..400 {
        assert!(watching.hear().await.starts_with('-'));
    }
    assert!(going.backplane.presence.enter(claim(&lobby(), "late")).await.is_err());
    eventually("it has no address", async || {
        watching.backplane.cluster.address(&id).await.expect("an answer").is_none()
    })
    .await;
    assert_eq!(server.cli(["ZCARD", "{h:p0}:dead"]), "0");
}

#[tokio::test]
async fn who_is_still_there_when_a_node_resigns_has_their_grace() {
    let server = RedisServer::start();
    let mut watching = living(&server).await;
    let _listening = watching.listen(&lobby()).await;
    let going = living(&server).await;
    let ann = Claim { grace: Duration::from_mins(1), ..claim(&lobby(), "ann") };
    let bob = Claim { grace: Duration::from_millis(200), ..claim(&lobby(), "bob") };
    for one in [&ann, &bob, &claim(&lobby(), "cy")] {
        going.enter(one.clone()).await;
    }
    within("resignation", going.backplane.presence.resign()).await.expect("to resign");
    let mut heard = watching.hear_until("-bob").await;
    heard.sort();
    assert_eq!(heard, ["+ann", "+bob", "+cy", "-cy", "ann x0", "bob x0"]);
    assert!(matches!(watching.enter(claim(&lobby(), "ann")).await, Arrival::Again { count: 1, .. }));
}

#[tokio::test]
async fn a_leave_with_grace_is_held_back_and_coming_back_unsays_it() {
    let server = RedisServer::start();
    let (mut a, b) = (living(&server).await, living(&server).await);
    let _listening = a.listen(&lobby()).await;
    let after = |grace, claim: &Claim| Exit { grace: Duration::from_millis(grace), ..exit(claim) };

    let (ann, bob) = (claim(&lobby(), "ann"), claim(&lobby(), "bob"));
    a.enter(ann.clone()).await;
    a.enter(bob.clone()).await;
    assert_eq!(a.leave(after(300, &ann)).await, Departure::Silent);
    assert_eq!(a.leave(after(600, &bob)).await, Departure::Silent);
    assert_eq!(a.users(&lobby()).await, ["ann", "bob"]);
    let back = claim(&lobby(), "ann");
    assert!(matches!(b.enter(back.clone()).await, Arrival::Again { .. }));
    assert_eq!(a.hear_until("-bob").await, ["+ann", "+bob", "ann x0", "bob x0", "ann x1"]);
    assert_eq!(b.leave(after(1, &back)).await, Departure::Silent);
    assert_eq!([a.hear().await, a.hear().await], ["ann x0", "-ann"]);
    assert!(a.users(&lobby()).await.is_empty());
    assert_eq!(server.cli(["ZCARD", "{h:p0}:grace"]), "0");
}

#[tokio::test]
async fn a_leave_with_grace_while_redis_is_away_keeps_its_grace() {
    let mut server = RedisServer::start();
    let lease = Duration::from_mins(1);
    let mut node = node_with(Options { lease, ..options(&server) }).await;
    node.live();
    let ann = claim(&lobby(), "ann");
    node.enter(ann.clone()).await;
    server.kill();
    node.leave(Exit { grace: Duration::from_mins(1), ..exit(&ann) }).await;
    server.restart();
    eventually("the leave is held back", async || server.cli(["ZCARD", "{h:p0}:grace"]) == "1").await;
    assert_eq!(node.users(&lobby()).await, ["ann"]);
}

#[tokio::test]
async fn someone_back_elsewhere_before_their_node_is_buried_never_left() {
    let server = RedisServer::start();
    let mut watching = living(&server).await;
    let _listening = watching.listen(&lobby()).await;
    let mut dying = living(&server).await;
    for user in ["ann", "bob"] {
        dying.enter(claim(&lobby(), user)).await;
    }
    assert_eq!([watching.hear().await, watching.hear().await], ["+ann", "+bob"]);
    dying.freeze();
    assert!(matches!(watching.enter(claim(&lobby(), "ann")).await, Arrival::Again { .. }));
    let mut heard = [watching.hear().await, watching.hear().await, watching.hear().await];
    heard[1..].sort();
    assert_eq!(heard, ["ann x2", "-bob", "ann x1"]);
    watching.enter(claim(&lobby(), "cy")).await;
    assert_eq!(watching.hear().await, "+cy");
    assert_eq!(watching.users(&lobby()).await, ["ann", "cy"]);
}

#[tokio::test]
async fn a_node_that_starts_again_under_its_name_fences_the_old_one_but_keeps_its_address() {
    let server = RedisServer::start();
    let mut watching = living(&server).await;
    let _listening = watching.listen(&lobby()).await;
    let options = Options { node: NodeId::parse("gateway-1").expect("an id"), ..options(&server) };
    let mut old = node_with(options.clone()).await;
    old.live();
    for user in ["ann", "bob"] {
        old.enter(claim(&lobby(), user)).await;
    }
    assert_eq!([watching.hear().await, watching.hear().await], ["+ann", "+bob"]);
    drop(old);
    let mut new = node_with(options.clone()).await;
    new.backplane.presence.heartbeat().await.expect("a heartbeat");
    new.live();
    new.backplane.cluster.advertise(&options.node, None, 8080).await.expect("to advertise");
    let nodes = server.cli(["ZRANGE", "{h:p0}:nodes", "0", "-1"]);
    assert_eq!(nodes.matches("gateway-1#").count(), 1, "{nodes}");
    watching.backplane.presence.heartbeat().await.expect("a heartbeat");
    let back = new.enter(claim(&lobby(), "ann")).await;
    assert!(matches!(back, Arrival::Again { .. }), "back before the old lease has ended");
    let mut heard = [watching.hear().await, watching.hear().await, watching.hear().await];
    heard[1..].sort();
    assert_eq!(heard, ["ann x2", "-bob", "ann x1"]);
    let address = watching.backplane.cluster.address(&options.node).await.expect("an answer");
    assert_eq!(address.as_deref(), Some("127.0.0.1:8080"));
}

#[tokio::test]
async fn nodes_find_each_other_and_share_a_secret_and_the_dead_are_forgotten() {
    let server = RedisServer::start_with_tcp();
    let mut nodes = Vec::new();
    for port in [8001, 8002] {
        let options = Options { url: server.tcp_url(), ..options(&server) };
        let mut node = node_with(options.clone()).await;
        node.live();
        node.backplane.cluster.advertise(&options.node, None, port).await.expect("to advertise");
        nodes.push((options.node, node));
    }
    let (second, mut b) = nodes.pop().expect("two nodes");
    let (first, a) = nodes.pop().expect("two nodes");
    for (id, port) in [(&first, 8001), (&second, 8002)] {
        let address = a.backplane.cluster.address(id).await.expect("an answer");
        assert_eq!(address, Some(format!("127.0.0.1:{port}")));
    }
    assert_eq!(a.backplane.cluster.address(&NodeId::random()).await.expect("an answer"), None);
    let secret = a.backplane.cluster.secret().await.expect("a secret");
    assert_eq!(b.backplane.cluster.secret().await.expect("a secret"), secret);

    server.cli(["FLUSHALL"]);
    eventually("both are known again", async || {
        let find = async |id| b.backplane.cluster.address(id).await.expect("an answer");
        find(&first).await.is_some() && find(&second).await.is_some()
    })
    .await;
    let newcomer = connect(Options { url: server.tcp_url(), ..options(&server) }).await;
    assert_eq!(
        newcomer.backplane.cluster.secret().await.expect("a secret"),
        secret,
        "the one that is in use"
    );

    b.freeze();
    eventually("the dead one is forgotten", async || {
        a.backplane.cluster.address(&second).await.expect("an answer").is_none()
    })
    .await;
    assert!(a.backplane.cluster.address(&first).await.expect("an answer").is_some());
}

#[tokio::test]
async fn what_redis_wrongly_thinks_of_a_node_is_put_right() {
    let server = RedisServer::start();
    let repair = Duration::from_millis(300);
    let mut node = node_with(Options { repair, ..options(&server) }).await;
    node.live();
    let _listening = node.listen(&lobby()).await;
    node.enter(claim(&lobby(), "ann")).await;
    assert_eq!(node.hear().await, "+ann");
    let held = held(&server);
    server.cli(["SREM", &held, "lobby\nann"]);
    server.cli(["HDEL", "{h:p0}:r:lobby", "uann"]);
    server.cli(["SADD", &held, "lobby\neve"]);
    server.cli(["HSET", "{h:p0}:r:lobby", "ueve", "1:1:1:-1:eve"]);
    let mut heard = [node.hear().await, node.hear().await];
    heard.sort();
    assert_eq!(heard, ["+ann", "-eve"]);
    assert_eq!(node.users(&lobby()).await, ["ann"]);
}
