//! The comparison with other servers, in short; the long form is `make bench`.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use hubbub_tests::{process::root, scripts::Script};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn a_rival_is_put_through_the_same_as_a_node() {
    let results = TempDir::new().expect("a folder for results");
    let rows = ["--short", "--only", "two-nodes", "--only", "idle", "--servers", "hubbub,node"];
    let compare = Script::node("bench/compare.mjs").args(rows);
    compare
        .args(["--binaries".as_ref(), binaries().as_path()])
        .args(["--results".as_ref(), results.path()])
        .run();
    assert_eq!(of_each(results.path(), "two-nodes", "said").len(), 2);
    assert!(of_each(results.path(), "two-nodes", "deliveries_per_second").iter().all(|&figure| figure > 0.0));
    assert_eq!(of_each(results.path(), "two-nodes", "lost"), [0.0, 0.0]);
    assert!(of_each(results.path(), "idle", "kib_per_connection").iter().all(|&figure| figure > 0.0));
}

#[test]
fn bad_figures_are_called_so() {
    Script::node("bench/checks.mjs").run();
}

#[test]
fn the_tables_in_the_documents_say_what_was_measured() {
    Script::node("bench/tables.mjs").args(["--check"]).run();
}

#[test]
fn scripts_that_start_nodes_can_still_run_what_is_for_node_js() {
    let out = TempDir::new().expect("a folder for reports");
    let asks = "set -euo pipefail; . script/stage.bash; type -t node";
    let mut bash = Command::new("bash");
    bash.current_dir(root()).env("BENCH_OUT", out.path()).args(["-c", asks]);
    let told = bash.output().expect("bash");
    assert_eq!(String::from_utf8_lossy(&told.stdout), "file\n", "{told:?}");
}

/// A row's figure of every case.
fn of_each(results: &Path, row: &str, figure: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(results.join(format!("{row}.json"))).expect("the row's results");
    let result: Value = serde_json::from_str(&text).expect("JSON");
    let runs = result["runs"].as_array().expect("runs");
    runs.iter().map(|run| run[figure].as_f64().expect("a number")).collect()
}

/// Where the binaries of the profile that runs are, built where that has to be done.
fn binaries() -> PathBuf {
    let test = env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps");
    // One at a time, as the other tests build them: together they would have other features.
    for package in ["hubbub-gateway", "hubbub-load"] {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(root()).args(["build", "--quiet", "--package", package, "--bins"]);
        if profile.ends_with("release") {
            command.arg("--release");
        }
        assert!(command.status().expect("cargo").success(), "{package} does not build");
    }
    profile.to_owned()
}
