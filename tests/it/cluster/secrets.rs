//! A session's id is as good as the session: nobody else sees it, and no log has it.

use std::{ffi::OsStr, net::SocketAddr};

use hubbub_tests::{client::Client, process::Cluster};
use serde_json::{Value, json};
use tokio::task::{JoinSet, spawn_blocking};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hears_of_anothers_session_id_and_no_log_has_it() {
    let settings = [("HUBBUB__LOG__LEVEL", OsStr::new("info,hubbub=trace"))];
    let cluster = spawn_blocking(move || Cluster::with(2, &settings)).await.expect("a cluster");
    let nodes = [cluster.addr(0), cluster.addr(1)];
    let (mut listening, mut ids) = (JoinSet::new(), Vec::new());
    for (node, (namespace, words)) in nodes.into_iter().flat_map(|node| vocabularies().map(|one| (node, one)))
    {
        let mut listener = Client::websocket(&node).await;
        ids.push(listener.sid().to_owned());
        speak(&mut listener, namespace, words, &format!("listener {}", ids.len())).await;
        listening.spawn(all_heard(listener));
    }
    for (number, (namespace, words)) in vocabularies().into_iter().enumerate() {
        for mut speaker in every_kind(nodes[number % 2], nodes[(number + 1) % 2], namespace).await {
            ids.push(speaker.sid().to_owned());
            speak(&mut speaker, namespace, words, &format!("speaker {}", ids.len())).await;
            speaker.send("1").await;
        }
        speak(&mut Client::websocket(&nodes[0]).await, namespace, words, "the end").await;
    }
    let heard = listening.join_all().await;
    for id in ids.iter().filter_map(|id| id.split('.').next()) {
        assert!(heard.iter().all(|heard| !heard.contains(id)), "somebody heard it");
        for node in 0..2 {
            let log = cluster.log(node);
            assert!(log.contains("connected"), "node {node} logs in detail");
            let line = log.lines().find(|line| line.contains(id));
            assert_eq!(line, None, "node {node} logged it");
        }
    }
}

/// Where each vocabulary is, and what one says there: a name and a text stand for themselves.
fn vocabularies() -> [(&'static str, Words); 6] {
    [
        ("/", |name| vec![json!(["addUser", name]), json!(["sendChat", name])]),
        ("/", |name| vec![json!(["message", name])]),
        ("/", |name| {
            let message = json!({ "user": name, "message": name, "channel": "c" });
            vec![json!(["new message", message]), json!(["submit message", message])]
        }),
        ("/ssio", |name| vec![json!(["message", name])]),
        ("/iss", |name| vec![json!(["identify", name]), json!(["message", name])]),
        ("/v1", |name| {
            let text = json!({ "room": "lobby", "text": name, "cid": name });
            vec![
                json!(["join", { "room": "lobby" }]),
                json!(["send", text]),
                json!(["members", { "room": "lobby" }]),
            ]
        }),
    ]
}

type Words = fn(&str) -> Vec<Value>;

/// A session of each kind, some by way of the other node. Older ones cannot say who they are in v1.
async fn every_kind(here: SocketAddr, there: SocketAddr, namespace: &str) -> Vec<Client> {
    let mut kinds = vec![Client::websocket(&here).await, Client::polling(&there).await];
    if namespace != "/v1" {
        kinds.extend([Client::older_websocket(&there).await, Client::older_polling(&here).await]);
    }
    kinds
}

/// Connects, and says all words; each is acknowledged.
async fn speak(client: &mut Client, namespace: &str, words: Words, name: &str) {
    if client.is_older() {
        client.connect("/", &Value::Null).await;
    }
    if !client.is_older() || namespace != "/" {
        client.connect(namespace, &json!({ "name": name })).await;
    }
    for word in words(name) {
        let word = word.as_array().expect("a word and its arguments");
        client.ask_in(namespace, word[0].as_str().expect("a word"), &word[1..]).await;
    }
}

/// Everything up to the end, but the answer to its own CONNECT, which it has heard already.
async fn all_heard(mut client: Client) -> String {
    let mut heard = String::new();
    while !heard.contains("the end") {
        heard += &client.packet_at_last().await.expect("a listener stays connected");
    }
    heard
}
