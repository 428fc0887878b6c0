//! Putting a group back to a revision.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use portolan_eventstore::keyspace::KeyValue;
use portolan_eventstore::{Appended, Change, Decision, Intent, View};
use portolan_model::layout;
use portolan_model::{GroupId, Kind};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::error::ApiError;
use crate::groups;
use crate::refusal::{self, Attempt};
use crate::resources::Condition;
use crate::rights::{Domain, Right};
use crate::rollback;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    gateway_group_id: Option<String>,
    to: i64,
    /// A rollback is first looked at, then done.
    #[serde(default = "yes")]
    dry_run: bool,
    reason: Option<String>,
}

/// What was asked for, checked.
struct Order {
    group: GroupId,
    to: i64,
    dry_run: bool,
    reason: Option<String>,
    condition: Condition,
}

fn yes() -> bool {
    true
}

/// `POST /api/rollback`
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let own = caller.group.clone();
    caller.require(&app, Right::Write, own.as_ref().map_or(Domain::All, Domain::Group)).await?;
    // Another replica may have written what the caller has seen.
    let head = app.store.linearizable().await?;
    let read = body::json(&headers, body).await;
    let order = match read.and_then(|request| order(&app, &caller, head, &headers, request)) {
        Ok(order) => order,
        Err(error) => {
            let what = Attempt { action: "group.rollback", group: None, resource: None };
            return Err(refusal::record(&app, &caller, what, error).await);
        }
    };
    let then = app.store.state_at(&rollback::range(&order.group), order.to).await?;
    let broken: Vec<Value> = rollback::broken(&order.group, &then)
        .iter()
        .map(|broken| json!({ "key": broken.key, "kind": broken.reference.target.to_string(), "id": broken.reference.id }))
        .collect();
    let expected = match groups::Expected::of(&app, &order.group, order.condition).await? {
        Ok(expected) => expected,
        Err(refusal) => {
            let group = Some(order.group.to_string());
            let what = Attempt { action: "group.rollback", group, resource: None };
            return Err(refusal::record(&app, &caller, what, ApiError::Refused(refusal)).await);
        }
    };
    let (from, revision, changes) = match order.dry_run {
        true => look(&app, &order, &then),
        false => carry_out(&app, &caller, &order, expected, then).await?,
    };
    Ok(Json(json!({
        "dry_run": order.dry_run,
        "revision": revision,
        "from": from,
        "to": order.to,
        "changes": changes,
        "broken_references": broken,
    })))
}

fn order(app: &App, caller: &Caller, head: i64, headers: &HeaderMap, request: Request) -> Result<Order, ApiError> {
    let condition = Condition::of(headers).map_err(ApiError::Invalid)?;
    let group = caller.group(request.gateway_group_id.as_deref())?;
    if !caller.may(Right::Write, Domain::Group(&group)) {
        return Err(ApiError::Forbidden(format!("{} may not write in gateway group {group}", caller.actor.id)));
    }
    if !app.store.read(|view| groups::exists(view, &group)) {
        return Err(ApiError::Refused(groups::unknown(&group)));
    }
    let first = caller.earliest(app).max(1);
    if !(first..=head).contains(&request.to) {
        return Err(ApiError::Invalid(format!("to must be a revision between {first} and {head}")));
    }
    Ok(Order { group, to: request.to, dry_run: request.dry_run, reason: request.reason, condition })
}

/// What would change if it were done now.
fn look(app: &App, order: &Order, then: &[Arc<KeyValue>]) -> (i64, Option<i64>, Vec<Value>) {
    let range = rollback::range(&order.group);
    let (from, now) = app.store.read(|view| (view.revision(), view.range(&range)));
    let steps = rollback::plan(&order.group, &now, then);
    let changes = steps.iter().map(|step| view(app, &step.key, step.before.as_deref(), step.after.as_deref()));
    (from, None, changes.collect())
}

async fn carry_out(
    app: &App,
    caller: &Caller,
    order: &Order,
    expected: groups::Expected,
    then: Vec<Arc<KeyValue>>,
) -> Result<(i64, Option<i64>, Vec<Value>), ApiError> {
    let group = order.group.clone();
    let decide = move |view: &dyn View| decide(view, &group, &expected, &then);
    let intent = Intent::Decide(Box::new(decide));
    let mut proposal = caller
        .proposal("group.rollback", intent)
        .in_group(order.group.as_str())
        .on("gateway_group", order.group.as_str());
    proposal.context.reason.clone_from(&order.reason);
    proposal.causation_revision = Some(order.to);
    match app.append(proposal).await? {
        Appended::Committed { revision, changes, .. } => {
            let shown = |c: &Change| view(app, &c.key, c.before.as_deref(), c.after.as_deref());
            Ok((revision - 1, Some(revision), changes.iter().map(shown).collect()))
        }
        Appended::Unchanged { revision, .. } => Ok((revision, None, Vec::new())),
        Appended::Refused { refusal, .. } => Err(ApiError::Refused(refusal)),
    }
}

/// What it changes in this state, in which the group may be another one than it was, or gone.
fn decide(view: &dyn View, group: &GroupId, expected: &groups::Expected, then: &[Arc<KeyValue>]) -> Decision {
    if !groups::exists(view, group) {
        return Decision::Refuse(groups::unknown(group));
    }
    let now = view.range(&rollback::range(group));
    if let Some(refusal) = expected.refused(|| now.clone()) {
        return Decision::Refuse(refusal);
    }
    let steps = rollback::plan(group, &now, then);
    if steps.is_empty() { Decision::Unchanged } else { Decision::Apply(rollback::txn(&steps)) }
}

fn view(app: &App, key: &[u8], before: Option<&KeyValue>, after: Option<&KeyValue>) -> Value {
    let text = String::from_utf8_lossy(key);
    let resource = layout::parse_resource_key(&text);
    let action = match (before, after) {
        (None, _) => "create",
        (_, None) => "delete",
        _ => "update",
    };
    json!({
        "key": text,
        "kind": resource.as_ref().map(|resource| Kind::name(resource.kind)),
        "id": resource.as_ref().map(|resource| &resource.id),
        "action": action,
        "before": before.map(|kv| app.mask.value(&kv.key, &kv.value)),
        "after": after.map(|kv| app.mask.value(&kv.key, &kv.value)),
    })
}

#[cfg(test)]
mod tests {
    use portolan_eventstore::{EventStore, Options};
    use portolan_rt::clock::ManualClock;
    use portolan_rt::task::Supervisor;

    use super::*;

    #[tokio::test]
    async fn a_group_that_went_meanwhile_is_not_filled_again() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("log.db").display());
        let (supervisor, clock) = (Supervisor::new(), Arc::new(ManualClock::new(1)));
        let store = EventStore::open(Options { url, clock }, &supervisor).await.unwrap();
        let then = |key: &'static str| {
            let (key, value) = (key.into(), "{}".into());
            [Arc::new(KeyValue { key, value, create_revision: 1, mod_revision: 1, version: 1, lease: 0 })]
        };
        let decided =
            |group: &GroupId, then: &[_]| store.read(|view| decide(view, group, &groups::Expected::default(), then));
        let gone = GroupId::new("gone").unwrap();
        assert!(
            matches!(decided(&gone, &then("/portolan/groups/gone/routes/1")), Decision::Refuse(refusal) if refusal.status == 404)
        );
        assert!(matches!(decided(&GroupId::default(), &then("/apisix/routes/1")), Decision::Apply(_)));
    }
}
