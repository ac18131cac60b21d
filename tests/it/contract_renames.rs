//! Another name while Redis is away.

use hubbub_core::{Arrival, Claim, SessionId};
use hubbub_tests::redis_server::RedisServer;

use crate::contract_world::{claim, name, node, room};

#[tokio::test]
async fn a_rename_that_failed_leaves_its_session_where_it_was() {
    let server = RedisServer::start();
    let node = node(&server).await;
    let ann = Claim { subject: Some("hers".into()), ..claim(&room("lobby"), "ann") };
    node.enter(ann.clone()).await;
    let renamed = Claim { name: name("Anna"), renames: true, ..ann.clone() };
    server.pause();
    assert!(node.backplane.presence.enter(renamed.clone()).await.is_err());
    server.resume();
    node.is_healthy().await;
    node.backplane.presence.heartbeat().await.expect("a heartbeat");
    assert_eq!(node.devices(&ann.room).await, [("ann".to_owned(), 1)]);
    let stranger = Claim { subject: Some("another's".into()), session: SessionId::random(), ..ann };
    assert_eq!(node.enter(stranger).await, Arrival::Taken);
    assert!(matches!(node.enter(renamed).await, Arrival::Again { count: 1, .. }));
}
