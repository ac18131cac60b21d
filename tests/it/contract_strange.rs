//! Presence with something in Redis that no node of ours has written.

use hubbub_core::Arrival;
use hubbub_tests::redis_server::RedisServer;

use crate::contract_world::{claim, eventually, exit, node, room};

const LOBBY: &str = "{h:p0}:r:lobby";

/// Of another schema, and of none.
const STRANGE: [&str; 3] = ["1:17:-1:ann", "", "x"];

#[tokio::test]
async fn a_record_that_nobody_understands_keeps_no_other_listed() {
    let server = RedisServer::start();
    let (mut dying, mut living) = (node(&server).await, node(&server).await);
    let lobby = room("lobby");
    dying.live();
    for number in 0..50 {
        dying.enter(claim(&lobby, &format!("user {number}"))).await;
    }
    for (number, record) in STRANGE.iter().enumerate() {
        server.cli(["HSET", LOBBY, &format!("uuser {number}"), record]);
    }
    dying.freeze();
    living.live();
    eventually("all are buried", async || living.users(&lobby).await.is_empty()).await;
}

#[tokio::test]
async fn whose_record_nobody_understands_can_come_again() {
    let server = RedisServer::start();
    let node = node(&server).await;
    let lobby = room("lobby");
    node.enter(claim(&lobby, "bob")).await;
    for record in STRANGE {
        server.cli(["HSET", LOBBY, "uann", record]);
        let ann = claim(&lobby, "ann");
        assert!(matches!(node.enter(ann.clone()).await, Arrival::First { count: 2, .. }), "{record}");
        node.leave(exit(&ann)).await;
        assert_eq!(node.users(&lobby).await, ["bob"]);
    }
}
