//! Long-polling: opening a session, what a poll is answered, what a post brings.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    BODY_TIMEOUT, Engine,
    asked::{Asked, Protocol},
    connects, eio3,
    link::Link,
    payload,
    refused::Refused,
    sid,
};

/// Names the session on a handshake's answer, for a balancer that learns from headers.
const SID_HEADER: HeaderName = HeaderName::from_static("x-hubbub-sid");
/// Engine.IO's packet for the end of a session.
pub(super) const CLOSE: Bytes = Bytes::from_static(b"1");
/// Said to the library in place of a body that does not come apart: it refuses this, and ends the session.
const NO_PACKET: &str = "?";
/// Packets of one body that the engine is given at a time, and their bytes: a fraction of half a mailbox.
const SLICE: usize = 128;
const SLICE_BYTES: usize = 128 * 1_024;

impl Engine {
    /// Opens a session, and says so.
    pub(super) async fn open(self: &Arc<Self>, asked: &Asked, link: Arc<Link>) -> Result<Response, Refused> {
        let (sid, opening) = self.open_session(asked, link).await?;
        let mut response = answer(asked, &[format!("0{opening}")]);
        response.headers_mut().extend(HeaderValue::from_str(&sid).ok().map(|sid| (SID_HEADER, sid)));
        Ok(response)
    }

    /// Opens a session: its public id, and the opening packet's JSON with that id in it.
    pub(super) async fn open_session(
        self: &Arc<Self>,
        asked: &Asked,
        link: Arc<Link>,
    ) -> Result<(String, Value), Refused> {
        let mut request = ours(asked, Bytes::new());
        request.extensions_mut().insert(link.clone());
        let body = self.ask(request).await?;
        let packets = payload::decode(asked.eio3(), &body)?;
        let opening =
            packets.first().and_then(|packet| packet.strip_prefix('0')).ok_or(Refused::BadRequest)?;
        let (sid, mut opening) = self.sign(opening).ok_or(Refused::BadRequest)?;
        if asked.protocol == Protocol::Eio2 {
            opening["upgrades"] = Value::Array(Vec::new());
        }
        link.name(sid::split(&sid).0);
        link.opens();
        Ok((sid, opening))
    }

    /// Puts this node into the opening packet's session id.
    fn sign(&self, opening: &str) -> Option<(String, Value)> {
        let mut opening: Value = serde_json::from_str(opening).ok()?;
        let sid = sid::public(opening.get("sid")?.as_str()?, &self.node);
        opening["sid"] = sid.clone().into();
        Some((sid, opening))
    }

    /// Waits for something to say, and says it.
    pub(super) async fn poll(&self, asked: &Asked, link: &Link) -> Result<Response, Refused> {
        Ok(answer(asked, &self.next_packets(asked, link).await?))
    }

    /// Waits for packets to say. Cut short, nothing is lost: they are taken in one step.
    pub(super) async fn next_packets(&self, asked: &Asked, link: &Link) -> Result<Vec<Bytes>, Refused> {
        loop {
            let body = self.ask(ours(asked, Bytes::new())).await?;
            if body.is_empty() {
                return Ok(vec![CLOSE]);
            }
            let packets = payload::decode(asked.eio3(), &body)?;
            let (packets, pong) = link.fill(&packets, self.settings.max_payload);
            if pong {
                self.post_slice(asked, &["3"]).await?;
            }
            if !packets.is_empty() {
                crate::metrics::sent(packets.iter().map(Bytes::len).sum());
                return Ok(packets);
            }
        }
    }

