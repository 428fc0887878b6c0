//! Changing resources: what a request wants becomes a batch of changes, decided inside the append.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use portolan_eventstore::{Refusal, View};
use portolan_model::id::text_of;
use portolan_model::{GroupId, Keyring, Kind, layout};
use serde_json::json;

use super::read::{Reader, belongs};
use super::shape;
use crate::app::App;
use crate::auth::Caller;
use crate::batch::{self, Batch, Change, Naming, Outcome, Prefix, Wanted};
use crate::error::ApiError;
use crate::refusal::{self, Attempt};
use crate::resources::patch;
use crate::resources::{self, Condition, Document, KEY_NOT_FOUND};
use crate::rights::{Domain, Right};

/// A resource that a caller wants to change.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) group: GroupId,
    pub(super) kind: Kind,
    /// The service of an upstream, the consumer of a credential.
    pub(super) parent: Option<String>,
    /// As its key has it.
    pub(super) id: String,
    pub(super) condition: Condition,
    pub(super) what: What,
}

/// What shall become of it.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A new one.
    Create(Document),
    /// This, whether or not there is one.
    Put(Document),
    /// What it is, with these members replaced; `null` takes one away.
    Patch(Document),
    /// Gone, with everything that belongs to it.
    Delete,
}

/// Carries it out as one event, and answers.
///
/// # Errors
/// As an answer to the client.
pub(super) async fn carry_out(
    app: &App,
    caller: &Caller,
    order: Result<Order, (Order, ApiError)>,
) -> Result<Response, ApiError> {
    let order = match order {
        Ok(order) => Arc::new(order),
        Err((order, error)) => return Err(order.refused(app, caller, error).await),
    };
    let (now, keyring, made) = (app.now_seconds(), app.keyring.clone(), order.clone());
    // Checking documents takes most of the time: what is checked now need not be checked inside the append, unless the state
    // makes other documents of the request by then.
    let checked = app.store.read(|view| order.batch(view, &keyring)).ok();
    let checked =
        checked.map(|batch| (batch.changes.clone(), batch.prepare(order.group.clone(), now, keyring.clone())));
    let plan = move |view: &dyn View| {
        let batch = made.batch(view, &keyring)?;
        match &checked {
            Some((changes, prepared)) if *changes == batch.changes => Ok(prepared.plan(view)),
            _ => Ok(batch.prepare(made.group.clone(), now, keyring.clone()).plan(view)),
        }
    };
    let naming = Naming {
        action: order.action(),
        resource: (order.kind.name().to_owned(), order.id.chars().take(256).collect()),
        reason: None,
        of_resource: Some((order.kind, order.id.clone())),
    };
    let (mut id, mut status) = (order.id.clone(), StatusCode::OK);
    match batch::carry_out(app, caller, &order.group, plan, naming).await? {
        Outcome::Done { changes, .. } => {
            let of_kind = changes.iter().filter_map(|change| {
                let place = layout::parse_resource_key(std::str::from_utf8(&change.key).ok()?)?;
                (place.kind == order.kind).then_some((place.id, change))
            });
            // A repeated request that names no id gets that of the first time.
            let created = matches!(order.what, What::Create(_));
            let own = of_kind.into_iter().find(|(id, _)| created || *id == order.id);
            match own {
                Some((_, change)) if change.after.is_none() => return Ok(Json(json!({})).into_response()),
                Some((own, change)) => {
                    id = own;
                    status = if change.before.is_none() { StatusCode::CREATED } else { StatusCode::OK };
                }
                None => {}
            }
        }
        Outcome::Unchanged { .. } => {}
        Outcome::Refused { refusal, .. } => return Err(ApiError::Refused(refusal)),
    }
    let secrets = caller.may(Right::Export, Domain::Group(&order.group));
    let parent = order.parent.as_deref();
    let found = app.store.read(|view| Reader::new(app, view, &order.group, secrets).one(order.kind, parent, &id));
    // Somebody else may have deleted it by now.
    let (item, revision) = found.unzip();
    Ok(super::tagged(revision.unwrap_or_default(), (status, Json(json!({ "value": item })))))
}

// === impl Order ===

