//! A session whose lane is real, with a small TCP connection under it. All that these tests know of the engine's inside
//! is here.

use std::{
    net::{self, IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::Request;
use hubbub_core::{HISTORY_LENGTH, NodeId, Secret, memory};
use socket2::{Domain, SockRef, Socket, Type};
use socketioxide::SocketIo;
use tokio::{net::TcpStream, sync::Semaphore};

use crate::{
    config::Config,
    engine::{
        Engine, Farewells, Link, Marker, Namespace, Peers, Settings,
        asked::Asked,
        frames::{put_client_text, put_text},
        lane::LaneIo,
        outbox::Ping,
        route::Caller,
    },
};

use super::{client::Client, library::Speech};

/// What the kernel keeps for the node: as little as it can.
const LEAST: usize = 1;
/// And for the client. If that were less, it would take ages to notice that the client reads on.
const LITTLE: usize = 4 * 1_024;
/// Of a segment, for the same reason.
const SEGMENT: u32 = 500;
/// More than a plan takes.
const LONG: Duration = Duration::from_mins(10);

/// One client's session.
pub(super) struct Session {
    /// The link knows it, and does not hold it.
    _engine: Arc<Engine>,
    pub(super) link: Arc<Link>,
}

impl Session {
    /// One that has begun, and no transport carries it yet.
    pub(super) fn begins(eio3: bool) -> Self {
        let engine = engine();
        let query = format!("/socket.io/?EIO={}&transport=websocket", if eio3 { 3 } else { 4 });
        let asked = Asked::parse(&Request::get(query).body(()).expect("a request")).expect("a handshake");
        let from = Caller {
            own_path: false,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            forwarded: false,
            at_once: usize::MAX,
        };
        let link = Link::new(&engine, seat(), &asked, from);
        Self { _engine: engine, link }
    }

    /// A WebSocket carries it from now on. `before`: what came with the handshake.
    pub(super) fn carried(&self, before: Bytes, upgrades: bool) -> (LaneIo, Client) {
        let (server, client) = connection();
        let lane = LaneIo::new(self.link.clone(), (server, seat()), before, upgrades, LONG);
        (*lane.expect("its only WebSocket"), Client::new(client))
    }

    /// The packets of a poll's answer, made of these of the library's.
    pub(super) fn polled(&self, packets: &[&str], budget: usize) -> Vec<Bytes> {
        self.link.fill(packets, budget).0
    }

    /// The namespace's CONNECT is answered: its marker goes by way of the library.
    pub(super) fn connects(&self, namespace: Namespace, speech: &Arc<Speech>) -> Arc<dyn Marker> {
        let marker: Arc<dyn Marker> = Arc::new(Marks { namespace, speech: speech.clone() });
        self.link.connect(namespace, &marker);
        marker
    }

    /// The library's first ping is answered.
    pub(super) fn is_answered(&self) -> bool {
        self.link.lock().ping == Ping::Usual
    }

    /// Nothing waits for it.
    pub(super) fn is_told_everything(&self) -> bool {
        self.link.lock().queued() == 0
    }
}

/// Says a namespace's markers.
struct Marks {
    namespace: Namespace,
    speech: Arc<Speech>,
}

impl Marker for Marks {
    fn emit(&self, turn: u8) -> bool {
        let namespace = match hubbub_dialects::NAMESPACES[usize::from(self.namespace)] {
            "/" => String::new(),
            other => format!("{other},"),
        };
        self.speech.hides(&format!("42{namespace}[\"~\",{turn}]"));
        true
    }
}

/// A finished frame of the node's.
pub(super) fn framed(text: &str) -> Bytes {
    let mut frame = BytesMut::new();
    put_text(&mut frame, &[text.as_bytes()]);
    frame.freeze()
}

/// The pong that the lane feeds to the library.
pub(super) fn pong() -> Bytes {
    let mut frame = BytesMut::new();
    put_client_text(&mut frame, b"3");
    frame.freeze()
}

fn engine() -> Arc<Engine> {
    let (service, _) = SocketIo::builder().build_svc();
    let node = NodeId::parse("node").expect("a node id");
    let peers = Peers::new(memory(HISTORY_LENGTH).cluster, Secret([0; 32]));
    let farewells = Farewells { namespace: 3, slow: Bytes::new(), drain: Bytes::new() };
    let settings = Settings {
        outbox: usize::MAX,
        outbox_age: LONG,
        max_payload: usize::MAX,
        ping_interval: LONG,
        silence: LONG,
        farewells,
        sessions: 1,
        origins: Config::default().security.origins,
    };
    Engine::new(service, node, peers, settings)
}

fn seat() -> tokio::sync::OwnedSemaphorePermit {
    Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a seat")
}

/// Two ends between which hardly anything finds room.
fn connection() -> (TcpStream, net::TcpStream) {
    let listener = net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    client.set_recv_buffer_size(LITTLE).expect("a socket option");
    client.set_tcp_mss(SEGMENT).expect("a socket option");
    client.connect(&listener.local_addr().expect("it is bound").into()).expect("a connection");
    let (server, _) = listener.accept().expect("a connection");
    SockRef::from(&server).set_send_buffer_size(LEAST).expect("a socket option");
    SockRef::from(&server).set_tcp_nodelay(true).expect("a socket option");
    client.set_tcp_nodelay(true).expect("a socket option");
    for socket in [SockRef::from(&server), SockRef::from(&client)] {
        socket.set_nonblocking(true).expect("a socket option");
    }
    (TcpStream::from_std(server).expect("a connection"), client.into())
}
