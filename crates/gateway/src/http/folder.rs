//! A folder of someone's own instead of the page: a tutorial's page and assets on the host that they connect to.

use std::path::Path;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use percent_encoding::percent_decode_str;
use tower_http::services::ServeDir;

/// `/` is the folder's `index.html`, `/static/<f>` its `static/<f>` or else its `<f>`, any other path what lies there.
pub(super) fn router(folder: &Path) -> Router {
    let files = |folder: &Path| ServeDir::new(folder).append_index_html_on_directories(false);
    Router::new()
        .nest_service("/static", files(&folder.join("static")).fallback(files(folder)))
        .fallback_service(ServeDir::new(folder))
        .layer(from_fn(hide))
}

/// Nothing whose name begins with a dot is served: `.git` and `.env` lie beside many a page.
async fn hide(request: Request, next: Next) -> Response {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    let hidden = |part: &str| part.starts_with('.') && part != ".well-known";
    if path.split(['/', '\\']).any(hidden) {
        return StatusCode::NOT_FOUND.into_response();
    }
    next.run(request).await
}
