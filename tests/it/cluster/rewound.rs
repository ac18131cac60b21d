//! A Redis that has lost its last changes of who is here, as after a failover within its replication lag.

use hubbub_tests::{node::Node, person::Person, redis_server::RedisServer};

const LOBBY: &str = "{h:p0}:r:lobby";

#[tokio::test]
async fn who_comes_after_redis_has_lost_changes_is_told_all_the_same() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let mut ann = Person::in_lobby(&one, "Ann").await;
    let before = redis.cli(["HGET", LOBBY, "v"]);
    for _ in 0..5 {
        let mut bob = Person::in_lobby(&two, "Bob").await;
        assert_eq!(ann.hears_of_people().await["count"], 2);
        bob.client.send("41/v1,").await;
        assert_eq!(ann.hears_of_people().await["count"], 1);
    }
    redis.cli(["HSET", LOBBY, "v", &before]);
    redis.cli(["CLIENT", "KILL", "TYPE", "pubsub"]);
    let cy = Person::in_lobby(&two, "Cy").await;
    let told = ann.hears_of_people().await;
    assert_eq!((&told["join"][0]["user"], &told["count"]), (&cy.ready["user"]["id"], &2.into()), "{told}");
    assert_eq!(ann.devices_of("lobby", cy.id()).await, Some(1));
}
