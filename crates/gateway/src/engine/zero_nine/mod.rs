//! Socket.IO 0.9, which seed 002's package.json names: its handshake and its two transports.
//!
//! Inside, such a client is one of Engine.IO protocol 3 that polls; [`packets`] translates. Protocol: socket.io-spec,
//! revision 1.
//!
//! ```text
//!   GET  /socket.io/1/                     ->  sid:heartbeat:close:transports
//!   GET  /socket.io/1/xhr-polling/<sid>    ->  what is said to it, or 8:: after a while
//!   POST /socket.io/1/xhr-polling/<sid>    ->  1
//!   GET  /socket.io/1/websocket/<sid>      ->  101
//! ```

mod packets;
mod payload;
mod websocket;

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{Method, Request, header};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use self::packets::{NOOP, from_engine, to_engine};
use super::{
    Engine,
    asked::{Asked, Protocol},
    connects,
    link::Link,
    payload::Form,
    polling::CLOSE,
    refused::Refused,
    sid,
};

/// A poll is answered after this at the latest, for asking again is a sign of life.
const POLL: Duration = Duration::from_secs(20);
/// How long a client waits for anything at all before it gives the connection up: longer than any poll.
const CLOSE_TIMEOUT: u64 = 60;

/// The part of the path behind the engine's, if it is this protocol's.
pub(super) fn path(path: &str) -> Option<&str> {
    let behind = path.strip_prefix("/socket.io/1").or_else(|| path.strip_prefix("/sio/socket.io/1"))?;
    if behind.is_empty() { Some("") } else { behind.strip_prefix('/') }
}

/// What a request asks for whose path goes on like this.
pub(super) fn asked<B>(path: &str, request: &Request<B>) -> Result<Asked, Refused> {
    let query = request.uri().query().unwrap_or_default();
    if query.split('&').any(|part| part.starts_with("jsonp=")) {
        return Err(Refused::Jsonp);
    }
    let (transport, public) = path.split_once('/').unwrap_or((path, ""));
    let websocket = match transport {
        "websocket" => true,
        "xhr-polling" | "" => false,
        _ => return Err(Refused::Transport),
    };
    let (sid, node) = match public.trim_end_matches('/') {
        "" if !transport.is_empty() || request.method() != Method::GET => return Err(Refused::BadRequest),
        "" => (None, None),
        public => {
            let (sid, node) = sid::split(public);
            (Some(sid.to_owned()), node.map(str::to_owned))
        }
    };
    let auth = if sid.is_none() { connects::auth(query) } else { None };
    Ok(Asked { protocol: Protocol::ZeroNine, websocket, form: Form::Ascii, sid, node, auth })
}

impl Engine {
    /// Serves a request of a client of 0.9 whose session is here.
    pub(super) async fn serve_zero_nine(
        self: &Arc<Self>,
        asked: Asked,
        link: Arc<Link>,
        request: Request<Incoming>,
    ) -> Result<Response, Refused> {
        let leaves =
            request.uri().query().is_some_and(|query| query.split('&').any(|part| part == "disconnect=1"));
        match (asked.websocket, request.method(), &asked.sid) {
            (false, &Method::GET, None) => self.shake_hands(&asked, link).await,
            (false, &Method::GET, Some(_)) if leaves => {
                link.close_polling();
                Ok("".into_response())
            }
            (false, &Method::GET, Some(_)) => self.poll_zero_nine(&asked, &link).await,
            (false, &Method::POST, Some(_)) => self.post_zero_nine(&asked, &link, request).await,
            (true, &Method::GET, Some(_)) => websocket::switch(self, asked, link, request),
            _ => Err(Refused::BadRequest),
        }
    }

    async fn shake_hands(self: &Arc<Self>, asked: &Asked, link: Arc<Link>) -> Result<Response, Refused> {
        let (sid, opening) = self.open_session(asked, link).await?;
        let millis = |key: &str| opening.get(key).and_then(Value::as_u64).unwrap_or_default();
        let heartbeat = (millis("pingInterval") + millis("pingTimeout")).div_ceil(1_000);
        let close = heartbeat + CLOSE_TIMEOUT;
        Ok(text(format!("{sid}:{heartbeat}:{close}:websocket,xhr-polling")))
    }

