//! Everything that is wrong with a configuration, references aside.

use std::collections::HashMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use portolan_model::id::text_of;
use portolan_model::{GroupId, Kind};
use serde_json::{Value, json};

use super::shape;
use crate::app::App;
use crate::batch::{Batch, Change, Prefix, Problem, Wanted};
use crate::error::ApiError;
use crate::http::invalid;
use crate::resources::Document;

/// Parts of a configuration.
const PARTS: [(&str, Kind); 7] = [
    ("services", Kind::Service),
    ("routes", Kind::Route),
    ("stream_routes", Kind::StreamRoute),
    ("consumers", Kind::Consumer),
    ("ssls", Kind::Ssl),
    ("global_rules", Kind::GlobalRule),
    ("plugin_metadata", Kind::PluginMetadata),
];

/// Answers `POST configs/validate`.
pub(super) fn answer(app: &App, group: GroupId, mut parts: Document) -> Result<Response, ApiError> {
    let mut batch = Batch { long_texts: true, ..Batch::default() };
    let prefixes = prefixes(&parts);
    for (name, kind) in PARTS {
        let items = match parts.shift_remove(name) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(items)) => items,
            Some(_) => return Err(ApiError::Invalid(format!("{name} must be a list"))),
        };
        for (index, item) in items.into_iter().enumerate() {
            let change = |id: String, wanted| Change { kind, id, index: Some(index), wanted };
            let Value::Object(mut item) = item else {
                batch.problems.push(Problem::of(&change(String::new(), Wanted::Nothing), "must be an object"));
                continue;
            };
            let id = id_of(kind, index, &item);
            if kind == Kind::PluginMetadata {
                item.shift_remove("id");
            }
            let service = item.get("service_id").and_then(text_of);
            let prefix = service.and_then(|service| prefixes.get(&service));
            match shape::inward(kind, None, &id, item, prefix) {
                Ok((document, upstream)) => {
                    batch.changes.push(change(id.clone(), Wanted::Document(document)));
                    if let Some(upstream) = upstream {
                        let upstream =
                            Change { kind: Kind::Upstream, id, index: Some(index), wanted: Wanted::Document(upstream) };
                        batch.changes.push(upstream);
                    }
                }
                Err(text) => batch.problems.push(Problem::of(&change(id, Wanted::Nothing), text)),
            }
        }
    }
    let prepared = batch.prepare(group, app.now_seconds(), app.keyring.clone());
    match prepared.problems() {
        [] => Ok(Json(json!({})).into_response()),
        problems => Ok(invalid(problems)),
    }
}

/// What has no id yet is checked all the same.
fn id_of(kind: Kind, index: usize, item: &Document) -> String {
    let own = shape::own_id(kind).unwrap_or(if kind == Kind::Consumer { "username" } else { "id" });
    let given = item.get(own).or_else(|| item.get("id")).and_then(text_of);
    // A global rule is named by its plugin.
    let plugins = item.get("plugins").and_then(Value::as_object).filter(|_| kind == Kind::GlobalRule);
    given.or_else(|| plugins?.keys().next().cloned()).unwrap_or_else(|| format!("unnamed-{index}"))
}

/// Those of the services that the configuration holds itself.
fn prefixes(parts: &Document) -> HashMap<String, Prefix> {
    let services = parts.get("services").and_then(Value::as_array).into_iter().flatten();
    let prefix = |(index, service): (usize, &Value)| {
        let mut service = service.as_object()?.clone();
        Some((id_of(Kind::Service, index, &service), Prefix::take(&mut service).ok()?))
    };
    services.enumerate().filter_map(prefix).collect()
}
