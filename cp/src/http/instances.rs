//! Data planes, and what they have applied.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Uri};
use portolan_model::GroupId;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::params::Params;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::groups;
use crate::instances::{self, Instance, Receipt};
use crate::rights::{Domain, Right};

/// How long a write with `wait=applied` waits for data planes.
const PATIENCE: Duration = Duration::from_secs(10);
const WAIT: &str = "wait";
const APPLIED: &str = "wait=applied";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    gateway_group_id: Option<String>,
    revision: Option<i64>,
}

/// `GET /api/instances`
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Json<Value>, ApiError> {
    let groups = match (&filter.gateway_group_id, &caller.group) {
        (None, None) => {
            caller.require(&app, Right::Read, Domain::All).await?;
            app.store.read(groups::all).into_iter().map(|group| group.id).collect()
        }
        (named, _) => vec![caller.require_in(&app, Right::Read, named.as_deref()).await?],
    };
    let head = app.store.revision();
    let revision = filter.revision.unwrap_or(head);
    if !(1..=head).contains(&revision) {
        return Err(ApiError::Invalid(format!("revision must be between 1 and {head}")));
    }
    let last = app.configured.at(head).await;
    let (mut list, mut all) = (Vec::new(), Receipt { live: 0, total: 0 });
    for group in groups {
        let last = last.get(&group).copied().unwrap_or_default();
        for instance in app.store.read(|view| instances::of_group(view, &group)) {
            let receipt = instances::receipt(std::slice::from_ref(&instance), last, revision);
            all.live += receipt.live;
            all.total += receipt.total;
            list.push(view(instance, receipt));
        }
    }
    Ok(Json(json!({ "revision": revision, "live": all.live, "total": all.total, "list": list })))
}

fn view(instance: Instance, receipt: Receipt) -> Value {
    let live = (receipt.total > 0).then_some(receipt.live > 0);
    let mut view = json!(instance);
    view["live"] = json!(live);
    view
}

/// Takes `wait=applied` out of the query of a request that changes something, so that no handler needs to know of it.
///
/// # Errors
/// There is a text for the caller when it asks to wait for anything else: a slip must not pass for having waited.
pub(super) fn take_wait(parts: &mut Parts) -> Result<bool, String> {
    let query = parts.uri.query().unwrap_or_default();
    let is_wait = |pair: &&str| pair.split('=').next() == Some(WAIT);
    let mut waits = query.split('&').filter(is_wait).peekable();
    if matches!(parts.method, Method::GET | Method::HEAD) || waits.peek().is_none() {
        return Ok(false);
    }
    if waits.any(|pair| pair != APPLIED) {
        return Err(format!("one can only wait for a change to be applied: {APPLIED}"));
    }
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_wait(pair)).collect();
    let path = match rest.is_empty() {
        true => parts.uri.path().to_owned(),
        false => format!("{}?{}", parts.uri.path(), rest.join("&")),
    };
    let mut uri = parts.uri.clone().into_parts();
    // Parts of what was one.
    uri.path_and_query = PathAndQuery::try_from(path).ok();
    let changed = Uri::from_parts(uri).map(|uri| parts.uri = uri);
    Ok(changed.is_ok())
}

/// Waits until the data planes of the groups that were changed since a revision serve that change, and says how many do.
pub(super) async fn wait(app: &App, before: i64, response: &mut Response) {
    let after = app.store.revision();
    let last = app.configured.at(after).await;
    let changed: Vec<(&GroupId, i64)> =
        last.iter().map(|(group, last)| (group, *last)).filter(|(_, last)| *last > before).collect();
    let Some(revision) = changed.iter().map(|(_, last)| *last).max() else { return };
    let mut head = app.store.head();
    let count = || {
        app.store.read(|view| {
            let of_group =
                |(group, last): &(&GroupId, i64)| instances::receipt(&instances::of_group(view, group), *last, *last);
            changed.iter().map(of_group).fold((0, 0), |(live, total), it| (live + it.live, total + it.total))
        })
    };
    let all = async {
        loop {
            let (live, total) = count();
            // Reports are events as well.
            if live == total || head.changed().await.is_err() {
                return;
            }
        }
    };
    // Whoever is late is told by the number.
    timeout(PATIENCE, all).await.ok();
    let (live, total) = count();
    for (name, value) in
        [("x-portolan-revision", revision.to_string()), ("x-portolan-applied", format!("{live}/{total}"))]
    {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
}
