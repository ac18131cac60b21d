//! `/socket.io/socket.io.js`: the Socket.IO browser bundle, which the pages of seeds 002 and 003 load from their server.
//!
//! It comes from the npm package and is never part of the repository or of the binary.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{self, Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use tower_http::services::ServeFile;

/// All that is served of the package.
const NAMES: [&str; 4] = ["socket.io.js", "socket.io.js.map", "socket.io.min.js", "socket.io.min.js.map"];

const MISSING: &str = "The Socket.IO browser bundle is not installed: `make run` fetches it, or `npm ci` in the \
    repository; http.client_dir says where it lies.\n";

/// The bundle's files, from this folder.
pub(super) fn router(folder: &std::path::Path) -> Router {
    Router::new().route("/socket.io/{name}", get(serve)).with_state(Arc::new(folder.to_owned()))
}

async fn serve(
    State(folder): State<Arc<PathBuf>>,
    extract::Path(name): extract::Path<String>,
    request: Request,
) -> Response {
    if !NAMES.contains(&name.as_str()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match ServeFile::new(folder.join(name)).try_call(request).await {
        Ok(found) if found.status() != StatusCode::NOT_FOUND => found.map(Body::new),
        Ok(_) => (StatusCode::NOT_FOUND, MISSING).into_response(),
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "cannot read the browser bundle");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
