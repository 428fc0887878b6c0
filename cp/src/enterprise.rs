//! The enterprise face: flat objects with a gateway group, services that own what belongs to them. `7443` serves it.
//!
//! It is a view of the same resources that the APISIX face shows: what is written here is a batch of changes of those, and what is
//! read has the defaults filled in. `docs/api.md` says what it does not do.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use portolan_eventstore::View;
use portolan_model::json::parse_json;
use portolan_model::{GroupId, Keyring, Kind};
use serde_json::{Value, json};

use crate::admin::query::{Query, decoded_segment};
use crate::app::App;
use crate::auth::Caller;
use crate::batch::{Batch, Change, Naming, Outcome, Problem, Wanted};
use crate::body;
use crate::error::ApiError;
use crate::groups::{self, Expected};
use crate::http::invalid;
use crate::refusal::{self, Attempt};
use crate::resources::{self, Document, KEY_NOT_FOUND};
use crate::rights::{Domain, Right};

mod read;
mod shape;

/// Parts of a validated configuration, and what each item's id is called.
const PARTS: [(&str, Kind, &str); 7] = [
    ("services", Kind::Service, "service_id"),
    ("routes", Kind::Route, "route_id"),
    ("stream_routes", Kind::StreamRoute, "stream_route_id"),
    ("consumers", Kind::Consumer, "username"),
    ("ssls", Kind::Ssl, "id"),
    ("global_rules", Kind::GlobalRule, "id"),
    ("plugin_metadata", Kind::PluginMetadata, "id"),
];

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    kind: Kind,
    parent: Option<String>,
    id: Option<String>,
}

/// Answers any request below `/apisix/admin` on 7443.
///
/// # Errors
/// As an answer to the client.
pub async fn serve(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let query = Query::of(parts.uri.query().unwrap_or(""));
    let group = caller.group(query.get("gateway_group_id"))?;
    let path = parts.uri.path().strip_prefix("/apisix/admin/").unwrap_or_default();
    let validate = path == "configs/validate" && parts.method == Method::POST;
    let right = if parts.method == Method::GET || validate { Right::Read } else { Right::Write };
    caller.require(&app, right, Domain::Group(&group)).await?;
    if validate {
        return self::validate(&app, group, &parts.headers, body).await;
    }
    let place = Place::of(path).ok_or_else(|| ApiError::NotFound("no such path".into()))?;
    match (parts.method, &place.id) {
        (Method::GET, _) => {
            if !app.store.read(|view| groups::exists(view, &group)) {
                return Err(ApiError::Refused(groups::unknown(&group)));
            }
            app.store.read(|view| place.get(view, &app.keyring, &group, &query)).map(IntoResponse::into_response)
        }
        (Method::PUT, Some(id)) => {
            let order = Order { id: place.full_id(id), group, kind: place.kind, verb: "update" };
            let document = match document(&parts.headers, body).await {
                Ok(document) => {
                    shape::inward(&place.kind, place.parent.as_deref(), id, document).map_err(ApiError::Invalid)
                }
                Err(error) => Err(error),
            };
            match document {
                Ok(document) => order.write(&app, &caller, Wanted::Document(document)).await,
                Err(error) => Err(order.refused(&app, &caller, error).await),
            }
        }
        (Method::DELETE, Some(id)) => {
            let order = Order { id: place.full_id(id), group, kind: place.kind, verb: "delete" };
            order.write(&app, &caller, Wanted::NothingBelow).await
        }
        _ => Err(ApiError::Method),
    }
}

/// One resource that a caller wants to change.
struct Order {
    group: GroupId,
    kind: Kind,
    id: String,
    verb: &'static str,
}

// === impl Order ===

impl Order {
    async fn write(self, app: &App, caller: &Caller, wanted: Wanted) -> Result<Response, ApiError> {
        let Self { group, kind, id, verb } = self;
        let mut changes = Vec::new();
        let mut wanted = wanted;
        if let (Kind::Service, Wanted::Document(service)) = (kind, &mut wanted) {
            let upstream = shape::take_upstream(service, &id).map_or(Wanted::Absent, Wanted::Document);
            changes.push(Change { kind: Kind::Upstream, id: id.clone(), index: None, wanted: upstream });
        }
        changes.push(Change { kind, id: id.clone(), index: None, wanted });
        let batch = Batch { changes, ..Batch::default() };
        let prepared = batch.prepare(group.clone(), app.now_seconds(), app.keyring.clone());
        let naming = Naming {
            action: format!("{}.{verb}", kind.name()),
            resource: (kind.name().to_owned(), id.chars().take(256).collect()),
            reason: None,
            of_resource: Some((kind, id.clone())),
        };
        let status = match prepared.carry_out(app, caller, Expected::default(), naming).await? {
            Outcome::Done { changes, .. } => {
                let key = portolan_model::layout::resource_key(&group, kind, &id);
                let own = changes.iter().find(|change| change.key == key.as_bytes());
                match own {
                    Some(change) if change.after.is_none() => return Ok(Json(json!({})).into_response()),
                    Some(change) if change.before.is_none() => StatusCode::CREATED,
                    _ => StatusCode::OK,
                }
            }
            Outcome::Unchanged { .. } => StatusCode::OK,
            Outcome::Refused { refusal, .. } => return Err(ApiError::Refused(refusal)),
        };
        let item = app.store.read(|view| read::one(view, &app.keyring, &group, kind, &id));
        Ok((status, Json(json!({ "value": item }))).into_response())
    }

