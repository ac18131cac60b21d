//! What clients are served besides the engine: the page, its assets, and the Socket.IO browser bundle.

mod bundle;
mod folder;
mod page;

use axum::Router;
use http::{HeaderName, HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::config::Config;

/// Everything that is not the engine's; what is not here either is not found. The configured folder replaces the
/// built-in page and its assets.
pub(crate) fn router(config: &Config) -> Router {
    let pages = match &config.http.static_dir {
        Some(folder) => folder::router(folder),
        None => page::router(),
    };
    pages
        .merge(bundle::router(&config.http.client_dir))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(always(header::CACHE_CONTROL, "no-cache"))
}

fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

#[cfg(test)]
mod tests;
