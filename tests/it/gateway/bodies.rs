//! Polling bodies that are too large, too short, badly framed, or no packets at all.

use std::{net::SocketAddr, time::Duration};

use http::Method;
use hubbub_tests::{
    http::{Answer, EIO3, EIO4, get, open, post, request},
    watched::Watched,
    wire::{Wire, request as head},
};
use serde_json::{Value, json};
use tokio::time::Instant;

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_it_comes() {
    let node = Watched::start().await;
    for length in ["65537", "99999999999", "18446744073709551613"] {
        let path = format!("{EIO4}&sid={}", open(node.addr()).await);
        let began = Instant::now();
        let mut wire = Wire::to(node.addr()).await;
        wire.says(&head("POST", &path, &format!("content-length: {length}\r\n"))).await;
        assert!(wire.hears("}").await.starts_with("HTTP/1.1 413 "), "{length}");
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        goes_on(node.addr(), &path).await;
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused_and_the_session_goes_on() {
    let node = Watched::start().await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    let mut wire = Wire::to(node.addr()).await;
    wire.says(&head("POST", &path, "transfer-encoding: chunked\r\n")).await;
    wire.says(b"10001\r\n").await;
    wire.says(&b"4".repeat(0x1_0001)).await;
    assert!(wire.hears("}").await.starts_with("HTTP/1.1 413 "));
    goes_on(node.addr(), &path).await;
    node.noticed_nothing().await;
}

#[tokio::test]
async fn who_hangs_up_in_the_middle_of_a_body_has_said_nothing() {
    let node = Watched::start().await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    for (headers, part) in [
        ("content-length: 20\r\n", "40\u{1e}42[\"mess"),
        ("transfer-encoding: chunked\r\n", "2\r\n40\r\n"),
        ("transfer-encoding: chunked\r\n", "ffffffffffffffff\r\n40"),
    ] {
        let mut wire = Wire::to(node.addr()).await;
        wire.says(&head("POST", &path, headers)).await;
        wire.says(part.as_bytes()).await;
    }
    goes_on(node.addr(), &path).await;
    node.noticed_nothing().await;
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up_after_ten_seconds() {
    let node = Watched::with(&PATIENT).await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    let (mut short, mut chunked) = (Wire::to(node.addr()).await, Wire::to(node.addr()).await);
    short.says(&head("POST", &path, "content-length: 20\r\n")).await;
    short.says(b"40").await;
    chunked.says(&head("POST", &path, "transfer-encoding: chunked\r\n")).await;
    chunked.says(b"2\r\n40\r\n").await;
    for wire in [&mut short, &mut chunked] {
        let answer = wire.hears("}").await;
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":3"), "{answer}");
    }
    goes_on(node.addr(), &path).await;
    node.noticed_nothing().await;
}

#[tokio::test]
async fn a_chunk_without_a_length_is_a_bad_request() {
    let node = Watched::start().await;
    let path = format!("{EIO4}&sid={}", open(node.addr()).await);
    let mut wire = Wire::to(node.addr()).await;
    wire.says(&head("POST", &path, "transfer-encoding: chunked\r\n")).await;
    wire.says(b"zz\r\n40\r\n").await;
    assert!(wire.hears("}").await.starts_with("HTTP/1.1 400 "));
    goes_on(node.addr(), &path).await;
    node.noticed_nothing().await;
}

#[tokio::test]
async fn what_is_no_packet_ends_the_session() {
    let node = Watched::start().await;
    for body in ["\u{1e}", "40\u{1e}", "\u{1e}40", "7", "9", "abc", "b!!!!", "\0", "é", "0{}"] {
        let path = format!("{EIO4}&sid={}", open(node.addr()).await);
        // A separator at the end adds nothing: the library takes it, as if it were not there.
        let last = body == "40\u{1e}";
        let answer = post(node.addr(), &path, body).await;
        assert_eq!(answer.refusal(), if last { (200, Value::Null) } else { bad() }, "{body:?}");
        assert_eq!(is_open(node.addr(), &path).await, last, "{body:?}");
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn a_body_that_is_no_text_is_a_bad_request() {
    let node = Watched::start().await;
    for body in [&b"\xff\xfe"[..], b"40\x1e\xff", b"4\xc3", b"42[\"message\",\"\xed\xa0\x80\"]"] {
        let path = format!("{EIO4}&sid={}", open(node.addr()).await);
        assert_eq!(post(node.addr(), &path, body).await.refusal(), bad(), "{body:?}");
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn an_empty_body_says_nothing() {
    let node = Watched::start().await;
    for path in [format!("{EIO4}&sid={}", open(node.addr()).await), older(node.addr()).await] {
        assert_eq!(post(node.addr(), &path, "").await.text(), "ok");
        assert!(is_open(node.addr(), &path).await);
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn lengths_that_are_wrong_end_the_session() {
    let node = Watched::start().await;
    for body in [
        "5:",
        "10:abc",
        "1:😀",
        "1:😀x",
        "3:4",
        ":",
        ":40",
        "-1:4",
        "1e1:4",
        " 1:4",
        "4",
        "42[\"message\",\"bare\"]",
        "42:[\"message\",\"bare\"]",
        "99999999999999999999:4",
        "18446744073709551615:4",
        "2:40x",
        "x2:40",
    ] {
        let path = older(node.addr()).await;
        assert_eq!(post(node.addr(), &path, body).await.refusal(), bad(), "{body:?}");
        assert!(!is_open(node.addr(), &path).await, "{body:?}");
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn binary_lengths_that_are_wrong_end_the_session() {
    let node = Watched::start().await;
    for body in [
        &b"\xff"[..],
        b"\x00\x00\xffabc",
        b"\x00\x05\xff4",
        b"\x02\x01\xff4",
        b"\x00\x20\xff4",
        b"\x00\x02\xff4\xff",
        b"\x00\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff4",
        b"\x00\x01\x08\x04\x04\x06\x07\x04\x04\x00\x07\x03\x07\x00\x09\x05\x05\x01\x06\x01\x05\xff4",
        b"\x01\x04\x00\xff\x04abc",
    ] {
        let path = older(node.addr()).await;
        let kind = [("content-type", "application/octet-stream")];
        let answer = request(node.addr(), Method::POST, &path, &kind, body).await;
        assert_eq!(answer.refusal(), bad(), "{body:?}");
        assert!(!is_open(node.addr(), &path).await, "{body:?}");
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn attachments_that_are_not_to_be_had_harm_nobody() {
    let node = Watched::start().await;
    let (waits, ends) = (true, false);
    for (packets, fate) in [
        ("451-[\"message\",{\"_placeholder\":true,\"num\":0}]", waits),
        ("451-", waits),
        ("451-[]", waits),
        ("454-[\"message\"]", waits),
        ("455-[\"message\"]", ends),
        ("459999999999-[\"message\",{\"_placeholder\":true,\"num\":0}]", ends),
        ("45999999999999999999999999-[\"message\"]", ends),
        ("45-1-[\"message\"]", ends),
        ("45[\"message\"]", ends),
        ("bAQID", ends),
        ("451-[\"message\",{\"_placeholder\":true,\"num\":7}]\u{1e}bAQID", waits),
        ("451-[\"message\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID\u{1e}bAQID", ends),
        ("461-99[]", waits),
    ] {
        let path = format!("{EIO4}&sid={}", connected(node.addr()).await);
        assert_eq!(post(node.addr(), &path, packets).await.text(), "ok", "{packets:?}");
        assert_eq!(is_open(node.addr(), &path).await, fate, "{packets:?}");
    }
    node.noticed_nothing().await;
}

#[tokio::test]
async fn attachments_may_not_be_larger_together_than_a_message() {
    let node = Watched::start().await;
    let path = format!("{EIO4}&sid={}", connected(node.addr()).await);
    post(node.addr(), &path, "454-[\"message\"]").await;
    let attachment = format!("b{}", "AAAA".repeat(10_000));
    let mut sent = 0;
    while sent < 4 && is_open(node.addr(), &path).await {
        post(node.addr(), &path, attachment.clone()).await;
        sent += 1;
    }
    assert_eq!((sent, is_open(node.addr(), &path).await), (3, false));
    node.noticed_nothing().await;
}

#[tokio::test]
async fn jsonp_is_refused_by_its_name() {
    let node = Watched::start().await;
    let sid = open(node.addr()).await;
    for path in
        [format!("{EIO3}&j=0"), format!("{EIO4}&j=12"), format!("{EIO4}&sid={sid}&j=0"), format!("{EIO4}&j=")]
    {
        for answer in [get(node.addr(), &path).await, post(node.addr(), &path, "d=1%3A2").await] {
            assert_eq!(answer.refusal(), bad(), "{path}");
            assert!(answer.text().contains("JSONP"), "{}", answer.text());
        }
    }
    node.noticed_nothing().await;
}

/// The protocol's "Bad request".
fn bad() -> (u16, Value) {
    (400, json!(3))
}

/// A body's ten seconds are longer than it may be silent otherwise.
const PATIENT: [(&str, &str); 2] =
    [("HUBBUB__SOCKETIO__CONNECT_TIMEOUT", "15s"), ("HUBBUB__SOCKETIO__PING_TIMEOUT", "15s")];

/// Opens a session of Engine.IO 3 and gives its path.
async fn older(addr: SocketAddr) -> String {
    let opening = get(addr, &format!("{EIO3}&b64=1")).await;
    format!("{EIO3}&b64=1&sid={}", opening.header("x-hubbub-sid"))
}

/// Opens a session, connects it, and gives its id.
async fn connected(addr: SocketAddr) -> String {
    let sid = open(addr).await;
    let path = format!("{EIO4}&sid={sid}");
    post(addr, &path, "40").await;
    assert!(get(addr, &path).await.text().starts_with("40{"));
    sid
}

/// Whether the session is still known.
async fn is_open(addr: SocketAddr, path: &str) -> bool {
    let pong = if path.contains("EIO=3") { "1:2" } else { "3" };
    let answer: Answer = post(addr, path, pong).await;
    match answer.refusal() {
        (200, _) => true,
        refused => {
            assert_eq!(refused, (400, json!(1)));
            false
        }
    }
}

/// The session takes its CONNECT as if nothing had been.
async fn goes_on(addr: SocketAddr, path: &str) {
    assert_eq!(post(addr, path, "40").await.text(), "ok");
    assert!(get(addr, path).await.text().starts_with("40{"));
}
