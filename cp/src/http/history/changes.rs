//! What changed between two points of the history.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portolan_eventstore::timeline::ChangesQuery;
use serde::Deserialize;
use serde_json::{Value, json};

use super::moment;
use super::scope::Keys;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::http::audit;
use crate::http::params::Params;
use crate::rights::{Domain, Right};

/// Changes in one answer unless the caller says otherwise, and at most (besides the rest of the last event).
const LIMIT: usize = 100;
const MOST: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
    gateway_group_id: Option<String>,
    resource_kind: Option<String>,
    resource_id: Option<String>,
    actor: Option<String>,
    action: Option<String>,
}

/// `GET /api/history/changes`, oldest first
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Json<Value>, ApiError> {
    let keys = keys(&app, &caller, &filter).await?;
    let limit = filter.limit.unwrap_or(LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::Invalid(format!("limit must be between 1 and {MOST}")));
    }
    // Another replica may have written what the caller has seen.
    app.store.linearizable().await?;
    let earliest = caller.earliest(&app);
    let to = match &filter.to {
        Some(to) => moment::revision(&app, "to", to, earliest).await?,
        None => app.store.revision(),
    };
    let from = match &filter.from {
        Some(from) => moment::revision(&app, "from", from, earliest).await?,
        None => app.store.earliest().await?.max(earliest).min(to),
    };
    if from > to {
        return Err(ApiError::Invalid(format!("from, revision {from}, comes after to, revision {to}")));
    }
    let query = ChangesQuery { keys: keys.range.clone(), actor: filter.actor, action: filter.action, from, to, limit };
    let page = app.store.changes(&query).await?;
    let mut events = Vec::with_capacity(page.events.len());
    for mut event in page.events {
        event.changes.retain(|change| keys.hold(&change.key));
        if !event.changes.is_empty() {
            events.push(audit::view(&app, &event));
        }
    }
    Ok(Json(json!({ "from": from, "to": to, "events": events, "next_from": page.next })))
}

/// Without a group all keys are meant, also Portolan's own; a resource is one of a group.
async fn keys(app: &App, caller: &Caller, filter: &Filter) -> Result<Keys, ApiError> {
    let (named, kind) = (filter.gateway_group_id.as_deref(), filter.resource_kind.as_deref());
    if named.is_none() && caller.group.is_none() && kind.is_none() && filter.resource_id.is_none() {
        caller.require(app, Right::Read, Domain::All).await?;
        return Ok(Keys::all());
    }
    // A group that was deleted has left its history.
    let group = caller.group(named)?;
    caller.require(app, Right::Read, Domain::Group(&group)).await?;
    Keys::of(&group, kind, filter.resource_id.as_deref())
}
