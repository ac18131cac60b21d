//! The accept loop: one task a connection, hyper on it, the engine's requests to the engine, the rest to the router.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{Engine, first_head::FirstHead, route::engine_path, tcp};

/// A head after the first, which is also how long an idle connection is kept: longer than a balancer keeps it.
const NEXT_HEAD: Duration = Duration::from_secs(75);
/// After an error in accepting (out of descriptors, mostly) the next try waits this long.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// A running accept loop.
#[derive(Debug)]
pub(crate) struct Listening {
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Listening {
    /// Accepts nothing more, and ends what is idle.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.connections.close();
    }

    /// Waits until no connection is left that hyper serves.
    pub(crate) async fn ended(&self) {
        self.connections.wait().await;
    }
}

/// Serves connections until stopped, each on one of the seats.
pub(crate) fn listen(
    listener: TcpListener,
    engine: Arc<Engine>,
    router: Router,
    seats: Arc<Semaphore>,
) -> Listening {
    let listening = Listening { stop: CancellationToken::new(), connections: TaskTracker::new() };
    let (stop, connections) = (listening.stop.clone(), listening.connections.clone());
    listening.connections.spawn(async move {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let Some((tcp, peer)) = accepted_or_pause(accepted).await else { continue };
            let Ok(seat) = seats.clone().try_acquire_owned() else {
                crate::metrics::rejected("full");
                continue;
            };
            let service = Service { engine: engine.clone(), router: router.clone(), peer };
            connections.spawn(serve(FirstHead::new(tcp, seat), service, stop.clone()));
        }
    });
    listening
}

async fn accepted_or_pause(accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<(TcpStream, SocketAddr)> {
    match accepted {
        // A connection that cannot be prepared is gone already.
        Ok((stream, peer)) => tcp::prepare(&stream).is_ok().then_some((stream, peer)),
        Err(error) => {
            tracing::warn!(%error, "could not accept a connection");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            None
        }
    }
}

async fn serve(stream: FirstHead, service: Service, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(NEXT_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended badly");
    }
}

#[derive(Clone)]
struct Service {
    engine: Arc<Engine>,
    router: Router,
    peer: SocketAddr,
}

impl Service {
    async fn answer(self, request: Request<Incoming>) -> Response {
        match engine_path(request.uri().path()) {
            Some(own_path) => self.engine.serve(own_path, self.peer.ip(), request).await,
            None => {
                let Ok(response) = self.router.oneshot(request.map(Body::new)).await;
                response
            }
        }
    }
}
