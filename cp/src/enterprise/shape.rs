//! From the enterprise face's objects to resources and back.

use portolan_model::Kind;
use portolan_model::id::text_of;
use serde_json::{Value, json};

use crate::batch::Prefix;
use crate::batch::adc::{NAME_LABEL, OWNER_LABEL, unlabel};
use crate::resources::{Document, document};

/// The kinds that have a list of their own.
pub(super) fn kind(directory: &str) -> Option<Kind> {
    const KINDS: [Kind; 7] = [
        Kind::Service,
        Kind::Route,
        Kind::StreamRoute,
        Kind::Consumer,
        Kind::Ssl,
        Kind::GlobalRule,
        Kind::PluginMetadata,
    ];
    Kind::from_directory(directory).filter(|kind| KINDS.contains(kind))
}

/// What an object of the kind calls its own id.
pub(super) fn own_id(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Service => Some("service_id"),
        Kind::Route => Some("route_id"),
        Kind::StreamRoute => Some("stream_route_id"),
        _ => None,
    }
}

/// A resource from an object of a request, and the upstream of a service, which is stored apart under the service's id, as
/// clients of the APISIX face do it. `prefix` is that of a route's service.
pub(super) fn inward(
    kind: Kind,
    parent: Option<&str>,
    id: &str,
    mut object: Document,
    prefix: Option<&Prefix>,
) -> Result<(Document, Option<Document>), String> {
    if let Some(given) = own_id(kind).and_then(|field| object.shift_remove(field))
        && text_of(&given).as_deref() != Some(id)
    {
        return Err(format!("wrong {kind} id"));
    }
    // Lists answer with it, and what was read may be sent back.
    object.shift_remove("gateway_group_id");
    document::untimed(&mut object);
    let mut upstream = None;
    match kind {
        Kind::Service => {
            let prefix = Prefix::take(&mut object)?;
            match object.shift_remove("type") {
                None => {}
                Some(Value::String(text)) if text == "http" || text == "stream" => {}
                Some(_) => return Err("Error at \"/type\": value must be http or stream".into()),
            }
            prefix.store(&mut object);
            upstream = take_upstream(&mut object, id);
        }
        Kind::Route => {
            if let Some(paths) = object.shift_remove("paths") {
                object.insert("uris".into(), paths);
            }
            need_service(kind, &object)?;
            if let Some(prefix) = prefix {
                prefix.add(&mut object)?;
            }
        }
        Kind::StreamRoute => {
            if let Some(name) = object.shift_remove("name") {
                label(&mut object, NAME_LABEL, name);
            }
            need_service(kind, &object)?;
        }
        Kind::Upstream => {
            if let Some(service) = parent.filter(|service| *service != id) {
                label(&mut object, OWNER_LABEL, json!(service));
            }
        }
        Kind::GlobalRule => {
            let plugins = object.get("plugins").and_then(Value::as_object);
            if plugins.is_some_and(|plugins| plugins.len() != 1 || !plugins.contains_key(id)) {
                return Err(format!("plugins must hold {id} and nothing else"));
            }
        }
        _ => {}
    }
    Ok((object, upstream))
}

fn take_upstream(service: &mut Document, id: &str) -> Option<Document> {
    // What is no object is refused for that later.
    if !service.get("upstream")?.is_object() {
        return None;
    }
    let Some(Value::Object(mut upstream)) = service.shift_remove("upstream") else { return None };
    upstream.shift_remove("id");
    document::untimed(&mut upstream);
    service.insert("upstream_id".into(), json!(id));
    Some(upstream)
}

fn need_service(kind: Kind, object: &Document) -> Result<(), String> {
    match object.contains_key("service_id") {
        true => Ok(()),
        false => Err(format!("Error at \"/service_id\": a {kind} belongs to a service")),
    }
}

fn label(object: &mut Document, name: &str, value: Value) {
    if let Value::Object(labels) = object.entry("labels").or_insert_with(|| json!({})) {
        labels.insert(name.to_owned(), value);
    }
}