    /// Asking is a sign of life: the engine's heartbeat is answered by it.
    async fn poll_zero_nine(&self, asked: &Asked, link: &Link) -> Result<Response, Refused> {
        self.beat(asked).await?;
        let packets =
            match timeout(POLL.min(self.settings.ping_interval), self.next_zero_nine(asked, link)).await {
                Ok(packets) => packets?,
                Err(_) => vec![NOOP.to_owned()],
            };
        Ok(text(payload::join(&packets)))
    }

    /// Waits for packets that mean something to such a client.
    async fn next_zero_nine(&self, asked: &Asked, link: &Link) -> Result<Vec<String>, Refused> {
        loop {
            let packets = self.next_packets(asked, link).await?;
            // The protocol's own word for the end would keep the client from coming back.
            if packets.contains(&CLOSE) {
                return Err(Refused::Session);
            }
            let packets: Vec<_> = packets.iter().filter_map(translated).collect();
            if !packets.is_empty() {
                return Ok(packets);
            }
        }
    }

    async fn post_zero_nine(
        &self,
        asked: &Asked,
        link: &Link,
        request: Request<Incoming>,
    ) -> Result<Response, Refused> {
        let body = self.collect(request.into_body()).await?;
        crate::metrics::received(body.len());
        let said = std::str::from_utf8(&body)
            .map_err(|_| Refused::BadRequest)
            .and_then(|body| Ok(payload::split(body)?));
        match said {
            Ok(said) => self.heard_zero_nine(asked, link, said).await?,
            Err(refused) => {
                link.close_polling();
                return Err(refused);
            }
        }
        Ok(text("1".to_owned()))
    }

    /// Such a client has said this.
    async fn heard_zero_nine(&self, asked: &Asked, link: &Link, said: Vec<&str>) -> Result<(), Refused> {
        let packets: Vec<_> = said.into_iter().map(to_engine).collect::<Result<_, _>>()?;
        let packets = packets.into_iter().flatten().map(Cow::Owned);
        self.post_texts(asked, link, packets).await.map(drop)
    }

    /// The client lives.
    async fn beat(&self, asked: &Asked) -> Result<(), Refused> {
        self.post_slice(asked, &["2"]).await.map(drop)
    }
}

fn translated(packet: &Bytes) -> Option<String> {
    from_engine(std::str::from_utf8(packet).ok()?)
}

fn text(body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=UTF-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(uri: &str) -> Result<Asked, Refused> {
        let request = Request::get(uri).body(()).expect("a request");
        asked(path(request.uri().path()).expect("of this protocol"), &request)
    }

    #[test]
    fn the_path_says_transport_and_session() {
        let polls = get("/socket.io/1/xhr-polling/abc.node-1?t=1").expect("well formed");
        assert_eq!(
            (polls.websocket, polls.sid.as_deref(), polls.node.as_deref()),
            (false, Some("abc"), Some("node-1"))
        );
        assert!(get("/sio/socket.io/1/websocket/abc.node-1").expect("well formed").websocket);
        assert_eq!(get("/socket.io/1/?t=1&auth=%7B%7D").expect("well formed").auth.as_deref(), Some("{}"));
        assert_eq!(
            get("/socket.io/1//abc.node-1/?disconnect=1").expect("well formed").sid.as_deref(),
            Some("abc")
        );
    }

    #[test]
    fn what_is_not_served_is_refused_by_its_reason() {
        assert_eq!(get("/socket.io/1/flashsocket/abc.node-1"), Err(Refused::Transport));
        assert_eq!(get("/socket.io/1/?jsonp=0"), Err(Refused::Jsonp));
        assert_eq!(get("/socket.io/1/websocket/"), Err(Refused::BadRequest));
        assert_eq!(path("/socket.io/1x"), None);
        assert_eq!(path("/socket.io/"), None);
    }
}
