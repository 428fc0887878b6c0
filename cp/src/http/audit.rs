//! The audit log.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, SecondsFormat};
use portolan_eventstore::Change;
use portolan_eventstore::proposal::Outcome;
use portolan_eventstore::read::{Event, EventQuery};
use serde::Deserialize;
use serde_json::{Value, json};

use super::params::{Params, Segments};
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::rights::{Domain, Right};

/// Events in one answer unless the caller says otherwise, and at most.
const LIMIT: i64 = 50;
const MOST: i64 = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    limit: Option<i64>,
    before: Option<i64>,
    after: Option<i64>,
    action: Option<String>,
    actor: Option<String>,
    outcome: Option<Outcome>,
    resource_kind: Option<String>,
    resource_id: Option<String>,
    gateway_group_id: Option<String>,
}

/// `GET /api/audit/events`, newest first
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(mut filter): Params<Filter>,
) -> Result<Json<Value>, ApiError> {
    match (&filter.gateway_group_id, &caller.group) {
        (None, None) => caller.require(&app, Right::Read, Domain::All).await?,
        // A group that was deleted has left its events.
        (named, _) => {
            let group = caller.group(named.as_deref())?;
            caller.require(&app, Right::Read, Domain::Group(&group)).await?;
            filter.gateway_group_id = Some(group.to_string());
        }
    }
    let earliest = caller.earliest(&app);
    if earliest > 0 {
        filter.after = Some(filter.after.unwrap_or_default().max(earliest - 1));
    }
    let limit = filter.limit.unwrap_or(LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::Invalid(format!("limit must be between 1 and {MOST}")));
    }
    let query = EventQuery {
        action: filter.action,
        outcome: filter.outcome.map(|outcome| outcome.as_str().to_owned()),
        actor: filter.actor,
        resource_kind: filter.resource_kind,
        resource_id: filter.resource_id,
        gateway_group: filter.gateway_group_id,
        before: filter.before,
        after: filter.after,
        limit,
    };
    let found = app.store.events(&query).await?;
    // The database may be ahead of memory.
    let newest = found.events.first().map_or(0, |event| event.revision);
    let head = app.store.revision().max(newest);
    let events: Vec<Value> = found.events.iter().map(|event| view(&app, event)).collect();
    Ok(Json(json!({ "head": head, "events": events, "next_before": found.next })))
}

/// `GET /api/audit/events/{revision}`
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(revision): Segments<i64>,
) -> Result<Json<Value>, ApiError> {
    let confined = caller.group.as_ref();
    let domain = confined.map_or(Domain::All, Domain::Group);
    caller.require(&app, Right::Read, domain).await?;
    let event = app.store.event(revision).await?;
    let earliest = caller.earliest(&app);
    let inside = |event: &Event| {
        event.revision >= earliest
            && confined.is_none_or(|own| event.entry.gateway_group.as_deref() == Some(own.as_str()))
    };
    match event.filter(inside) {
        Some(event) => Ok(Json(view(&app, &event))),
        None => Err(ApiError::NotFound(format!("event {revision} not found"))),
    }
}

/// The time of an event.
pub(crate) fn time(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// An actor, with its name when that was not erased.
pub(crate) fn actor(event: &Event) -> Value {
    let actor = &event.entry.actor;
    json!({
        "id": actor.id,
        "kind": actor.kind,
        "name": event.personal.as_ref().and_then(|personal| personal.actor_name.as_ref()),
        "auth_method": actor.auth_method,
        "roles": actor.roles,
    })
}

/// An event, secrets masked.
pub(crate) fn view(app: &App, event: &Event) -> Value {
    let entry = &event.entry;
    let personal = event.personal.clone().unwrap_or_default();
    let changes: Vec<Value> = event.changes.iter().map(|c| change(app, c)).collect();
    json!({
        "revision": event.revision,
        "event_id": entry.event_id,
        "recorded_at": time(entry.recorded_at),
        "action": entry.action,
        "outcome": entry.outcome,
        "actor": actor(event),
        "source": { "ip": personal.ip, "user_agent": personal.user_agent, "interface": entry.interface },
        "reason": personal.reason,
        "request_id": entry.request_id,
        "trace_id": entry.trace_id,
        "gateway_group_id": entry.gateway_group,
        "resource": entry.resource,
        "causation_revision": entry.causation_revision,
        "error": entry.status.map(|status| json!({ "status": status, "message": personal.message })),
        "changes": changes,
        "redacted": event.redacted(),
        "leaf_hash": hex::encode(&event.leaf_hash),
    })
}

fn change(app: &App, change: &Change) -> Value {
    let value = |kv: &portolan_eventstore::KeyValue| app.mask.value(&kv.key, &kv.value);
    let counted = change.after.as_ref().or(change.before.as_ref());
    json!({
        "key": String::from_utf8_lossy(&change.key),
        "before": change.before.as_deref().map(value),
        "after": change.after.as_deref().map(value),
        "create_revision": counted.map(|kv| kv.create_revision),
        "version": counted.map(|kv| kv.version),
    })
}
