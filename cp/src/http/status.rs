//! Facts about this control plane.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portolan_model::layout::DEFAULT_GROUP;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::rights::Right;

/// `GET /api/status`
pub async fn get(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Read).await?;
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": app.store.revision(),
        "store": app.backend,
        "gateway_groups": [DEFAULT_GROUP],
    })))
}
