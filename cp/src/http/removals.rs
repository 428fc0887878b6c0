//! Letting go of payloads of the log by hand: erasing a person, and pruning what is old.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use chrono::DateTime;
use http::HeaderMap;
use portolan_eventstore::Context;
use portolan_eventstore::retention::{Removed, Run};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::error::ApiError;
use crate::refusal::{self, Attempt};
use crate::rights::{Domain, Right};

/// Longest text of a reason, and longest id, in characters.
const LONGEST_REASON: usize = 4096;
const LONGEST_ID: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Erasure {
    actor_id: String,
    reason: Option<String>,
    /// What can't be undone is first looked at, then done.
    #[serde(default = "yes")]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pruning {
    before: Value,
    reason: Option<String>,
    #[serde(default = "yes")]
    dry_run: bool,
}

/// Up to where to prune.
enum Before {
    Time(i64),
    Revision(i64),
}

fn yes() -> bool {
    true
}

/// `POST /api/audit/erasures`
pub async fn erase(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let read = body::json(&headers, body).await;
    let order = read.and_then(|request: Erasure| {
        let (run, context) = looked(&caller, request.dry_run, request.reason)?;
        Ok((given("actor_id", request.actor_id)?, run, context))
    });
    let (actor, run, context) = match order {
        Ok(order) => order,
        Err(error) => return Err(refused(&app, &caller, "audit.erase", error).await),
    };
    let removed = app.store.erase(context, &actor, run).await?.map_err(ApiError::Refused)?;
    Ok(answer(run, &removed))
}

/// `POST /api/audit/prune`
pub async fn prune(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    // Another replica may have written what the caller has seen.
    let head = app.store.linearizable().await?;
    let read = body::json(&headers, body).await;
    let order = read.and_then(|request: Pruning| {
        let (run, context) = looked(&caller, request.dry_run, request.reason)?;
        Ok((before(&request.before, head, app.clock.now_micros())?, run, context))
    });
    let (before, run, context) = match order {
        Ok(order) => order,
        Err(error) => return Err(refused(&app, &caller, "audit.prune", error).await),
    };
    let removed = match before {
        Before::Time(micros) => app.store.prune(context, micros, run).await?,
        Before::Revision(revision) => app.store.prune_below(context, revision, run).await?,
    };
    Ok(answer(run, &removed))
}

fn before(value: &Value, head: i64, now: i64) -> Result<Before, ApiError> {
    let invalid = |text: String| Err(ApiError::Invalid(text));
    if let Some(revision) = value.as_i64() {
        return match (1..=head).contains(&revision) {
            true => Ok(Before::Revision(revision)),
            false => invalid(format!("before must be a revision between 1 and {head}")),
        };
    }
    match value.as_str().map(DateTime::parse_from_rfc3339) {
        Some(Ok(time)) if time.timestamp_micros() <= now => Ok(Before::Time(time.timestamp_micros())),
        Some(Ok(_)) => invalid("before lies in the future".into()),
        _ => invalid("before must be a revision, or a time as RFC 3339 has it".into()),
    }
}

/// Whether to do it, and in whose name.
fn looked(caller: &Caller, dry: bool, why: Option<String>) -> Result<(Run, Context), ApiError> {
    if caller.origin.repeatable.is_some() {
        let text = "Idempotency-Key is of no use here: what is gone is gone, and asking again lets go of the rest";
        return Err(ApiError::Invalid(text.into()));
    }
    let mut context = caller.context();
    if !dry || why.is_some() {
        context.reason = Some(reason(why)?);
    }
    Ok((if dry { Run::Dry } else { Run::Real }, context))
}

fn answer(run: Run, removed: &Removed) -> Json<Value> {
    Json(json!({
        "dry_run": run == Run::Dry,
        "revision": removed.revision,
        "contexts": removed.contexts,
        "changes": removed.changes,
        "held": removed.held,
    }))
}

async fn refused(app: &App, caller: &Caller, action: &'static str, error: ApiError) -> ApiError {
    refusal::record(app, caller, Attempt { action, group: None, resource: None }, error).await
}

/// The reason, which there must be: it is what an auditor asks for first.
pub(super) fn reason(why: Option<String>) -> Result<String, ApiError> {
    bounded("reason", why.unwrap_or_default(), LONGEST_REASON)
}

/// An id that is one.
pub(super) fn given(name: &str, id: String) -> Result<String, ApiError> {
    bounded(name, id, LONGEST_ID)
}

fn bounded(name: &str, text: String, longest: usize) -> Result<String, ApiError> {
    match text.trim().is_empty() || text.chars().count() > longest || text.contains('\0') {
        true => Err(ApiError::Invalid(format!("{name} must have 1 to {longest} characters, none of them NUL"))),
        false => Ok(text),
    }
}
