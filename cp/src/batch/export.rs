//! A group's configuration in ADC's format: the inverse of [`super::adc`]. What is exported and applied again changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use portolan_eventstore::{KeyRange, View};
use portolan_model::{GroupId, Keyring, Kind, layout};
use serde_json::{Map, Value, json};

use super::adc::{self, NAME_LABEL, OWNER_LABEL, unlabel};
use super::{Prefix, plan};
use crate::resources::Document;

/// The documents of a group, by kind and id.
type Documents = BTreeMap<Kind, BTreeMap<String, Document>>;

/// The group's configuration, secrets included.
pub fn state(view: &dyn View, group: &GroupId, keyring: &Keyring) -> Map<String, Value> {
    let mut documents = documents(view, group, keyring);
    let mut state = Map::new();
    let mut add = |name: &str, list: Vec<Value>| {
        if !list.is_empty() {
            state.insert(name.to_owned(), Value::Array(list));
        }
    };
    let services = documents.remove(&Kind::Service).unwrap_or_default();
    let services = services.into_iter().map(|(id, service)| self::service(&mut documents, &id, service)).collect();
    add("services", services);
    let consumers = documents.remove(&Kind::Consumer).unwrap_or_default();
    let consumers = consumers.into_iter().map(|(name, consumer)| self::consumer(&mut documents, &name, consumer));
    let consumers = consumers.collect();
    add("consumers", consumers);
    let ssls = documents.remove(&Kind::Ssl).unwrap_or_default();
    add("ssls", ssls.into_iter().map(|(id, ssl)| self::ssl(&id, ssl)).collect());
    for (name, kind) in adc::LISTS {
        let items = documents.remove(&kind).unwrap_or_default();
        add(name, items.into_iter().map(|(id, item)| with_id(&id, item)).collect());
    }
    let rules = documents.remove(&Kind::GlobalRule).unwrap_or_default();
    if !rules.is_empty() {
        state.insert("global_rules".into(), global_rules(rules));
    }
    let metadata = documents.remove(&Kind::PluginMetadata).unwrap_or_default();
    if !metadata.is_empty() {
        let metadata = metadata.into_iter().map(|(plugin, config)| (plugin, Value::Object(config)));
        state.insert("plugin_metadata".into(), Value::Object(metadata.collect()));
    }
    state
}

fn documents(view: &dyn View, group: &GroupId, keyring: &Keyring) -> Documents {
    let mut documents = Documents::new();
    for kv in view.range(&KeyRange::prefix(layout::group_prefix(group))) {
        let place = std::str::from_utf8(&kv.key).ok().and_then(layout::parse_resource_key);
        let document = serde_json::from_slice::<Document>(&kv.value).ok().filter(|_| kv.lease == 0);
        let Some((place, mut document)) = place.zip(document) else { continue };
        keyring.open(place.kind, &place.id, &mut document);
        for field in ["id", "create_time", "update_time"] {
            document.shift_remove(field);
        }
        documents.entry(place.kind).or_default().insert(place.id, document);
    }
    documents
}

/// Takes out those of a kind for which it holds.
fn take(documents: &mut Documents, kind: Kind, which: impl Fn(&str, &Document) -> bool) -> Vec<(String, Document)> {
    let Some(all) = documents.get_mut(&kind) else { return Vec::new() };
    let taken: BTreeSet<String> = all.iter().filter(|(id, item)| which(id, item)).map(|(id, _)| id.clone()).collect();
    taken.into_iter().filter_map(|id| all.remove_entry(&id)).collect()
}

