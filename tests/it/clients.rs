//! Real clients of every generation, from their registries, meet on two nodes.

use std::time::Duration;

use hubbub_tests::{node::Node, process::Cluster, redis_server::RedisServer, scripts::Script};
use tokio::{net::TcpListener, task::spawn_blocking};

/// Every client in every vocabulary by each transport, straight on two nodes and behind a balancer that knows no
/// sessions. `make matrix` shows the table.
#[test]
fn the_matrix_has_no_hole() {
    let clusters = [(); AT_ONCE].map(|()| Cluster::start(2));
    let nodes = clusters.iter().map(|cluster| cluster.urls().join(","));
    Script::node("clients/matrix.mjs").args(nodes).within(Duration::from_mins(3)).run();
}

#[test]
fn seed_002_may_be_spelled_in_lower_case_or_in_both() {
    for client in ["sioc13", "sioc4"] {
        on_two_nodes(meeting(client, "002-lower,002-walkthrough"));
    }
}

#[test]
fn browsers_that_poll_without_binary_requests_meet() {
    for client in ["sioc13", "sioc14", "sioc22"] {
        on_two_nodes(meeting(client, "000,004").args(["--transports", "base64"]));
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
fn somebody_called_like_a_property_of_every_object_harms_no_page() {
    on_two_nodes(Script::node("clients/kin.mjs"));
}

#[test]
fn what_is_said_once_a_client_is_connected_is_heard() {
    on_two_nodes(Script::node("clients/prompt.mjs"));
}

#[test]
fn the_eldest_clients_are_told_that_they_are_refused() {
    on_two_nodes(Script::node("clients/elders.mjs").args(["refused"]));
}

/// Those of 0.9, which a word of their protocol's would send away for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_eldest_clients_come_back_when_their_node_stops() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let stop = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let urls = [stop.local_addr().expect("its address"), one.addr(), two.addr()]
        .map(|addr| format!("http://{addr}"));
    let script = Script::node("clients/elders.mjs").args(["back"]).args(urls);
    let script = spawn_blocking(|| script.run());
    let stopping = tokio::spawn(async move {
        stop.accept().await.expect("to be told");
        one.drain().await;
    });
    script.await.expect("everyone is back");
    stopping.await.expect("it has stopped");
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

/// Rows of the matrix. They wait more than they work, and each has its own nodes.
const AT_ONCE: usize = 4;
