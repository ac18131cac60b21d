//! What `hubbub-load` judges of a cluster, in short; the long forms are `make churn` and `make bench`.

use std::{
    env,
    path::PathBuf,
    process::{Command, Output},
};

use hubbub_tests::process::{Cluster, root};

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

fn passes(command: &mut Command) {
    let Output { status, stdout, stderr } = command.output().expect("hubbub-load runs");
    let said = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success(), "{}\n{}", said[0], said[1]);
}

fn hubbub_load(words: &str, cluster: &Cluster) -> Command {
    let mut command = Command::new(binary());
    command.args(words.split_ascii_whitespace());
    command.args(cluster.urls().iter().flat_map(|url| ["--url", url]));
    command
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
