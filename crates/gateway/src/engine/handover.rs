//! Requests of sessions that live on another node: handed to it, one hop at most.
//!
//! ```text
//!   client ──► any node ──(sid names the owner, header proves the node)──► owner
//! ```
//! The header carries the client's address and a proof that only a node of this cluster can make. A request that has
//! it is never handed on again, so there are no circles.
//!
//! An owner that is not there any more has no sessions either: the client is told so at once, and starts anew. One that
//! does not answer any more is given up when the cluster buries it, and with it what waits for its answer.

use std::{fmt, io, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use hubbub_core::{Cluster, NodeId, Secret};
use hyper::{body::Incoming, upgrade::Upgraded};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use sha2::Sha256;
use tokio::{
    io::{AsyncWriteExt, copy, split},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{refused::Refused, websocket};

/// `<client's address> <proof>`.
const FORWARDED: HeaderName = HeaderName::from_static("x-hubbub-forwarded");
/// What the owner needs of a client's head.
const CARRIED: [HeaderName; 2] = [header::CONTENT_TYPE, header::CONTENT_LENGTH];
/// And of a WebSocket handshake's. On all others `Connection` is between the client and this node.
const CARRIED_BY_HANDSHAKES: [HeaderName; 4] =
    [header::CONNECTION, header::UPGRADE, header::SEC_WEBSOCKET_KEY, header::SEC_WEBSOCKET_VERSION];
/// A node of the same cluster answers within this, or it is gone.
const CONNECT: Duration = Duration::from_secs(1);

/// A node that does not acknowledge what was sent within this is dead.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);
/// An idle connection is closed before the other node does it, which would cost the next request.
const IDLE: Duration = Duration::from_secs(30);
/// A process that was killed closes its sockets one by one: after this nobody listens any more.
const DYING: Duration = Duration::from_millis(100);
/// How often it is looked whether an owner is still there while it owes an answer.
const LOOK: Duration = Duration::from_millis(500);

/// The other nodes.
#[derive(Debug)]
pub(crate) struct Peers {
    cluster: Arc<dyn Cluster>,
    secret: Secret,
    client: Client<HttpConnector, Body>,
}

impl Peers {
    /// `secret` is the cluster's.
    pub(crate) fn new(cluster: Arc<dyn Cluster>, secret: Secret) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        connector.set_keepalive(Some(UNACKNOWLEDGED));
        let mut pool = Client::builder(TokioExecutor::new());
        pool.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
        Self { cluster, secret, client: pool.build(connector) }
    }

    /// The client's address on a request that another node of this cluster hands over; `None` on any other.
    pub(super) fn verify<B>(&self, request: &Request<B>) -> Option<IpAddr> {
        let (address, proof) = request.headers().get(FORWARDED)?.to_str().ok()?.split_once(' ')?;
        let proof = BASE64_URL_SAFE_NO_PAD.decode(proof).ok()?;
        self.mac(request.uri(), address).verify_slice(&proof).ok()?;
        address.parse().ok()
    }

    /// Whether the request says that it comes from another node, true or not.
    pub(super) fn claims<B>(request: &Request<B>) -> bool {
        request.headers().contains_key(FORWARDED)
    }

    /// Hands a request to the node that has its session.
    pub(super) async fn forward(
        &self,
        owner: &str,
        peer: IpAddr,
        websocket: bool,
        request: Request<Incoming>,
    ) -> Result<Response, Refused> {
        let kind = match (websocket, request.method()) {
            (true, _) => "websocket",
            (_, &http::Method::POST) => "post",
            _ => "poll",
        };
        let answer = self.hand(owner, peer, websocket, request).await;
        let result = match &answer {
            Ok(answer) if answer.status().is_client_error() || answer.status().is_server_error() => "refused",
            Ok(_) => "ok",
            Err(_) => "failed",
        };
        crate::metrics::forwarded(kind, result);
        answer
    }

    async fn hand(
        &self,
        owner: &str,
        peer: IpAddr,
        websocket: bool,
        mut request: Request<Incoming>,
    ) -> Result<Response, Refused> {
        let owner = self.find(owner).await.ok_or(Refused::Session)?;
        if websocket {
            websocket::key(request.headers()).ok_or(Refused::BadRequest)?;
        }
        let client = websocket.then(|| hyper::upgrade::on(&mut request));
        let carried = if websocket { &CARRIED_BY_HANDSHAKES[..] } else { &[] };
        let request = self.readdressed(&owner.address, peer, request, carried).ok_or(Refused::Session)?;
        let mut response = match owner.while_there(self.client.request(request)).await {
            Ok(response) => response,
            Err(gone) => return Err(owner.unanswered(gone).await),
        };
        if let (Some(client), StatusCode::SWITCHING_PROTOCOLS) = (client, response.status()) {
            tokio::spawn(owner.relay(client, hyper::upgrade::on(&mut response)));
        } else {
            response.headers_mut().remove(header::CONNECTION);
        }
        Ok(response.map(Body::new).into_response())
    }

    async fn find(&self, node: &str) -> Option<Owner> {
        let node = NodeId::parse(node).ok()?;
        let address = self.cluster.address(&node).await.ok()??;
        Some(Owner { node, address, cluster: self.cluster.clone() })
    }

    fn readdressed(
        &self,
        address: &str,
        peer: IpAddr,
        request: Request<Incoming>,
        carried: &[HeaderName],
    ) -> Option<Request<Body>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query()?.clone();
        let uri = Uri::builder().scheme("http").authority(address).path_and_query(path).build().ok()?;
        let mut headers: HeaderMap = CARRIED
            .iter()
            .chain(carried)
            .filter_map(|name| head.headers.get(name).cloned().map(|value| (name.clone(), value)))
            .collect();
        let proof = BASE64_URL_SAFE_NO_PAD.encode(self.mac(&uri, &peer.to_string()).finalize().into_bytes());
        headers.insert(FORWARDED, HeaderValue::try_from(format!("{peer} {proof}")).ok()?);
        let mut request = Request::new(Body::new(body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (head.method, uri, headers);
        Some(request)
    }

    /// Binds the client's address to this request's path and query, session id included.
    fn mac(&self, uri: &Uri, address: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret.0).expect("a key of any length will do");
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        for part in ["forward", address, path] {
            mac.update(part.as_bytes());
            mac.update(b"\0");
        }
        mac
    }
}

/// Why an owner has not answered.
enum Gone<E> {
    /// The cluster knows that it is not there any more.
    Buried,
    /// The connection to it failed.
    Broken(E),
}

/// The node that has the session.
struct Owner {
    node: NodeId,
    address: String,
    cluster: Arc<dyn Cluster>,
}

impl Owner {
    /// The outcome, unless it fails or the node is buried meanwhile.
    async fn while_there<T, E>(&self, outcome: impl Future<Output = Result<T, E>>) -> Result<T, Gone<E>> {
        tokio::select! {
            outcome = outcome => outcome.map_err(Gone::Broken),
            () = self.gone() => Err(Gone::Buried),
        }
    }

    /// Where nobody listens there is no session either. But an owner that only broke off may have done what it was asked,
    /// and have the session still: it may be full.
    async fn unanswered<E: fmt::Display>(&self, gone: Gone<E>) -> Refused {
        let Gone::Broken(error) = gone else {
            tracing::debug!(owner = %self.node, "a session's owner is buried");
            return Refused::Session;
        };
        tracing::debug!(owner = %self.node, %error, "a session's owner did not answer");
        sleep(DYING).await;
        match timeout(CONNECT, TcpStream::connect(&self.address)).await {
            Ok(Ok(_)) => Refused::Owner,
            _ => Refused::Session,
        }
    }

    /// Ends when the cluster knows that the node is not there any more, or another in its place.
    async fn gone(&self) {
        loop {
            sleep(LOOK).await;
            if self.cluster.address(&self.node).await.is_ok_and(|now| now.as_ref() != Some(&self.address)) {
                return;
            }
        }
    }

    /// Joins the two ends of a WebSocket until either closes, or the node is gone.
    async fn relay(self, client: hyper::upgrade::OnUpgrade, owner: hyper::upgrade::OnUpgrade) {
        let (Ok(client), Ok(owner)) = tokio::join!(client, owner) else { return };
        // Refused or not, both ends are dropped: the client sees a lost transport.
        let _over = self.while_there(join(TokioIo::new(client), TokioIo::new(owner))).await;
    }
}

/// Carries bytes both ways until the owner closes; a client that does not close then is not waited for. A client that
/// ends its own side makes the owner close.
async fn join(client: TokioIo<Upgraded>, owner: TokioIo<Upgraded>) -> io::Result<()> {
    let (mut from_client, mut to_client) = split(client);
    let (mut from_owner, mut to_owner) = split(owner);
    let up = async {
        copy(&mut from_client, &mut to_owner).await?;
        to_owner.shutdown().await?;
        std::future::pending().await
    };
    tokio::select! {
        broken = up => broken,
        ended = copy(&mut from_owner, &mut to_client) => ended.map(drop),
    }
}
