//! Ways to connect and to be gone at once, most of them rude.

use std::net::SocketAddr;

use hubbub_tests::{
    client::Client,
    polling::Polling,
    raw::{Raw, head},
};
use serde_json::json;

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const OLDER: &str = "/socket.io/?EIO=3&transport=websocket";

/// How many ways there are.
pub(crate) const WAYS: usize = 16;

/// Comes to one node and goes, some of it by way of the other.
pub(crate) async fn come_and_go(way: usize, name: &str, here: SocketAddr, there: SocketAddr) {
    match way % WAYS {
        0..6 => by_websocket(way % WAYS, name, here).await,
        6..11 => by_polling(way % WAYS, name, here, there).await,
        11..14 => in_an_upgrade(way % WAYS, name, here, there).await,
        _ => of_the_older_protocol(way % WAYS, name, here).await,
    }
}

async fn by_websocket(way: usize, name: &str, here: SocketAddr) {
    let add = &add_user(name);
    if way == 0 {
        let mut raw = Raw::connect(here).await;
        raw.write(head(WEBSOCKET).as_bytes()).await;
        return raw.reset();
    }
    let mut raw = Raw::websocket(here, WEBSOCKET).await;
    match way {
        1 => raw.say(&["40"]).await,
        2 => return raw.say(&["40", add, "41"]).await,
        _ => {
            raw.say(&["40"]).await;
            raw.reads("40{\"sid\":").await;
            match way {
                3 => raw.say(&[add]).await,
                4 => return raw.say(&[add, "41"]).await,
                _ => raw.say(&[add, "41", "40"]).await,
            }
        }
    }
    raw.reset();
}

async fn by_polling(way: usize, name: &str, here: SocketAddr, there: SocketAddr) {
    let add = &add_user(name);
    let polling = Polling::open(here, false).await.by_way_of(there);
    match way {
        6 => {}
        7 => drop(polling.tries(&["40", add, "1"]).await),
        _ => {
            polling.says(&["40"]).await;
            polling.hears().await.expect("the answer to CONNECT");
            match way {
                8 => polling.says(&[add, "41"]).await,
                9 => polling.says(&[add]).await,
                _ => {
                    polling.says(&[add]).await;
                    let mut raw = Raw::connect(there).await;
                    let poll = format!("GET {} HTTP/1.1\r\nhost: hubbub\r\n\r\n", polling.path());
                    raw.write(poll.as_bytes()).await;
                    raw.reset();
                }
            }
        }
    }
}

async fn in_an_upgrade(way: usize, name: &str, here: SocketAddr, there: SocketAddr) {
    let add = &add_user(name);
    let polling = Polling::open(here, false).await;
    polling.says(&["40"]).await;
    polling.hears().await.expect("the answer to CONNECT");
    polling.says(&[add]).await;
    let mut raw = Raw::websocket(there, &polling.upgrade()).await;
    if way > 11 {
        raw.say(&["2probe"]).await;
        raw.reads("3probe").await;
    }
    if way > 12 {
        raw.say(&["5", "41", "40", add]).await;
    }
    raw.reset();
}

async fn of_the_older_protocol(way: usize, name: &str, here: SocketAddr) {
    let add = &add_user(name);
    if way == 14 {
        let mut raw = Raw::websocket(here, OLDER).await;
        raw.say(&[add]).await;
        return raw.reset();
    }
    Client::older_polling(&here).await.send(add).await;
}

fn add_user(name: &str) -> String {
    format!("42{}", json!(["addUser", name]))
}
