//! The official tutorial's page: said once, and told again to whoever was away.

use std::sync::Arc;

use async_trait::async_trait;
use hubbub_core::{
    Backplane, BackplaneError, Broker, Draft, HISTORY_LENGTH, Hint, History, Position, Receipt, Recent,
    Revised, Revision, RoomId, SessionId, Side, Subscription, memory,
};
use hubbub_gateway::config::Size;
use hubbub_tests::{client::Client, node::Node};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

/// The tutorial's page, which stopped there.
async fn page(node: &Node, offset: &Value) -> Client {
    resumes(Client::websocket(node).await, offset).await
}

async fn resumes(mut client: Client, offset: &Value) -> Client {
    client.connect("/", &json!({ "serverOffset": offset })).await;
    client
}

/// The next message's text and offset.
async fn hears(client: &mut Client) -> (String, Value) {
    let event = client.event().await;
    assert_eq!(event[1], "chat message", "{event}");
    (event[2].as_str().expect("a text").to_owned(), event[3].clone())
}

async fn says(client: &mut Client, text: &str) {
    assert_eq!(client.ask_in("/", "chat message", &[json!(text)]).await, json!([]));
}

#[tokio::test]
async fn everyone_hears_a_message_with_its_offset() {
    let node = Node::start().await;
    let (mut ann, mut bob) = (page(&node, &json!(0)).await, Client::at(&node, "/").await);
    says(&mut ann, "<b>hé 😀</b>").await;
    let (text, offset) = hears(&mut ann).await;
    assert_eq!(text, "<b>hé 😀</b>");
    assert!(offset.is_string());
    assert_eq!(hears(&mut bob).await, (text, offset), "also who has not said what they speak");
}

#[tokio::test]
async fn a_retry_from_another_connection_is_said_once_and_acknowledged() {
    let node = Node::start().await;
    let (mut before, mut after) = (page(&node, &json!(0)).await, page(&node, &json!(0)).await);
    for client in [&mut before, &mut after] {
        let words = [json!("once"), json!("ann-0")];
        assert_eq!(client.ask_in("/", "chat message", &words).await, json!([]));
    }
    says(&mut before, "next").await;
    for client in [&mut before, &mut after] {
        assert_eq!((hears(client).await.0, hears(client).await.0), ("once".to_owned(), "next".to_owned()));
    }
}

#[tokio::test]
async fn a_page_that_comes_back_hears_what_it_missed_and_nothing_twice() {
    let node = Node::start().await;
    let mut ann = page(&node, &json!(0)).await;
    let mut offsets = Vec::new();
    for number in 0..10 {
        says(&mut ann, &number.to_string()).await;
        offsets.push(hears(&mut ann).await.1);
    }
    let from = [
        (json!(0), 0),
        (json!(""), 0),
        (json!(null), 0),
        (json!("no offset"), 0),
        (json!("1-5"), 0),
        (offsets[0].clone(), 1),
        (offsets[6].clone(), 7),
        (offsets[9].clone(), 10),
    ];
    for (number, (offset, first)) in (10..).zip(from) {
        let mut back = page(&node, &offset).await;
        says(&mut ann, &number.to_string()).await;
        for expected in first..=number {
            assert_eq!(hears(&mut back).await.0, expected.to_string(), "from {offset}");
        }
    }
}

#[tokio::test]
async fn a_page_that_says_where_it_stopped_hears_no_other_vocabulary() {
    let node = Node::start().await;
    let (mut undecided, mut page) = (Client::at(&node, "/").await, page(&node, &json!(0)).await);
    let mut other = Client::at(&node, "/").await;
    other.say("message", &[json!("from 003")]).await;
    undecided.hears("response", &[json!("from 003")]).await;
    says(&mut page, "hi").await;
    assert_eq!(hears(&mut page).await.0, "hi");
}

/// Memory whose logs cannot be recovered from until it is opened.
#[derive(Debug)]
struct Gated {
    broker: Arc<dyn Broker>,
    asked: Notify,
    open: Semaphore,
}

