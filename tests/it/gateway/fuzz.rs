//! A thousand malformed things, the same ones every time, while two people talk.

use std::{fmt::Write as _, net::SocketAddr};

use http::Method;
use hubbub_tests::{
    http::{attempt, get, open},
    watched::Watched,
    wire::{Wire, frame},
};

/// Failing rounds are found again by it: `SEED=7 cargo test ...`.
const SEED: u64 = 20_261_120;
const ROUNDS: usize = 1_000;
/// What an allocator may keep of a thousand rounds more.
const GROWTH: u64 = 1 << 20;

#[tokio::test]
async fn a_thousand_malformed_things_leave_nothing_behind() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let node = Watched::start().await;
    rounds(node.addr(), seed).await;
    let warm = node.settled_memory().await;
    rounds(node.addr(), seed).await;
    let grown = node.settled_memory().await.saturating_sub(warm);
    eprintln!("seed {seed}: it grew from {warm} by {grown} bytes");
    assert!(grown <= GROWTH);
    node.noticed_nothing().await;
}

async fn rounds(addr: SocketAddr, seed: u64) {
    let mut dice = Dice(seed);
    for _ in 0..ROUNDS {
        match dice.below(5) {
            0 => query(addr, &mut dice).await,
            1 => body(addr, &mut dice).await,
            2 => socket(addr, &mut dice).await,
            3 => ancient(addr, &mut dice).await,
            _ => bytes(addr, &mut dice).await,
        }
    }
}

/// A request whose query is put together from what might matter.
async fn query(addr: SocketAddr, dice: &mut Dice) {
    let mut path = "/socket.io/?".to_owned();
    for _ in 0..dice.below(7) {
        let part = dice.one_of(QUERIES);
        write!(path, "{part}&").expect("a string takes it");
    }
    let method = dice.one_of(&[Method::GET, Method::POST, Method::PUT, Method::OPTIONS]).clone();
    attempt(addr, method, &path, &[("connection", "close")], dice.mangled()).await;
}

/// A post to an open session of either protocol, and its end.
async fn body(addr: SocketAddr, dice: &mut Dice) {
    let eio = 3 + dice.below(2);
    let path = format!("/socket.io/?EIO={eio}&transport=polling&sid={}", open(addr).await);
    let kind = dice.one_of(&["text/plain;charset=UTF-8", "application/octet-stream", "x"]);
    for _ in 0..=dice.below(3) {
        attempt(addr, Method::POST, &path, &[("content-type", kind)], dice.mangled()).await;
    }
    attempt(addr, Method::POST, &path.replace("EIO=3", "EIO=4"), &[], "1").await;
}

/// The same of Socket.IO 0.9, by either transport.
async fn ancient(addr: SocketAddr, dice: &mut Dice) {
    let opening = get(addr, "/socket.io/1/").await.text();
    let sid = opening.split(':').next().expect("a session id").to_owned();
    if dice.below(2) == 0 {
        return frames(addr, &format!("/socket.io/1/websocket/{sid}"), dice).await;
    }
    let path = format!("/socket.io/1/xhr-polling/{sid}");
    for _ in 0..=dice.below(3) {
        attempt(addr, Method::POST, &path, &[], dice.mangled()).await;
    }
    attempt(addr, Method::GET, &format!("{path}?disconnect=1"), &[], "").await;
}

/// A WebSocket of either protocol.
async fn socket(addr: SocketAddr, dice: &mut Dice) {
    let path = format!("/socket.io/?EIO={}&transport=websocket", 3 + dice.below(2));
    frames(addr, &path, dice).await;
}

/// Frames on a WebSocket, right or wrong, and its end.
async fn frames(addr: SocketAddr, path: &str, dice: &mut Dice) {
    let mut wire = Wire::websocket(addr, path).await;
    for _ in 0..=dice.below(4) {
        let first = *dice.one_of(&[0x81, 0x81, 0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8a, 0xc1, 0x83]);
        let mut bytes = frame(first, &dice.mangled());
        if dice.below(4) == 0 {
            bytes.truncate(dice.below(bytes.len()));
        }
        if !wire.says(&bytes).await {
            return;
        }
    }
}

/// Bytes that may be a request.
async fn bytes(addr: SocketAddr, dice: &mut Dice) {
    let mut wire = Wire::to(addr).await;
    wire.says(dice.one_of(HEADS).as_bytes()).await;
    wire.says(&dice.mangled()).await;
}

/// Numbers that look thrown (splitmix64), the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("it is below a usize")
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Something well formed, with a few bytes of it changed, doubled or missing.
    fn mangled(&mut self) -> Vec<u8> {
        let mut bytes = self.one_of(PACKETS).as_bytes().to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len());
            match self.below(4) {
                0 => bytes.truncate(at),
                1 => bytes.splice(at..at, [0x1e]).for_each(drop),
                2 => bytes.extend_from_within(at..),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = self.0.to_le_bytes()[3]),
            }
        }
        bytes
    }
}

const QUERIES: &[&str] = &[
    "EIO=4",
    "EIO=3",
    "EIO=5",
    "EIO=",
    "EIO",
    "transport=polling",
    "transport=websocket",
    "transport=%00",
    "sid=",
    "sid=AAAAAAAAAAAAAAAA.node-1",
    "sid=AAAAAAAAAAAAAAAA.node-2",
    "sid=%2e",
    "sid=..",
    "j=0",
    "b64=1",
    "b64",
    "t=x",
    "=",
    "&",
    "%",
    "auth=%7b",
];
const PACKETS: &[&str] = &[
    "",
    "0{}",
    "1",
    "2",
    "2probe",
    "3",
    "4",
    "40",
    "40/iss,",
    "40/nowhere,{\"a\":1}",
    "41",
    "41/iss,",
    "42[\"message\",\"x\"]",
    "421[\"addUser\",\"Fuzz\"]",
    "42[\"sendChat\",\"é😀\"]",
    "42/iss,[\"identify\",\"Fuzz\"]",
    "430[]",
    "44{}",
    "451-[\"message\",{\"_placeholder\":true,\"num\":0}]",
    "459999999999-[\"x\"]",
    "461-1[]",
    "5",
    "6",
    "7",
    "bAQID",
    "4:40{}",
    "2:40",
    "20:42[\"message\",\"hello\"]",
    "99999999999:4",
    "\u{0}\u{2}\u{ff}40",
    "42[\"~\"]",
    "42[\"message\",{\"a\":[[[[]]]]}]",
    "0::",
    "1::/iss",
    "1::/iss?auth={",
    "2::",
    "3:1+::hello",
    "4:::{\"a\":1}",
    "5:1+::{\"name\":\"message\",\"args\":[\"x\"]}",
    "6:::1+[]",
    "\u{fffd}3\u{fffd}2::\u{fffd}99\u{fffd}5::",
    "40\u{1e}42[\"message\",\"x\"]\u{1e}41\u{1e}40",
];
const HEADS: &[&str] = &[
    "",
    "\r\n\r\n",
    "GET",
    "GET / HTTP/1.1\r\n\r\n",
    "POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\ncontent-length: 5\r\n\r\n",
    "POST /socket.io/ HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    "GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nx: ",
    "\u{16}\u{3}\u{1}",
];
