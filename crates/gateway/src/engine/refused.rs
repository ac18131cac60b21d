//! The engine's refusals: Engine.IO's own codes, and why.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;

use super::payload::Malformed;

/// Why a request to the engine is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No such transport here.
    Transport,
    /// No such session, or no longer: the client starts anew.
    Session,
    /// A session is opened by GET.
    Method,
    /// Neither a poll nor a WebSocket handshake.
    BadRequest,
    /// A page of a site that is not on the list.
    Origin,
    /// Engine.IO 2, 3 and 4 only.
    Version,
    /// JSONP is not served.
    Jsonp,
    /// The body is larger than allowed.
    TooLarge,
    /// The body took too long.
    Timeout,
    /// The node has as many sessions as it may have.
    Full,
    /// The node is about to stop: another one takes the session.
    Draining,
    /// The node that has the session broke off.
    Owner,
}

impl Refused {
    /// Why socketioxide refused something: it says so by status, and of bad requests says only which session is unknown.
    pub(super) fn by_engine(status: StatusCode, body: &str) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ if body.contains("Session ID unknown") => Self::Session,
            _ => Self::BadRequest,
        }
    }

    /// The label of the metric.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Session => "unknown_sid",
            Self::Origin => "origin",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::Full => "full",
            Self::Draining => "draining",
            Self::Owner => "unavailable",
            _ => "bad_request",
        }
    }

    /// Status, Engine.IO's code, its message.
    fn parts(self) -> (StatusCode, u8, &'static str) {
        match self {
            Self::Transport => (StatusCode::BAD_REQUEST, 0, "Transport unknown"),
            Self::Session => (StatusCode::BAD_REQUEST, 1, "Session ID unknown"),
            Self::Method => (StatusCode::BAD_REQUEST, 2, "Bad handshake method"),
            Self::BadRequest => (StatusCode::BAD_REQUEST, 3, "Bad request"),
            Self::Origin => (StatusCode::FORBIDDEN, 4, "Forbidden"),
            Self::Version => (StatusCode::BAD_REQUEST, 5, "Unsupported protocol version"),
            Self::Jsonp => (StatusCode::BAD_REQUEST, 3, "JSONP is not served: use polling or websocket"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, 3, "Body too large"),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, 3, "Body took too long"),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, 3, "This node is full"),
            Self::Owner => (StatusCode::BAD_GATEWAY, 3, "The node of this session did not answer"),
            Self::Draining => (StatusCode::SERVICE_UNAVAILABLE, 3, "This node is about to stop"),
        }
    }
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self::BadRequest
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        crate::metrics::rejected(self.reason());
        let (status, code, message) = self.parts();
        (status, Json(json!({ "code": code, "message": message }))).into_response()
    }
}