    /// Takes what the client says, a slice at a time: the next one waits until the mailboxes have room.
    pub(super) async fn post<B>(
        &self,
        asked: &Asked,
        link: &Link,
        request: Request<B>,
    ) -> Result<Response, Refused>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let binary = asked.eio3() && is_binary(request.headers());
        let body = self.collect(request.into_body()).await?;
        crate::metrics::received(body.len());
        if binary {
            return match eio3::split_binary(&body) {
                Some(packets) => self.post_texts(asked, link, packets.into_iter().map(Cow::from)).await,
                None => self.post_binary(asked, link, &body).await,
            };
        }
        let body = std::str::from_utf8(&body).map_err(|_| Refused::BadRequest)?;
        match payload::decode(asked.eio3(), body) {
            Ok(packets) => {
                self.post_texts(asked, link, packets.into_iter().map(|packet| once(link, packet))).await
            }
            Err(payload::Malformed) => {
                self.post_slice(asked, &[NO_PACKET]).await.map(IntoResponse::into_response)
            }
        }
    }

    /// Gives the engine these packets, a slice at a time.
    pub(super) async fn post_texts<'a>(
        &self,
        asked: &Asked,
        link: &Link,
        packets: impl Iterator<Item = Cow<'a, str>>,
    ) -> Result<Response, Refused> {
        let packets: Vec<_> = packets.map(|packet| modern(link, packet)).collect();
        let packets: Vec<&str> = packets.iter().map(AsRef::as_ref).collect();
        let mut rest = packets.as_slice();
        while !rest.is_empty() {
            let (slice, behind) = rest.split_at(first_slice(rest));
            if !slice.iter().all(|packet| is_heartbeat(packet)) {
                self.readable(link).await?;
            }
            self.post_slice(asked, slice).await?;
            rest = behind;
        }
        // What was cut off meanwhile has not heard all of it.
        if link.is_over() { Err(Refused::Session) } else { Ok("ok".into_response()) }
    }

    /// Waits until the session's mailboxes have room, as long as it may be silent.
    async fn readable(&self, link: &Link) -> Result<(), Refused> {
        timeout(self.settings.silence, link.readable()).await.map_err(|_| Refused::Timeout)
    }

    /// The whole body, if it comes in time and is not too large.
    pub(super) async fn collect<B>(&self, body: B) -> Result<Bytes, Refused>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = Box::pin(Limited::new(body, self.settings.max_payload).collect());
        match timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refused::TooLarge),
            Ok(Err(_)) => Err(Refused::BadRequest),
            Err(_) => Err(Refused::Timeout),
        }
    }

    /// Gives the engine these packets at once.
    pub(super) async fn post_slice(&self, asked: &Asked, packets: &[&str]) -> Result<String, Refused> {
        let body = payload::for_engine(asked.eio3(), packets);
        self.ask(ours(&Asked { websocket: false, ..asked.clone() }, body.into()).into_post()).await
    }

    /// Protocol 3's binary framing with binary packets in it: the library reads it itself.
    async fn post_binary(&self, asked: &Asked, link: &Link, body: &Bytes) -> Result<Response, Refused> {
        self.readable(link).await?;
        let mut request = ours(asked, body.clone()).into_post();
        let kind = HeaderValue::from_static("application/octet-stream");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(self.ask(request).await?.into_response())
    }
}

/// How many of these packets make one slice: one at least.
fn first_slice(packets: &[&str]) -> usize {
    let mut bytes = 0;
    let fit = packets.iter().take(SLICE).take_while(|packet| {
        bytes += packet.len();
        bytes <= SLICE_BYTES
    });
    fit.count().max(1)
}

/// Whether the packet goes into no mailbox.
fn is_heartbeat(packet: &str) -> bool {
    matches!(packet, "2" | "3")
}

fn is_binary(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/octet-stream"))
}

/// The packet, encoded once.
fn once<'a>(link: &Link, packet: &'a str) -> Cow<'a, str> {
    let again = link.eio3.then(|| eio3::decoded_once_more(packet)).flatten();
    again.map_or(packet.into(), Into::into)
}

/// The packet as protocol 5 has it.
fn modern<'a>(link: &Link, packet: Cow<'a, str>) -> Cow<'a, str> {
    let translated = link.eio3.then(|| connects::translated(&packet)).flatten();
    translated.map_or(packet, Cow::Owned)
}

/// A request of our own making: the engine keeps it for as long as the session, so it holds nothing that is not needed.
fn ours(asked: &Asked, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from(body));
    if let Ok(uri) = asked.engine_query().parse() {
        *request.uri_mut() = uri;
    }
    request
}

trait IntoPost {
    fn into_post(self) -> Self;
}

impl IntoPost for Request<Full<Bytes>> {
    fn into_post(mut self) -> Self {
        *self.method_mut() = http::Method::POST;
        self
    }
}

fn answer(asked: &Asked, packets: &[impl AsRef<[u8]>]) -> Response {
    let headers = [(header::CONTENT_TYPE, asked.form.content_type()), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from(asked.form.encode(packets))).into_response()
}
