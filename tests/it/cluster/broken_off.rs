//! Clients that break off a frame which they send, never finish a message, or send a frame against the rules, while they
//! are written to. Each is cut off for a reason, and nobody else loses anything.

use std::{net::SocketAddr, time::Duration};

use hubbub_tests::wire::{TEXT, Wire, frame};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::loud::{Loud, Memory, entrance};

const SETTINGS: &[(&str, &str)] =
    &[("HUBBUB__SOCKETIO__PING_INTERVAL", "500ms"), ("HUBBUB__SOCKETIO__PING_TIMEOUT", "2s")];
/// Half a head, half a mask, half of what it says.
const HALVES: [&[u8]; 4] =
    [b"\x81", b"\x81\xfe\x10", b"\x81\xfe\x10\0\x01\x02", b"\x81\x90\x01\x02\x03\x0442["];
/// What messages without an end may cost the node, the loud room included: a fraction of what was tried to be sent.
const COST: usize = 3 << 20;
/// Its interval, its time for an answer, and some for a busy machine.
const HEARTBEAT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_vanishes_in_the_middle_of_a_frame_that_it_sends_is_gone_at_once() {
    let loud = Loud::with(SETTINGS).await;
    for (number, half) in HALVES.iter().enumerate() {
        for older in [false, true] {
            let mut wire =
                enters(loud.cluster.addr(0), older, &format!("half{number}{}", u8::from(older))).await;
            // What is written to it while it is inside its frame.
            wire.says(half).await;
            wire.hears("[\"message\"").await;
            wire.hears("[\"message\"").await;
        }
    }
    loud.ended(&[("transport", 2 * HALVES.len())]).await;
    loud.was_heard_by_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_ends_a_frame_but_reads_on_is_gone_with_its_heartbeat() {
    let loud = Loud::with(SETTINGS).await;
    let mut still = JoinSet::new();
    for (number, half) in HALVES.iter().enumerate() {
        for older in [false, true] {
            let mut wire =
                enters(loud.cluster.addr(0), older, &format!("still{number}{}", u8::from(older))).await;
            still.spawn(async move {
                let began = Instant::now();
                wire.says(half).await;
                wire.ends().await;
                assert!(began.elapsed() < HEARTBEAT, "after {:?}", began.elapsed());
            });
        }
    }
    still.join_all().await;
    loud.ended(&[("heartbeat", 2 * HALVES.len())]).await;
    loud.was_heard_by_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_an_end_is_cut_off_and_costs_little() {
    let loud = Loud::with(SETTINGS).await;
    let memory = Memory::of(&loud.cluster);
    let (first, more) = (frame(0x01, b"42[\"message\",\""), frame(0x00, &[b'x'; 1_000]));
    let mut most = 0;
    for older in [false, true] {
        let mut wire = enters(loud.cluster.addr(0), older, &format!("endless{}", u8::from(older))).await;
        wire.says(&first).await;
        let mut taken = 0;
        while wire.says(&more).await {
            taken += 1;
            assert!(taken < 10_000, "it takes fragments for ever");
            sleep(Duration::from_millis(1)).await;
            most = most.max(memory.grown());
        }
        wire.ends().await;
    }
    println!("they cost {most} bytes");
    assert!(most <= COST, "they cost {most} bytes");
    loud.ended(&[("transport", 2)]).await;
    loud.was_heard_by_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_cannot_be_is_the_end_of_its_sender_alone() {
    let loud = Loud::with(SETTINGS).await;
    let frames: [&[u8]; 3] = [
        b"\x81\xff\x80\0\0\0\0\0\0\0\x01\x02\x03\x04",
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04",
        b"\x81\x0242",
    ];
    for (number, bytes) in frames.iter().enumerate() {
        for older in [false, true] {
            let mut wire =
                enters(loud.cluster.addr(0), older, &format!("wrong{number}{}", u8::from(older))).await;
            let began = Instant::now();
            wire.says(bytes).await;
            wire.ends().await;
            assert!(began.elapsed() < Duration::from_secs(2), "after {:?}", began.elapsed());
        }
    }
    loud.ended(&[("transport", 2 * frames.len())]).await;
    loud.was_heard_by_all().await;
}

/// One in the room.
async fn enters(addr: SocketAddr, older: bool, name: &str) -> Wire {
    let version = if older { 3 } else { 4 };
    let mut wire = Wire::websocket(addr, &format!("/socket.io/?EIO={version}&transport=websocket")).await;
    for (packet, answer) in entrance(older, name) {
        wire.says(&frame(TEXT, packet.as_bytes())).await;
        wire.hears(answer).await;
    }
    wire
}