fn service(documents: &mut Documents, id: &str, mut service: Document) -> Value {
    let name = text(&service, "name");
    let owner = name.clone().unwrap_or_else(|| id.to_owned());
    let prefix = Prefix::unlabel(&mut service);
    prefix.show(&mut service);
    let own = service.get("upstream_id").and_then(portolan_model::id::text_of).is_some_and(|upstream| upstream == id);
    if let Some((_, mut upstream)) = take(documents, Kind::Upstream, |upstream, _| own && upstream == id).pop() {
        service.shift_remove("upstream_id");
        if upstream.get("name").and_then(Value::as_str) == name.as_deref() {
            upstream.shift_remove("name");
        }
        service.insert("upstream".into(), Value::Object(upstream));
    }
    let upstreams = take(documents, Kind::Upstream, |_, upstream| plan::owner(upstream) == Some(id));
    list(
        &mut service,
        "upstreams",
        upstreams.into_iter().map(|(own, mut upstream)| {
            unlabel(&mut upstream, OWNER_LABEL);
            named(&own, &text(&upstream, "name").map(|name| format!("{owner}.{name}")), upstream)
        }),
    );
    let of_service = |_: &str, route: &Document| {
        route.get("service_id").and_then(portolan_model::id::text_of).is_some_and(|service| service == id)
    };
    let routes = take(documents, Kind::Route, of_service);
    list(
        &mut service,
        "routes",
        routes.into_iter().map(|(own, mut route)| {
            route.shift_remove("service_id");
            prefix.remove(&mut route);
            named(&own, &text(&route, "name").map(|name| format!("{owner}.{name}")), route)
        }),
    );
    let routes = take(documents, Kind::StreamRoute, of_service);
    list(
        &mut service,
        "stream_routes",
        routes.into_iter().map(|(own, mut route)| {
            route.shift_remove("service_id");
            if let Some(name) = unlabel(&mut route, NAME_LABEL) {
                route.insert("name".into(), name);
            }
            named(&own, &text(&route, "name").map(|name| format!("{owner}.{name}")), route)
        }),
    );
    named(id, &name, service)
}

fn consumer(documents: &mut Documents, username: &str, mut consumer: Document) -> Value {
    let own = |id: &str, _: &Document| Kind::Credential.split_id(id).0 == Some(username);
    let credentials = take(documents, Kind::Credential, own);
    list(
        &mut consumer,
        "credentials",
        credentials.into_iter().map(|(id, mut credential)| {
            let plugins = credential.get("plugins").and_then(Value::as_object).filter(|plugins| plugins.len() == 1);
            if let Some((plugin, config)) = plugins.and_then(|plugins| plugins.iter().next()) {
                let (plugin, config) = (json!(plugin), config.clone());
                credential.shift_remove("plugins");
                credential.insert("type".into(), plugin);
                credential.insert("config".into(), config);
            }
            let names = text(&credential, "name").map(|name| format!("{username}.{name}"));
            named(Kind::Credential.split_id(&id).1, &names, credential)
        }),
    );
    Value::Object(consumer)
}

fn ssl(id: &str, mut ssl: Document) -> Value {
    let mut all = |first: &str, rest: &str| {
        let mut values: Vec<Value> = ssl.shift_remove(first).into_iter().collect();
        if let Some(Value::Array(more)) = ssl.shift_remove(rest) {
            values.extend(more);
        }
        values
    };
    let pairs = all("cert", "certs").into_iter().zip(all("key", "keys"));
    let pairs: Vec<Value> = pairs.map(|(certificate, key)| json!({ "certificate": certificate, "key": key })).collect();
    if !pairs.is_empty() {
        ssl.insert("certificates".into(), Value::Array(pairs));
    }
    let snis = ssl.get("snis").and_then(Value::as_array);
    let names = snis.map(|snis| snis.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","));
    named(id, &names, ssl)
}

/// By plugin, when each rule is one plugin's.
fn global_rules(rules: BTreeMap<String, Document>) -> Value {
    let config = |id: &str, rule: &Document| {
        let plugins = rule.get("plugins")?.as_object()?;
        (rule.len() == 1 && plugins.len() == 1).then(|| plugins.get(id).cloned())?
    };
    let by_plugin: Option<Map<_, _>> = rules.iter().map(|(id, rule)| Some((id.clone(), config(id, rule)?))).collect();
    by_plugin.map_or_else(|| rules.into_iter().map(|(id, rule)| with_id(&id, rule)).collect(), Value::Object)
}

fn list(document: &mut Document, name: &str, items: impl Iterator<Item = Value>) {
    let items: Vec<Value> = items.collect();
    if !items.is_empty() {
        document.insert(name.to_owned(), Value::Array(items));
    }
}

/// With its id, unless the names say it.
fn named(id: &str, names: &Option<String>, document: Document) -> Value {
    match names.as_ref().is_some_and(|names| adc::id_of(names) == id) {
        true => Value::Object(document),
        false => with_id(id, document),
    }
}

fn with_id(id: &str, mut document: Document) -> Value {
    document.shift_insert(0, "id".to_owned(), json!(id));
    Value::Object(document)
}

fn text(document: &Document, field: &str) -> Option<String> {
    document.get(field).and_then(Value::as_str).map(str::to_owned)
}
