//! HTTP to the nodes, on connections that are kept for the next request to the same node.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::arguments::target::Node;

/// One thread's connections.
#[derive(Debug)]
pub(crate) struct Pool {
    places: Vec<Place>,
    answers: Arc<Answers>,
}

/// A node, and the connections to it that have nothing to do.
#[derive(Debug)]
struct Place {
    node: Node,
    idle: RefCell<Vec<SendRequest<Full<Bytes>>>>,
}

/// How many answers came, by their status.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<BTreeMap<u16, u64>>);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Pool {
    pub(crate) fn new(nodes: &[Node], answers: Arc<Answers>) -> Self {
        let place = |node: &Node| Place { node: node.clone(), idle: RefCell::default() };
        Self { places: nodes.iter().map(place).collect(), answers }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn node(&self, number: usize) -> &Node {
        &self.places[number].node
    }

    /// Asks this node. A request that is given up takes its connection with it.
    pub(crate) async fn ask(&self, node: usize, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let place = &self.places[node];
        let (mut connection, response) =
            place.send(request).await.with_context(|| place.node.host.clone())?;
        let status = response.status();
        let body = response.into_body().collect().await.context("the answer was cut short")?.to_bytes();
        self.answers.note(status);
        if connection.ready().await.is_ok() {
            place.idle.borrow_mut().push(connection);
        }
        Ok(Answer { status, body })
    }
}

type Sent = (SendRequest<Full<Bytes>>, http::Response<hyper::body::Incoming>);

impl Place {
    async fn send(&self, mut request: Request<Full<Bytes>>) -> anyhow::Result<Sent> {
        loop {
            let (mut connection, is_new) = match self.take_idle() {
                Some(connection) => (connection, false),
                None => (self.connect().await?, true),
            };
            match connection.try_send_request(request).await {
                Ok(response) => return Ok((connection, response)),
                // The node had closed it meanwhile, as it may close what is idle: nothing of the request went out.
                Err(mut error) if !is_new && error.message().is_some() => {
                    request = error.take_message().context("asked a line ago")?;
                }
                Err(error) => return Err(error.into_error().into()),
            }
        }
    }

    fn take_idle(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.borrow_mut();
        std::iter::from_fn(|| idle.pop()).find(|connection| !connection.is_closed())
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.node.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its end is noticed where the next request is sent.
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(sender)
    }
}

impl Answers {
    pub(crate) fn by_status(&self) -> BTreeMap<u16, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    fn note(&self, status: StatusCode) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(status.as_u16()).or_default() += 1;
    }
}
