//! The resources of a group, as the dashboard reads them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portolan_eventstore::{KeyRange, KeyValue};
use portolan_model::{Kind, layout};
use serde_json::{Value, json};

use super::params::{self, Segments};
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::rights::Right;

/// `GET /api/groups/{group}/resources/{kind}`
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((group, kind)): Segments<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let group = caller.require_in(&app, Right::Read, Some(&group)).await?;
    let kind = params::kind(&kind)?;
    let range = KeyRange::prefix(layout::directory_prefix(&group, kind));
    let (revision, found) = app.store.read(|view| (view.revision(), view.range(&range)));
    let list: Vec<Value> = found.iter().filter_map(|kv| view(&app, kind, kv)).collect();
    Ok(Json(json!({ "revision": revision, "total": list.len(), "list": list })))
}

/// `GET /api/groups/{group}/resources/{kind}/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((group, kind, id)): Segments<(String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    let group = caller.require_in(&app, Right::Read, Some(&group)).await?;
    let kind = params::kind(&kind)?;
    let key = layout::resource_key(&group, kind, &id);
    let found = app.store.read(|view| view.get(key.as_bytes()));
    let item = found.and_then(|kv| view(&app, kind, &kv));
    item.map(Json).ok_or_else(|| ApiError::NotFound(format!("{kind} {id} not found")))
}

/// A resource; `None` for keys below the directory that are none of the kind, such as credentials.
fn view(app: &App, kind: Kind, kv: &KeyValue) -> Option<Value> {
    let key = layout::parse_resource_key(std::str::from_utf8(&kv.key).ok()?).filter(|key| key.kind == kind)?;
    Some(json!({
        "id": key.id,
        "value": app.mask.value(&kv.key, &kv.value),
        "create_revision": kv.create_revision,
        "mod_revision": kv.mod_revision,
        "version": kv.version,
    }))
}
