//! Users, their roles, passwords and tokens: enough for the first steps of a client of the enterprise face.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use portolan_eventstore::proposal::SecretWrite;
use portolan_eventstore::txn::Txn;
use portolan_eventstore::{Decision, Intent, Refusal, View};
use serde::Deserialize;
use serde_json::{Value, json};

use super::params::Segments;
use crate::app::App;
use crate::auth::users::{self, User};
use crate::auth::{Caller, tokens};
use crate::body;
use crate::error::ApiError;
use crate::refusal::{self, Attempt};
use crate::rights::{Domain, Right, Role};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invitation {
    username: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    roles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    old_password: String,
    new_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    name: String,
    #[serde(default)]
    expires_at: i64,
}

/// Why what answers with a new secret can't be repeated.
pub(super) const SHOWN_ONCE: &str = "Idempotency-Key is of no use here: what is made is shown only once";

type Decide = Box<dyn Fn(&dyn View) -> Decision + Send + Sync>;

/// What a handler wants to write, and on whom.
struct Order {
    action: &'static str,
    kind: &'static str,
    id: Option<String>,
}

/// `GET /api/users`
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Read, Domain::All).await?;
    let list: Vec<Value> = app.store.read(users::all).iter().map(view).collect();
    Ok(Json(json!({ "total": list.len(), "list": list })))
}

/// `GET /api/users/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Read, Domain::All).await?;
    let user = users::find(&app, &id).ok_or_else(|| ApiError::NotFound(format!("user {id} not found")))?;
    Ok(Json(json!({ "value": view(&user) })))
}

