//! A session by long-polling: each of its requests goes to the node whose turn it is.

use std::{cell::Cell, rc::Rc, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use serde::Deserialize;

use crate::{
    arguments::target::Path,
    wire::{
        payload::Eio,
        pool::{Answer, Pool},
    },
};

#[derive(Debug)]
pub(crate) struct Session {
    pool: Rc<Pool>,
    path: Path,
    eio: Eio,
    route: Route,
    id: String,
    ping_interval: Duration,
}

/// Which node gets the next request.
#[derive(Debug)]
pub(crate) struct Route {
    next: Cell<usize>,
    step: usize,
}

/// A request was answered, but not with 200.
#[derive(Debug, thiserror::Error)]
#[error("a {what} was answered {status}: {body}")]
pub(crate) struct Refused {
    what: &'static str,
    status: StatusCode,
    body: String,
}

/// What the server says first.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opening {
    sid: String,
    /// Milliseconds.
    ping_interval: u64,
}

impl Route {
    /// Every request to another node than the one before: a round-robin that knows no sessions.
    pub(crate) fn in_turn(first: usize) -> Self {
        Self { next: Cell::new(first), step: 1 }
    }

    /// Every request to this node.
    pub(crate) fn always(node: usize) -> Self {
        Self { next: Cell::new(node), step: 0 }
    }

    fn next(&self, nodes: usize) -> usize {
        let next = self.next.get() % nodes;
        self.next.set(next + self.step);
        next
    }
}

impl Session {
    /// The session, and the whole body that opened it: other packets may follow the first.
    pub(crate) async fn open(
        pool: Rc<Pool>,
        path: Path,
        eio: Eio,
        route: Route,
    ) -> anyhow::Result<(Self, Bytes)> {
        let mut session =
            Self { pool, path, eio, route, id: String::new(), ping_interval: Duration::default() };
        let body = session.ask("handshake", Request::get(session.uri()), Bytes::new()).await?;
        let packets = eio.decode(&body)?;
        let opening = packets.first().and_then(|packet| packet.strip_prefix(b"0"));
        let opening: Opening =
            serde_json::from_slice(opening.context("the handshake's answer opens nothing")?)?;
        session.id = opening.sid;
        session.ping_interval = Duration::from_millis(opening.ping_interval);
        Ok((session, body))
    }

    /// From now on all requests go another way.
    pub(crate) fn reroute(&mut self, route: Route) {
        self.route = route;
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn eio(&self) -> Eio {
        self.eio
    }

    pub(crate) fn ping_interval(&self) -> Duration {
        self.ping_interval
    }

    /// Waits for the server to say something.
    pub(crate) async fn poll(&self) -> anyhow::Result<Bytes> {
        self.ask("poll", Request::get(self.uri()), Bytes::new()).await
    }

    pub(crate) async fn post(&self, packets: &[String]) -> anyhow::Result<()> {
        let request = Request::post(self.uri()).header(header::CONTENT_TYPE, "text/plain;charset=UTF-8");
        self.ask("post", request, self.eio.encode(packets).into()).await.map(drop)
    }

    fn uri(&self) -> String {
        let Self { path: Path(path), eio, id, .. } = self;
        let session = if id.is_empty() { String::new() } else { format!("&sid={id}") };
        format!("{path}?EIO={}&transport=polling{session}", eio.number())
    }

    async fn ask(
        &self,
        what: &'static str,
        request: http::request::Builder,
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let node = self.route.next(self.pool.nodes());
        let request = request.header(header::HOST, &self.pool.node(node).host).body(Full::new(body))?;
        match self.pool.ask(node, request).await? {
            Answer { status: StatusCode::OK, body } => Ok(body),
            Answer { status, body } => {
                Err(Refused { what, status, body: String::from_utf8_lossy(&body).into_owned() }.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_turn_no_node_gets_two_requests_in_a_row() {
        let route = Route::in_turn(4);
        assert_eq!([(); 5].map(|()| route.next(3)), [1, 2, 0, 1, 2]);
        assert_eq!([(); 2].map(|()| Route::always(4).next(3)), [1, 1]);
    }
}
