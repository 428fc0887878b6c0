//! A whole desired state in ADC's format, the one of `adc sync -f`.
//!
//! Services own their routes, stream routes and upstreams; ids come from names, as ADC makes them, so that both clients mean the
//! same resources. What that format can't say stands in lists of its own, in the Admin API's JSON: `routes`, `stream_routes`
//! and `upstreams` without a service, `plugin_configs`, `consumer_groups`, `protos`, `secrets`, `graphql_cost_decorations`. Such a resource is deleted only
//! when its list is there and does not name it.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use portolan_model::Kind;
use portolan_model::id::text_of;
use serde_json::{Value, json};

use super::{Batch, Change, Prefix, Problem, Rest, Wanted};
use crate::resources::Document;

/// The label by which clients name the service of an upstream.
pub const OWNER_LABEL: &str = "__ADC_UPSTREAM_SERVICE_ID";
/// The label that holds the name of a stream route, which has no field for one.
pub const NAME_LABEL: &str = "__ADC_NAME";

/// The lists of the Admin API's own documents.
pub const LISTS: [(&str, Kind); 8] = [
    ("routes", Kind::Route),
    ("stream_routes", Kind::StreamRoute),
    ("upstreams", Kind::Upstream),
    ("plugin_configs", Kind::PluginConfig),
    ("consumer_groups", Kind::ConsumerGroup),
    ("protos", Kind::Proto),
    ("secrets", Kind::Secret),
    ("graphql_cost_decorations", Kind::CostDecoration),
];

/// The id that ADC gives to what has these names.
pub fn id_of(names: &str) -> String {
    hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, names.as_bytes()))
}

/// What is read so far.
#[derive(Default)]
struct Reader {
    batch: Batch,
    listed: HashSet<Kind>,
}

/// Reads a desired state.
///
/// # Errors
/// When it is none at all; what is wrong with single resources becomes a problem of the batch.
pub fn read(state: Value) -> Result<Batch, String> {
    let Value::Object(state) = state else { return Err("the configuration must be an object".into()) };
    let mut reader = Reader::default();
    for (name, part) in state {
        match (name.as_str(), part) {
            (_, Value::Null) => {}
            ("services", Value::Array(services)) => reader.each(Kind::Service, services, Reader::service),
            ("ssls", Value::Array(ssls)) => reader.each(Kind::Ssl, ssls, Reader::ssl),
            ("consumers", Value::Array(consumers)) => reader.each(Kind::Consumer, consumers, Reader::consumer),
            ("global_rules", Value::Object(rules)) => {
                for (plugin, config) in rules {
                    let rule = object(json!({ "plugins": { plugin.clone(): config } }));
                    reader.put(Kind::GlobalRule, plugin, None, rule);
                }
            }
            ("global_rules", Value::Array(rules)) => reader.list(Kind::GlobalRule, rules),
            ("plugin_metadata", Value::Object(metadata)) => {
                for (plugin, config) in metadata {
                    match config {
                        Value::Object(config) => reader.put(Kind::PluginMetadata, plugin, None, config),
                        _ => reader.wrong(Kind::PluginMetadata, &plugin, None, "must be an object"),
                    }
                }
            }
            (name, part) => match (LISTS.iter().find(|(list, _)| *list == name), part) {
                (Some((_, kind)), Value::Array(items)) => {
                    reader.listed.insert(*kind);
                    reader.list(*kind, items);
                }
                // What ADC writes into files and nobody reads.
                (None, _) if name.starts_with('$') || name.starts_with('_') => {}
                (Some(_), _) => return Err(format!("{name} must be a list")),
                (None, _) if ["services", "ssls", "consumers"].contains(&name) => {
                    return Err(format!("{name} must be a list"));
                }
                (None, _) if ["global_rules", "plugin_metadata"].contains(&name) => {
                    return Err(format!("{name} must be an object"));
                }
                (None, _) => return Err(format!("unknown part {name}")),
            },
        }
    }
    reader.batch.rest = Rest::Goes(reader.listed);
    Ok(reader.batch)
}

// === impl Reader ===

