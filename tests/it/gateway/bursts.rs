//! Many messages to one healthy client at once, and the first word of many clients at once.

use hubbub_tests::{client::Client, node::Node};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const BURST: usize = 2_000;
/// What a poll's answer may have: a payload, and the write with which it goes over.
const ANSWER: usize = 2 * 64 * 1_024;

#[tokio::test]
async fn a_burst_comes_whole_and_in_order_to_who_reads_it_only_then() {
    let node = Node::start().await;
    let (mut socket, mut older) = (Client::at(&node, "/").await, Client::older_websocket(&node).await);
    older.connect("/", &Value::Null).await;
    burst(&node).await;
    for hearer in [&mut socket, &mut older] {
        for number in 0..BURST {
            hearer.hears("response", &[text(number)]).await;
        }
    }
}

#[tokio::test]
async fn a_burst_comes_whole_and_in_order_in_polls_of_bounded_size() {
    let node = Node::start().await;
    let hearers = [Client::polls(&node, false).await, Client::polls(&node, true).await];
    burst(&node).await;
    for hearer in hearers {
        let mut heard = Vec::new();
        while heard.len() < BURST {
            let answer = hearer.session().polls().await.expect("an answer");
            assert!(answer.body.len() <= ANSWER, "{} bytes at once", answer.body.len());
            heard.extend(hearer.session().packets(&answer));
        }
        let said = (0..BURST).map(|number| format!("42{}", json!(["response", text(number)])));
        assert!(heard.into_iter().eq(said));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_words_of_fifteen_hundred_clients_all_arrive() {
    let node = Node::start().await;
    let mut crowd = JoinSet::new();
    for number in 0..1_500 {
        let addr = node.addr();
        if crowd.len() == 100 {
            crowd.join_next().await.expect("one of them").expect("was heard");
        }
        crowd.spawn(async move {
            let mut client = match number % 4 {
                0 => Client::websocket(&addr).await,
                1 => Client::older_websocket(&addr).await,
                2 => Client::polling(&addr).await,
                _ => Client::older_polling(&addr).await,
            };
            client.connect("/", &Value::Null).await;
            let channel = json!({ "current_channel": number.to_string() });
            let empty = json!({ "channel": number.to_string(), "messages": [] });
            client.ask_in("/", "channel selected", &[channel]).await;
            client.hears("display channel", &[empty]).await;
            client.leave().await;
        });
    }
    crowd.join_all().await;
}

/// Said by one, who hears it last of all.
async fn burst(node: &Node) {
    let mut speaker = Client::at(node, "/").await;
    for number in 0..BURST {
        speaker.say("message", &[text(number)]).await;
    }
    for number in 0..BURST {
        speaker.hears("response", &[text(number)]).await;
    }
}

fn text(number: usize) -> Value {
    json!(format!("{number} {}", "x".repeat(300)))
}
