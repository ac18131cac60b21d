//! Whether `fanout` finds what a server does wrong.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::server::{Fault, Server};

/// Exit code and figures of a short run in which five listen.
fn fanout(fault: Fault, rest: &str) -> (Option<i32>, Value) {
    let server = Server::start(fault);
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("figures.json");
    let output = Command::new(env!("CARGO_BIN_EXE_hubbub-load"))
        .args([
            "fanout",
            "--clients",
            "5",
            "--warm-up",
            "0",
            "--drain",
            "1",
            "--url",
            &server.url(),
            "--json",
        ])
        .arg(&json)
        .args(rest.split_ascii_whitespace())
        .output()
        .unwrap();
    (output.status.code(), figures(&json))
}

fn figures(json: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
}

/// Lost, repeated, reordered, receivers in another order, cut off.
fn verdict(figures: &Value) -> [u64; 5] {
    ["lost", "repeated", "reordered", "other_order", "cut_off"].map(|name| figures[name].as_u64().unwrap())
}

#[test]
fn a_faithful_server_passes_in_both_loops() {
    for pace in ["--closed --inflight 3", "--rate 50 --bytes 100"] {
        let (code, figures) = fanout(Fault::None, &format!("--senders 2 --seconds 1 {pace}"));
        assert_eq!((code, verdict(&figures)), (Some(0), [0; 5]), "{figures}");
        assert!(figures["said"].as_u64().unwrap() > 10, "{figures}");
    }
}

#[test]
fn threads_share_the_clients() {
    let (code, figures) = fanout(Fault::None, "--senders 2 --seconds 1 --rate 50 --threads 2");
    assert_eq!((code, verdict(&figures)), (Some(0), [0; 5]), "{figures}");
}

#[test]
fn a_delivery_that_never_comes_is_lost() {
    let (code, figures) = fanout(Fault::Lose, "--senders 2 --seconds 1 --rate 50");
    assert_eq!((code, verdict(&figures)), (Some(1), [1, 0, 0, 0, 0]), "{figures}");
}

#[test]
fn a_closed_loop_says_on_when_it_has_lost_its_own() {
    let (code, figures) = fanout(Fault::Lose, "--senders 1 --seconds 6 --closed --inflight 1");
    assert_eq!((code, verdict(&figures)), (Some(1), [1, 0, 0, 0, 0]), "{figures}");
    assert!(figures["said"].as_u64().unwrap() > 6, "{figures}");
}

#[test]
fn a_delivery_that_comes_twice_is_repeated() {
    let (code, figures) = fanout(Fault::Repeat, "--senders 2 --seconds 1 --rate 50");
    assert_eq!((code, verdict(&figures)), (Some(1), [0, 1, 0, 0, 0]), "{figures}");
}

#[test]
fn a_senders_later_message_before_its_earlier_is_reordered() {
    let (code, figures) = fanout(Fault::Delay, "--senders 1 --seconds 1 --rate 50");
    assert_eq!((code, verdict(&figures)), (Some(1), [0, 0, 1, 1, 0]), "{figures}");
}

/// At this rate the senders alternate, so that each of them is still heard in order.
#[test]
fn one_receiver_in_another_order_is_found_although_each_sender_is_in_order() {
    let (code, figures) = fanout(Fault::Delay, "--senders 2 --seconds 2 --rate 10");
    assert_eq!((code, verdict(&figures)), (Some(1), [0, 0, 0, 1, 0]), "{figures}");
}

#[test]
fn a_connection_that_the_server_ends_is_cut_off_and_the_reason_is_told() {
    let (code, figures) = fanout(Fault::Close, "--senders 2 --seconds 1 --rate 50");
    assert_eq!((code, figures["cut_off"].as_u64()), (Some(1), Some(1)), "{figures}");
    assert_eq!(figures["endings"]["closed by the server"], 1);
}

#[test]
fn a_server_that_is_not_there_is_no_verdict() {
    let output = Command::new(env!("CARGO_BIN_EXE_hubbub-load"))
        .args(["fanout", "--closed", "--url", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot connect"));
}
