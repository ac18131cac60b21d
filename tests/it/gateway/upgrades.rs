//! From polling to a WebSocket while a room is busy: nothing is lost, nothing comes twice, in order.

use std::{ops::RangeInclusive, time::Duration};

use hubbub_tests::{client::Client, node::Node, runs_long};
use serde_json::json;
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_in_a_busy_room_loses_and_repeats_nothing() {
    let node = Node::start().await;
    for round in 0..20 {
        for older in [false, true] {
            let busy = Busy::room(&node).await;
            let mut client = Client::polls(&node, older).await;
            let upgraded_after = hears_first(&mut client).await + round;
            hears(&mut client, upgraded_after - round + 1..=upgraded_after).await;
            client.upgrade().await;
            hears(&mut client, upgraded_after + 1..=upgraded_after + 100).await;
            let last = busy.falls_silent().await;
            hears(&mut client, upgraded_after + 101..=last).await;
            client.say("message", &[json!("over")]).await;
            client.hears("response", &[json!("over")]).await;
        }
    }
}

#[tokio::test]
async fn a_backlog_of_many_payloads_comes_over_with_the_upgrade() {
    let node = Node::start().await;
    let mut sender = Client::at(&node, "/").await;
    for older in [false, true] {
        let mut client = Client::polls(&node, older).await;
        let large = "x".repeat(30_000);
        for number in 0..30 {
            let text = json!(format!("{number} {large}"));
            sender.say("message", std::slice::from_ref(&text)).await;
            sender.hears("response", &[text]).await;
        }
        client.upgrade().await;
        for number in 0..30 {
            client.hears("response", &[json!(format!("{number} {large}"))]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_may_be_finished_late_and_polls_are_answered_meanwhile() {
    let node = Node::start().await;
    for older in [false, true] {
        let busy = Busy::room(&node).await;
        let mut client = Client::polls(&node, older).await;
        let first = hears_first(&mut client).await;
        let probing = client.probe().await;
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(500) {
            assert_eq!(client.session().hears().await.as_deref(), Some(&["6".to_owned()][..]));
        }
        client.finish(probing).await;
        let last = busy.falls_silent().await;
        hears(&mut client, first + 1..=last).await;
    }
}

#[tokio::test]
async fn an_upgrade_that_is_never_finished_ends_the_session() {
    if !runs_long() {
        return;
    }
    let node = Node::start().await;
    let (mut watcher, mut client) = (Client::at(&node, "/").await, Client::polls(&node, false).await);
    client.say("addUser", &[json!("Ann")]).await;
    watcher.hears("updateChat", &[json!("Server"), json!("Ann has connected")]).await;
    watcher.hears("updateUsers", &[json!({ "Ann": "Ann" })]).await;
    let mut probing = client.probe().await;
    sleep(UPGRADE_TIME).await;
    watcher.hears("updateChat", &[json!("Server"), json!("Ann has disconnected.")]).await;
    probing.is_closed().await;
    assert!(client.session().hears().await.is_none());
}

/// How long the library waits for the end of an upgrade.
const UPGRADE_TIME: Duration = Duration::from_secs(10);

/// Numbers, said one after the other, each once the one before was heard.
struct Busy {
    stop: oneshot::Sender<()>,
    speaking: JoinHandle<u32>,
}

impl Busy {
    async fn room(node: &Node) -> Self {
        let mut speaker = Client::at(node, "/").await;
        let (stop, mut stopped) = oneshot::channel();
        let speaking = tokio::spawn(async move {
            let mut number = 0;
            while stopped.try_recv().is_err() {
                number += 1;
                speaker.say("message", &[json!(number.to_string())]).await;
                hears(&mut speaker, number..=number).await;
            }
            number
        });
        Self { stop, speaking }
    }

    /// The last number said.
    async fn falls_silent(self) -> u32 {
        self.stop.send(()).expect("it speaks until then");
        self.speaking.await.expect("the speaker")
    }
}

async fn hears_first(client: &mut Client) -> u32 {
    let event = client.event().await;
    event[2].as_str().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number: {event}"))
}

async fn hears(client: &mut Client, numbers: RangeInclusive<u32>) {
    for number in numbers {
        client.hears("response", &[json!(number.to_string())]).await;
    }
}
