//! `static/hubbub.js` in Node, around the oldest and the newest client that it is made for, while things break.

use std::{ffi::OsStr, time::Duration};

use hubbub_tests::{faults::Faults, process::Cluster, scripts::Script};

#[test]
fn nobody_misses_a_word_when_their_node_is_killed() {
    tell("killed", Cluster::start(3));
}

#[test]
fn nobody_misses_a_word_when_their_node_is_asked_to_stop() {
    let soon = [("HUBBUB__DRAIN__DELAY", OsStr::new("500ms")), ("HUBBUB__DRAIN__WINDOW", OsStr::new("1s"))];
    tell("drained", Cluster::with(2, &soon));
}

#[test]
fn every_word_is_said_once_when_redis_stops_for_a_while() {
    tell("stopped", Cluster::start(2));
}

#[test]
fn every_word_is_said_once_when_redis_dies_and_comes_back() {
    tell("restarted", Cluster::start(2));
}

#[test]
fn a_message_whose_answer_is_lost_is_said_once() {
    tell("cut", Cluster::start(2));
}

#[test]
fn a_connection_that_carries_nothing_any_more_is_given_up() {
    tell("frozen", Cluster::start(2));
}

#[test]
fn what_may_be_missing_is_told() {
    tell("emptied", Cluster::start(2));
}

#[test]
fn people_change_what_they_said_and_speak_to_one_alone() {
    tell("together", Cluster::start(2));
}

fn tell(story: &str, cluster: Cluster) {
    let mut faults = Faults::of(cluster);
    let script = Script::node("clients/hubbub.mjs").args([story, &faults.address()]).args(faults.urls());
    faults.make_while(|| script.within(Duration::from_mins(2)).run());
}
