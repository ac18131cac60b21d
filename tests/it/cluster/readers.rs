//! Clients that read badly in a loud room: not at all, a byte now and then, or half a frame before they vanish. Each is cut
//! off for a reason, costs little, and nobody else loses anything.

use std::{collections::VecDeque, fs, net::SocketAddr, time::Duration};

use hubbub_tests::{
    polling::Polling,
    raw::{frames, head},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::loud::{Loud, Memory, entrance};

const SETTINGS: &[(&str, &str)] =
    &[("HUBBUB__SOCKETIO__OUTBOX", "256KiB"), ("HUBBUB__SOCKETIO__OUTBOX_AGE", "1s")];
/// Of each kind and protocol.
const EACH: usize = 3;
/// What a bad reader may cost the node: its outbox, and as much again for all that is around it.
const COST: usize = 512 * 1_024;
/// What is sent must be acknowledged within twenty seconds, and some for the kernel's timers.
const GIVEN_UP: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_or_a_byte_a_second_is_cut_off_and_costs_little() {
    let loud = Loud::with(SETTINGS).await;
    let (memory, mut bad) = (Memory::of(&loud.cluster), JoinSet::new());
    let (addr, mut silent) = (loud.cluster.addr(0), Vec::new());
    for number in 0..EACH {
        for older in [false, true] {
            let name = |kind| format!("{kind}{}{number}", u8::from(older));
            silent.push(Bare::enters(addr, older, &name("never")).await);
            bad.spawn(Bare::enters(addr, older, &name("sips")).await.sips());
        }
    }
    let count = bad.len() + silent.len();
    loud.ended(&[("slow", count)]).await;
    let grown = memory.grown();
    println!("{count} cost {grown} bytes");
    assert!(grown <= count * COST, "{count} cost {grown} bytes");
    bad.shutdown().await;
    loud.was_heard_by_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_the_answer_of_a_poll_a_byte_a_second_is_cut_off_and_costs_little() {
    let loud = Loud::with(SETTINGS).await;
    let (memory, mut bad, mut held) = (Memory::of(&loud.cluster), JoinSet::new(), Vec::new());
    for number in 0..EACH {
        for older in [false, true] {
            let name = format!("poll{}{number}", u8::from(older));
            let bare = polls(loud.cluster.addr(0), older, name).await;
            held.push((
                bare.0.peer_addr().expect("it is connected"),
                bare.0.local_addr().expect("it is connected"),
            ));
            bad.spawn(bare.sips());
        }
    }
    let count = bad.len();
    loud.ended(&[("slow", count)]).await;
    let grown = memory.grown();
    println!("{count} cost {grown} bytes");
    assert!(grown <= count * COST, "{count} cost {grown} bytes");
    // The node's kernel gives up those whose window is closed. They would notice when they had read what their own keeps.
    let began = Instant::now();
    while held.iter().any(|(node, client)| is_held(*node, *client)) {
        assert!(began.elapsed() < GIVEN_UP, "the node still holds them");
        sleep(Duration::from_millis(100)).await;
    }
    bad.shutdown().await;
    loud.was_heard_by_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_vanishes_in_the_middle_of_a_frame_that_it_reads_is_gone_at_once() {
    let loud = Loud::with(SETTINGS).await;
    for number in 0..EACH {
        for older in [false, true] {
            // Into its length, and into what it says.
            for bytes in [1, 1_000] {
                let name = format!("half{bytes}{}{number}", u8::from(older));
                let mut bare = Bare::enters(loud.cluster.addr(0), older, &name).await;
                bare.reads(b"\x81\x7e").await;
                for _ in 0..bytes {
                    bare.0.read_u8().await.expect("it is still there");
                }
                bare.0.set_zero_linger().expect("a socket option");
            }
        }
    }
    loud.ended(&[("transport", 4 * EACH)]).await;
    loud.was_heard_by_all().await;
}

/// A client's end that takes few bytes, and reads no byte more than it is told to.
struct Bare(TcpStream);

impl Bare {
    async fn connect(addr: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4 * 1_024).expect("a socket option");
        Self(socket.connect(addr).await.expect("a connection"))
    }

    /// One in the room, by WebSocket.
    async fn enters(addr: SocketAddr, older: bool, name: &str) -> Self {
        let mut bare = Self::connect(addr).await;
        let version = if older { 3 } else { 4 };
        bare.says(head(&format!("/socket.io/?EIO={version}&transport=websocket")).as_bytes()).await;
        bare.reads(b"\r\n\r\n").await;
        for (packet, answer) in entrance(older, name) {
            bare.says(&frames(&[&packet])).await;
            bare.reads(answer.as_bytes()).await;
        }
        bare
    }

    async fn says(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the node takes it");
    }

    /// Reads until this has come by, and nothing beyond it.
    async fn reads(&mut self, until: &[u8]) {
        let mut last = VecDeque::from(vec![0; until.len()]);
        while last != until {
            last.pop_front();
            last.push_back(self.0.read_u8().await.expect("the node says more"));
        }
    }

    /// Reads a byte a second, for as long as there is one.
    async fn sips(mut self) {
        while self.0.read_u8().await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// One in the room that has asked what there is, by a connection of its own.
async fn polls(addr: SocketAddr, older: bool, name: String) -> Bare {
    let polling = Polling::open(addr, older).await;
    for (packet, answer) in entrance(older, &name) {
        polling.says(&[packet]).await;
        while !polling.hears().await.expect("it is there").concat().contains(answer) {}
    }
    let mut bare = Bare::connect(addr).await;
    bare.says(format!("GET {} HTTP/1.1\r\nhost: hubbub\r\n\r\n", polling.path()).as_bytes()).await;
    bare
}

/// Whether this machine's kernel has the node's end of this connection.
fn is_held(node: SocketAddr, client: SocketAddr) -> bool {
    let ends = format!("0100007F:{:04X} 0100007F:{:04X}", node.port(), client.port());
    fs::read_to_string("/proc/net/tcp").expect("what Linux says of connections").contains(&ends)
}
