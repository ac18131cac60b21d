//! Many real clients at once.

use std::time::Duration;

use hubbub_tests::{process::Cluster, scripts::Script};

#[test]
fn the_first_words_of_fifteen_hundred_real_clients_are_never_lost() {
    let cluster = Cluster::start(2);
    let script = Script::node("clients/eager.mjs").args(cluster.urls()).args(["1500"]);
    script.within(Duration::from_mins(3)).run();
}
