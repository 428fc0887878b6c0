//! What stands beside the resources: the plugins there are, schemas, and whether a document or a whole configuration is
//! right. None of it changes anything, so none of it is an event.

use std::collections::HashSet;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use portolan_model::id::text_of;
use portolan_model::json::parse_json;
use portolan_model::plugins::{Catalog, Place as PluginPlace, Plugin};
use portolan_model::{Kind, check as model};
use serde_json::{Map, Value, json};

use super::Place;
use super::answer::Answer;
use super::input::{Input, Wrong};
use crate::body;
use crate::query::Query;
use crate::resources::check;
use crate::yaml;

/// What is served, below `/apisix/admin/`.
pub const ROWS: [(Method, &str); 11] = [
    (Method::GET, "plugins"),
    (Method::GET, "plugins/list"),
    (Method::GET, "plugins/{name}"),
    (Method::PUT, "plugins/reload"),
    (Method::GET, "schema/{name}"),
    (Method::GET, "schema/plugins/{plugin}"),
    (Method::POST, "schema/validate/{resource}"),
    (Method::POST, "configs/validate"),
    (Method::GET, "configs"),
    (Method::HEAD, "configs"),
    (Method::PUT, "configs"),
];

/// Whether a path is one of those here.
pub fn serves(place: &Place) -> bool {
    match place.resource.as_str() {
        "plugins" | "schema" => true,
        "configs" => matches!(place.id.as_deref(), None | Some("validate")),
        _ => false,
    }
}

/// Answers.
pub async fn answer(parts: &Parts, body: Body, place: &Place, query: &Query) -> Answer {
    let sub_path = Some(place.sub_path.as_str()).filter(|path| !path.is_empty());
    match (&parts.method, place.resource.as_str(), place.id.as_deref()) {
        (&Method::PUT, "plugins", Some("reload")) => Answer::bare(200, "done"),
        (method, "plugins", Some("reload")) => {
            let text = format!("please use PUT method to reload the plugins, {method} method is not allowed.");
            Answer::error(405, &text)
        }
        (&Method::GET, "plugins", Some("list")) => names(query),
        (&Method::GET, "plugins", name) => plugin(name, query),
        (&Method::GET, "schema", Some("plugins")) if sub_path.is_some() => plugin(sub_path, query),
        (&Method::POST, "schema", Some("validate")) => {
            let kind = sub_path.and_then(Kind::from_directory);
            match (kind, Input::read(&parts.headers, body, query).await) {
                (None, _) => Answer::unsupported(sub_path.unwrap_or_default()),
                (Some(kind), Ok(input)) => document(kind, input.body.as_ref()),
                (Some(_), Err(wrong)) => wrong.into(),
            }
        }
        (&Method::GET, "schema", name) => schema(name.unwrap_or_default()),
        (&Method::POST, "configs", Some("validate")) => match configuration(parts, body).await {
            Ok(document) => validated(&document),
            Err(answer) => answer,
        },
        (_, "configs", _) => Answer::unsupported("configs"),
        // These two know GET only.
        _ => Answer::error(404, "not found"),
    }
}

/// The plugins of a subsystem, of HTTP when none is said.
fn catalog(query: &Query) -> Option<&'static Catalog> {
    match query.get("subsystem") {
        None | Some("http") => Some(Catalog::built_in()),
        Some("stream") => Some(Catalog::built_in_stream()),
        Some(_) => None,
    }
}

/// `GET plugins/list`
fn names(query: &Query) -> Answer {
    let Some(catalog) = catalog(query) else { return Answer::bare(400, "invalid subsystem passed") };
    Answer::json(200, &catalog.plugins().map(Plugin::name).collect::<Vec<_>>())
}

/// `GET plugins/{name}` and `GET plugins?all=true`
fn plugin(name: Option<&str>, query: &Query) -> Answer {
    let subsystem = query.get("subsystem").unwrap_or("http");
    let Some(catalog) = catalog(query) else {
        return Answer::error(400, &format!("unsupported subsystem: {subsystem}"));
    };
    if query.get("all") == Some("true") {
        let all: Map<String, Value> =
            catalog.plugins().map(|plugin| (plugin.name().to_owned(), facts(plugin))).collect();
        return Answer::json(200, &all);
    }
    let Some(plugin) = name.and_then(|name| catalog.get(name)) else {
        return Answer::error(404, &format!("plugin not found in subsystem {subsystem}"));
    };
    let schema = match query.get("schema_type") {
        Some("consumer") => plugin.consumer_schema(),
        Some("metadata") => plugin.schema(PluginPlace::Metadata),
        _ => plugin.schema(PluginPlace::Resource),
    };
    schema.map_or_else(|| Answer::error(400, "not found schema"), |schema| Answer::json(200, schema))
}

fn facts(plugin: &Plugin) -> Value {
    let mut facts = json!({
        "version": plugin.version(),
        "priority": plugin.priority(),
        "schema": plugin.schema(PluginPlace::Resource),
    });
    let more = [
        ("metadata_schema", plugin.schema(PluginPlace::Metadata).cloned()),
        ("consumer_schema", plugin.consumer_schema().cloned()),
        ("type", plugin.role().map(Value::from)),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            facts[name] = value;
        }
    }
    facts
}

