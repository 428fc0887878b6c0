//! What a gateway group was at a point of the history.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portolan_eventstore::KeyValue;
use serde::Deserialize;
use serde_json::{Value, json};

use super::moment;
use super::scope::{Keys, place};
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::http::audit;
use crate::http::params::Params;
use crate::rights::{Domain, Right};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    at: Option<String>,
    gateway_group_id: Option<String>,
    resource_kind: Option<String>,
    resource_id: Option<String>,
}

/// `GET /api/history/state`
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Json<Value>, ApiError> {
    // A group that was deleted has left its history.
    let group = caller.group(filter.gateway_group_id.as_deref())?;
    caller.require(&app, Right::Read, Domain::Group(&group)).await?;
    let keys = Keys::of(&group, filter.resource_kind.as_deref(), filter.resource_id.as_deref())?;
    // Another replica may have written what the caller has seen.
    app.store.linearizable().await?;
    let revision = match &filter.at {
        Some(at) => moment::revision(&app, "at", at, caller.earliest(&app)).await?,
        None => app.store.revision(),
    };
    let state = app.store.state_at(&keys.range, revision).await?;
    let recorded_at = app.store.recorded_at(revision).await?;
    let worker = app.clone();
    // Masking the secrets of thousands of documents takes a while.
    let views = tokio::task::spawn_blocking(move || {
        let of_kind = state.iter().filter(|kv| keys.hold(&kv.key));
        of_kind.map(|kv| view(&worker, kv)).collect::<Vec<_>>()
    });
    let list = views.await.map_err(ApiError::internal)?;
    Ok(Json(json!({
        "revision": revision,
        "recorded_at": recorded_at.map(audit::time),
        "gateway_group_id": group,
        "total": list.len(),
        "list": list,
    })))
}

fn view(app: &App, kv: &KeyValue) -> Value {
    let place = place(&kv.key);
    json!({
        "key": String::from_utf8_lossy(&kv.key),
        "kind": place.as_ref().map(|place| place.kind.name()),
        "id": place.as_ref().map(|place| &place.id),
        "value": app.mask.value(&kv.key, &kv.value),
        "create_revision": kv.create_revision,
        "mod_revision": kv.mod_revision,
        "version": kv.version,
    })
}
