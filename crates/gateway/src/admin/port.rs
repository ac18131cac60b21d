//! The admin port's connections: few, and none of them for long, whoever is at the other end.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use super::{Admin, refusal::AdminError, router};

/// Connections at a time; others wait in the kernel until one of them ends.
const CONNECTIONS: usize = 64;
/// How long a request's head may take to arrive, which is also how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(5);
/// How long an answer may take. The backplane gives up well before that.
const ANSWER: Duration = Duration::from_secs(8);
/// How long a connection may be used. A request that is under way then, or when the node stops, may go on for [`ENDING`].
const CONNECTION: Duration = Duration::from_mins(2);
const ENDING: Duration = Duration::from_secs(3);
/// After an error in accepting the next try waits this long.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Serves the admin port until stopped, and then ends what is open.
pub(crate) async fn serve(listener: TcpListener, admin: Admin, stop: CancellationToken) {
    let router = bounded(router(admin), ANSWER);
    let (seats, connections) = (Arc::new(Semaphore::new(CONNECTIONS)), TaskTracker::new());
    let accept = async || {
        let seat = seats.clone().acquire_owned().await.expect("nobody closes it");
        (listener.accept().await, seat)
    };
    while let Some((accepted, seat)) = stop.run_until_cancelled(accept()).await {
        match accepted {
            Ok((tcp, _)) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    converse(tcp, router, stop).await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port could not accept a connection");
                sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

/// The same paths, each of which answers within this time.
fn bounded(router: Router, time: Duration) -> Router {
    router.layer(middleware::from_fn_with_state(time, in_time))
}

async fn in_time(State(time): State<Duration>, request: Request, next: Next) -> Response {
    match timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => AdminError::Late.into_response(),
    }
}

async fn converse(tcp: TcpStream, router: Router, stop: CancellationToken) {
    let answer =
        service_fn(|request: http::Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(tcp), answer);
    tokio::pin!(connection);
    tokio::select! {
        // Badly or well, there is nobody to tell.
        _ended = connection.as_mut() => return,
        () = stop.cancelled() => {}
        () = sleep(CONNECTION) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ended = timeout(ENDING, connection).await;
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::routing::get;
    use http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        let paths = Router::new().route("/soon", get(async || "soon")).route("/never", get(pending::<()>));
        let bounded = bounded(paths, Duration::from_millis(20));
        for (path, status) in [("/soon", StatusCode::OK), ("/never", StatusCode::SERVICE_UNAVAILABLE)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let answer = timeout(Duration::from_secs(5), bounded.clone().oneshot(request));
            assert_eq!(answer.await.unwrap().unwrap().status(), status, "{path}");
        }
    }
}
