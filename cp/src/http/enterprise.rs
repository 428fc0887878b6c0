//! What clients of the enterprise face ask of the server itself.

use axum::Json;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::auth::Caller;

/// The version whose clients find here what they need.
const COMPATIBLE: &str = "3.10.1";
/// The objects of the enterprise face with their defaults.
const SCHEMAS: &str = include_str!("../enterprise/core.json");

/// `GET /api/version`
pub async fn version(_: Caller) -> Json<Value> {
    Json(json!({ "value": COMPATIBLE }))
}

/// `GET /api/schema/core`
pub async fn schemas(_: Caller) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], SCHEMAS)
}
