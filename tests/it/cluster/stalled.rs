//! A client that never reads while its room is loud: cut off, counted, and missed by nobody for long.

use std::{
    ffi::OsStr,
    time::{Duration, Instant},
};

use hubbub_tests::{process::Cluster, raw::Raw};
use tokio::task::spawn_blocking;

use crate::{slow::are_cut_off, watcher::Watcher};

/// For the last byte of a message to be heard by everyone else, on a machine that has other things to do.
const IN_TIME: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_in_a_loud_room_is_cut_off_and_nobody_else_waits() {
    let settings = [("HUBBUB__SOCKETIO__OUTBOX", OsStr::new("64KiB"))];
    let cluster = spawn_blocking(move || Cluster::with(2, &settings)).await.expect("a cluster");
    let mut ann = Watcher::at(&cluster.addr(0), "Ann").await;
    let mut bob = Watcher::at(&cluster.addr(1), "Bob").await;
    ann.hears_from("Server", "Bob has connected").await;
    for (number, path) in ["EIO=4", "EIO=3"].into_iter().enumerate() {
        let mut stalled =
            Raw::narrow(cluster.addr(0), &format!("/socket.io/?{path}&transport=websocket")).await;
        if path == "EIO=4" {
            stalled.say(&["40"]).await;
        }
        stalled.reads("40").await;
        stalled.say(&["42[\"addUser\",\"Stalled\"]"]).await;
        ann.hears_from("Server", "Stalled has connected").await;
        for message in 0.. {
            assert!(message < 500, "it is never cut off");
            let began = Instant::now();
            let text = format!("{message} {}", "x".repeat(30_000));
            bob.says(text.clone()).await;
            ann.hears_from("Bob", &text).await;
            assert!(began.elapsed() < IN_TIME, "it took {:?}", began.elapsed());
            if ann.comings_and_goings().get("Stalled").is_some_and(|(_, left)| *left > number) {
                break;
            }
        }
        ann.hears_the_end().await;
        assert_eq!(ann.comings_and_goings()["Stalled"], (number + 1, number + 1));
        are_cut_off(&cluster, number + 1).await;
    }
}
