//! Legal holds: what the log must not let go of, whatever its age and whoever asks.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use portolan_eventstore::retention::{Hold, Scope};
use portolan_eventstore::{Error, Intent, Proposal, Refusal};
use portolan_model::{GroupId, Kind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::audit;
use super::params::{Params, Segments};
use super::removals::{given, reason};
use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::error::ApiError;
use crate::refusal::{self, Attempt};
use crate::rights::{Domain, Right};

const HOLD: &str = "audit.hold";
const RELEASE: &str = "audit.release";
/// What events name besides resources. A gateway group is a scope of its own.
const OTHERS: [&str; 5] = ["user", "token", "certificate", "ca", "log"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    scope: Named,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Named {
    Actor { actor_id: String },
    Resource { kind: String, id: String, gateway_group_id: Option<String> },
    GatewayGroup { gateway_group_id: String },
    Revisions { first: i64, last: i64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    reason: Option<String>,
}

/// `GET /api/audit/holds`: those in force
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let mut list = Vec::new();
    for hold in app.store.holds().await? {
        list.push(view(&app, &hold).await?);
    }
    Ok(Json(json!({ "total": list.len(), "list": list })))
}

/// `POST /api/audit/holds`
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let read = body::json(&headers, body).await;
    let order = read.and_then(|request: Request| Ok((scope(request.scope)?, reason(request.reason)?)));
    let (scope, reason) = match order {
        Ok(order) => order,
        Err(error) => {
            let what = Attempt { action: HOLD, group: None, resource: None };
            return Err(refusal::record(&app, &caller, what, error).await);
        }
    };
    let mut proposal = on(caller.proposal(HOLD, Intent::Record), &scope);
    proposal.context.reason = Some(reason);
    let hold = Hold { revision: app.commit(proposal).await?.0, scope };
    Ok((StatusCode::CREATED, Json(json!({ "value": view(&app, &hold).await? }))))
}

/// `DELETE /api/audit/holds/{id}`
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(why): Params<Why>,
) -> Result<StatusCode, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let holds = app.store.holds().await?;
    if let Some(hold) = holds.into_iter().find(|hold| hold.revision.to_string() == id) {
        let mut proposal = hold.releasing(caller.proposal(RELEASE, Intent::Record));
        proposal.context.reason = why.reason;
        match app.commit(proposal).await {
            // Somebody else released it meanwhile.
            Err(ApiError::Store(Error::Already { .. })) => {}
            done => return done.map(|_| StatusCode::NO_CONTENT),
        }
    }
    // Appended in any case: a repetition of the request that released it is answered as that one was.
    let refusal = Refusal::invalid(404, format!("there is no legal hold {id} in force"));
    let mut proposal = caller.proposal(RELEASE, Intent::Refused(refusal));
    proposal.resource = Some(refusal::named("hold", &id));
    app.commit(proposal).await.map(|_| StatusCode::NO_CONTENT)
}

/// Names the scope in an event.
fn on(mut proposal: Proposal, scope: &Scope) -> Proposal {
    let (resource, group) = scope.named();
    (proposal.resource, proposal.gateway_group) = (Some(resource), group);
    proposal
}

/// A hold that covers nothing because of a slip of the pen would be found out when it is too late.
fn scope(named: Named) -> Result<Scope, ApiError> {
    let group = |id: String| {
        let known = GroupId::new(id.as_str());
        known.map_err(|_| ApiError::Invalid("gateway_group_id is none of a gateway group".into()))
    };
    Ok(match named {
        Named::Actor { actor_id } => Scope::Actor(given("actor_id", actor_id)?),
        Named::GatewayGroup { gateway_group_id } => Scope::Group(group(gateway_group_id)?.to_string()),
        Named::Revisions { first, last } if 1 <= first && first <= last => Scope::Revisions { first, last },
        Named::Revisions { .. } => {
            return Err(ApiError::Invalid("first must be at least 1, and last at least first".into()));
        }
        Named::Resource { kind, id, gateway_group_id } => {
            let id = given("id", id)?;
            let of = gateway_group_id.map(group).transpose()?;
            // The kind as in paths or as in events.
            match Kind::from_name(&kind).or_else(|| Kind::from_directory(&kind)) {
                Some(kind) => {
                    let group = Some(of.unwrap_or_default().to_string());
                    Scope::Resource { group, kind: kind.name().to_owned(), id }
                }
                None if OTHERS.contains(&kind.as_str()) && of.is_none() => Scope::Resource { group: None, kind, id },
                None if OTHERS.contains(&kind.as_str()) => {
                    return Err(ApiError::Invalid("what is of this kind belongs to no gateway group".into()));
                }
                None => return Err(ApiError::Invalid("kind is none of a resource".into())),
            }
        }
    })
}

async fn view(app: &App, hold: &Hold) -> Result<Value, ApiError> {
    let missing = || ApiError::internal("a hold without its event");
    let event = app.store.event(hold.revision).await?.ok_or_else(missing)?;
    let scope = match &hold.scope {
        Scope::Actor(id) => json!({ "type": "actor", "actor_id": id }),
        Scope::Group(id) => json!({ "type": "gateway_group", "gateway_group_id": id }),
        Scope::Resource { group, kind, id } => {
            json!({ "type": "resource", "kind": kind, "id": id, "gateway_group_id": group })
        }
        Scope::Revisions { first, last } => json!({ "type": "revisions", "first": first, "last": last }),
    };
    Ok(json!({
        "id": hold.revision.to_string(),
        "revision": hold.revision,
        "scope": scope,
        "reason": event.personal.as_ref().and_then(|personal| personal.reason.as_ref()),
        "actor": audit::actor(&event),
        "recorded_at": audit::time(event.entry.recorded_at),
    }))
}
