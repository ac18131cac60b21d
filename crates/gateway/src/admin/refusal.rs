//! What the admin port cannot answer, as `{"error": {"code", "message"}}`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use hubbub_core::BackplaneError;
use serde_json::json;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum AdminError {
    /// Something in the request is not what it should be.
    BadRequest(&'static str),
    NotFound,
    Method,
    /// The backplane is away.
    Unavailable(BackplaneError),
    /// The answer took too long.
    Late,
}

impl AdminError {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable(_) | Self::Late => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::NotFound => "not_found",
            Self::Method => "method_not_allowed",
            Self::Unavailable(_) | Self::Late => "unavailable",
        }
    }

    /// Operators may know what is wrong with their Redis.
    fn message(&self) -> String {
        match self {
            Self::BadRequest(what) => (*what).to_owned(),
            Self::NotFound => "there is no such path here".to_owned(),
            Self::Method => "this path is only read".to_owned(),
            Self::Unavailable(error) => error.to_string(),
            Self::Late => "it took too long".to_owned(),
        }
    }
}

impl From<BackplaneError> for AdminError {
    fn from(error: BackplaneError) -> Self {
        Self::Unavailable(error)
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code(), "message": self.message() } });
        (self.status(), Json(body)).into_response()
    }
}
