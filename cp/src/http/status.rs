//! Facts about this control plane.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use crate::app::App;
use crate::auth::{self, Caller};
use crate::error::ApiError;
use crate::groups;
use crate::rights::{Domain, Right};

/// `GET /api/status`; who shows no credentials only learns that there is somebody.
pub async fn get(State(app): State<Arc<App>>, parts: Parts) -> Result<Response, ApiError> {
    if !auth::shows_something(&parts.headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut parts = parts;
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let own = caller.group.clone();
    caller.require(&app, Right::Read, own.as_ref().map_or(Domain::All, Domain::Group)).await?;
    let groups = app.store.read(groups::all).into_iter().map(|group| group.id);
    let groups: Vec<_> = groups.filter(|group| own.as_ref().is_none_or(|own| own == group)).collect();
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": app.store.revision(),
        "store": app.backend,
        "gateway_groups": groups,
    }))
    .into_response())
}
