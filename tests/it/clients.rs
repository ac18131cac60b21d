//! Real clients of every generation, from their registries, meet on two nodes.

use std::time::Duration;

use hubbub_tests::{process::Cluster, scripts::Script};

#[test]
fn clients_1_3_6_meet() {
    on_two_nodes(meeting("sioc13", "002,002-lower,002-walkthrough,004"));
}

#[test]
fn clients_1_4_4_meet() {
    on_two_nodes(meeting("sioc14", "000,001,002,004"));
}

#[test]
fn clients_1_7_4_meet() {
    on_two_nodes(meeting("sioc17", "000,002,003"));
}

#[test]
fn clients_2_2_0_meet() {
    on_two_nodes(meeting("sioc22", "001,002,003,004"));
}

#[test]
fn clients_2_5_0_meet() {
    on_two_nodes(meeting("sioc25", "000,002,002-walkthrough,003"));
}

#[test]
fn clients_3_1_3_meet() {
    on_two_nodes(meeting("sioc31", "002,003,v1"));
}

#[test]
fn clients_4_8_meet() {
    on_two_nodes(meeting("sioc4", "000,001,002,002-lower,002-walkthrough,003,004,v1"));
}

#[test]
fn python_clients_meet() {
    on_two_nodes(Script::python("clients/meet.py"));
}

#[test]
fn python_clients_of_the_older_protocol_meet() {
    Script::older_python("clients/meet.py").into_iter().for_each(on_two_nodes);
}

#[test]
fn the_oldest_and_the_newest_meet() {
    on_two_nodes(meeting("sioc13", "002,004").args(["--other", "sioc4"]));
}

#[test]
fn browsers_that_poll_without_binary_requests_meet() {
    for client in ["sioc13", "sioc14", "sioc22"] {
        on_two_nodes(meeting(client, "000,004").args(["--transports", "base64"]));
    }
}

#[test]
fn a_balancer_that_knows_no_sessions_is_good_enough() {
    for (client, vocabularies) in [("sioc13", "002"), ("sioc14", "001"), ("sioc22", "003"), ("sioc4", "v1")] {
        on_two_nodes(meeting(client, vocabularies).args(["--round-robin"]));
    }
}

#[test]
fn sockets_that_never_speak_hear_every_vocabulary() {
    on_two_nodes(Script::node("clients/silent.mjs"));
}

#[test]
fn five_hundred_messages_of_one_client_stay_in_order() {
    on_two_nodes(Script::node("clients/stream.mjs"));
}

#[test]
fn what_is_said_in_the_connect_handler_is_never_lost() {
    on_two_nodes(Script::node("clients/eager.mjs"));
}

#[test]
fn what_is_said_once_a_client_is_connected_is_heard() {
    on_two_nodes(Script::node("clients/prompt.mjs"));
}

#[test]
#[ignore = "the query parameter `auth` is not read, and a CONNECT with a query is never answered"]
fn clients_that_have_no_auth_speak_v1_too() {
    for client in ["sioc14", "sioc22"] {
        on_two_nodes(meeting(client, "v1"));
    }
}

/// By polling, by WebSocket, and by an upgrade from one to the other.
fn meeting(client: &str, vocabularies: &str) -> Script {
    Script::node("clients/meet.mjs")
        .args(["--client", client, "--vocabularies", vocabularies])
        .within(Duration::from_mins(2))
}

fn on_two_nodes(script: Script) {
    let cluster = Cluster::start(2);
    script.args(cluster.urls()).run();
}
