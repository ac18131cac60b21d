//! What `hubbub-load` judges of real nodes, in short; the long forms are `make bench` and `make churn`.

use std::{
    env,
    ffi::OsStr,
    path::PathBuf,
    process::{Command, Output},
};

use hubbub_tests::process::{Cluster, root};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn a_room_hears_all_in_every_vocabulary_by_every_transport() {
    let cluster = Cluster::start(2);
    for dialect in ["002", "003", "v1"] {
        let fanout = format!("fanout --dialect {dialect} --clients 40 --polling 30 --upgraded 30 --rate 50");
        let figures = passes(short(&fanout, &cluster).args(processes(&cluster)));
        assert!(number(&figures, "said") >= 140.0, "{figures}");
        assert!(number(&figures["answers"], "200") > 200.0, "nobody polled: {figures}");
        assert!(number(&figures["latency_ms"], "p50") <= number(&figures["latency_ms"], "p999"), "{figures}");
        assert_eq!(figures["processes"].as_array().map(Vec::len), Some(2), "{figures}");
        assert!(number(&figures["processes"][1], "peak_kib") > 1_000.0, "{figures}");
    }
}

#[test]
fn a_closed_loop_says_what_it_has_cost_all_three() {
    let cluster = Cluster::start(1);
    let figures = passes(short("fanout --clients 50 --closed", &cluster).args(processes(&cluster)));
    for figure in ["server_cpu_per_million", "own_cpu_per_million", "own_busy", "machine_load"] {
        assert!(number(&figures, figure) > 0.0, "{figure}: {figures}");
    }
}

#[test]
fn what_is_said_in_a_room_is_heard_in_that_room_only() {
    let cluster = Cluster::start(2);
    let rooms = "rooms --dialect v1 --rooms 12 --members 6 --senders 2 --rate 120";
    let figures = passes(&mut short(rooms, &cluster));
    assert_eq!(figures["strayed"], 0, "{figures}");
    assert!(number(&figures, "said") >= 340.0, "{figures}");
}

#[test]
fn nobody_is_told_anything_wrong_when_twice_as_much_is_said_as_can_be_carried() {
    let cluster = Cluster::start(2);
    for dialect in ["v1", "003"] {
        let overload = format!("overload --dialect {dialect} --clients 60 --carried 1 --keeps-at-least 1");
        let figures = passes(&mut short(&overload, &cluster));
        assert!(number(&figures, "offered_per_second") > number(&figures["carried"], "messages_per_second"));
        assert!(number(&figures, "kept") > 0.0 && number(&figures, "said") > 0.0, "{figures}");
    }
}

/// Its outbox holds a few messages only, so that whoever reads them late is cut off.
#[test]
fn who_is_cut_off_at_overload_comes_back_and_has_a_hole_nowhere() {
    let cluster = Cluster::alone(&[("HUBBUB__SOCKETIO__OUTBOX", OsStr::new("64KiB"))]);
    let overload =
        "overload --dialect v1 --clients 100 --carried 1 --multiple 4 --bytes 8000 --keeps-at-least 1";
    let figures = passes(&mut short(overload, &cluster));
    let (cut_off, back) = (number(&figures, "cut_off"), number(&figures["came_back_ms"], "count"));
    assert!(cut_off > 0.0, "nobody was cut off: {figures}");
    assert!(back > 0.0 && figures["gone"] == 0, "{figures}");
}

#[test]
fn every_request_of_a_session_may_go_to_another_node() {
    let cluster = Cluster::start(3);
    for eio in [3, 4] {
        let figures = passes(&mut short(&format!("polling --eio {eio} --clients 40 --rate 20"), &cluster));
        let answers = figures["answers"].as_object().expect("answers by status");
        assert_eq!(answers.keys().collect::<Vec<_>>(), ["200"], "{figures}");
    }
}

#[test]
fn what_handing_over_adds_is_measured_on_real_nodes() {
    let cluster = Cluster::start(2);
    let handover = "handover --rounds 2 --messages 20 --pairs 2 --added-at-most 1000";
    let figures = passes(&mut hubbub_load(handover, &cluster));
    for kind in ["post", "delivery", "echo"] {
        assert_eq!(figures[kind]["handed_over"]["count"], 40, "{figures}");
    }
}

