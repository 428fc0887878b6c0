//! Many changes at once, and the whole configuration of a group.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use portolan_eventstore::{Intent, KeyValue};
use portolan_model::json::parse_json;
use portolan_model::{GroupId, Kind, layout};
use serde::Deserialize;
use serde_json::{Value, json};

use super::params::Params;
use crate::app::App;
use crate::auth::Caller;
use crate::batch::{Batch, Change, Naming, Outcome, Problem, Step, Wanted, adc, diff, export};
use crate::body;
use crate::error::ApiError;
use crate::groups::{self, Expected};
use crate::refusal::{self, Attempt};
use crate::resources::Condition;
use crate::rights::{Domain, Right};
use crate::yaml;

/// Largest body, in bytes: a state of 100,000 routes.
const LARGEST: u64 = 64 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    gateway_group_id: Option<String>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    force: bool,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scope {
    gateway_group_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    changes: Vec<Wish>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "action", rename_all = "snake_case")]
enum Wish {
    Put { kind: String, id: String, value: serde_json::Map<String, Value> },
    Delete { kind: String, id: String },
}

/// `POST /api/apply`
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    options: Result<Params<Options>, ApiError>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Params(options) = match options {
        Ok(options) => options,
        Err(error) => {
            let what = Attempt { action: "group.apply", group: None, resource: None };
            return Err(refusal::record(&app, &caller, what, error).await);
        }
    };
    let group = caller.group(options.gateway_group_id.as_deref())?;
    // Who may only read may look, too.
    let right = if options.dry_run { Right::Read } else { Right::Write };
    caller.require(&app, right, Domain::Group(&group)).await?;
    let dry_run = options.dry_run;
    let read = read(&app, &group, &headers, body).await;
    let (batch, expected) = match read {
        Ok(read) => read,
        Err(error) if dry_run => return Err(error),
        Err(error) => {
            let what = Attempt { action: "group.apply", group: Some(group.to_string()), resource: None };
            return Err(refusal::record(&app, &caller, what, error).await);
        }
    };
    let batch = Batch { forced: options.force, ..batch };
    let now = app.now_seconds();
    let named = group.clone();
    // Checking thousands of documents takes a while.
    let keyring = app.keyring.clone();
    let prepared =
        tokio::task::spawn_blocking(move || batch.prepare(group, now, keyring)).await.map_err(ApiError::internal)?;
    if dry_run {
        let worker = app.clone();
        let work = tokio::task::spawn_blocking(move || {
            let plan = prepared.look(&worker);
            let changes: Vec<Value> = plan.steps.iter().map(|step| step_view(&worker, step)).collect();
            json!({ "dry_run": true, "revision": null, "from": plan.revision, "changes": changes, "errors": plan.problems })
        });
        return Ok(Json(work.await.map_err(ApiError::internal)?).into_response());
    }
    let naming = Naming {
        action: "group.apply".into(),
        resource: ("gateway_group".into(), named.to_string()),
        reason: options.reason,
        of_resource: None,
    };
    let answer = |revision: Option<i64>, from: i64, changes: Vec<Value>| json!({ "dry_run": false, "revision": revision, "from": from, "changes": changes, "errors": [] });
    match prepared.carry_out(&app, &caller, expected, naming).await? {
        Outcome::Done { revision, changes } => {
            let shown = |change: &portolan_eventstore::Change| {
                view(&app, &change.key, change.before.as_deref(), change.after.as_deref().map(|kv| kv.value.as_ref()))
            };
            Ok(Json(answer(Some(revision), revision - 1, changes.iter().map(shown).collect())).into_response())
        }
        Outcome::Unchanged { revision } => Ok(Json(answer(None, revision, Vec::new())).into_response()),
        Outcome::Refused { refusal, problems } if problems.is_empty() => Err(ApiError::Refused(refusal)),
        Outcome::Refused { problems, .. } => Ok(invalid(&problems)),
    }
}

