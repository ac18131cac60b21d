//! What Socket.IO needs around `socketioxide`: the accept loop, WebSockets with their lane, polling with its outbox,
//! old clients, and session ids that any node understands.

mod accept;
mod asked;
mod connects;
mod eio3;
mod farewell;
mod first_head;
mod frames;
mod handover;
mod lane;
mod link;
mod marker;
mod origin;
mod outbox;
mod payload;
mod polling;
mod refused;
mod route;
mod sid;
mod tcp;
mod websocket;
mod zero_nine;

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use engineioxide::service::NotFoundService;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hubbub_core::NodeId;
use hyper::service::Service;
use socketioxide::service::SocketIoService;
use tokio::sync::Semaphore;

use crate::config::Origins;

use refused::Refused;

pub(crate) use accept::{Listening, listen};
pub(crate) use farewell::Farewells;
pub(crate) use frames::put_text;
pub(crate) use handover::Peers;
pub(crate) use link::{Kick, Link, Visit};
pub(crate) use marker::{MARKER, Marker, Namespace, Turn};

/// The engine's settings, as configured.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Bytes that may wait for one connection.
    pub(crate) outbox: usize,
    /// How long they may.
    pub(crate) outbox_age: Duration,
    /// The largest polling body, either way.
    pub(crate) max_payload: usize,
    /// How often it is asked whether a client is still there.
    pub(crate) ping_interval: Duration,
    /// How long a client may say nothing: a heartbeat's interval and its time for an answer.
    pub(crate) silence: Duration,
    /// What is said to those whose connection it ends.
    pub(crate) farewells: Farewells,
    /// Sessions at a time.
    pub(crate) sessions: usize,
    /// Whose pages may connect.
    pub(crate) origins: Origins,
}

/// How long a request's body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// This node's engine: socketioxide, and all that goes on around it.
pub(crate) struct Engine {
    service: SocketIoService<NotFoundService>,
    node: NodeId,
    links: RwLock<Links>,
    peers: Peers,
    settings: Settings,
    /// One for each session, whatever carries it.
    seats: Arc<Semaphore>,
    draining: AtomicBool,
}

/// The sessions of this node. The engine owns them: here they are only found.
#[derive(Debug, Default)]
struct Links {
    open: HashMap<usize, Weak<Link>>,
    /// Those that began with polling, whose requests carry their id.
    polling: HashMap<Box<str>, Weak<Link>>,
}

impl Engine {
    pub(crate) fn new(
        service: SocketIoService<NotFoundService>,
        node: NodeId,
        peers: Peers,
        settings: Settings,
    ) -> Arc<Self> {
        let seats = Arc::new(Semaphore::new(settings.sessions));
        Arc::new(Self {
            service,
            node,
            links: RwLock::default(),
            peers,
            settings,
            seats,
            draining: AtomicBool::new(false),
        })
    }

    /// From now on no session is opened here; those that are open go on.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Every session that is open here.
    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.open.values().filter_map(Weak::upgrade).collect()
    }

    fn find(&self, sid: &str) -> Option<Arc<Link>> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.polling.get(sid).and_then(Weak::upgrade)
    }

    /// The session is open; it is found by its id if requests can name it.
    fn remember(&self, link: &Arc<Link>) {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        links.open.insert(link.key(), Arc::downgrade(link));
        if let Some(sid) = link.sid() {
            links.polling.insert(sid.into(), Arc::downgrade(link));
        }
    }

    fn forget(&self, link: &Link) {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        links.open.remove(&link.key());
        if let Some(sid) = link.sid() {
            links.polling.remove(sid);
        }
    }

    /// Asks socketioxide. A body that is no text is none of ours.
    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<String, Refused> {
        let Ok(response) = Service::call(&self.service, request).await;
        let status = response.status();
        let Ok(body) = response.into_body().collect().await;
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        if status == StatusCode::OK { Ok(body) } else { Err(Refused::by_engine(status, &body)) }
    }

    /// Closes a polling session as its client would: the library then runs the disconnect handlers.
    fn close(self: &Arc<Self>, eio3: bool, sid: &str) {
        let engine = self.clone();
        let (version, body) = if eio3 { (3, "1:1") } else { (4, "1") };
        let uri = format!("/socket.io/?EIO={version}&transport=polling&sid={sid}");
        tokio::spawn(async move {
            if let Ok(request) = Request::post(uri).body(Full::from(body)) {
                let _closed_before = engine.ask(request).await;
            }
        });
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("node", &self.node).finish_non_exhaustive()
    }
}
