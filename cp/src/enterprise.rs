//! The enterprise face: flat objects with a gateway group, services that own what belongs to them. `7443` serves it.
//!
//! It is a view of the same resources that the APISIX face shows: what is written here is a batch of changes of those
//! ([`write`]), and what is read has the defaults filled in ([`read`]). [`shape`] translates between the two.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, ETAG};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use portolan_eventstore::View;
use portolan_model::json::parse_json;
use portolan_model::{GroupId, Kind};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::error::ApiError;
use crate::groups;
use crate::http::Row;
use crate::query::Query;
use crate::resources::{Condition, Document, KEY_NOT_FOUND};
use crate::rights::{Domain, Right};

mod place;
mod read;
mod shape;
mod validate;
mod write;

use place::Place;
use read::Reader;
use write::{Order, What};

/// The rows of the face in the route table.
pub fn rows() -> Vec<Row> {
    let mut rows = vec![Row { method: Method::POST, path: "/apisix/admin/configs/validate".into() }];
    for (collection, item, kind) in place::PATHS {
        let mut add = |method: Method, path: &str| rows.push(Row { method, path: format!("/apisix/admin/{path}") });
        add(Method::GET, collection);
        if place::has_post(kind) {
            add(Method::POST, collection);
        }
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            add(method, item);
        }
    }
    rows
}

/// Answers any request below `/apisix/admin` on 7443.
///
/// # Errors
/// As an answer to the client.
pub async fn serve(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let query = Query::of(parts.uri.query().unwrap_or(""));
    let path = parts.uri.path().strip_prefix("/apisix/admin/").unwrap_or_default();
    let (place, validate) = (Place::of(path), path == "configs/validate");
    let known = if validate { Some("POST") } else { place.as_ref().map(Place::methods) };
    if let Some(known) = known.filter(|known| !known.split(", ").any(|method| method == parts.method.as_str())) {
        return Ok(([(ALLOW, known)], ApiError::Method).into_response());
    }
    let group = caller.group(query.get("gateway_group_id"))?;
    let reads = validate || matches!(parts.method, Method::GET | Method::HEAD);
    let right = if reads { Right::Read } else { Right::Write };
    caller.require(&app, right, Domain::Group(&group)).await?;
    if validate {
        return validate::answer(&app, group, document(&parts.headers, body).await?);
    }
    let place = place.ok_or_else(|| ApiError::NotFound("no such path".into()))?;
    if reads {
        return get(&app, &caller, &place, &group, &query).await;
    }
    write::carry_out(&app, &caller, order(&place, group, &parts, body).await).await
}

/// What a request wants to change, by a method that belongs there.
async fn order(place: &Place, group: GroupId, parts: &Parts, body: Body) -> Result<Order, (Order, ApiError)> {
    let what: fn(Document) -> What = match parts.method {
        Method::POST => What::Create,
        Method::PUT => What::Put,
        Method::PATCH => What::Patch,
        _ => |_| What::Delete,
    };
    let (kind, parent) = (place.kind, place.parent.clone());
    let id = place.id.as_deref().map(|id| place.full_id(id)).unwrap_or_default();
    let mut order = Order { group, kind, parent, id, condition: Condition::None, what: what(Document::new()) };
    let read = async {
        order.condition = Condition::of(&parts.headers).map_err(ApiError::Invalid)?;
        if parts.method != Method::DELETE {
            order.what = what(document(&parts.headers, body).await?);
        }
        if let What::Create(document) = &order.what {
            order.id = place.full_id(&place::id_of(place.kind, document)?);
        }
        Ok(())
    };
    let read: Result<(), ApiError> = read.await;
    read.map_err(|error| (order.clone(), error)).map(|()| order)
}

async fn get(app: &App, caller: &Caller, place: &Place, group: &GroupId, query: &Query) -> Result<Response, ApiError> {
    // Who may only look is shown no secrets; who is shown some leaves a trace.
    let secrets = caller.may(Right::Export, Domain::Group(group));
    let due = app.disclosures.is_due(app, caller, group);
    let (answer, disclosed) = app.store.read(|view: &dyn View| {
        if !groups::exists(view, group) {
            return Err(ApiError::Refused(groups::unknown(group)));
        }
        let reader = Reader::new(app, view, group, secrets);
        let reader = if due { reader.noticing(app.mask) } else { reader };
        Ok((found(&reader, place, query)?, reader.has_disclosed()))
    })?;
    if disclosed {
        app.disclosures.record(app, caller, group).await?;
    }
    Ok(answer)
}

fn found(reader: &Reader<'_>, place: &Place, query: &Query) -> Result<Response, ApiError> {
    let missing = || ApiError::NotFound(KEY_NOT_FOUND.into());
    let parent = place.parent.as_deref();
    if let Some(id) = &place.id {
        let (item, revision) = reader.one(place.kind, parent, &place.full_id(id)).ok_or_else(missing)?;
        return Ok(tagged(revision, Json(json!({ "value": item }))));
    }
    let owner = match place.kind {
        Kind::Upstream => Some(Kind::Service),
        Kind::Credential => Some(Kind::Consumer),
        _ => None,
    };
    if let (Some(owner), Some(parent)) = (owner, parent)
        && !reader.exists(owner, parent)
    {
        return Err(missing());
    }
    let list = reader.list(place.kind, parent, query);
    if place.kind == Kind::PluginMetadata {
        return Ok(Json(json!({ "value": list.into_iter().collect::<Document>() })).into_response());
    }
    let list: Vec<Value> = list.into_iter().map(|(_, item)| item).collect();
    Ok(Json(json!({ "total": list.len(), "list": list })).into_response())
}

/// With the revision that `If-Match` takes.
fn tagged(revision: i64, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

async fn document(headers: &HeaderMap, body: Body) -> Result<Document, ApiError> {
    let bytes = body::bounded(headers, body, body::LARGEST).await?;
    match parse_json(&bytes) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(ApiError::Invalid("invalid request body: must be an object".into())),
        Err(error) => Err(ApiError::Invalid(format!("invalid request body: {error}"))),
    }
}
