//! WebSockets: our own handshake, then the seam into socketioxide.
//!
//! The seam takes `(stream, request)` and checks nothing of the request, so everything is checked here.

use std::{
    io,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, Uri, header};
use hyper::{
    body::Incoming,
    service::Service,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    Engine,
    asked::Asked,
    first_head::{FirstHead, Seat},
    frames,
    lane::LaneIo,
    link::Link,
    refused::Refused,
    tcp,
};

/// What a client says first on the WebSocket that is to take its session over.
const PROBE: &[u8] = b"2probe";
/// How long it has for that.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The `Sec-WebSocket-Key` of a WebSocket handshake (RFC 6455, section 4.2.1).
pub(super) fn key(headers: &HeaderMap) -> Option<&[u8]> {
    let is = |name, value: &str| {
        let header = headers.get(name).and_then(|found| found.to_str().ok());
        header.is_some_and(|found| found.split(',').any(|token| token.trim().eq_ignore_ascii_case(value)))
    };
    let handshake = is(header::UPGRADE, "websocket") && is(header::CONNECTION, "upgrade");
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    (handshake && is(header::SEC_WEBSOCKET_VERSION, "13")).then_some(key.as_bytes())
}

/// Switches protocols; the library takes over once the answer is out.
pub(super) fn switch(
    engine: &Arc<Engine>,
    asked: Asked,
    link: Arc<Link>,
    mut request: Request<Incoming>,
) -> Result<Response, Refused> {
    let response = switching(request.headers())?;
    let upgrade = hyper::upgrade::on(&mut request);
    if link.on_websocket() {
        // The official server lets a second WebSocket in and closes it; so does dropping the upgrade.
        return Ok(response);
    }
    if asked.sid.is_some() {
        tokio::spawn(take_over(engine.clone(), asked, Arc::downgrade(&link), upgrade));
    } else {
        tokio::spawn(begin(engine.clone(), asked, link, upgrade));
    }
    Ok(response)
}

/// The answer to a WebSocket handshake.
pub(super) fn switching(handshake: &HeaderMap) -> Result<Response, Refused> {
    let accept = derive_accept_key(key(handshake).ok_or(Refused::BadRequest)?);
    let headers = [
        (header::UPGRADE, "websocket"),
        (header::CONNECTION, "Upgrade"),
        (header::SEC_WEBSOCKET_ACCEPT, &accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// A session that begins as a WebSocket.
async fn begin(engine: Arc<Engine>, asked: Asked, link: Arc<Link>, upgrade: OnUpgrade) {
    if let Some((tcp, before)) = upgrade.await.ok().and_then(stream) {
        hand_over(&engine, &asked, link, tcp, before);
    }
}

/// A session that polls goes on polling until the client has been heard on the WebSocket: some networks let a handshake
/// through and nothing after it.
async fn take_over(engine: Arc<Engine>, asked: Asked, link: Weak<Link>, upgrade: OnUpgrade) {
    let Some((tcp, before)) = upgrade.await.ok().and_then(stream) else { return };
    let probed = timeout(PROBE_TIMEOUT, probed(&tcp.0, before)).await.ok().flatten();
    if let (Some(before), Some(link)) = (probed, link.upgrade()) {
        hand_over(&engine, &asked, link, tcp, before);
    }
}

/// Everything that came so far, once it begins with the probe; `None`: it begins with anything else.
async fn probed(tcp: &TcpStream, before: Bytes) -> Option<Bytes> {
    let mut read = BytesMut::from(before);
    loop {
        if let Some((head, length)) = frames::head(&read) {
            if length != PROBE.len() as u64 || !frames::is_client_text(&read) {
                return None;
            }
            let whole = head + PROBE.len();
            if read.len() >= whole {
                let is_probe = frames::unmasked(&read[..head], &read[head..whole]) == PROBE;
                return is_probe.then(|| read.freeze());
            }
        }
        tcp.readable().await.ok()?;
        match tcp.try_read_buf(&mut read) {
            Ok(0) => return None,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return None,
            _ => {}
        }
    }
}

/// Our own stream back out of hyper, with the bytes that it read ahead.
fn stream(upgraded: Upgraded) -> Option<((TcpStream, Seat), Bytes)> {
    let parts = upgraded.downcast::<TokioIo<FirstHead>>().ok()?;
    Some((parts.io.into_inner().into_parts(), Bytes::copy_from_slice(&parts.read_buf)))
}

/// The seam. Stream, session and link meet here and nowhere else.
fn hand_over(engine: &Arc<Engine>, asked: &Asked, link: Arc<Link>, tcp: (TcpStream, Seat), before: Bytes) {
    let silence = engine.settings.silence;
    if tcp::limit_age(&tcp.0, engine.settings.outbox_age).is_err() {
        return;
    }
    let Some(lane) = LaneIo::new(link.clone(), tcp, before, asked.sid.is_some(), silence) else { return };
    let mut request = Request::new(());
    *request.uri_mut() = uri(asked);
    request.extensions_mut().insert(link);
    // The library parses what this wrote itself; if it ever refuses, dropping the lane closes everything.
    if let Err(error) = Service::call(&engine.service, (lane, request)).into_inner() {
        tracing::error!(%error, "the engine refused a checked websocket");
    }
}

fn uri(asked: &Asked) -> Uri {
    match (&asked.sid, asked.eio3()) {
        (Some(_), _) => asked.engine_query().parse().unwrap_or_default(),
        (None, true) => Uri::from_static("/?EIO=3&transport=websocket"),
        (None, false) => Uri::from_static("/?EIO=4&transport=websocket"),
    }
}
