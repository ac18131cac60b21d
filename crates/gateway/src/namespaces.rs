//! The namespaces, wired to socketioxide.
//!
//! Handlers are registered in a connect *middleware*: the CONNECT is answered right after it, and clients speak at
//! once, before a connect handler could register anything. Events are put into the session's mailbox inside the
//! library's call, which is in order; a spawned handler is not.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use hubbub_core::{Ending, Refusal, RefusalCode};
use hubbub_dialects::{NAMESPACES, connect_error, hello, spoken_at};
use socketioxide::{
    SocketIo,
    adapter::LocalAdapter,
    extract::SocketRef,
    handler::{ConnectHandler, DisconnectHandler, FromConnectParts, MessageHandler, Value},
    socket::{DisconnectReason, Socket},
};

use crate::{
    connection::Connection,
    ears::Ears,
    engine::{Kick, Link, Namespace},
    floor::Floor,
    mailbox::Word,
    metrics,
    peer::Peer,
};

/// The namespace that knows people by a name of their own.
pub(crate) const V1: &str = "/v1";

/// Opens all namespaces.
pub(crate) fn open(io: &SocketIo, floor: &Arc<Floor>) {
    for (namespace, name) in (0..).zip(NAMESPACES.iter().copied()) {
        let floor = floor.clone();
        let middleware = move |raw: Raw| {
            let floor = floor.clone();
            async move { admit(floor, namespace, name, raw).await.map_err(|refusal| connect_error(&refusal)) }
        };
        io.ns(name, connected.with(middleware));
    }
}

/// Before the CONNECT is answered: everything that the session needs, so that its first word finds it.
async fn admit(floor: Arc<Floor>, namespace: Namespace, name: &'static str, raw: Raw) -> Result<(), Refusal> {
    let Some(link) = raw.socket.req_parts().extensions.get::<Arc<Link>>().cloned() else {
        return Err(Refusal::new(RefusalCode::BadRequest, "this socket has no connection"));
    };
    let Some(visit) = link.visit() else {
        link.kick(Kick::Flood);
        return Err(Refusal::new(RefusalCode::RateLimited, "too many connects at once"));
    };
    let spoken = spoken_at(name, link.own_path);
    let peer = Peer::new(namespace, link, &raw.socket);
    let ears = Ears::new(peer.clone(), floor.rooms.clone(), spoken);
    let mut pending =
        Pending::new(floor.clone(), peer.clone(), Connection::new(floor, peer.clone(), ears, visit));
    let auth = credentials(raw.auth.as_ref(), &peer.link);
    if name == V1 {
        let admitted = pending.admit(auth.as_ref()).await;
        admitted.inspect_err(|refusal| metrics::rejected(refusal.code.as_str()))?;
    }
    pending.prepare(&auth.unwrap_or_default()).await;
    peer.link.connecting(namespace);
    raw.socket.extensions.insert(Arc::new(pending));
    raw.socket.on_fallback(Inlet(peer.clone()));
    raw.socket.on_disconnect(Outlet(peer));
    Ok(())
}

/// After the CONNECT: the marker goes right behind it, and the session's task starts. The library spawns what this
/// returns as its last act before it is done with the CONNECT.
#[expect(clippy::needless_pass_by_value, reason = "the library hands it over")]
fn connected(socket: SocketRef) -> impl Future<Output = ()> {
    let pending = socket.extensions.remove::<Arc<Pending>>();
    if let Some(pending) = &pending {
        pending.start();
    }
    async move {
        tokio::task::yield_now().await;
        // What is dropped here lets the client be heard.
        drop(pending);
    }
}

/// A session whose CONNECT is not answered yet. If it never is, what it holds is given back.
#[derive(Debug)]
struct Pending {
    floor: Arc<Floor>,
    peer: Arc<Peer>,
    connection: Mutex<Option<Box<Connection>>>,
}

impl Pending {
    fn new(floor: Arc<Floor>, peer: Arc<Peer>, connection: Box<Connection>) -> Self {
        Self { floor, peer, connection: Mutex::new(Some(connection)) }
    }

    async fn admit(&mut self, auth: Result<&serde_json::Value, &Refusal>) -> Result<(), Refusal> {
        let hello = hello(auth.map_err(Clone::clone)?).map_err(|misspoken| misspoken.refusal())?;
        match self.connection.get_mut().unwrap_or_else(PoisonError::into_inner) {
            Some(connection) => connection.admit(hello).await,
            None => Ok(()),
        }
    }

    async fn prepare(&mut self, auth: &serde_json::Value) {
        if let Some(connection) = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner) {
            connection.prepare(auth).await;
        }
    }

    fn start(&self) {
        if let Some(connection) = self.take() {
            connection.connect();
            self.floor.sessions.spawn(connection.run());
        }
    }

    fn take(&self) -> Option<Box<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.peer.link.connected(self.peer.namespace);
        if let Some(connection) = self.take() {
            self.floor.sessions.spawn(connection.close());
        }
    }
}

/// Puts events into the session's mailbox, in the order in which they came.
struct Inlet(Arc<Peer>);

impl MessageHandler<LocalAdapter, Self> for Inlet {
    fn call(&self, _: Arc<Socket>, packet: Value, ack: Option<i64>) {
        self.0.said(Word { packet, ack });
    }
}

/// Ends the session at once. A spawned handler would keep the socket in the namespace until it has run, and the library
/// drops a CONNECT that comes before that.
struct Outlet(Arc<Peer>);

impl DisconnectHandler<LocalAdapter, Self> for Outlet {
    fn call_with_defer(&self, socket: Arc<Socket>, reason: DisconnectReason, defer: fn(Arc<Socket>)) {
        self.0.end(why(reason), ending(reason));
        defer(socket);
    }
}

/// The socket itself and its credentials: the library's own extractors give neither as they are.
struct Raw {
    socket: Arc<Socket>,
    auth: Option<Value>,
}

impl FromConnectParts<LocalAdapter> for Raw {
    type Error = Infallible;

    fn from_connect_parts(socket: &Arc<Socket>, auth: &Option<Value>) -> Result<Self, Infallible> {
        Ok(Self { socket: socket.clone(), auth: auth.clone() })
    }
}

/// What a client says of itself, in its CONNECT or else in its handshake; `null` where it says nothing.
fn credentials(auth: Option<&Value>, link: &Link) -> Result<serde_json::Value, Refusal> {
    let text = match auth {
        Some(Value::Str(text, _)) => text.as_str(),
        _ => link.auth.as_deref().unwrap_or("null"),
    };
    serde_json::from_str(text).map_err(|_| Refusal::new(RefusalCode::BadRequest, "auth must be JSON"))
}

/// Whether the client meant to go. A transport that was closed, by whom ever, is one that was lost.
fn ending(reason: DisconnectReason) -> Ending {
    match reason {
        DisconnectReason::ClientNSDisconnect | DisconnectReason::ServerNSDisconnect => Ending::Final,
        _ => Ending::Lost,
    }
}

/// The reason as the metric has it.
fn why(reason: DisconnectReason) -> &'static str {
    match reason {
        DisconnectReason::TransportClose | DisconnectReason::ClientNSDisconnect => "client",
        DisconnectReason::TransportError => "transport",
        DisconnectReason::HeartbeatTimeout => "heartbeat",
        DisconnectReason::PacketParsingError | DisconnectReason::MultipleHttpPollingError => "protocol",
        DisconnectReason::ServerNSDisconnect | DisconnectReason::ClosingServer => "kicked",
    }
}
