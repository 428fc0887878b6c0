//! Login, logout, and who is logged in.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use portolan_eventstore::proposal::Actor;
use portolan_eventstore::{Appended, Intent, Proposal, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::{self, Caller, sessions, users};
use crate::body;
use crate::error::ApiError;
use crate::origin::{self, Origin};
use crate::refusal::{self, Attempt};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
}

/// `POST /api/login`
pub async fn login(
    State(app): State<Arc<App>>,
    Extension(mut origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    origin.interface = "dashboard";
    if !auth::is_from_own_page(&headers) {
        app.denials.note(&origin, auth::FOREIGN_PAGE);
        return Err(auth::foreign_page());
    }
    let credentials: Credentials = match body::json(&headers, body).await {
        Ok(credentials) => credentials,
        Err(error) => {
            app.denials.note(&origin, "a login without user name and password");
            return Err(error);
        }
    };
    let name = credentials.username.as_str();
    if let Err(wait) = app.limiter.attempt(origin.ip, name) {
        app.denials.note(&origin, "too many failed logins");
        return Err(ApiError::TooMany { seconds: wait.as_secs() + 1 });
    }
    let user = users::named_and_changed(&app, name);
    // Also asked for a name that nobody has, so that it takes the same time.
    let hash = users::password_hash(&app, user.as_ref().map_or(name, |(user, _)| &user.id)).await?;
    let right = app.passwords.verify(&credentials.password, hash).await.map_err(ApiError::internal)?;
    let Some((user, changed)) = user.filter(|_| right) else {
        refused(&app, &origin, name).await?;
        return Err(ApiError::WrongPassword);
    };
    app.limiter.succeeded(origin.ip, name);
    let (intent, cookie) = sessions::begin(&app, &user.id, changed)?;
    let actor = user.actor("password");
    let proposal = Proposal::new(origin.context(actor.clone()), "auth.login", intent);
    if let Appended::Refused { refusal, .. } = app.append(proposal.on("user", user.id)).await? {
        return Err(ApiError::Refused(refusal));
    }
    Ok(([(SET_COOKIE, cookie)], Json(view(&actor))).into_response())
}

/// `POST /api/logout`
pub async fn logout(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, ApiError> {
    let Some(session) = &caller.session else {
        let error = ApiError::Invalid("no session: only what began with a login can be logged out".into());
        let what = Attempt { action: "auth.logout", group: None, resource: None };
        return Err(refusal::record(&app, &caller, what, error).await);
    };
    let proposal = caller.proposal("auth.logout", sessions::end(session));
    app.append(proposal.on("user", session.user.clone())).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, sessions::forget()?)]).into_response())
}

/// `GET /api/session`
pub async fn get(caller: Caller) -> Json<Value> {
    Json(view(&caller.actor))
}

async fn refused(app: &App, origin: &Origin, name: &str) -> Result<(), ApiError> {
    if !app.denials.may_write() {
        app.denials.note(origin, "wrong user name or password");
        return Ok(());
    }
    // The name may be a password typed into the wrong field: only that of a known user goes into the log.
    let known = users::named(app, name).map(|user| user.id);
    let intent = Intent::Refused(Refusal::denied(401, ApiError::WrongPassword.to_string()));
    let mut proposal = Proposal::new(origin.context(origin::anonymous()), "auth.login_failed", intent);
    if let Some(id) = known {
        proposal = proposal.on("user", id);
    }
    app.append(proposal).await?;
    Ok(())
}

fn view(actor: &Actor) -> Value {
    json!({ "user": { "id": actor.id, "name": actor.name.as_ref().unwrap_or(&actor.id), "roles": actor.roles } })
}
