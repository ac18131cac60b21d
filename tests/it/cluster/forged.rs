//! Requests that pretend to come from a node, that go in a circle, or that end at a stranger.

use std::time::Duration;

use http::Method;
use hubbub_gateway::config::Origins;
use hubbub_tests::{
    http::{Answer, EIO4, attempt, get, open, post, request},
    node::Node,
    redis_server::RedisServer,
    wire::{HANDSHAKE, Wire, request as head},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const UNKNOWN: (u16, u8) = (400, 1);

#[tokio::test]
async fn a_request_that_says_it_was_handed_over_is_not_handed_on() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let path = format!("{EIO4}&sid={}", open(one.addr()).await);
    for forged in ["", " ", "10.0.0.1", "10.0.0.1 AAAA", "10.0.0.1 !", "nobody AAAA"] {
        let answer = request(two.addr(), Method::GET, &path, &[("x-hubbub-forwarded", forged)], "").await;
        assert_eq!(answer.refusal(), (UNKNOWN.0, json!(UNKNOWN.1)), "{forged:?}");
    }
    assert_eq!(post(two.addr(), &path, "40").await.text(), "ok");
}

#[tokio::test]
async fn a_circle_ends_where_it_began() {
    let redis = RedisServer::start();
    let (one, two) = (Node::joined(&redis, "one", |_| {}).await, Node::joined(&redis, "two", |_| {}).await);
    let at_two = two.addr().to_string();
    let lost = Node::joined(&redis, "lost", |config| config.node.advertise = Some(at_two)).await;
    let sid = open(lost.addr()).await;
    for node in [&one, &two] {
        timeout(Duration::from_secs(1), is_unknown(node, &sid))
            .await
            .expect("it goes round no more than once");
    }
    assert_eq!(post(lost.addr(), &format!("{EIO4}&sid={sid}"), "40").await.text(), "ok");
}

async fn is_unknown(node: &Node, sid: &str) {
    let path = format!("{EIO4}&sid={sid}");
    for answer in [get(node.addr(), &path).await, post(node.addr(), &path, "40").await] {
        assert_eq!(answer.refusal(), (UNKNOWN.0, json!(UNKNOWN.1)));
    }
    let mut wire = Wire::to(node.addr()).await;
    wire.says(&head("GET", &path.replace("polling", "websocket"), HANDSHAKE)).await;
    assert!(wire.hears("}").await.contains("\"code\":1"));
}

#[tokio::test]
async fn a_proof_is_worth_nothing_on_another_path() {
    let redis = RedisServer::start();
    let stranger = Stranger::listen().await;
    let one = Node::joined(&redis, "one", |config| {
        config.security.origins = Origins::List(vec!["https://chat.example".to_owned()]);
    })
    .await;
    let address = stranger.address();
    let _elsewhere = Node::joined(&redis, "elsewhere", |config| config.node.advertise = Some(address)).await;
    let path = format!("{EIO4}&sid=AAAAAAAAAAAAAAAA.elsewhere");
    let secrets = [("cookie", "secret=1"), ("authorization", "Bearer secret")];
    let asked = request(one.addr(), Method::GET, &path, &secrets, "");
    let (answer, seen) = tokio::join!(asked, stranger.refuses());
    assert_eq!(answer.status, 418);
    assert!(seen.starts_with(&format!("GET {path} ")) && !seen.contains("secret"), "{seen}");
    let proof = seen.lines().find_map(|line| line.strip_prefix("x-hubbub-forwarded: ")).expect("a proof");

    let ask = async |path: &str, proof: &str| -> Answer {
        let headers = [("x-hubbub-forwarded", proof), ("origin", "https://evil.example")];
        let asked = request(one.addr(), Method::GET, path, &headers, "");
        timeout(Duration::from_secs(2), asked).await.expect("an answer in time")
    };
    let mine = open(one.addr()).await;
    assert_eq!(ask(&path, proof).await.refusal(), (UNKNOWN.0, json!(UNKNOWN.1)));
    for other in [EIO4.to_owned(), format!("{EIO4}&sid={mine}"), format!("{path}&x"), path.replace('4', "3")]
    {
        assert_eq!(ask(&other, proof).await.status, 403, "{other}");
    }
    let (_, mac) = proof.split_once(' ').expect("an address and a proof");
    assert_eq!(ask(&path, &format!("10.0.0.1 {mac}")).await.status, 403);
}

#[tokio::test]
async fn an_owner_that_is_no_node_harms_its_own_sessions_alone() {
    let redis = RedisServer::start();
    let stranger = Stranger::listen().await;
    let (one, address) = (Node::joined(&redis, "one", |_| {}).await, stranger.address());
    let _elsewhere = Node::joined(&redis, "elsewhere", |config| config.node.advertise = Some(address)).await;
    let path = format!("{EIO4}&sid=AAAAAAAAAAAAAAAA.elsewhere");
    for nonsense in
        ["", "hello\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx", "HTTP/1.1 101 x\r\n\r\n"]
    {
        let asked = attempt(one.addr(), Method::GET, &path, &[], "");
        let (answer, _) = tokio::join!(timeout(Duration::from_secs(2), asked), stranger.says(nonsense));
        let answer = answer.expect("an answer in time");
        assert!(answer.is_none_or(|answer| answer.status != 200), "{nonsense:?}");
    }
    let own = format!("{EIO4}&sid={}", open(one.addr()).await);
    assert_eq!(post(one.addr(), &own, "40").await.text(), "ok");
}

/// Somebody who listens where a node should.
struct Stranger(TcpListener);

impl Stranger {
    async fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    fn address(&self) -> String {
        self.0.local_addr().expect("its address").to_string()
    }

    async fn refuses(&self) -> String {
        self.says("HTTP/1.1 418 I am no node\r\ncontent-length: 0\r\n\r\n").await
    }

    /// Takes the next request, answers so and hangs up. Gives the request's head.
    async fn says(&self, answer: &str) -> String {
        loop {
            let (mut stream, _) = self.0.accept().await.expect("a connection");
            // A node may also look whether anybody listens, and say nothing.
            if let Some(head) = asked_of(&mut stream).await {
                stream.write_all(answer.as_bytes()).await.expect("it takes the answer");
                return head;
            }
        }
    }
}

async fn asked_of(stream: &mut TcpStream) -> Option<String> {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut seen).await.expect("a request") == 0 {
            return None;
        }
    }
    Some(String::from_utf8(seen).expect("a head in text"))
}
