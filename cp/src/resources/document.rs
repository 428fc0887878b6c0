//! The document of a resource on its way into the log: its id, its times, its parts.

use bytes::Bytes;
use portolan_eventstore::KeyValue;
use portolan_model::id::text_of;
use portolan_model::{Keyring, Kind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::patch as parts;

const TIMES: [&str; 2] = ["create_time", "update_time"];

/// What is read of a stored document that is replaced; the rest, however much, is passed over.
#[derive(Deserialize)]
struct Made {
    create_time: Option<Value>,
}

/// The document of a request.
pub(super) fn given(kind: Kind, body: Option<Value>) -> Result<Map<String, Value>, String> {
    match body {
        None | Some(Value::Null) if kind == Kind::CostDecoration => Err("invalid configuration".into()),
        None => Err("missing configurations".into()),
        Some(Value::Object(document)) => Ok(document),
        Some(other) => Err(super::check::not_an_object(kind, &other)),
    }
}

/// A document of the key space.
pub(crate) fn stored(value: &[u8]) -> Result<Map<String, Value>, String> {
    serde_json::from_slice(value).map_err(|error| format!("the stored configuration is no JSON object: {error}"))
}

/// The same with its secrets in clear. `id` is what its key says.
pub(crate) fn opened(keyring: &Keyring, kind: Kind, id: &str, value: &[u8]) -> Result<Map<String, Value>, String> {
    let mut document = stored(value)?;
    keyring.open(kind, id, &mut document);
    Ok(document)
}

/// What a document becomes in the key space: its secrets are encrypted.
pub(crate) fn sealed(keyring: &Keyring, kind: Kind, id: &str, mut document: Map<String, Value>) -> Bytes {
    keyring.seal(kind, id, &mut document);
    // A map with text keys always serialises.
    serde_json::to_vec(&document).unwrap_or_default().into()
}

/// Puts the parent of the path into a document that says it as well.
pub(crate) fn belong(kind: Kind, parent: Option<&str>, document: &mut Map<String, Value>) -> Result<(), String> {
    let Some(parent) = parent.filter(|_| kind == Kind::CostDecoration) else { return Ok(()) };
    match document.get("service_id").map(text_of) {
        Some(own) if own.as_deref() != Some(parent) => Err("wrong service_id, it is taken from the path".into()),
        _ => {
            document.insert("service_id".into(), Value::from(parent));
            Ok(())
        }
    }
}

/// Settles the id, which may stand in the path, in the document, or in both; gives `None` for a consumer without one in
/// the path. The document of anything but a consumer holds it afterwards.
pub(crate) fn identify(
    kind: Kind,
    id: Option<String>,
    document: &mut Map<String, Value>,
) -> Result<Option<String>, String> {
    if !kind.settles_id() {
        if let (Kind::PluginMetadata, Some(id)) = (kind, &id) {
            document.insert("id".into(), Value::from(id.as_str()));
        }
        return Ok(id);
    }
    belong(kind, id.as_deref().and_then(|id| kind.split_id(id).0), document)?;
    let own = document.get("id").cloned();
    match (id, own) {
        (None, None) => Err(format!("missing {kind} id")),
        // An id that is neither text nor number is the schema's to refuse.
        (None, Some(own)) => Ok(text_of(&own)),
        (Some(id), Some(own)) if text_of(&own).as_deref() != Some(kind.document_id(&id)) => {
            Err(format!("wrong {kind} id"))
        }
        (Some(id), _) => {
            document.insert("id".into(), Value::from(kind.document_id(&id)));
            Ok(Some(id))
        }
    }
}

/// Takes the times off.
pub(crate) fn untimed(document: &mut Map<String, Value>) {
    for time in TIMES {
        document.shift_remove(time);
    }
}

/// Refuses times that a client gives: they are ours.
pub(crate) fn no_times(document: &Map<String, Value>) -> Result<(), String> {
    let set = |value: Option<&Value>| value.is_some_and(|value| *value != Value::Bool(false));
    let places =
        [("", Some(document)), ("upstream.", inner(document, "upstream")), ("plugins.", inner(document, "plugins"))];
    for (prefix, place) in places {
        for time in TIMES {
            if set(place.and_then(|place| place.get(time))) {
                return Err(format!("the property is forbidden:  {prefix}{time}"));
            }
        }
    }
    Ok(())
}

/// Merges a change, or sets a part; refreshes `update_time` unless the change gives one.
pub(super) fn patch(document: &mut Map<String, Value>, sub_path: &str, body: &Value, now: i64) -> Result<(), String> {
    let given = match (sub_path, body) {
        ("", Value::Object(change)) => {
            parts::merge(document, change.clone());
            change.contains_key("update_time")
        }
        ("", _) => return Err("invalid configuration".into()),
        (path, value) => {
            parts::set(document, path, value.clone()).map_err(|error| error.to_string())?;
            false
        }
    };
    document.entry("create_time").or_insert_with(|| Value::from(now));
    if !given || !document.contains_key("update_time") {
        document.insert("update_time".into(), Value::from(now));
    }
    Ok(())
}

/// Gives the times that the document does not have yet: `create_time` stays what it was.
pub(crate) fn stamp(document: &mut Map<String, Value>, old: Option<&KeyValue>, now: i64) {
    let created = || serde_json::from_slice::<Made>(&old?.value).ok()?.create_time;
    document.entry("create_time").or_insert_with(|| created().unwrap_or_else(|| Value::from(now)));
    document.entry("update_time").or_insert_with(|| Value::from(now));
}

fn inner<'a>(document: &'a Map<String, Value>, field: &str) -> Option<&'a Map<String, Value>> {
    document.get(field).and_then(Value::as_object)
}
