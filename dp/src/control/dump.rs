//! `/v1/routes`, `/v1/route/1` and the like: the documents that this instance has in use.

use portolan_model::Kind;
use portolan_model::sensitive::Secrets;
use serde_json::{Value, json};

use crate::plugins::PLUGINS;
use crate::resource::Document;
use crate::snapshot::Snapshot;

/// What takes the place of a secret.
const MASK: &str = "******";

/// What can be shown: its path for all and for one, and its kind. The first three are APISIX's.
const SHOWN: [(&str, &str, Kind); 8] = [
    ("routes", "route", Kind::Route),
    ("services", "service", Kind::Service),
    ("upstreams", "upstream", Kind::Upstream),
    ("stream_routes", "stream_route", Kind::StreamRoute),
    ("global_rules", "global_rule", Kind::GlobalRule),
    ("plugin_configs", "plugin_config", Kind::PluginConfig),
    ("consumer_groups", "consumer_group", Kind::ConsumerGroup),
    ("consumers", "consumer", Kind::Consumer),
];

/// The answer to what follows `/v1/`, if it is one of these; in an error, what was not found.
pub(super) fn answer(snapshot: &Snapshot, path: &str) -> Option<Result<Value, String>> {
    if path == "plugin_metadatas" {
        let all = PLUGINS.iter().filter_map(|plugin| snapshot.plugin_metadata.get(plugin.name().as_bytes()));
        return Some(Ok(list(all.map(|document| masked(Kind::PluginMetadata, document)))));
    }
    if let Some((_, _, kind)) = SHOWN.iter().find(|(all, _, _)| *all == path) {
        return Some(Ok(list(all(snapshot, *kind).into_iter().map(|document| item(*kind, document)))));
    }
    let (noun, id) = path.split_once('/')?;
    if noun == "plugin_metadata" {
        let found = snapshot.plugin_metadata.get(id.as_bytes());
        let found = found.map(|document| masked(Kind::PluginMetadata, document));
        return Some(found.ok_or_else(|| format!("plugin metadata[{id}] not found")));
    }
    let (_, _, kind) = SHOWN.iter().find(|(_, one, _)| *one == noun)?;
    let found = one(snapshot, *kind, id).map(|document| item(*kind, document));
    Some(found.ok_or_else(|| format!("{noun}[{id}] not found")))
}

/// The document of a resource.
pub(super) fn one<'s>(snapshot: &'s Snapshot, kind: Kind, id: &str) -> Option<&'s Document> {
    let id = id.as_bytes();
    Some(match kind {
        Kind::Route => &snapshot.routes.get(id)?.document,
        Kind::Service => &snapshot.services.get(id)?.document,
        Kind::Upstream => &snapshot.upstreams.get(id)?.document,
        Kind::StreamRoute => &snapshot.stream_routes.get(id)?.document,
        Kind::GlobalRule => &snapshot.global_rules.get(id)?.document,
        Kind::PluginConfig => &snapshot.plugin_configs.get(id)?.document,
        Kind::ConsumerGroup => &snapshot.consumer_groups.get(id)?.document,
        Kind::Consumer => &snapshot.consumers.get(id)?.document,
        _ => return None,
    })
}

fn all(snapshot: &Snapshot, kind: Kind) -> Vec<&Document> {
    match kind {
        Kind::Route => snapshot.routes.values().into_iter().map(|it| &*it.document).collect(),
        Kind::Service => snapshot.services.values().into_iter().map(|it| &*it.document).collect(),
        Kind::Upstream => snapshot.upstreams.values().into_iter().map(|it| &*it.document).collect(),
        Kind::StreamRoute => snapshot.stream_routes.values().into_iter().map(|it| &*it.document).collect(),
        Kind::GlobalRule => snapshot.global_rules.values().into_iter().map(|it| &*it.document).collect(),
        Kind::PluginConfig => snapshot.plugin_configs.values().into_iter().map(|it| &*it.document).collect(),
        Kind::ConsumerGroup => snapshot.consumer_groups.values().into_iter().map(|it| &*it.document).collect(),
        Kind::Consumer => snapshot.consumers.values().into_iter().map(|it| &*it.document).collect(),
        _ => Vec::new(),
    }
}

/// APISIX writes an empty list as an object.
fn list(values: impl Iterator<Item = Value>) -> Value {
    let values: Vec<Value> = values.collect();
    if values.is_empty() { json!({}) } else { Value::Array(values) }
}

fn item(kind: Kind, document: &Document) -> Value {
    json!({
        "key": &*document.key,
        "value": masked(kind, document),
        "createdIndex": document.create_revision,
        "modifiedIndex": document.mod_revision,
        "clean_handlers": {},
        "update_count": 0,
    })
}

/// The document without its secrets.
fn masked(kind: Kind, document: &Document) -> Value {
    // Only documents that could be read are in a snapshot.
    let mut value: Value = serde_json::from_slice(&document.value).unwrap_or_default();
    let id = document.key.rsplit('/').next().unwrap_or_default();
    Secrets::default().visit(kind, id, &mut value, |found| *found.value = MASK.into());
    value
}