impl Order {
    /// The action of its event.
    fn action(&self) -> String {
        let verb = match self.what {
            What::Create(_) => "create",
            What::Put(_) | What::Patch(_) => "update",
            What::Delete => "delete",
        };
        format!("{}.{verb}", self.kind.name())
    }

    async fn refused(self, app: &App, caller: &Caller, error: ApiError) -> ApiError {
        let resource = Some(resources::named(self.kind, &self.id)).filter(|resource| !resource.id.is_empty());
        let what = Attempt { action: "", group: Some(self.group.to_string()), resource };
        refusal::record_as(app, caller, self.action(), what, error).await
    }

    /// The changes, in this state.
    fn batch(&self, view: &dyn View, keyring: &Keyring) -> Result<Batch, Refusal> {
        let reader = Reader::open(view, &self.group, keyring);
        let found = reader.found(self.kind, &self.id);
        if let Some(refusal) = self.condition.refused(found.as_deref()) {
            return Err(refusal);
        }
        let old = found.and_then(|_| reader.stored(self.kind, &self.id));
        let missing = || Refusal::invalid(404, KEY_NOT_FOUND);
        if let (Kind::Upstream, Some(service)) = (self.kind, &self.parent) {
            if !reader.exists(Kind::Service, service) {
                return Err(Refusal::invalid(404, format!("service {service} not found")));
            }
            // Under another service it is another upstream, which only happens to have the same id.
            if old.as_ref().is_some_and(|old| !belongs(self.kind, Some(service), &self.id, old)) {
                return Err(match self.what {
                    What::Create(_) | What::Put(_) => {
                        Refusal::invalid(409, format!("upstream {} exists already, outside of this service", self.id))
                    }
                    What::Patch(_) | What::Delete => missing(),
                });
            }
        }
        let object = match (&self.what, &old) {
            (What::Delete, _) => None,
            (What::Create(_), Some(_)) => {
                let text = format!("{} {} exists already", self.kind, self.kind.split_id(&self.id).1);
                return Err(Refusal::invalid(409, text));
            }
            (What::Patch(_), None) => return Err(missing()),
            (What::Patch(change), Some(old)) => {
                let mut object = reader.plain(self.kind, &self.id, old.clone());
                patch::merge(&mut object, change.clone());
                Some(object)
            }
            (What::Put(object) | What::Create(object), _) => Some(object.clone()),
        };
        let mut batch = Batch { long_texts: true, ..Batch::default() };
        let mut add =
            |kind, id: &str, wanted| batch.changes.push(Change { kind, id: id.to_owned(), index: None, wanted });
        let Some(object) = object else {
            add(self.kind, &self.id, Wanted::NothingBelow);
            return Ok(batch);
        };
        let invalid = |text| Refusal::invalid(400, text);
        let service = object.get("service_id").and_then(text_of).filter(|_| self.kind == Kind::Route);
        let prefix = service.map(|service| reader.prefix(&service));
        let own = self.kind.split_id(&self.id).1;
        let (document, upstream) =
            shape::inward(self.kind, self.parent.as_deref(), own, object, prefix.as_ref()).map_err(invalid)?;
        if self.kind == Kind::Service {
            for (id, route) in self.moved(&reader, &document).map_err(invalid)? {
                add(Kind::Route, &id, Wanted::Document(route));
            }
            add(Kind::Upstream, &self.id, upstream.map_or(Wanted::Absent, Wanted::Document));
        }
        add(self.kind, &self.id, Wanted::Document(document));
        Ok(batch)
    }

    /// The service's routes under its new path prefix, if that is another one.
    fn moved(&self, reader: &Reader<'_>, service: &Document) -> Result<Vec<(String, Document)>, String> {
        let (before, after) = (reader.prefix(&self.id), Prefix::of(service));
        if before == after {
            return Ok(Vec::new());
        }
        let routes = reader.all(Kind::Route, None).into_iter();
        let own = routes.filter(|(_, route)| route.get("service_id").and_then(text_of).as_ref() == Some(&self.id));
        own.map(|(id, mut route)| {
            before.remove(&mut route);
            after.add(&mut route).map_err(|text| format!("route {id}: {text}"))?;
            resources::document::untimed(&mut route);
            Ok((id, route))
        })
        .collect()
    }
}
