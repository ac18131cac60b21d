//! What a node owes to a Redis that was away, or that came back with less than it had.

use std::time::Duration;

use hubbub_redis::Options;
use hubbub_tests::redis_server::RedisServer;

use crate::contract_world::{claim, eventually, exit, node, node_with, options, room};

#[tokio::test]
async fn many_leaves_that_are_owed_do_not_cost_the_lease() {
    const PEOPLE: usize = 20_000;
    let server = RedisServer::start();
    let (mut watching, mut owing) = (node(&server).await, node(&server).await);
    let lobby = room("lobby");
    let _listening = watching.listen(&lobby).await;
    watching.live();
    owing.live();
    let crowd: Vec<_> =
        (0..PEOPLE).map(|number| claim(&room("stadium"), &format!("user {number}"))).collect();
    for some in crowd.chunks(500) {
        futures_util::future::join_all(some.iter().cloned().map(|claim| owing.enter(claim))).await;
    }
    owing.enter(claim(&lobby, "bob")).await;
    assert_eq!(watching.hear().await, "+bob");
    server.pause();
    futures_util::future::join_all(crowd.iter().map(|claim| owing.leave(exit(claim)))).await;
    server.resume();
    // Its version is left.
    eventually("all are gone", async || server.cli(["HLEN", "{h:p0}:r:stadium"]) == "1").await;
    watching.enter(claim(&lobby, "last")).await;
    let heard = watching.hear_until("+last").await;
    assert!(heard.iter().all(|heard| heard == "presence gap lobby"), "bob was there all the time: {heard:?}");
}

#[tokio::test]
async fn what_redis_lost_in_a_restart_is_put_right_at_once() {
    let mut server = RedisServer::start();
    let repair = Duration::from_hours(1);
    let mut node = node_with(Options { repair, ..options(&server) }).await;
    let lobby = room("lobby");
    node.enter(claim(&lobby, "ann")).await;
    node.enter(claim(&lobby, "bob")).await;
    node.backplane.presence.heartbeat().await.expect("a heartbeat, which compares for the first time");
    node.live();
    let held = server.cli(["KEYS", "{h:p0}:n:*"]);
    server.cli(["SREM", &held, "lobby\nann"]);
    server.cli(["HDEL", "{h:p0}:r:lobby", "uann"]);
    server.restart();
    eventually("she is back", async || {
        let occupancy = node.backplane.presence.occupants(&lobby).await;
        occupancy.is_ok_and(|occupancy| occupancy.occupants.len() == 2)
    })
    .await;
}
