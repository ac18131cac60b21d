//! Which sites' pages may connect (CORS, and the same check on WebSockets, which CORS does not cover).
//!
//! Socket.IO 1.x and 2.x send every XHR with credentials, so an allowed origin is echoed, never `*`.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::refused::Refused;
use crate::config::Origins;

/// The request's origin, if it may connect. `Ok(None)`: no browser, or a page of this very host by an old browser.
pub(super) fn check(origins: &Origins, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refused> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(None) };
    if origin.to_str().is_ok_and(|text| origins.allow(text)) {
        Ok(Some(origin.clone()))
    } else {
        Err(Refused::Origin)
    }
}

/// Lets the page of this origin read the answer.
pub(super) fn allow(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    response
}

/// The answer to a preflight request: a page may send whatever headers it asks for, since none changes what it may do.
pub(super) fn preflight(headers: &HeaderMap) -> Response {
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(HeaderValue::from_static("content-type"))),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ];
    (StatusCode::NO_CONTENT, allowed).into_response()
}
