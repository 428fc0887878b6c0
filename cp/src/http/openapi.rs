//! The OpenAPI document, as committed.

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use crate::auth::Caller;

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("../../openapi.json");

/// `GET /api/openapi.json`
pub async fn get(_: Caller) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
