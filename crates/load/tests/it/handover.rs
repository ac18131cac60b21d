//! Whether `handover` finds that another node is slower than a session's own, or does not know the session.

use std::process::{Command, Output};

use serde_json::Value;

use crate::polling_server::{Cluster, Fault, SLOW};

fn handover(cluster: &Cluster, rest: &str) -> (Output, Value) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("figures.json");
    let output = Command::new(env!("CARGO_BIN_EXE_hubbub-load"))
        .args("handover --rounds 3 --messages 20 --pairs 2".split(' '))
        .args(cluster.urls().iter().flat_map(|url| ["--url", url]))
        .arg("--json")
        .arg(&json)
        .args(rest.split_ascii_whitespace())
        .output()
        .unwrap();
    let figures = std::fs::read(&json).ok().map(|bytes| serde_json::from_slice(&bytes).unwrap());
    (output, figures.unwrap_or_default())
}

fn added(figures: &Value) -> [f64; 3] {
    ["post", "delivery", "echo"].map(|kind| figures[kind]["added"]["p50"]["median"].as_f64().unwrap())
}

#[test]
fn a_cluster_that_adds_little_enough_passes() {
    let cluster = Cluster::start(Fault::None, 3);
    let (output, figures) = handover(&cluster, "--added-at-most 1000");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for kind in ["post", "delivery", "echo"] {
        let counts = ["own", "handed_over"].map(|way| figures[kind][way]["count"].as_u64().unwrap());
        assert_eq!(counts, [3 * 20; 2], "{kind}: {figures}");
    }
    assert!(figures["post"]["alone"].is_null(), "{figures}");
}

#[test]
fn a_node_alone_is_compared_with_when_there_is_one() {
    let (cluster, alone) = (Cluster::start(Fault::None, 2), Cluster::start(Fault::None, 1));
    let [url] = &alone.urls()[..] else { panic!("one node") };
    let (output, figures) = handover(&cluster, &format!("--added-at-most 1000 --alone {url}"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(figures["echo"]["alone"]["count"], 3 * 20, "{figures}");
    assert!(figures["echo"]["added_by_cluster"]["p99"]["median"].is_number(), "{figures}");
}

#[test]
fn a_cluster_that_adds_too_much_fails_in_everything_that_is_measured() {
    let cluster = Cluster::start(Fault::Slow, 2);
    let (output, figures) = handover(&cluster, "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    for added in added(&figures) {
        assert!(added > SLOW.as_secs_f64() * 1e3 / 2.0, "{figures}");
    }
}

#[test]
fn a_cluster_that_hands_nothing_over_cannot_be_measured() {
    let cluster = Cluster::start(Fault::Sticky, 2);
    let (output, _) = handover(&cluster, "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("handed over: a post was answered 400"), "{told}");
}

#[test]
fn sessions_are_closed_after_each_measurement() {
    let cluster = Cluster::start(Fault::None, 2);
    handover(&cluster, "--added-at-most 1000");
    assert_eq!(cluster.sessions(), 0);
}