/// `GET /api/export`: the whole configuration of a group, secrets included, as a state that `POST /api/apply` takes.
pub async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(scope): Params<Scope>,
) -> Result<Json<Value>, ApiError> {
    let group = caller.require_in(&app, Right::Export, scope.gateway_group_id.as_deref()).await?;
    // Whoever takes the secrets away leaves a trace.
    let proposal = caller.proposal("group.export", Intent::Record);
    app.commit(proposal.in_group(group.as_str()).on("gateway_group", group.as_str())).await?;
    Ok(Json(Value::Object(app.store.read(|view| export::state(view, &group, &app.keyring)))))
}

/// 400 with everything that is wrong.
pub(crate) fn invalid(problems: &[Problem]) -> Response {
    let body = json!({ "error_msg": "Configuration validation failed", "errors": problems });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

async fn read(app: &App, group: &GroupId, headers: &HeaderMap, body: Body) -> Result<(Batch, Expected), ApiError> {
    let condition = Condition::of(headers).map_err(ApiError::Invalid)?;
    let bytes = body::bounded(headers, body, LARGEST).await?;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let wrong = |text: String| ApiError::Invalid(format!("invalid request body: {text}"));
    let state = match kind.contains("yaml") {
        true => {
            // It takes its time.
            let parsed = tokio::task::spawn_blocking(move || yaml::parse(&bytes)).await.map_err(ApiError::internal)?;
            parsed.map_err(wrong)?
        }
        false => parse_json(&bytes).map_err(|error| wrong(format!("{error}{}", yaml_hint(&bytes))))?,
    };
    if !app.store.read(|view| groups::exists(view, group)) {
        return Err(ApiError::Refused(groups::unknown(group)));
    }
    let batch = match state.get("changes") {
        Some(_) => list(state).map_err(wrong)?,
        None => adc::read(state).map_err(ApiError::Invalid)?,
    };
    let expected = Expected::of(app, group, condition).await?.map_err(ApiError::Refused)?;
    Ok((batch, expected))
}

/// What helps who sends YAML and does not say so.
fn yaml_hint(bytes: &[u8]) -> &'static str {
    match bytes.trim_ascii_start().first() {
        Some(b'{' | b'[') | None => "",
        Some(_) => "; YAML needs the header Content-Type: application/yaml",
    }
}

fn list(changes: Value) -> Result<Batch, String> {
    let changes: Changes = serde_json::from_value(changes).map_err(|error| body::without_value(&error.to_string()))?;
    let mut batch = Batch::default();
    for (index, wish) in changes.changes.into_iter().enumerate() {
        let (kind, id, wanted) = match wish {
            Wish::Put { kind, id, value } => (kind, id, Wanted::Document(value)),
            Wish::Delete { kind, id } => (kind, id, Wanted::Nothing),
        };
        let known = Kind::from_directory(&kind).or_else(|| Kind::from_name(&kind));
        let kind = known.ok_or_else(|| format!("unknown resource type: {kind}"))?;
        batch.changes.push(Change { kind, id, index: Some(index), wanted });
    }
    Ok(batch)
}

fn step_view(app: &App, step: &Step) -> Value {
    view(app, step.key.as_bytes(), step.before.as_deref(), step.after.as_deref())
}

fn view(app: &App, key: &[u8], before: Option<&KeyValue>, after: Option<&[u8]>) -> Value {
    let text = String::from_utf8_lossy(key);
    let resource = layout::parse_resource_key(&text);
    let action = match (before, after) {
        (None, _) => "create",
        (_, None) => "delete",
        _ => "update",
    };
    let shown = |value: &[u8]| app.mask.value(key, value);
    let document = after.or(before.map(|kv| kv.value.as_ref()));
    let name = document.and_then(|value| serde_json::from_slice::<Value>(value).ok());
    let mut view = json!({
        "action": action,
        "kind": resource.as_ref().map(|resource| resource.kind.name()),
        "id": resource.as_ref().map(|resource| &resource.id),
        "name": name.as_ref().and_then(|document| document.get("name")),
        "key": text,
    });
    if let (Some(before), Some(after)) = (before, after) {
        let (old, new) = (shown(&before.value), shown(after));
        let mut fields = diff::fields(&old, &new);
        if fields.is_empty() {
            // Only a secret has changed, and that is not shown.
            fields.push(json!({ "path": "", "before": "******", "after": "******" }));
        }
        view["fields"] = Value::Array(fields);
    }
    view
}