    async fn refused(self, app: &App, caller: &Caller, error: ApiError) -> ApiError {
        // The actions are a small, fixed set.
        let action = format!("{}.{}", self.kind.name(), self.verb);
        let resource = Some(resources::named(self.kind, &self.id));
        refusal::record_as(
            app,
            caller,
            action,
            Attempt { action: "", group: Some(self.group.to_string()), resource },
            error,
        )
        .await
    }
}

async fn document(headers: &HeaderMap, body: Body) -> Result<Document, ApiError> {
    let bytes = body::bounded(headers, body, body::LARGEST).await?;
    match parse_json(&bytes) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(ApiError::Invalid("invalid request body: must be an object".into())),
        Err(error) => Err(ApiError::Invalid(format!("invalid request body: {error}"))),
    }
}

/// Everything that is wrong with a configuration, references aside.
async fn validate(app: &App, group: GroupId, headers: &HeaderMap, body: Body) -> Result<Response, ApiError> {
    let mut parts = document(headers, body).await?;
    let mut batch = Batch::default();
    for (name, kind, id_field) in PARTS {
        let Some(Value::Array(items)) = parts.shift_remove(name) else { continue };
        for (index, item) in items.into_iter().enumerate() {
            let Value::Object(item) = item else { continue };
            let given = item.get(id_field).or_else(|| item.get("id")).and_then(portolan_model::id::text_of);
            // A global rule is named by its plugin.
            let plugins = item.get("plugins").and_then(Value::as_object).filter(|_| kind == Kind::GlobalRule);
            let given = given.or_else(|| plugins?.keys().next().cloned());
            // What has no id yet is checked all the same.
            let id = given.unwrap_or_else(|| format!("unnamed-{index}"));
            let mut item = item;
            if kind == Kind::PluginMetadata {
                item.shift_remove("id");
            }
            let change = |wanted| Change { kind, id: id.clone(), index: Some(index), wanted };
            match shape::inward(&kind, None, &id, item) {
                Ok(document) => batch.changes.push(change(Wanted::Document(document))),
                Err(text) => batch.problems.push(Problem::of(&change(Wanted::Nothing), text)),
            }
        }
    }
    let prepared = batch.prepare(group, app.now_seconds(), app.keyring.clone());
    match prepared.problems() {
        [] => Ok(Json(json!({})).into_response()),
        problems => Ok(invalid(problems)),
    }
}

// === impl Place ===

impl Place {
    fn of(path: &str) -> Option<Self> {
        let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded_segment).collect();
        let texts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (kind, parent, id) = match texts.as_slice() {
            ["services", service, "upstreams"] => (Kind::Upstream, Some(*service), None),
            ["services", service, "upstreams", id] => (Kind::Upstream, Some(*service), Some(*id)),
            ["consumers", consumer, "credentials"] => (Kind::Credential, Some(*consumer), None),
            ["consumers", consumer, "credentials", id] => (Kind::Credential, Some(*consumer), Some(*id)),
            ["plugin_metadata", id] => (Kind::PluginMetadata, None, Some(*id)),
            [directory] => (shape::kind(directory)?, None, None),
            [directory, id] => (shape::kind(directory)?, None, Some(*id)),
            _ => return None,
        };
        Some(Self { kind, parent: parent.map(str::to_owned), id: id.map(str::to_owned) })
    }

    fn full_id(&self, id: &str) -> String {
        match (self.kind, &self.parent) {
            (Kind::Credential, Some(consumer)) => self.kind.join_id(consumer, id),
            _ => id.to_owned(),
        }
    }

    fn get(&self, view: &dyn View, keyring: &Keyring, group: &GroupId, query: &Query) -> Result<Json<Value>, ApiError> {
        let missing = || ApiError::NotFound(KEY_NOT_FOUND.into());
        if let Some(id) = &self.id {
            let item = read::one(view, keyring, group, self.kind, &self.full_id(id)).ok_or_else(missing)?;
            return Ok(Json(json!({ "value": item })));
        }
        let parent = self.parent.as_deref();
        let owner = match self.kind {
            Kind::Upstream => Some(Kind::Service),
            Kind::Credential => Some(Kind::Consumer),
            _ => None,
        };
        if let (Some(owner), Some(parent)) = (owner, parent)
            && read::one(view, keyring, group, owner, parent).is_none()
        {
            return Err(missing());
        }
        let list = read::list(view, keyring, group, self.kind, parent, query);
        if self.kind == Kind::PluginMetadata {
            return Ok(Json(json!({ "value": read::by_id(list) })));
        }
        Ok(Json(json!({ "total": list.len(), "list": list.into_iter().map(|(_, item)| item).collect::<Vec<_>>() })))
    }
}