/// An object of an answer from a resource. `own` is the upstream of a service that is stored apart, `prefix` that of a
/// route's service.
pub(super) fn outward(
    kind: Kind,
    own_id: &str,
    mut document: Document,
    own: Option<Document>,
    prefix: Option<&Prefix>,
) -> Document {
    if kind != Kind::Consumer && kind != Kind::PluginMetadata {
        document.insert("id".into(), json!(own_id));
    }
    match kind {
        Kind::Service => {
            if let Some(mut upstream) = own {
                upstream.shift_remove("id");
                document::untimed(&mut upstream);
                document.shift_remove("upstream_id");
                document.insert("upstream".into(), Value::Object(upstream));
            }
            Prefix::unlabel(&mut document).show(&mut document);
        }
        Kind::Upstream => {
            unlabel(&mut document, OWNER_LABEL);
        }
        Kind::Route => {
            if let Some(prefix) = prefix {
                prefix.remove(&mut document);
            }
            let uris = document.shift_remove("uris").or_else(|| document.shift_remove("uri").map(|uri| json!([uri])));
            document.insert("paths".into(), uris.unwrap_or_else(|| json!([])));
        }
        Kind::StreamRoute => {
            if let Some(name) = unlabel(&mut document, NAME_LABEL) {
                document.insert("name".into(), name);
            }
        }
        Kind::PluginMetadata => {
            document.shift_remove("id");
        }
        _ => {}
    }
    document
}

/// Fills in what was not said, as the schemas of `core.json` have it, and leaves out what is never shown.
pub(super) fn fill_defaults(kind: Kind, document: &mut Document) {
    match kind {
        Kind::Service => {
            let scheme = document.get("upstream").and_then(|upstream| upstream.get("scheme")?.as_str());
            let stream = scheme.is_some_and(|scheme| matches!(scheme, "tcp" | "udp" | "tls"));
            document.insert("type".into(), json!(if stream { "stream" } else { "http" }));
            if !stream {
                fill(document, json!({ "strip_path_prefix": true }));
            }
            if let Some(Value::Object(upstream)) = document.get_mut("upstream") {
                fill_upstream(upstream, Some("default"));
            }
        }
        Kind::Upstream => fill_upstream(document, None),
        Kind::Route => fill(document, json!({ "priority": 0, "enable_websocket": false })),
        Kind::Ssl => {
            document.shift_remove("key");
            document.shift_remove("keys");
            fill(document, json!({ "type": "server", "status": 1 }));
        }
        _ => {}
    }
}

/// Scalars, and members of objects that are there: clients fill in their own side like that, and compare.
fn fill_upstream(upstream: &mut Document, name: Option<&str>) {
    let stream = matches!(upstream.get("scheme").and_then(Value::as_str), Some("tcp" | "udp" | "tls"));
    if let Some(name) = name {
        fill(upstream, json!({ "name": name }));
    }
    fill(upstream, json!({ "scheme": "http", "type": "roundrobin", "hash_on": "vars", "retry_timeout": 0 }));
    if !stream {
        fill(upstream, json!({ "pass_host": "pass" }));
    }
    for (member, defaults) in [
        ("timeout", json!({ "connect": 60, "send": 60, "read": 60 })),
        ("keepalive_pool", json!({ "size": 320, "idle_timeout": 60, "requests": 1000 })),
    ] {
        if let Some(Value::Object(member)) = upstream.get_mut(member) {
            fill(member, defaults);
        }
    }
    if let Some(Value::Array(nodes)) = upstream.get_mut("nodes") {
        for node in nodes.iter_mut().filter_map(Value::as_object_mut) {
            fill(node, json!({ "priority": 0 }));
        }
    }
}

fn fill(document: &mut Document, defaults: Value) {
    let Value::Object(defaults) = defaults else { return };
    for (name, value) in defaults {
        document.entry(name).or_insert(value);
    }
}
