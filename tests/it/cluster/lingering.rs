//! A client that takes nothing for too long, however little waits for it: cut off, counted, and missed by nobody else.

use std::{ffi::OsStr, time::Duration};

use hubbub_tests::{client::Client, process::Cluster, raw::Raw};
use serde_json::json;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::{
    slow::{are_cut_off, cut_off},
    watcher::Watcher,
};

/// What a byte may wait here.
const AGE: Duration = Duration::from_secs(1);
/// Until TCP's own timers look again, and for a machine that has other things to do.
const SLACK: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_that_takes_some_all_the_time_and_not_enough_is_cut_off() {
    let (cluster, mut ann) = node().await;
    let mut stalled = narrow(&cluster, "EIO=4").await;
    let sipping = tokio::spawn(async move {
        while stalled.sips(1_024).await {
            sleep(AGE / 50).await;
        }
    });
    // More than the kernel keeps, less than the outbox does.
    leaves(&mut ann, &vec!["x".repeat(30_000); 15]).await;
    sipping.await.expect("it reads to the end");
    are_cut_off(&cluster, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_is_cut_off_for_what_only_the_kernel_keeps() {
    let (cluster, mut ann) = node().await;
    for (number, path) in ["EIO=4", "EIO=3"].into_iter().enumerate() {
        let mut stalled = narrow(&cluster, path).await;
        is_cut_off(&mut ann, &mut stalled, &["x".repeat(20_000)]).await;
        are_cut_off(&cluster, number + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_polls_again_is_cut_off() {
    let (cluster, mut ann) = node().await;
    for older in [false, true] {
        let mut gone = Client::polls(&cluster.addr(0), older).await;
        gone.say("addUser", &[json!("Stalled")]).await;
        let began = leaves(&mut ann, &["a word".to_owned()]).await.elapsed();
        assert!(began > AGE / 2, "after {began:?}");
        gone.is_closed().await;
    }
    are_cut_off(&cluster, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_what_waits_in_time_stays() {
    let (cluster, mut ann) = node().await;
    let mut poller = Client::polls(&cluster.addr(0), false).await;
    poller.say("addUser", &[json!("Poller")]).await;
    ann.hears_from("Server", "Poller has connected").await;
    let began = Instant::now();
    for word in 0.. {
        let word = word.to_string();
        ann.says(word.clone()).await;
        sleep(AGE / 2).await;
        while poller.event().await[3] != *word {}
        if began.elapsed() > 4 * AGE {
            break;
        }
    }
    assert!(!ann.comings_and_goings().contains_key("Stalled"));
    assert_eq!((ann.comings_and_goings()["Poller"], cut_off(&cluster).await), ((1, 0), 0));
}

/// A node that is impatient, and someone who speaks there.
async fn node() -> (Cluster, Watcher) {
    let settings = [("HUBBUB__SOCKETIO__OUTBOX_AGE", OsStr::new("1s"))];
    let cluster = spawn_blocking(move || Cluster::alone(&settings)).await.expect("a node");
    let ann = Watcher::at(&cluster.addr(0), "Ann").await;
    (cluster, ann)
}

/// One that is known as Stalled and reads no more.
async fn narrow(cluster: &Cluster, version: &str) -> Raw {
    let path = format!("/socket.io/?{version}&transport=websocket");
    let mut stalled = Raw::narrow(cluster.addr(0), &path).await;
    if version == "EIO=4" {
        stalled.say(&["40"]).await;
    }
    stalled.reads("40").await;
    stalled.say(&["42[\"addUser\",\"Stalled\"]"]).await;
    stalled
}

async fn is_cut_off(ann: &mut Watcher, stalled: &mut Raw, texts: &[String]) {
    let began = leaves(ann, texts).await;
    assert!(began.elapsed() > AGE / 2, "after {:?}", began.elapsed());
    stalled.ends().await;
}

/// Says it, and waits until the stalled one is gone. Since when it was all said.
async fn leaves(ann: &mut Watcher, texts: &[String]) -> Instant {
    ann.hears_from("Server", "Stalled has connected").await;
    for text in texts {
        ann.says(text.clone()).await;
    }
    let began = Instant::now();
    ann.hears_from("Server", "Stalled has disconnected.").await;
    assert!(began.elapsed() < AGE + SLACK, "after {:?}", began.elapsed());
    began
}
