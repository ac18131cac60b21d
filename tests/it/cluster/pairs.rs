//! Two people alone, while Redis fails one of them.

use hubbub_tests::{client::Client, node::Node, person::Person, redis_server::RedisServer};
use serde_json::json;

#[tokio::test]
async fn who_writes_before_their_inbox_can_be_read_hears_what_was_written_to_them() {
    let redis = RedisServer::start();
    let node = Node::joined(&redis, "one", |_| {}).await;
    let (mut ann, mut bob) = (Person::named(&node, "ann").await, Person::named(&node, "bob").await);
    let (id, session) = (ann.id().to_owned(), ann.session().clone());
    ann.client.leave().await;
    bob.does("send", json!({ "to": id, "text": "first" })).await;
    let (inbox, aside) = (format!("{{room:~for {id}}}:m"), format!("{{room:~for {id}}}:aside"));
    redis.cli(["RENAME", &inbox, &aside]);
    redis.cli(["SET", &inbox, "no log"]);
    ann = Person::over(Client::websocket(&node).await, &json!({ "session": session })).await;
    ann.does("send", json!({ "to": bob.id(), "text": "second" })).await;
    redis.cli(["RENAME", &aside, &inbox]);
    assert_eq!(ann.hears_message().await, ("first".to_owned(), 1));
    assert_eq!(ann.hears_message().await, ("second".to_owned(), 2));
}
