//! Gateway groups.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use portolan_eventstore::txn::Txn;
use portolan_eventstore::{Decision, Intent, View};
use portolan_model::GroupId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::params::{Params, Segments};
use super::users;
use crate::app::App;
use crate::auth::{Caller, tokens};
use crate::body;
use crate::error::ApiError;
use crate::groups::{self, Facts, Group};
use crate::instances;
use crate::refusal::{self, Attempt};
use crate::resources::Condition;
use crate::rights::{Domain, Right};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Part of the name.
    search: Option<String>,
    /// The whole name.
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deletion {
    #[serde(default)]
    force: bool,
}

/// `GET /api/gateway_groups`
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Read, caller.group.as_ref().map_or(Domain::All, Domain::Group)).await?;
    let mut list = app.store.read(groups::all);
    list.retain(|group| {
        caller.group.as_ref().is_none_or(|own| *own == group.id)
            && filter.name.as_ref().is_none_or(|name| *name == group.name)
            && filter.search.as_ref().is_none_or(|part| group.name.contains(part.as_str()))
    });
    let list: Vec<Value> = app.store.read(|state| list.iter().map(|group| shown(state, group)).collect());
    Ok(Json(json!({ "total": list.len(), "list": list })))
}

/// `GET /api/gateway_groups/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, ApiError> {
    let id = caller.require_in(&app, Right::Read, Some(&id)).await?;
    let found = app.store.read(|view| Some(shown(view, &groups::find(view, &id)?)));
    found.map(|value| Json(json!({ "value": value }))).ok_or_else(|| ApiError::Refused(groups::unknown(&id)))
}

/// `POST /api/gateway_groups`
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let facts: Result<Facts, _> = body::json(&headers, body).await;
    let decide = facts.and_then(|facts| groups::create(&facts, app.now_seconds()).map_err(ApiError::Invalid));
    let group = write(&app, &caller, "gateway_group.create", None, decide).await?;
    Ok((StatusCode::CREATED, group))
}

/// `PUT /api/gateway_groups/{id}`: changes what the body names.
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let facts: Result<Facts, _> = body::json(&headers, body).await;
    let decide = facts.and_then(|facts| {
        let condition = Condition::of(&headers).map_err(ApiError::Invalid)?;
        groups::update(caller.group(Some(&id))?, facts, condition, app.now_seconds()).map_err(ApiError::Invalid)
    });
    write(&app, &caller, "gateway_group.update", Some(id), decide).await
}

/// `DELETE /api/gateway_groups/{id}`
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    deletion: Result<Params<Deletion>, ApiError>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let decide = deletion.and_then(|Params(deletion)| {
        let condition = Condition::of(&headers).map_err(ApiError::Invalid)?;
        Ok(groups::delete(caller.group(Some(&id))?, condition, deletion.force))
    });
    append(&app, &caller, "gateway_group.delete", Some(id), decide).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/gateway_groups/{id}/admin_key`: a new key in place of the ones before; it is shown this once.
pub async fn admin_key(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let made = caller.group(Some(&id)).and_then(|group| {
        if caller.origin.repeatable.is_some() {
            return Err(ApiError::Invalid(users::SHOWN_ONCE.into()));
        }
        let token = tokens::Token {
            id: uuid::Uuid::now_v7().to_string(),
            name: format!("{group}-admin"),
            holder: tokens::Holder::Group(group.clone()),
            create_time: app.now_seconds(),
            expires_at: 0,
        };
        Ok((group, tokens::make(&token)?))
    });
    let (text, decide) = match made {
        Ok((group, (text, put))) => (text, Ok(new_key(group, put))),
        Err(error) => (String::new(), Err(error)),
    };
    append(&app, &caller, "gateway_group.admin_key", Some(id), decide).await?;
    Ok(Json(json!({ "value": { "key": text } })))
}

fn new_key(group: GroupId, put: portolan_eventstore::txn::Op) -> impl Fn(&dyn View) -> Decision + Send + Sync {
    move |view: &dyn View| {
        if !groups::exists(view, &group) {
            return Decision::Refuse(groups::unknown(&group));
        }
        let mut ops = tokens::revoke(view, |token| token.holder == tokens::Holder::Group(group.clone()));
        ops.push(put.clone());
        Decision::Apply(Txn::of(ops))
    }
}

async fn write(
    app: &App,
    caller: &Caller,
    action: &'static str,
    id: Option<String>,
    decide: Result<impl Fn(&dyn View) -> Decision + Send + Sync + 'static, ApiError>,
) -> Result<Json<Value>, ApiError> {
    let changes = append(app, caller, action, id, decide).await?;
    let group = changes.last().and_then(|change| serde_json::from_slice::<Group>(&change.after.as_ref()?.value).ok());
    let view = |group: Group| app.store.read(|view| shown(view, &group));
    group
        .map(|group| Json(json!({ "value": view(group) })))
        .ok_or_else(|| ApiError::internal("a gateway group that was not written"))
}

async fn append(
    app: &App,
    caller: &Caller,
    action: &'static str,
    id: Option<String>,
    decide: Result<impl Fn(&dyn View) -> Decision + Send + Sync + 'static, ApiError>,
) -> Result<Vec<portolan_eventstore::Change>, ApiError> {
    let resource = id.as_ref().map(|id| refusal::named("gateway_group", id));
    // Only a name that can be a group's goes into the log as one.
    let group = id.and_then(|id| GroupId::new(id).ok());
    let decide = match decide {
        Ok(decide) => decide,
        Err(error) => {
            let what = Attempt { action, group: group.map(|group| group.to_string()), resource };
            return Err(refusal::record(app, caller, what, error).await);
        }
    };
    let mut proposal = caller.proposal(action, Intent::Decide(Box::new(decide)));
    proposal.gateway_group = group.map(|group| group.to_string());
    proposal.resource = resource;
    Ok(app.commit(proposal).await?.1)
}

/// A group with what follows from it: where its keys stand, and how many of its data planes are alive.
fn shown(view: &dyn View, group: &Group) -> Value {
    let mut shown = json!(group);
    shown["prefix"] = json!(portolan_model::layout::group_prefix(&group.id));
    shown["data_planes"] = json!(instances::of_group(view, &group.id).len());
    shown
}