impl Reader {
    fn each(&mut self, kind: Kind, items: Vec<Value>, one: impl Fn(&mut Self, usize, Document)) {
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Value::Object(mut item) => {
                    rename(&mut item, "description", "desc");
                    one(self, index, item);
                }
                _ => self.wrong(kind, "", Some(index), "must be an object"),
            }
        }
    }

    fn put(&mut self, kind: Kind, id: String, index: Option<usize>, document: Document) {
        self.batch.changes.push(Change { kind, id, index, wanted: Wanted::Document(document) });
    }

    fn wrong(&mut self, kind: Kind, id: &str, index: Option<usize>, text: &str) {
        let change = Change { kind, id: id.to_owned(), index, wanted: Wanted::Nothing };
        self.batch.problems.push(Problem::of(&change, text));
    }

    /// The id of a document: its own, or the one made of names.
    fn id(&mut self, kind: Kind, index: usize, document: &mut Document, names: Option<String>) -> Option<String> {
        let id = document.shift_remove("id").and_then(|id| text_of(&id)).or(names.map(|names| id_of(&names)));
        if id.is_none() {
            self.wrong(kind, "", Some(index), "needs a name or an id");
        }
        id
    }

    /// The list that a document holds. What is none must not pass for an empty one: what it does not name is deleted.
    fn items(&mut self, kind: Kind, id: &str, index: usize, document: &mut Document, field: &str) -> Vec<Value> {
        match document.shift_remove(field) {
            Some(Value::Array(items)) => items,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => {
                self.wrong(kind, id, Some(index), &format!("{field} must be a list"));
                Vec::new()
            }
        }
    }

    /// Documents of the Admin API.
    fn list(&mut self, kind: Kind, items: Vec<Value>) {
        self.each(kind, items, |reader, index, mut item| {
            if let Some(id) = reader.id(kind, index, &mut item, None) {
                reader.put(kind, id, Some(index), item);
            }
        });
    }

    fn service(&mut self, index: usize, mut service: Document) {
        let name = text(&service, "name");
        let Some(id) = self.id(Kind::Service, index, &mut service, name.clone()) else { return };
        let owner = name.clone().unwrap_or_else(|| id.clone());
        let prefix = Prefix::take(&mut service).unwrap_or_else(|text| {
            self.wrong(Kind::Service, &id, Some(index), &text);
            Prefix::default()
        });
        prefix.store(&mut service);
        let routes = self.items(Kind::Service, &id, index, &mut service, "routes");
        self.each(Kind::Route, routes, |reader, at, mut route| match prefix.add(&mut route) {
            Ok(()) => reader.route(Kind::Route, at, route, &owner, &id),
            Err(error) => reader.wrong(Kind::Route, &text(&route, "name").unwrap_or_default(), Some(at), &error),
        });
        let routes = self.items(Kind::Service, &id, index, &mut service, "stream_routes");
        self.each(Kind::StreamRoute, routes, |reader, at, route| {
            reader.route(Kind::StreamRoute, at, route, &owner, &id)
        });
        let upstreams = self.items(Kind::Service, &id, index, &mut service, "upstreams");
        self.each(Kind::Upstream, upstreams, |reader, at, mut upstream| {
            let names = text(&upstream, "name").map(|name| format!("{owner}.{name}"));
            let Some(own) = reader.id(Kind::Upstream, at, &mut upstream, names) else { return };
            defaults(&mut upstream);
            label(&mut upstream, OWNER_LABEL, &id);
            reader.put(Kind::Upstream, own, Some(at), upstream);
        });
        let upstream = service.shift_remove("upstream").filter(|upstream| !upstream.is_null());
        if upstream.as_ref().is_some_and(|upstream| !upstream.is_object()) {
            self.wrong(Kind::Service, &id, Some(index), "upstream must be an object");
        }
        if let Some(Value::Object(mut upstream)) = upstream {
            rename(&mut upstream, "description", "desc");
            upstream.shift_remove("id");
            if let (Some(name), false) = (name, upstream.contains_key("name")) {
                upstream.insert("name".into(), json!(name));
            }
            defaults(&mut upstream);
            service.insert("upstream_id".into(), json!(id));
            labels(&mut upstream);
            self.put(Kind::Upstream, id.clone(), Some(index), upstream);
        }
        labels(&mut service);
        self.put(Kind::Service, id, Some(index), service);
    }

    fn route(&mut self, kind: Kind, index: usize, mut route: Document, owner: &str, service: &str) {
        let name = text(&route, "name");
        let names = name.as_ref().map(|name| format!("{owner}.{name}"));
        let Some(id) = self.id(kind, index, &mut route, names) else { return };
        labels(&mut route);
        if let (Kind::StreamRoute, Some(name)) = (kind, name) {
            route.shift_remove("name");
            label(&mut route, NAME_LABEL, &name);
        }
        route.insert("service_id".into(), json!(service));
        self.put(kind, id, Some(index), route);
    }

    fn ssl(&mut self, index: usize, mut ssl: Document) {
        let snis = ssl.get("snis").and_then(Value::as_array);
        let names = snis.map(|snis| snis.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","));
        let Some(id) = self.id(Kind::Ssl, index, &mut ssl, names) else { return };
        if let Some(Value::Array(pairs)) = ssl.shift_remove("certificates") {
            let all = |field: &str| pairs.iter().filter_map(|pair| pair.get(field).cloned()).collect::<Vec<_>>();
            for (own, first, rest) in [("certificate", "cert", "certs"), ("key", "key", "keys")] {
                let mut values = all(own).into_iter();
                ssl.extend(values.next().map(|value| (first.to_owned(), value)));
                let more: Vec<Value> = values.collect();
                if !more.is_empty() {
                    ssl.insert(rest.to_owned(), Value::Array(more));
                }
            }
        }
        labels(&mut ssl);
        self.put(Kind::Ssl, id, Some(index), ssl);
    }

    fn consumer(&mut self, index: usize, mut consumer: Document) {
        let Some(username) = text(&consumer, "username") else {
            return self.wrong(Kind::Consumer, "", Some(index), "property \"username\" is required");
        };
        let credentials = self.items(Kind::Consumer, &username, index, &mut consumer, "credentials");
        labels(&mut consumer);
        self.put(Kind::Consumer, username.clone(), Some(index), consumer);
        self.each(Kind::Credential, credentials, |reader, at, mut credential| {
            let names = text(&credential, "name").map(|name| format!("{username}.{name}"));
            let Some(own) = reader.id(Kind::Credential, at, &mut credential, names) else { return };
            let id = Kind::Credential.join_id(&username, &own);
            match (credential.shift_remove("type"), credential.shift_remove("config")) {
                (Some(Value::String(plugin)), Some(config)) => {
                    credential.insert("plugins".into(), json!({ plugin: config }));
                }
                (None, None) => {}
                _ => {
                    return reader.wrong(
                        Kind::Credential,
                        &id,
                        Some(at),
                        "needs both a type, which is a text, and a config",
                    );
                }
            }
            labels(&mut credential);
            reader.put(Kind::Credential, id, Some(at), credential);
        });
    }
}

