//! WebSocket frames that no browser sends.

use std::{net::SocketAddr, time::Duration};

use hubbub_tests::{
    watched::Watched,
    wire::{TEXT, Wire, frame},
};
use tokio::time::Instant;

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const OLDER: &str = "/socket.io/?EIO=3&transport=websocket";
const CONTINUED: u8 = 0x01;
const CONTINUATION: u8 = 0x00;
const LAST: u8 = 0x80;

#[tokio::test]
async fn a_frame_against_the_rules_ends_its_connection_at_once() {
    let node = Watched::start().await;
    let too_long = [vec![0x89, 0xfe, 0, 126, 0, 0, 0, 0], vec![b'x'; 126]].concat();
    for (what, bytes) in [
        ("unmasked", b"\x81\x0240".to_vec()),
        ("a reserved bit", frame(0xc1, b"40")),
        ("all reserved bits", frame(0xf1, b"40")),
        ("a kind that is none", frame(0x83, b"40")),
        ("a control that is none", frame(0x8b, b"40")),
        ("a control too long", too_long),
        ("a control in parts", frame(0x09, b"")),
        ("a continuation of nothing", frame(LAST | CONTINUATION, b"40")),
        ("a text within a text", [frame(CONTINUED, b"4"), frame(TEXT, b"40")].concat()),
        ("a text that is none", frame(TEXT, b"4\xff")),
        ("a farewell that is none", frame(0x88, b"\x03")),
        ("2^63 bytes", b"\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        ("2^62 bytes", b"\x81\xff\x40\0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        ("one byte too many", frame(TEXT, &vec![b'4'; 64 * 1024 + 1])),
        ("no packet", frame(TEXT, b"abc")),
        ("an empty packet", frame(TEXT, b"")),
        ("a packet that clients do not send", frame(TEXT, b"0{}")),
        ("another one", frame(TEXT, b"6")),
        ("an upgrade of what is one", frame(TEXT, b"5")),
        ("binary that nobody waits for", frame(0x82, b"\x01\x02\x03")),
        (
            "too many attachments",
            frame(TEXT, b"459999999999-[\"message\",{\"_placeholder\":true,\"num\":0}]"),
        ),
    ] {
        for mut wire in [connected(node.addr()).await, older(node.addr()).await] {
            let began = Instant::now();
            wire.says(&bytes).await;
            wire.ends().await;
            assert!(began.elapsed() < Duration::from_secs(1), "{what}: {:?}", began.elapsed());
        }
    }
    node.noticed_nothing().await;
}

/// A WebSocket in the main namespace.
async fn connected(addr: SocketAddr) -> Wire {
    let mut wire = Wire::websocket(addr, WEBSOCKET).await;
    wire.says(&frame(TEXT, b"40")).await;
    wire.hears("40{").await;
    wire
}

/// The same of protocol 3, which is there without asking.
async fn older(addr: SocketAddr) -> Wire {
    let mut wire = Wire::websocket(addr, OLDER).await;
    wire.hears("\u{2}40").await;
    wire
}

#[tokio::test]
async fn ten_thousand_fragments_are_one_message() {
    let node = Watched::start().await;
    let text = format!("42[\"message\",\"{}\"]", "x".repeat(10_000));
    let bytes: Vec<u8> =
        (0..).zip(text.bytes()).flat_map(|(at, byte)| fragment(at, byte, text.len())).collect();
    for mut wire in [connected(node.addr()).await, older(node.addr()).await] {
        wire.says(&bytes).await;
        wire.hears(&format!("42[\"response\",\"{}\"]", "x".repeat(10_000))).await;
        wire.says(&frame(TEXT, b"1")).await;
        wire.ends().await;
    }
    node.noticed_nothing().await;
}

fn fragment(at: usize, byte: u8, length: usize) -> Vec<u8> {
    let kind = if at == 0 { CONTINUED } else { CONTINUATION };
    frame(if at + 1 == length { LAST | kind } else { kind }, &[byte])
}

#[tokio::test]
async fn fragments_without_an_end_are_bounded_like_a_message() {
    let node = Watched::start().await;
    let mut wire = Wire::websocket(node.addr(), WEBSOCKET).await;
    wire.says(&frame(CONTINUED, b"4")).await;
    let part = frame(CONTINUATION, &[b'x'; 1_000]);
    let mut taken = 0;
    while taken < 10_000 && wire.says(&part).await {
        taken += 1;
    }
    assert!(taken < 10_000, "it takes fragments for ever");
    wire.ends().await;
    node.noticed_nothing().await;
}

#[tokio::test]
async fn empty_fragments_without_an_end_are_no_sign_of_life() {
    let node = Watched::start().await;
    let mut wire = Wire::websocket(node.addr(), WEBSOCKET).await;
    wire.says(&frame(TEXT, b"40")).await;
    wire.says(&frame(CONTINUED, b"4")).await;
    let began = Instant::now();
    while wire.says(&frame(CONTINUATION, b"").repeat(10)).await {
        assert!(began.elapsed() < Duration::from_secs(10), "it is still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn half_a_frame_is_held_until_the_heartbeat_is_overdue() {
    let node = Watched::start().await;
    for part in [&b"\x81"[..], b"\x81\xfe\x10", b"\x81\x82\0\0\0\x004"] {
        let mut wire = Wire::websocket(node.addr(), WEBSOCKET).await;
        wire.hears("}").await;
        let began = Instant::now();
        wire.says(&frame(TEXT, b"40")).await;
        wire.says(part).await;
        wire.ends().await;
        assert!(began.elapsed() < Duration::from_secs(5), "{part:?}: {:?}", began.elapsed());
    }
    node.noticed_nothing().await;
}