#[test]
fn one_that_reads_no_more_is_cut_off_and_told_all_when_it_is_back() {
    let cluster = Cluster::start(1);
    // What it costs says nothing on a machine that tests.
    let stalled = "stalled --dialect v1 --rounds 1 --clients 20 --seconds 9 --warm-up 0 --cut-off-within 30 \
                   --memory-at-most 100000 --added-at-most 1000000";
    let mut command = hubbub_load(stalled, &cluster);
    command.args(processes(&cluster)).arg(format!("--admin=http://{}", cluster.admin(0)));
    let figures = passes(&mut command);
    assert!(number(&figures, "caught_up") > 0.0 && figures["gaps"] == 0, "{figures}");
}

#[test]
fn those_who_say_nothing_and_those_who_come_and_go_are_measured() {
    let cluster = Cluster::start(2);
    for dialect in ["002", "003", "v1"] {
        let idle = format!("idle --dialect {dialect} --clients 100 --seconds 1");
        let figures = passes(hubbub_load(&idle, &cluster).args(processes(&cluster)));
        assert!(figures["kib_per_connection"].is_number() && figures["cut_off"] == 0, "{figures}");
        let churn = format!("churn --dialect {dialect} --rate 50 --seconds 2 --stay 50");
        let figures = passes(&mut hubbub_load(&churn, &cluster));
        assert!(number(&figures, "connects") > 50.0, "{figures}");
    }
}

#[test]
fn of_those_who_come_and_go_half_of_them_cut_off_nothing_remains() {
    let cluster = Cluster::start(2);
    let mut command = hubbub_load("leaks --rounds 4 --clients 200 --warm-up 1 --slope-at-most 4", &cluster);
    command.args((0..2).map(|node| format!("--admin=http://{}", cluster.admin(node))));
    passes(command.arg("--redis").arg(cluster.redis().socket()));
}

#[test]
fn who_is_cut_off_with_everybody_is_whole_again_and_nobody_notices() {
    let cluster = Cluster::start(3);
    // Longer than the grace: a leave that was held back and not forgotten would be told by then.
    passes(&mut hubbub_load("storm --dialect v1 --clients 300 --observers 6 --watch 12", &cluster));
}

#[test]
fn who_comes_with_everybody_is_let_in() {
    for dialect in ["v1", "002"] {
        let cluster = Cluster::start(2);
        let rush = format!("rush --dialect {dialect} --clients 200 --observers 2 --seconds 4");
        passes(&mut hubbub_load(&rush, &cluster));
    }
}

/// The figures of a run that found nothing wrong.
fn passes(command: &mut Command) -> Value {
    let folder = TempDir::new().expect("a folder for the figures");
    let json = folder.path().join("figures.json");
    let Output { status, stdout, stderr } =
        command.arg("--json").arg(&json).output().expect("hubbub-load runs");
    let said = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success(), "{}\n{}", said[0], said[1]);
    let figures = std::fs::read(&json).expect("it has written its figures");
    serde_json::from_slice(&figures).expect("they are JSON")
}

fn number(figures: &Value, name: &str) -> f64 {
    figures[name].as_f64().unwrap_or_else(|| panic!("no number {name} in {figures}"))
}

/// A workload in which people talk, for three seconds.
fn short(words: &str, cluster: &Cluster) -> Command {
    let mut command = hubbub_load(words, cluster);
    command.args(["--seconds", "3", "--warm-up", "0", "--drain", "3"]);
    command
}

fn hubbub_load(words: &str, cluster: &Cluster) -> Command {
    let mut command = Command::new(binary());
    command.args(words.split_ascii_whitespace());
    command.args(cluster.urls().iter().flat_map(|url| ["--url", url]));
    command
}

fn processes(cluster: &Cluster) -> Vec<String> {
    (0..cluster.urls().len()).map(|node| format!("--pid={}", cluster.pid(node))).collect()
}

/// The binary of the profile that runs, built where that has to be done.
fn binary() -> PathBuf {
    let test = env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps");
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(["build", "--quiet", "--package", "hubbub-load"]);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    assert!(command.status().expect("cargo").success(), "hubbub-load does not build");
    profile.join("hubbub-load")
}
