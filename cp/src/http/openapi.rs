//! The OpenAPI documents: one for each listener, because the two faces share their paths.
//!
//! `cp/openapi.json` is that of 9180: `/api` and the APISIX face. That of 7443 has the enterprise face of
//! `cp/openapi-enterprise.json` in place of the latter.

use std::sync::LazyLock;

use axum::Extension;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::Listener;
use crate::auth::Caller;

/// The document of 9180, as committed.
const ADMIN_API: &str = include_str!("../../openapi.json");
/// What that of 7443 has in place of the APISIX face.
const ENTERPRISE: &str = include_str!("../../openapi-enterprise.json");

static DASHBOARD: LazyLock<String> = LazyLock::new(|| {
    let read = |text| serde_json::from_str(text).expect("the document is committed and read by a test");
    merged(read(ADMIN_API), read(ENTERPRISE)).to_string()
});

/// `GET /openapi.json` and `GET /api/openapi.json`
pub async fn get(_: Caller, Extension(listener): Extension<Listener>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document(listener))
}

/// The document of a listener.
pub fn document(listener: Listener) -> &'static str {
    match listener {
        Listener::AdminApi => ADMIN_API,
        Listener::Dashboard => &DASHBOARD,
    }
}

fn merged(mut whole: Value, face: Value) -> Value {
    let of_apisix = |path: &String| path.starts_with("/apisix/");
    if let Some(paths) = whole["paths"].as_object_mut() {
        paths.retain(|path, _| !of_apisix(path));
    }
    for part in ["schemas", "responses"] {
        if let Some(named) = whole["components"][part].as_object_mut() {
            named.retain(|name, _| !name.starts_with("Face"));
        }
    }
    // Tags that nothing has any more would be headings without text.
    let used = |tag: &Value, paths: &Map<String, Value>| {
        let operations = paths.values().filter_map(Value::as_object).flat_map(Map::values);
        operations
            .flat_map(|operation| operation["tags"].as_array().into_iter().flatten())
            .any(|used| *used == tag["name"])
    };
    add(&mut whole, face);
    let paths = whole["paths"].as_object().cloned().unwrap_or_default();
    if let Some(tags) = whole["tags"].as_array_mut() {
        tags.retain(|tag| used(tag, &paths));
    }
    whole
}

/// Objects are merged, everything else replaces.
fn add(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                add(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
