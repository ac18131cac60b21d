//! Real clients of every generation, from their registries, meet on two nodes.

use std::time::Duration;

use hubbub_tests::{process::Cluster, scripts::Script};

#[test]
fn clients_1_3_6_meet() {
    meet("sioc13", "002,002-lower,002-walkthrough,004");
}

#[test]
fn clients_1_4_4_meet() {
    meet("sioc14", "000,001,002,004");
}

#[test]
fn clients_1_7_4_meet() {
    meet("sioc17", "000,002,003");
}

#[test]
fn clients_2_2_0_meet() {
    meet("sioc22", "001,002,003,004");
}

#[test]
fn clients_2_5_0_meet() {
    meet("sioc25", "000,002,002-walkthrough,003");
}

#[test]
fn clients_3_1_3_meet() {
    meet("sioc31", "002,003,v1");
}

#[test]
fn clients_4_8_meet() {
    meet("sioc4", "000,001,002,002-lower,002-walkthrough,003,004,v1");
}

#[test]
fn python_clients_meet() {
    Script::python("clients/meet.py").args(Cluster::start(2).urls()).run();
}

#[test]
fn python_clients_of_the_older_protocol_meet() {
    let Some(script) = Script::older_python("clients/meet.py") else { return };
    script.args(Cluster::start(2).urls()).run();
}

#[test]
fn the_oldest_and_the_newest_meet() {
    let cluster = Cluster::start(2);
    let script = meeting("sioc13", "002,004").args(["--other", "sioc4"]);
    script.args(cluster.urls()).run();
}

#[test]
fn a_balancer_that_knows_no_sessions_is_good_enough() {
    let cluster = Cluster::start(2);
    for (client, vocabularies) in [("sioc13", "002"), ("sioc14", "001"), ("sioc22", "003"), ("sioc4", "v1")] {
        let script = meeting(client, vocabularies).args(["--round-robin"]);
        script.args(cluster.urls()).run();
    }
}

#[test]
fn sockets_that_never_speak_hear_every_vocabulary() {
    script("clients/silent.mjs");
}

#[test]
fn five_hundred_messages_of_one_client_stay_in_order() {
    script("clients/stream.mjs");
}

#[test]
fn what_is_said_in_the_connect_handler_is_never_lost() {
    script("clients/eager.mjs");
}

/// By polling, by WebSocket, and by an upgrade from one to the other.
fn meet(client: &str, vocabularies: &str) {
    let cluster = Cluster::start(2);
    meeting(client, vocabularies).args(cluster.urls()).run();
}

fn meeting(client: &str, vocabularies: &str) -> Script {
    Script::node("clients/meet.mjs")
        .args(["--client", client, "--vocabularies", vocabularies])
        .within(Duration::from_mins(2))
}

fn script(path: &str) {
    let cluster = Cluster::start(2);
    Script::node(path).args(cluster.urls()).run();
}
