//! What the admin port cannot answer, as `{"error": {"code", "message"}}`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum AdminError {
    NotFound,
    Method,
    /// The answer took too long.
    Late,
}

impl AdminError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Late => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Method => "method_not_allowed",
            Self::Late => "unavailable",
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::NotFound => "there is no such path here",
            Self::Method => "this path is only read",
            Self::Late => "it took too long",
        }
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code(), "message": self.message() } });
        (self.status(), Json(body)).into_response()
    }
}