#[async_trait]
impl Broker for Gated {
    async fn publish(&self, draft: Draft) -> Result<Receipt, BackplaneError> {
        self.broker.publish(draft).await
    }

    async fn revise(&self, revision: Revision) -> Result<Revised, BackplaneError> {
        self.broker.revise(revision).await
    }

    async fn history(
        &self,
        room: &RoomId,
        side: Side,
        limit: usize,
    ) -> Result<Option<History>, BackplaneError> {
        self.broker.history(room, side, limit).await
    }

    async fn hint(&self, room: &RoomId, hint: Hint, origin: SessionId) -> Result<(), BackplaneError> {
        self.broker.hint(room, hint, origin).await
    }

    async fn subscribe(&self, room: &RoomId) -> Result<Subscription, BackplaneError> {
        self.broker.subscribe(room).await
    }

    async fn read_on(
        &self,
        room: &RoomId,
        since: Position,
        limit: usize,
    ) -> Result<Option<Recent>, BackplaneError> {
        self.asked.notify_one();
        let _open = self.open.acquire().await.map_err(BackplaneError::new)?;
        self.broker.read_on(room, since, limit).await
    }

    async fn recent(&self, room: &RoomId, limit: usize) -> Result<Recent, BackplaneError> {
        self.broker.recent(room, limit).await
    }
}

#[tokio::test]
async fn what_is_said_while_a_page_waits_for_what_it_missed_comes_after_that_and_once() {
    let memory = memory(HISTORY_LENGTH);
    let gated = Arc::new(Gated { broker: memory.broker, asked: Notify::new(), open: Semaphore::new(0) });
    let node = Node::on(Backplane { broker: gated.clone(), ..memory }, |_| {}).await;
    let mut ann = Client::at(&node, "/").await;
    says(&mut ann, "one").await;
    hears(&mut ann).await;
    let mut late = Client::websocket(&node).await;
    late.send("40{\"serverOffset\":0}").await;
    gated.asked.notified().await;
    says(&mut ann, "two").await;
    hears(&mut ann).await;
    let answer = late.packet().await.expect("it is let in all the same");
    assert!(answer.starts_with("40{"), "{answer}");
    says(&mut ann, "three").await;
    gated.open.add_permits(1);
    for text in ["one", "two", "three"] {
        assert_eq!(hears(&mut late).await.0, text);
    }
    says(&mut late, "four").await;
    assert_eq!(hears(&mut late).await.0, "four");
}

#[tokio::test]
async fn who_was_away_for_long_is_told_all_of_it_as_fast_as_they_read() {
    let node = Node::with(|config| config.socketio.outbox = Size::kib(256)).await;
    let mut ann = page(&node, &json!(0)).await;
    let text = |number: usize| format!("{number:04}{}", "\u{1}".repeat(4_000));
    for number in 0..30 {
        says(&mut ann, &text(number)).await;
        hears(&mut ann).await;
    }
    let clients = [Client::websocket(&node).await, Client::polling(&node).await];
    for (before, client) in clients.into_iter().enumerate() {
        let mut back = resumes(client, &json!(0)).await;
        // Escaped, each is about 24 KB: together they are three times what may wait.
        for number in 0..30 {
            assert_eq!(hears(&mut back).await.0, text(number));
        }
        says(&mut ann, "short").await;
        for _ in 0..=before {
            assert_eq!(hears(&mut back).await.0, "short");
        }
    }
}

#[tokio::test]
async fn a_final_refusal_is_acknowledged_or_it_would_be_sent_for_ever() {
    let node = Node::start().await;
    let mut ann = page(&node, &json!(0)).await;
    for (words, code) in [
        ([json!("x".repeat(32 * 1024 + 1)), json!("a-0")], "too_large"),
        ([json!("hi"), json!("a".repeat(65))], "bad_request"),
        ([json!(7), json!("a-1")], "bad_request"),
    ] {
        let refused = ann.ask_in("/", "chat message", &words).await;
        assert_eq!((&refused[0]["ok"], &refused[0]["error"]["code"]), (&json!(false), &json!(code)));
    }
}
