//! Time travel: all versions of one resource here; what changed, and what was, below.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portolan_model::layout;
use serde::Deserialize;
use serde_json::{Value, json};

use super::audit;
use super::params::{self, Params, Segments};
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::rights::Right;

pub mod changes;
mod moment;
mod scope;
pub mod state;

/// Versions in one answer.
const MOST: i64 = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scope {
    gateway_group_id: Option<String>,
}

/// `GET /api/history/{kind}/{id}`, newest first
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((kind, id)): Segments<(String, String)>,
    Params(scope): Params<Scope>,
) -> Result<Json<Value>, ApiError> {
    let group = caller.require_in(&app, Right::Read, scope.gateway_group_id.as_deref()).await?;
    // The kind as in paths or as in events.
    let known = portolan_model::Kind::from_name(&kind).filter(|kind| crate::resources::KINDS.contains(kind));
    let kind = known.map_or_else(|| params::kind(&kind), Ok)?;
    let key = layout::resource_key(&group, kind, &id);
    let earliest = caller.earliest(&app);
    let versions: Vec<Value> = app
        .store
        .history(key.as_bytes(), MOST)
        .await?
        .iter()
        .filter(|event| event.revision >= earliest)
        .map(|event| {
            let after = event.changes.first().and_then(|change| change.after.as_ref());
            json!({
                "revision": event.revision,
                "recorded_at": audit::time(event.entry.recorded_at),
                "action": event.entry.action,
                "actor": audit::actor(event),
                "value": after.map(|kv| app.mask.value(&kv.key, &kv.value)),
            })
        })
        .collect();
    if versions.is_empty() {
        return Err(ApiError::NotFound(format!("{kind} {id} has never existed")));
    }
    Ok(Json(json!({ "versions": versions })))
}
