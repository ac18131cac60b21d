//! The pages of the tutorials, and the product's own, in a real Chromium on two nodes.

mod seeds;

use std::{fs, path::Path};

use hubbub_tests::{
    process::{Cluster, root},
    scripts::Script,
};
use tempfile::TempDir;

use seeds::Seed;

#[test]
fn the_walkthrough_page_of_seed_002_works_as_printed() {
    as_printed("002", "walkthrough", seeds::walkthrough);
}

#[test]
fn the_final_page_of_seed_002_works_as_printed() {
    as_printed("002", "final", seeds::last_page);
}

#[test]
fn the_page_of_seed_003_works_as_printed() {
    as_printed("003", "bocadillo", seeds::bocadillo);
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
    run("browser/page.mjs", None, &Cluster::start(2));
}

/// Copies the page out of the tutorial's text, and opens it on two nodes that serve it.
fn as_printed(number: &str, page: &str, copy_out: fn(&Seed, &Path)) {
    let Some(seed) = Seed::find(number) else { return };
    let folder = TempDir::new().expect("a folder for the page");
    copy_out(&seed, folder.path());
    run("browser/seeds.mjs", Some(page), &Cluster::serving(2, folder.path()));
}

/// Opens a page of our own that makes the tutorial's calls.
fn same_calls(number: &str) {
    let page = root().join("tests/browser/pages").join(number);
    run("browser/pages.mjs", Some(number), &Cluster::serving(2, &page));
}

/// What it looked like is left in `target/screenshots/`.
fn run(script: &str, page: Option<&str>, cluster: &Cluster) {
    let screenshots = root().join("target/screenshots");
    fs::create_dir_all(&screenshots).expect("a folder for screenshots");
    Script::node(script).args([screenshots]).args(page).args(cluster.urls()).run();
}
