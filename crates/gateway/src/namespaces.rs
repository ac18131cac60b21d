//! The namespaces, wired to socketioxide.
//!
//! Handlers are registered in a connect *middleware*: the CONNECT is answered right after it, and clients speak at
//! once, before a connect handler could register anything. Events are put into the session's mailbox inside the
//! library's call, which is in order; a spawned handler is not.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hubbub_core::{Ending, Refusal, RefusalCode, SessionId};
use hubbub_dialects::{NAMESPACES, connect_error, hello, spoken_at};
use socketioxide::{
    SocketIo,
    adapter::LocalAdapter,
    extract::SocketRef,
    handler::{ConnectHandler, DisconnectHandler, FromConnectParts, MessageHandler, Value},
    socket::{DisconnectReason, Sid, Socket},
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
        let (floor, arriving) = (floor.clone(), Arc::default());
        let door = Arc::new(Door { floor, namespace, name, arriving });
        let outside = door.clone();
        let middleware = move |raw: Raw| {
            let door = outside.clone();
            async move { door.admit(raw).await.map_err(|refusal| connect_error(&refusal)) }
        };
        let connected = move |socket: SocketRef| door.arriving.connected(socket.id);
        io.ns(name, connected.with(middleware));
    }
}

/// The way into a namespace.
struct Door {
    floor: Arc<Floor>,
    namespace: Namespace,
    name: &'static str,
    arriving: Arc<Arriving>,
}

impl Door {
    /// Before the CONNECT is answered: everything that the session needs, so that its first word finds it.
    async fn admit(&self, raw: Raw) -> Result<(), Refusal> {
        let Some(link) = raw.socket.req_parts().extensions.get::<Arc<Link>>().cloned() else {
            return Err(Refusal::new(RefusalCode::BadRequest, "this socket has no connection"));
        };
        let Some(visit) = link.visit() else {
            link.kick(Kick::Flood);
            return Err(Refusal::new(RefusalCode::RateLimited, "too many connects at once"));
        };
        let spoken = spoken_at(self.name, link.own_path);
        let peer = Peer::new(self.namespace, link, &raw.socket);
        let ears = Ears::new(peer.clone(), self.floor.rooms.clone(), spoken);
        let connection = Connection::new(self.floor.clone(), peer.clone(), ears, visit);
        let mut pending = Pending::new(self.floor.clone(), peer.clone(), connection);
        let auth = credentials(raw.auth.as_ref(), &peer.link);
        if self.name == V1 {
            let admitted = pending.admit(auth.as_ref()).await;
            admitted.inspect_err(|refusal| metrics::rejected(refusal.code.as_str()))?;
        }
        pending.prepare(&auth.unwrap_or_default()).await;
        peer.link.connecting(self.namespace);
        self.arriving.add(raw.socket.id, pending);
        raw.socket.on_fallback(Inlet(peer.clone()));
        raw.socket.on_disconnect(Outlet { peer, sid: raw.socket.id, arriving: self.arriving.clone() });
        Ok(())
    }
}

/// The sessions whose CONNECT is about to be answered. The library's own place for them, the socket's extensions, keeps
/// its memory for as long as the socket lives.
#[derive(Default)]
struct Arriving(Mutex<HashMap<Sid, Pending>>);

impl Arriving {
    fn add(&self, sid: Sid, pending: Pending) {
        let before = self.lock().insert(sid, pending);
        drop(before);
    }

    /// After the CONNECT: the marker goes right behind it, and the session's task starts. The library spawns what this
    /// returns as its last act before it is done with the CONNECT.
    fn connected(&self, sid: Sid) -> impl Future<Output = ()> + use<> {
        let mut pending = self.lock().remove(&sid);
        if let Some(pending) = &mut pending {
            pending.start();
        }
        async move {
            tokio::task::yield_now().await;
            // What is dropped here lets the client be heard.
            drop(pending);
        }
    }

    /// The socket is gone. If its CONNECT was never answered, so is its session; another socket of the same client may
    /// have come since.
    fn gone(&self, sid: Sid, session: SessionId) {
        let mut arriving = self.lock();
        let is_its = arriving.get(&sid).is_some_and(|pending| pending.peer.id == session);
        let pending = if is_its { arriving.remove(&sid) } else { None };
        drop(arriving);
        drop(pending);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sid, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session whose CONNECT is not answered yet. If it never is, what it holds is given back.
#[derive(Debug)]
struct Pending {
    floor: Arc<Floor>,
    peer: Arc<Peer>,
    connection: Option<Box<Connection>>,
}

impl Pending {
    fn new(floor: Arc<Floor>, peer: Arc<Peer>, connection: Box<Connection>) -> Self {
        Self { floor, peer, connection: Some(connection) }
    }

    async fn admit(&mut self, auth: Result<&serde_json::Value, &Refusal>) -> Result<(), Refusal> {
        let hello = hello(auth.map_err(Clone::clone)?).map_err(|misspoken| misspoken.refusal())?;
        match &mut self.connection {
            Some(connection) => connection.admit(hello).await,
            None => Ok(()),
        }
    }

    async fn prepare(&mut self, auth: &serde_json::Value) {
        if let Some(connection) = &mut self.connection {
            connection.prepare(auth).await;
        }
    }

    fn start(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.connect();
            self.floor.sessions.spawn(connection.run());
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.peer.link.connected(self.peer.namespace);
        if let Some(connection) = self.connection.take() {
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
struct Outlet {
    peer: Arc<Peer>,
    sid: Sid,
    arriving: Arc<Arriving>,
}

impl DisconnectHandler<LocalAdapter, Self> for Outlet {
    fn call_with_defer(&self, socket: Arc<Socket>, reason: DisconnectReason, defer: fn(Arc<Socket>)) {
        self.peer.end(why(reason), ending(reason));
        defer(socket);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.arriving.gone(self.sid, self.peer.id);
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
