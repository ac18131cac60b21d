//! The engine's front door: which request goes where.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, Request, header};
use hyper::body::Incoming;

use crate::metrics;

use super::{
    Engine, Peers,
    asked::{Asked, Protocol},
    link::Link,
    origin,
    refused::Refused,
    websocket, zero_nine,
};

/// Whether the path is the engine's; `Some(true)`: by seed 003's path.
pub(super) fn engine_path(path: &str) -> Option<bool> {
    match path {
        "/socket.io/" | "/socket.io" => Some(false),
        "/sio/socket.io/" | "/sio/socket.io" => Some(true),
        _ => zero_nine::path(path).map(|_| path.starts_with("/sio/")),
    }
}

impl Engine {
    /// Serves one request to the engine's path.
    pub(super) async fn serve(
        self: &Arc<Self>,
        own_path: bool,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> Response {
        let forwarded = self.peers.verify(&request);
        let origin = match (forwarded, origin::check(&self.settings.origins, request.headers())) {
            (Some(_), _) => None,
            (None, Ok(origin)) => origin,
            (None, Err(refused)) => return refused.into_response(),
        };
        if request.method() == Method::OPTIONS {
            return origin::allow(origin::preflight(request.headers()), origin);
        }
        // Whoever claims to be a node is not handed on again, even where it cannot prove it.
        let from = Caller {
            own_path,
            peer: forwarded.unwrap_or(peer),
            forwarded: Peers::claims(&request),
            at_once: packets_at_once(request.headers()),
        };
        let response = self.timed(from, request).await;
        origin::allow(response.unwrap_or_else(IntoResponse::into_response), origin)
    }

    /// A request that opens a session or a transport is a handshake, and timed.
    async fn timed(self: &Arc<Self>, from: Caller, request: Request<Incoming>) -> Result<Response, Refused> {
        let asked = Asked::parse(&request)?;
        let (started, transport) = (Instant::now(), if asked.websocket { "websocket" } else { "polling" });
        let handshake = asked.websocket || asked.sid.is_none();
        let response = self.dispatch(from, asked, request).await;
        if handshake {
            let result = match &response {
                Ok(_) => "ok",
                Err(Refused::Full | Refused::Draining) => "refused",
                Err(_) => "failed",
            };
            metrics::shook_hands(transport, result, started.elapsed());
        }
        response
    }

    async fn dispatch(
        self: &Arc<Self>,
        from: Caller,
        asked: Asked,
        request: Request<Incoming>,
    ) -> Result<Response, Refused> {
        if declared(request.headers()) > self.settings.max_payload {
            return Err(Refused::TooLarge);
        }
        if let Some(owner) = asked.node.as_deref().filter(|node| *node != self.node.as_str()) {
            if from.forwarded {
                return Err(Refused::Session);
            }
            return self.peers.forward(owner, from.peer, asked.websocket, request).await;
        }
        let link = self.link_of(&asked, from)?;
        if asked.protocol == Protocol::ZeroNine {
            return self.serve_zero_nine(asked, link, request).await;
        }
        match (asked.websocket, request.method(), &asked.sid) {
            (true, &Method::GET, _) => websocket::switch(self, asked, link, request),
            (false, &Method::GET, None) => self.open(&asked, link).await,
            (false, &Method::GET, Some(_)) => self.poll(&asked, &link).await,
            (false, &Method::POST, Some(_)) => self.post(&asked, &link, request).await,
            _ => Err(Refused::BadRequest),
        }
    }

    /// The session that the request names, or a new one.
    fn link_of(self: &Arc<Self>, asked: &Asked, from: Caller) -> Result<Arc<Link>, Refused> {
        if let Some(sid) = &asked.sid {
            let link = self.find(sid).ok_or(Refused::Session)?;
            return if link.eio3 == asked.eio3() { Ok(link) } else { Err(Refused::Version) };
        }
        if self.draining.load(Ordering::Relaxed) {
            return Err(Refused::Draining);
        }
        let seat = self.seats.clone().try_acquire_owned().map_err(|_| Refused::Full)?;
        Ok(Link::new(self, seat, asked, from))
    }
}

/// The length that a body says it has.
fn declared(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or_default()
}

/// python-engineio, 3 and 4, gives the connection up over more than sixteen packets in an answer. For all others that
/// would only mean more polls.
fn packets_at_once(headers: &HeaderMap) -> usize {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    if agent.to_ascii_lowercase().contains("python") { 16 } else { usize::MAX }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// By seed 003's path.
    pub(super) own_path: bool,
    /// The client's address.
    pub(super) peer: IpAddr,
    /// By way of another node, which has checked it.
    pub(super) forwarded: bool,
    /// Packets that it reads of one poll's answer.
    pub(super) at_once: usize,
}
