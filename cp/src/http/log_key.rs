//! The keys that the log is signed with.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::removals::reason;
use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::error::ApiError;
use crate::refusal::{self, Attempt};
use crate::rights::{Domain, Right};
use crate::signing;

const ROTATE: &str = "log.key_rotated";
/// How long the answer waits for the checkpoint that both keys sign.
const SIGNING: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    reason: Option<String>,
}

/// `GET /api/audit/key`
pub async fn get(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let own = caller.group.clone();
    caller.require(&app, Right::Read, own.as_ref().map_or(Domain::All, Domain::Group)).await?;
    let published = signing::published(&app.store).map_err(ApiError::internal)?;
    let published = published.ok_or_else(|| ApiError::NotFound("the log has no key yet".into()))?;
    Ok(Json(json!({ "origin": published.origin, "key": published.key, "previous": published.previous })))
}

/// `POST /api/audit/key/rotate`
pub async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require(&app, Right::Administer, Domain::All).await?;
    let read = body::json(&headers, body).await;
    let reason = match read.and_then(|request: Request| reason(request.reason)) {
        Ok(reason) => reason,
        Err(error) => {
            let what = Attempt { action: ROTATE, group: None, resource: None };
            return Err(refusal::record(&app, &caller, what, error).await);
        }
    };
    // Another replica may have rotated it just now.
    app.store.linearizable().await?;
    let (intent, secret) = signing::rotation(&app.store, &app.seal).map_err(ApiError::internal)?;
    let mut proposal = caller.proposal(ROTATE, intent).on("log", "key");
    proposal.context.reason = Some(reason);
    proposal.secrets.push(secret);
    let (revision, _) = app.commit(proposal).await?;
    let covered = tokio::time::timeout(SIGNING, app.checkpoints.cover(revision)).await.is_ok();
    // Of a repeated request, the key that the first one made.
    let now = signing::published(&app.store).map_err(ApiError::internal)?;
    let (key, previous) = now.map(|now| (now.key, now.previous)).unwrap_or_default();
    Ok(Json(json!({ "revision": revision, "key": key, "previous": previous, "covered": covered })))
}
