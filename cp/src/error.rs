//! Everything that can go wrong with a request, and the one table of its statuses.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use portolan_eventstore::{self as eventstore, Refusal};
use serde_json::json;

use crate::auth::Unknown;

/// What the caller is told when something broke that is not his affair; the log has the details.
const INTERNAL: &str = "internal error";
const UNAVAILABLE: &str = "the event log is unavailable, nothing was changed";
const UNKNOWN: &str = "the connection to the event log was lost during the write; read again to see whether it took";

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No valid credentials.
    #[error("{0}")]
    Unauthenticated(Unknown),
    /// Login name or password are wrong.
    #[error("wrong user name or password")]
    WrongPassword,
    /// The caller is known and may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The request can't be understood or carried out as it is.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Not with this method.
    #[error("method not allowed")]
    Method,
    /// The body is too large.
    #[error("{0}")]
    TooLarge(String),
    /// Too many failed logins.
    #[error("too many failed logins, try again in {seconds} seconds")]
    TooMany {
        /// How long to wait.
        seconds: u64,
    },
    /// Not now; the text says what has to come first.
    #[error("{0}")]
    Later(String),
    /// Refused, and the log says so.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The log did not answer.
    #[error(transparent)]
    Store(#[from] eventstore::Error),
    /// Something broke.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

// === impl ApiError ===

impl ApiError {
    /// Something broke that is not the caller's affair.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// Status, text for the caller, and after how many seconds trying again makes sense.
    pub fn answer(&self) -> (StatusCode, String, Option<u64>) {
        use eventstore::Error as Store;
        let (status, retry) = match self {
            Self::Unauthenticated(_) | Self::WrongPassword => (StatusCode::UNAUTHORIZED, None),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, None),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, None),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, None),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, None),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Self::Later(_) => (StatusCode::SERVICE_UNAVAILABLE, Some(retry_after())),
            Self::TooMany { seconds } => (StatusCode::TOO_MANY_REQUESTS, Some(*seconds)),
            Self::Refused(refusal) => {
                (StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), None)
            }
            Self::Store(Store::IdempotencyConflict { .. }) => (StatusCode::UNPROCESSABLE_ENTITY, None),
            Self::Store(Store::Already { .. }) => (StatusCode::CONFLICT, None),
            Self::Store(Store::Pruned { .. }) => (StatusCode::GONE, None),
            Self::Store(Store::Txn(_) | Store::EntryTooLarge { .. } | Store::TooLarge { .. }) => {
                (StatusCode::BAD_REQUEST, None)
            }
            Self::Store(Store::Unavailable(_) | Store::Closed) => {
                return (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE.into(), Some(retry_after()));
            }
            Self::Store(Store::Unknown(_)) => {
                return (StatusCode::SERVICE_UNAVAILABLE, UNKNOWN.into(), Some(retry_after()));
            }
            Self::Store(_) | Self::Internal(_) => {
                return (StatusCode::INTERNAL_SERVER_ERROR, INTERNAL.into(), None);
            }
        };
        (status, self.to_string(), retry)
    }

    /// Puts what the caller is not told into the log of the process.
    pub fn report(&self) {
        let (Self::Store(_) | Self::Internal(_)) = self else { return };
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        match self.answer().0 {
            StatusCode::INTERNAL_SERVER_ERROR => tracing::error!(error = text, "request failed"),
            _ => tracing::warn!(error = text, "request refused"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.report();
        let (status, text, retry) = self.answer();
        let mut body = json!({ "error_msg": text });
        if let Self::Unauthenticated(unknown) = self {
            body = json!({ "error_msg": "failed to check token", "description": unknown.to_string() });
        }
        let json = HeaderValue::from_static("application/json");
        let mut response = (status, [(CONTENT_TYPE, json)], format!("{body}\n")).into_response();
        if let Some(seconds) = retry {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// 1 to 5 seconds: clients that were turned away together should not come back together.
fn retry_after() -> u64 {
    let mut byte = [0];
    // Without randomness everybody gets the same answer, which is good enough.
    aws_lc_rs::rand::fill(&mut byte).ok();
    1 + u64::from(byte[0]) % 5
}
