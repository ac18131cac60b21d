//! The pages of the tutorials, and the product's own, in a real Chromium on two nodes.

mod seeds;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use hubbub_tests::{
    faults::Faults,
    process::{Cluster, root},
    scripts::Script,
};
use tempfile::TempDir;

use seeds::Seed;

#[test]
fn the_walkthrough_page_of_seed_002_works_as_printed() {
    as_printed("002", "walkthrough", "sioc4", seeds::walkthrough);
}

#[test]
fn the_final_page_of_seed_002_works_as_printed() {
    as_printed("002", "final", "sioc4", seeds::last_page);
}

#[test]
fn the_page_of_seed_003_works_as_printed() {
    as_printed("003", "bocadillo", "sioc22", seeds::bocadillo);
}

#[test]
fn a_page_that_speaks_as_seed_000_works_with_the_client_it_names() {
    same_calls("000");
}

#[test]
fn a_page_that_speaks_as_seed_001_works_with_the_client_it_names() {
    same_calls("001");
}

#[test]
fn a_page_that_speaks_as_seed_004_works_with_the_client_it_names() {
    same_calls("004");
}

#[test]
fn two_people_on_two_nodes_talk_on_our_own_page() {
    run(Script::node("browser/page.mjs"), None, &Cluster::start(2));
}

#[test]
fn people_write_edit_react_delete_and_speak_alone_on_our_own_page() {
    breaking("browser/words.mjs");
}

#[test]
fn what_is_read_stays_in_place_while_the_past_is_read() {
    run(Script::node("browser/past.mjs"), None, &Cluster::start(2));
}

#[test]
fn our_own_page_comes_back_and_says_whether_anything_was_missed() {
    breaking("browser/away.mjs");
}

#[test]
fn only_pages_of_allowed_origins_connect() {
    let allowed = [("HUBBUB__SECURITY__ORIGINS", OsStr::new("http://page.example"))];
    run(Script::node("browser/origins.mjs"), None, &Cluster::with(2, &allowed));
}

/// Copies the page out of the tutorial's text, and opens it on two nodes that serve it and that generation's client.
fn as_printed(number: &str, page: &str, client: &str, copy_out: fn(&Seed, &Path)) {
    let Some(seed) = Seed::find(number) else { return };
    let folder = TempDir::new().expect("a folder for the page");
    copy_out(&seed, folder.path());
    both_ways("browser/seeds.mjs", page, client, folder.path());
}

/// Opens a page of our own that makes the tutorial's calls. It brings its client.
fn same_calls(number: &str) {
    both_ways("browser/pages.mjs", number, "sioc4", &root().join("tests/browser/pages").join(number));
}

/// Each person on a node of their own, and both behind a balancer that knows no sessions.
fn both_ways(script: &str, page: &str, client: &str, folder: &Path) {
    let client = root().join("tests/clients/node_modules").join(client).join("dist");
    let settings =
        [("HUBBUB__HTTP__STATIC_DIR", folder.as_os_str()), ("HUBBUB__HTTP__CLIENT_DIR", client.as_os_str())];
    for way in [&[][..], &["--round-robin"]] {
        run(Script::node(script).args(way), Some(page), &Cluster::with(2, &settings));
    }
}

/// On two nodes, of which the script may ask for faults.
fn breaking(script: &str) {
    let mut faults = Faults::of(Cluster::start(2));
    let script = Script::node(script).args([screenshots()]).args([faults.address()]).args(faults.urls());
    faults.make_while(|| script.run());
}

fn run(script: Script, page: Option<&str>, cluster: &Cluster) {
    script.args([screenshots()]).args(page).args(cluster.urls()).run();
}

/// Where what it looked like is left.
fn screenshots() -> PathBuf {
    let folder = root().join("target/screenshots");
    fs::create_dir_all(&folder).expect("a folder for screenshots");
    folder
}
