//! Whether `polling` finds what a cluster does wrong.

use std::process::Command;

use serde_json::Value;

use crate::polling_server::{Cluster, Fault};

/// Exit code and figures of a short run in which five listen.
fn polling(cluster: &Cluster, rest: &str) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("figures.json");
    let output = Command::new(env!("CARGO_BIN_EXE_hubbub-load"))
        .args("polling --clients 5 --rate 50 --seconds 1 --warm-up 0 --drain 1".split(' '))
        .args(cluster.urls().iter().flat_map(|url| ["--url", url]))
        .arg("--json")
        .arg(&json)
        .args(rest.split_ascii_whitespace())
        .output()
        .unwrap();
    let figures = std::fs::read(&json).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), serde_json::from_slice(&figures).unwrap())
}

/// Lost, repeated, reordered, receivers in another order, cut off, and answers of 400.
fn verdict(figures: &Value) -> [u64; 6] {
    let refused = figures["answers"]["400"].as_u64().unwrap_or(0);
    let [lost, repeated, reordered, other_order, cut_off] =
        ["lost", "repeated", "reordered", "other_order", "cut_off"]
            .map(|name| figures[name].as_u64().unwrap());
    [lost, repeated, reordered, other_order, cut_off, refused]
}

#[test]
fn a_faithful_cluster_passes_in_both_protocols() {
    for eio in ["--senders 2 --eio 3", "--senders 2 --eio 4", "--senders 2 --threads 2"] {
        let (code, figures) = polling(&Cluster::start(Fault::None, 3), eio);
        assert_eq!((code, verdict(&figures)), (Some(0), [0; 6]), "{figures}");
        assert!(figures["said"].as_u64().unwrap() > 10, "{figures}");
        assert!(figures["requests"].as_u64() <= figures["answers"]["200"].as_u64(), "{figures}");
    }
}

#[test]
fn consecutive_requests_of_a_session_go_to_different_nodes() {
    let cluster = Cluster::start(Fault::None, 2);
    polling(&cluster, "--senders 2");
    for requests in cluster.requests() {
        let [one, other] = requests[..] else { panic!("two nodes") };
        // The last ones may have been given up on their way.
        assert!(one > 10 && one.abs_diff(other) <= 2, "{requests:?}");
    }
}

#[test]
fn sessions_are_closed_when_the_run_is_over() {
    let cluster = Cluster::start(Fault::None, 2);
    polling(&cluster, "--senders 2");
    assert_eq!(cluster.sessions(), 0);
}

#[test]
fn a_cluster_whose_nodes_do_not_know_each_others_sessions_gets_its_verdict() {
    let (code, figures) = polling(&Cluster::start(Fault::Sticky, 2), "--senders 2");
    assert_eq!((code, verdict(&figures)), (Some(1), [0, 0, 0, 0, 5, 5]), "{figures}");
    let (code, figures) = polling(&Cluster::start(Fault::Sticky, 1), "--senders 2");
    assert_eq!((code, verdict(&figures)), (Some(0), [0; 6]), "one node is no cluster: {figures}");
}

#[test]
fn one_answer_of_400_is_found_and_its_reason_told() {
    let (code, figures) = polling(&Cluster::start(Fault::Refuse, 2), "--senders 2");
    assert_eq!((code, verdict(&figures)[4..].to_vec()), (Some(1), vec![1, 1]), "{figures}");
    let reason = r#"a post was answered 400 Bad Request: {"code":1,"message":"Session ID unknown"}"#;
    assert_eq!(figures["endings"][reason], 1, "{figures}");
}

#[test]
fn a_delivery_that_never_comes_is_lost() {
    let (code, figures) = polling(&Cluster::start(Fault::Lose, 2), "--senders 2");
    assert_eq!((code, verdict(&figures)), (Some(1), [1, 0, 0, 0, 0, 0]), "{figures}");
}

#[test]
fn a_delivery_that_comes_twice_is_repeated() {
    let (code, figures) = polling(&Cluster::start(Fault::Repeat, 2), "--senders 2");
    assert_eq!((code, verdict(&figures)), (Some(1), [0, 1, 0, 0, 0, 0]), "{figures}");
}

#[test]
fn a_senders_later_message_before_its_earlier_is_reordered() {
    let (code, figures) = polling(&Cluster::start(Fault::Delay, 2), "--senders 1");
    assert_eq!((code, verdict(&figures)), (Some(1), [0, 0, 1, 1, 0, 0]), "{figures}");
}

#[test]
fn nobody_there_is_no_verdict() {
    let output = Command::new(env!("CARGO_BIN_EXE_hubbub-load"))
        .args(["polling", "--url", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot connect"));
}
