//! The built-in page and its assets, inside the binary.

use std::{collections::HashMap, path::Path, sync::Arc};

use axum::{
    Router,
    extract::{self, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use include_dir::{Dir, File, include_dir};
use sha2::{Digest, Sha256};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../static");

/// The page needs nothing from elsewhere, and no script that is not a file of ours.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self' ws: wss:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/` and `/static/`.
pub(super) fn router() -> Router {
    let mut assets = Assets::default();
    assets.add(&FILES);
    Router::new().route("/", get(index)).route("/static/{*path}", get(asset)).with_state(Arc::new(assets))
}

async fn index(State(assets): State<Arc<Assets>>, headers: HeaderMap) -> Response {
    assets.serve("index.html", &headers)
}

async fn asset(
    State(assets): State<Arc<Assets>>,
    extract::Path(path): extract::Path<String>,
    headers: HeaderMap,
) -> Response {
    assets.serve(&path, &headers)
}

/// By path below the folder.
#[derive(Debug, Default)]
struct Assets(HashMap<&'static Path, Asset>);

#[derive(Debug)]
struct Asset {
    content: &'static [u8],
    kind: &'static str,
    tag: String,
}

impl Assets {
    fn add(&mut self, folder: &'static Dir<'static>) {
        self.0.extend(folder.files().map(|file| (file.path(), Asset::new(file))));
        folder.dirs().for_each(|folder| self.add(folder));
    }

    fn serve(&self, path: &str, headers: &HeaderMap) -> Response {
        match self.0.get(Path::new(path)) {
            Some(asset) => asset.serve(headers),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

impl Asset {
    fn new(file: &'static File<'static>) -> Self {
        let digest = Sha256::digest(file.contents());
        let tag = format!(
            "\"{:016x}\"",
            digest.iter().take(8).fold(0, |tag: u64, byte| tag << 8 | u64::from(*byte))
        );
        Self { content: file.contents(), kind: kind(file.path()), tag }
    }

    fn serve(&self, headers: &HeaderMap) -> Response {
        let known =
            headers.get(header::IF_NONE_MATCH).is_some_and(|tags| tags.as_bytes() == self.tag.as_bytes());
        let body =
            if known { StatusCode::NOT_MODIFIED.into_response() } else { self.content.into_response() };
        let mut described =
            ([(header::CONTENT_TYPE, self.kind), (header::ETAG, &self.tag)], body).into_response();
        if self.kind.starts_with("text/html") {
            let policy = http::HeaderValue::from_static(CONTENT_SECURITY_POLICY);
            described.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        described
    }
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
