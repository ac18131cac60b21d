//! Whole nodes on a Redis Cluster.

use hubbub_core::NodeId;
use hubbub_redis::{Options, connect};
use hubbub_tests::{client::Client, node::Node, person::Person, redis_cluster::RedisCluster};
use serde_json::json;

async fn node(redis: &RedisCluster) -> Node {
    let options = Options::new(redis.url(), NodeId::random());
    Node::on(connect(options).await.expect("a URL that is understood"), |_| {}).await
}

#[tokio::test]
async fn two_nodes_on_a_cluster_are_one_chat() {
    let redis = RedisCluster::start();
    let (one, two) = (node(&redis).await, node(&redis).await);
    let (mut ann, mut bob) = (Person::named(&one, "ann").await, Person::named(&two, "bob").await);
    for number in 0..20 {
        let room = format!("room {number}");
        for person in [&mut ann, &mut bob] {
            person.does("join", json!({ "room": room })).await;
        }
        ann.does("send", json!({ "room": room, "text": room })).await;
        assert_eq!(bob.hears_message().await, (room, 1));
    }
    let sent = ann.does("send", json!({ "to": bob.id(), "text": "psst" })).await;
    let heard = bob.hears_word("message").await;
    assert_eq!((&heard["room"], &heard["text"]), (&sent["room"], &json!("psst")));
    let members = bob.does("members", json!({ "room": "room 7" })).await;
    assert_eq!(members["count"], 2);
    let taken = Client::websocket(&two).await;
    assert_eq!(refusal(taken, "ann").await, "name_taken");
    let rooms = json!({ "room 3": { "epoch": 1, "seq": 0 } });
    let back = Person::over(Client::websocket(&two).await, &json!({ "name": "cy", "rooms": rooms })).await;
    assert_eq!(back.ready["rooms"]["room 3"]["recovered"], false);
}

async fn refusal(mut client: Client, name: &str) -> String {
    client.send(&format!("40/v1,{}", json!({ "name": name }))).await;
    let answer = client.packet().await.expect("an answer");
    let body = answer.strip_prefix("44/v1,").unwrap_or_else(|| panic!("let in: {answer}"));
    let body: serde_json::Value = serde_json::from_str(body).expect("in JSON");
    body["message"].as_str().expect("a code").to_owned()
}