/// The defaults that ADC writes out.
fn defaults(upstream: &mut Document) {
    for (name, value) in [("type", "roundrobin"), ("scheme", "http"), ("pass_host", "pass")] {
        upstream.entry(name).or_insert_with(|| json!(value));
    }
    for node in upstream.get_mut("nodes").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(node) = node {
            node.entry("priority").or_insert_with(|| json!(0));
        }
    }
}

/// Lists as labels become texts, as ADC writes them.
fn labels(document: &mut Document) {
    for (_, value) in document.get_mut("labels").and_then(Value::as_object_mut).into_iter().flatten() {
        if value.is_array() {
            *value = Value::from(value.to_string());
        }
    }
}

fn label(document: &mut Document, name: &str, value: &str) {
    let labels = document.entry("labels").or_insert_with(|| json!({}));
    if let Value::Object(labels) = labels {
        labels.insert(name.to_owned(), json!(value));
    }
}

/// Takes a label off; without any left the document has no labels.
pub(crate) fn unlabel(document: &mut Document, name: &str) -> Option<Value> {
    let labels = document.get_mut("labels")?.as_object_mut()?;
    let value = labels.shift_remove(name);
    if labels.is_empty() && value.is_some() {
        document.shift_remove("labels");
    }
    value
}

fn rename(document: &mut Document, from: &str, to: &str) {
    if let Some(value) = document.shift_remove(from) {
        document.entry(to).or_insert(value);
    }
}

fn text(document: &Document, field: &str) -> Option<String> {
    document.get(field).and_then(Value::as_str).map(str::to_owned)
}

fn object(value: Value) -> Document {
    match value {
        Value::Object(object) => object,
        _ => Document::new(),
    }
}