/// `GET schema/{name}`
fn schema(name: &str) -> Answer {
    if name == "plugins" {
        let name = json!({ "type": "string", "minLength": 1 });
        let plugin = json!({
            "type": "object",
            "properties": { "name": name, "stream": { "type": "boolean" } },
            "required": ["name"],
        });
        return Answer::json(200, &json!({ "type": "array", "items": plugin }));
    }
    let text = |pattern: &str| Answer::json(200, &json!({ "type": "string", "pattern": pattern }));
    match (name, Kind::from_name(name)) {
        ("upstream_hash_vars_schema", _) => text(model::HASHED_VARIABLE),
        ("upstream_hash_header_schema", _) => text(model::HASHED_HEADER),
        (_, Some(kind)) => Answer::json(200, model::schema_document(kind)),
        _ => Answer::error(400, &format!("not found schema: {name}")),
    }
}

/// `POST schema/validate/{resource}`
fn document(kind: Kind, document: Option<&Value>) -> Answer {
    let Some(document) = document else { return Answer::error(400, "wrong type: expected object, got nil") };
    match model::check_schema(kind, document) {
        Ok(()) => Answer::empty(),
        Err(invalid) => Answer::error(400, &invalid.0),
    }
}

/// The body of `POST configs/validate`.
async fn configuration(parts: &Parts, body: Body) -> Result<Value, Answer> {
    let invalid = |text: &str| Answer::error(400, &format!("invalid request body: {text}"));
    let bytes = body::read(&parts.headers, body).await.map_err(|error| Answer::from(Wrong::Body(error)))?;
    parsed(&parts.headers, &bytes).map_err(|text| invalid(&text))
}

/// A whole configuration, in JSON or YAML.
pub fn parsed(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, String> {
    if bytes.is_empty() {
        return Err("empty request body".into());
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let document = match kind.starts_with("application/yaml") {
        true => yaml::parse(bytes).ok(),
        false => Some(parse_json(bytes).map_err(|error| error.to_string())?),
    };
    match document {
        Some(document @ Value::Object(_)) => Ok(document),
        _ if kind.starts_with("application/yaml") => Err("invalid yaml request body".into()),
        _ => Err("the configuration is no object".into()),
    }
}

/// `POST configs/validate`
fn validated(document: &Value) -> Answer {
    let errors = errors(document);
    if errors.is_empty() {
        return Answer::json(200, &json!({}));
    }
    Answer::json(400, &json!({ "error_msg": "Configuration validation failed", "errors": errors }))
}

/// All that is wrong with a configuration, references apart.
pub fn errors(configuration: &Value) -> Vec<Value> {
    let mut errors = Vec::new();
    for kind in Kind::all().iter().filter(|kind| !matches!(kind, Kind::Credential | Kind::CostDecoration)) {
        let directory = kind.directory();
        let version = format!("{directory}_conf_version");
        if let Some(given) = configuration.get(&version).filter(|given| !given.is_number()) {
            let text = format!("{version} must be a number, got {}", type_of(given));
            errors.push(json!({ "resource_type": directory, "error": text }));
        }
        let mut ids = HashSet::new();
        let items = match configuration.get(directory) {
            Some(Value::Array(items)) => items.as_slice(),
            None | Some(Value::Null) => &[],
            // Lua's empty list is written so. Anything else must not pass for an empty list: what that does not name is deleted.
            Some(Value::Object(none)) if none.is_empty() => &[],
            Some(_) => {
                errors.push(json!({ "resource_type": directory, "error": format!("{directory} must be a list") }));
                &[]
            }
        };
        for (index, item) in items.iter().enumerate() {
            let (name, id) = identity(*kind, item);
            let mut wrong = |text: String| {
                let id = id.as_deref().unwrap_or_default();
                errors.push(json!({ "resource_type": directory, "resource_id": id, "index": index, "error": text }));
            };
            if let Err(text) = checked(*kind, id.as_deref(), item) {
                wrong(text);
            }
            if let Some(id) = &id
                && !ids.insert(id.clone())
            {
                wrong(format!("found duplicate {name} {id} in {directory}"));
            }
        }
    }
    errors
}

/// What an item is called, and what the word for that is.
fn identity(kind: Kind, item: &Value) -> (&'static str, Option<String>) {
    let text = |field: &str| item.get(field).and_then(text_of);
    match (kind, text("id")) {
        (Kind::Consumer, Some(id)) => ("credential id", Some(id)),
        (Kind::Consumer, None) => ("username", text("username")),
        (_, id) => ("id", id),
    }
}

fn checked(kind: Kind, id: Option<&str>, item: &Value) -> Result<(), String> {
    // What a client read from `configs` says when it was changed.
    let unmarked =
        item.as_object().filter(|fields| fields.get("modifiedIndex").is_some_and(Value::is_number)).map(|fields| {
            let mut fields = fields.clone();
            fields.shift_remove("modifiedIndex");
            Value::Object(fields)
        });
    let item = unmarked.as_ref().unwrap_or(item);
    match (kind, id) {
        // Credentials stand among the consumers, and say all of their id.
        (Kind::Consumer, Some(id)) if Kind::Credential.split_id(id).0.is_some() => {
            let mut item = item.clone();
            item["id"] = Value::from(Kind::Credential.split_id(id).1);
            check::alone(Kind::Credential, Some(id), &item)
        }
        (Kind::PluginMetadata, id) => check::alone(kind, id, item),
        _ => check::alone(kind, None, item),
    }
}

/// The type of a value, as Lua calls it.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "userdata",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) | Value::Object(_) => "table",
    }
}