/// `DELETE /api/users/{id}`
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<StatusCode, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let order = Order { action: "user.delete", kind: "user", id: Some(id.clone()) };
    append(&app, &caller, order, Ok(users::delete(id.clone())), vec![users::no_secret(&id)]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/roles`
pub async fn roles(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Read, Domain::All).await?;
    let list: Vec<Value> = Role::ALL.iter().map(|role| json!({ "id": role.id(), "name": role.as_str() })).collect();
    Ok(Json(json!({ "total": list.len(), "list": list })))
}

/// `POST /api/invites`: makes a user who can log in and may do nothing yet.
pub async fn invite(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let order = Order { action: "user.create", kind: "user", id: None };
    let invitation: Result<Invitation, _> = body::json(&headers, body).await;
    let checked = invitation.and_then(|invitation| {
        users::check_name(&invitation.username)?;
        users::check_password(&invitation.password)?;
        Ok(invitation)
    });
    let invitation = match checked {
        Ok(invitation) => invitation,
        Err(error) => return Err(refused(&app, &caller, order, error).await),
    };
    let (user, decide) = users::invited(&app, &invitation.username);
    let secret = users::secret(&app, &user.id, &invitation.password).await?;
    let order = Order { id: Some(user.id.clone()), ..order };
    let id = append(&app, &caller, order, Ok(decide), vec![secret]).await?.unwrap_or(user.id);
    Ok((StatusCode::CREATED, Json(json!({ "value": { "id": id } }))))
}

/// `PUT /api/users/{id}/assigned_roles`
pub async fn assign(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let order = Order { action: "user.assign_roles", kind: "user", id: Some(id.clone()) };
    let named = |name: &String| Role::named(name).ok_or_else(|| ApiError::Invalid(format!("unknown role {name}")));
    let read: Result<Roles, _> = body::json(&headers, body).await;
    let roles = read.and_then(|roles| roles.roles.iter().map(named).collect::<Result<Vec<_>, _>>());
    append(&app, &caller, order, roles.map(|roles| users::assign(id.clone(), roles)), Vec::new()).await?;
    let user = users::find(&app, &id).ok_or_else(|| ApiError::NotFound(format!("user {id} not found")))?;
    Ok(Json(json!({ "value": view(&user) })))
}

/// `PUT /api/password`: the user's own.
pub async fn password(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let order = Order { action: "user.change_password", kind: "user", id: caller.user.clone() };
    let checked = own_password(&app, &caller, body::json(&headers, body).await).await;
    let (id, seen, new) = match checked {
        Ok(checked) => checked,
        Err(error) => return Err(refused(&app, &caller, order, error).await),
    };
    let secret = users::secret(&app, &id, &new).await?;
    let decide = users::password_changed(id, seen, caller.session.clone());
    append(&app, &caller, order, Ok(decide), vec![secret]).await?;
    Ok(Json(json!({})))
}

async fn own_password(
    app: &App,
    caller: &Caller,
    read: Result<NewPassword, ApiError>,
) -> Result<(String, Option<i64>, String), ApiError> {
    let passwords = read?;
    let id = caller.user.clone().ok_or_else(|| ApiError::Invalid("an Admin API key has no password".into()))?;
    users::check_password(&passwords.new_password)?;
    // Somebody else at an open session must not guess without end.
    let (ip, subject) = (caller.origin.ip, format!("{id} password"));
    if let Err(wait) = app.limiter.attempt(ip, &subject) {
        return Err(ApiError::TooMany { seconds: wait.as_secs() + 1 });
    }
    let seen = app.store.read(|view| users::changed(view, &id));
    let hash = users::password_hash(app, &id).await?;
    if !app.passwords.verify(&passwords.old_password, hash).await.map_err(ApiError::internal)? {
        return Err(ApiError::Invalid("old_password is wrong".into()));
    }
    app.limiter.succeeded(ip, &subject);
    if passwords.old_password == passwords.new_password {
        return Err(ApiError::Invalid("the new password is the old one".into()));
    }
    Ok((id, seen, passwords.new_password))
}

/// `GET /api/tokens`: the user's own.
pub async fn tokens(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let own = caller.user.as_deref().map(|user| app.store.read(|view| tokens::of_user(view, user)));
    let list = own.unwrap_or_default();
    Ok(Json(json!({ "total": list.len(), "list": list.iter().map(token_view).collect::<Vec<_>>() })))
}

/// `POST /api/tokens`: a token of the user's own, shown this once.
pub async fn token(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let order = Order { action: "token.create", kind: "token", id: None };
    let made = body::json(&headers, body).await.and_then(|new| new_token(&app, &caller, new));
    let (token, text, put) = match made {
        Ok(made) => made,
        Err(error) => return Err(refused(&app, &caller, order, error).await),
    };
    let order = Order { id: Some(token.id.clone()), ..order };
    let decide: Decide = Box::new(move |_| Decision::Apply(Txn::of(vec![put.clone()])));
    append(&app, &caller, order, Ok(decide), Vec::new()).await?;
    let mut value = token_view(&token);
    value["token"] = json!(text);
    Ok((StatusCode::CREATED, Json(json!({ "value": value }))))
}

fn new_token(
    app: &App,
    caller: &Caller,
    new: NewToken,
) -> Result<(tokens::Token, String, portolan_eventstore::txn::Op), ApiError> {
    // A token that ends, or that is found out, must not live on in those that it made.
    let login = || ApiError::Invalid("a session makes tokens, log in first".into());
    let user = caller.session.as_ref().map(|session| session.user.clone()).ok_or_else(login)?;
    let now = app.now_seconds();
    if !(1..=256).contains(&new.name.chars().count()) {
        return Err(ApiError::Invalid("name must have 1 to 256 characters".into()));
    }
    if new.expires_at != 0 && new.expires_at <= now {
        return Err(ApiError::Invalid("expires_at must be 0 or a time to come, in seconds since 1970".into()));
    }
    if caller.origin.repeatable.is_some() {
        return Err(ApiError::Invalid(SHOWN_ONCE.into()));
    }
    let id = uuid::Uuid::now_v7().to_string();
    let holder = tokens::Holder::User(user);
    let token = tokens::Token { id, name: new.name, holder, create_time: now, expires_at: new.expires_at };
    let (text, put) = tokens::make(&token)?;
    Ok((token, text, put))
}

/// `DELETE /api/tokens/{id}`: the user's own, or with the right to administer anybody's.
pub async fn delete_token(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<StatusCode, ApiError> {
    let own = caller.user.clone().map(tokens::Holder::User);
    let any = caller.may(Right::Administer, Domain::All);
    if own.is_none() {
        caller.require(&app, Right::Administer, Domain::All).await?;
    }
    let order = Order { action: "token.delete", kind: "token", id: Some(id.clone()) };
    let decide: Decide = Box::new(move |view| {
        let which = |token: &tokens::Token| token.id == id && (any || own.as_ref() == Some(&token.holder));
        match tokens::revoke(view, which) {
            ops if ops.is_empty() => Decision::Refuse(Refusal::invalid(404, format!("token {id} not found"))),
            ops => Decision::Apply(Txn::of(ops)),
        }
    });
    append(&app, &caller, order, Ok(decide), Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/license`: clients of the enterprise face send one when they set a server up. There is none to check.
pub async fn license(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let order = Order { action: "license.ignore", kind: "license", id: Some("none".into()) };
    let read: Result<Value, _> = body::json(&headers, body).await;
    let decide = read.map(|_| -> Decide { Box::new(|_| Decision::Record) });
    append(&app, &caller, order, decide, Vec::new()).await?;
    Ok(Json(json!({})))
}

/// Appends it; gives the id of the resource whose key was written first, for a repeated request that of the first time.
async fn append(
    app: &App,
    caller: &Caller,
    order: Order,
    decide: Result<Decide, ApiError>,
    secrets: Vec<SecretWrite>,
) -> Result<Option<String>, ApiError> {
    let decide = match decide {
        Ok(decide) => decide,
        Err(error) => return Err(refused(app, caller, order, error).await),
    };
    let mut proposal = caller.proposal(order.action, Intent::Decide(decide));
    proposal.secrets = secrets;
    proposal.resource = order.id.map(|id| refusal::named(order.kind, &id));
    let (_, changes) = app.commit(proposal).await?;
    let first = changes.first().and_then(|change| serde_json::from_slice::<Value>(&change.after.as_ref()?.value).ok());
    Ok(first.and_then(|value| Some(value.get("id")?.as_str()?.to_owned())))
}

async fn refused(app: &App, caller: &Caller, order: Order, error: ApiError) -> ApiError {
    let Order { action, kind, id } = order;
    let resource = id.map(|id| refusal::named(kind, &id));
    refusal::record(app, caller, Attempt { action, group: None, resource }, error).await
}

fn view(user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.name,
        "roles": user.roles.iter().map(|role| role.id()).collect::<Vec<_>>(),
        "create_time": user.create_time,
        "must_change_password": user.must_change_password,
    })
}

fn token_view(token: &tokens::Token) -> Value {
    json!({ "id": token.id, "name": token.name, "create_time": token.create_time, "expires_at": token.expires_at })
}
