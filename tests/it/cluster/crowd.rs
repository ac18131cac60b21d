//! One in a crowd reads no more: cut off at its bound, a small cost to the node and none to the others, and whole again
//! when it is back. `HUBBUB_LONG=1`: a crowd of 1,000.

use std::{env, ffi::OsStr, sync::Arc, time::Duration};

use hubbub_tests::{client::Client, process::Cluster, raw::Raw};
use serde_json::{Value, json};
use tokio::{
    sync::Barrier,
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use crate::slow::cut_off;

/// Messages that a room keeps. That many are said before it is measured, so that the log grows no more.
const KEPT: u64 = 60;
/// What one that does not read may cost: its outbox, and as much again.
const COST: usize = 2 << 20;
/// More than the outbox and the kernels of both sides hold.
const MOST: u64 = KEPT - 10;
const DEADLINE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_no_more_is_cut_off_costs_little_and_misses_nothing() {
    let kept = KEPT.to_string();
    let cluster = spawn_blocking(move || Cluster::alone(&[("HUBBUB__HISTORY__MESSAGES", OsStr::new(&kept))]));
    let cluster = cluster.await.expect("a node");
    let (heard, mut crowd) = (Arc::new(Barrier::new(size() + 1)), JoinSet::new());
    for number in 0..size() {
        let member = enters(&cluster, &format!("member {number}")).await;
        crowd.spawn(hears_all(member, heard.clone()));
    }
    let mut ann = enters(&cluster, "Ann").await;
    for _ in 0..KEPT {
        says(&mut ann, &heard).await;
    }
    let mut stalled = joins_and_stalls(&cluster).await;
    let since = says(&mut ann, &heard).await;
    stalled.reads(&format!("\"seq\":{}", since["seq"])).await;
    let (before, mut most, mut last) = (cluster.memory(0), 0, since.clone());
    while cut_off(&cluster).await == 0 {
        last = says(&mut ann, &heard).await;
        most = most.max(cluster.memory(0));
        assert!(seq(&last) - seq(&since) < MOST, "it is never cut off");
    }
    let cost = most.saturating_sub(before);
    println!("{} said before it was cut off, {cost} bytes more", seq(&last) - seq(&since));
    assert!(cost <= COST, "it cost {cost} bytes");
    comes_back(&cluster, &since, seq(&last)).await;
}

fn size() -> usize {
    if env::var_os("HUBBUB_LONG").is_some() { 1_000 } else { 100 }
}

async fn enters(cluster: &Cluster, name: &str) -> Client {
    let mut client = Client::websocket(&cluster.addr(0)).await;
    client.connect("/v1", &json!({ "name": name })).await;
    asks(&mut client, "join", json!({ "room": "lobby", "limit": 0 })).await;
    client
}

/// Who reads what is said to it, but hardly any of it at a time, and soon nothing.
async fn joins_and_stalls(cluster: &Cluster) -> Raw {
    let mut raw = Raw::narrow(cluster.addr(0), "/socket.io/?EIO=4&transport=websocket").await;
    raw.say(&["40/v1,{\"name\":\"Stalled\"}"]).await;
    raw.reads("40/v1,").await;
    raw.say(&["42/v1,1[\"join\",{\"room\":\"lobby\",\"limit\":1}]"]).await;
    raw.reads("43/v1,1[").await;
    raw
}

async fn asks(client: &mut Client, word: &str, body: Value) -> Value {
    let answer = client.ask_in("/v1", word, &[body]).await[0].clone();
    assert_eq!(answer["ok"], true, "{answer}");
    answer
}

/// A long text, which everybody else has heard then, and its place.
async fn says(ann: &mut Client, heard: &Barrier) -> Value {
    let said = asks(ann, "send", json!({ "room": "lobby", "text": "x".repeat(30_000) })).await;
    timeout(DEADLINE, heard.wait()).await.expect("everybody hears it in its turn");
    json!({ "epoch": said["epoch"], "seq": said["seq"] })
}

fn seq(position: &Value) -> u64 {
    position["seq"].as_u64().expect("a number")
}

/// The room's next message.
async fn hears(client: &mut Client) -> u64 {
    loop {
        let packet = client.packet_at_last().await.expect("it stays connected");
        let Some(event) = packet.strip_prefix("42/v1,") else { continue };
        let event: Value = serde_json::from_str(event).expect("in JSON");
        if event[0] == "message" {
            return seq(&event[1]);
        }
    }
}

/// Hears every message once and in order.
async fn hears_all(mut member: Client, heard: Arc<Barrier>) {
    for next in 1.. {
        assert_eq!(hears(&mut member).await, next);
        heard.wait().await;
    }
}

async fn comes_back(cluster: &Cluster, since: &Value, last: u64) {
    let mut back = Client::websocket(&cluster.addr(0)).await;
    back.connect("/v1", &json!({ "name": "Back" })).await;
    let joined = asks(&mut back, "join", json!({ "room": "lobby", "since": since })).await;
    assert_eq!(joined["recovered"], true, "{joined}");
    for next in seq(since) + 1..=last {
        assert_eq!(hears(&mut back).await, next);
    }
}
