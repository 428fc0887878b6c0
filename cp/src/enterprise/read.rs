//! Reading: resources as the enterprise face shows them.

use portolan_eventstore::{KeyRange, KeyValue, View};
use portolan_model::id::text_of;
use portolan_model::{GroupId, Keyring, Kind, layout};
use serde_json::{Map, Value};

use super::shape;
use crate::admin::query::Query;
use crate::batch::adc::OWNER_LABEL;
use crate::resources::{Document, document};

/// One resource.
pub(super) fn one(view: &dyn View, keyring: &Keyring, group: &GroupId, kind: Kind, id: &str) -> Option<Value> {
    let kv = view.get(layout::resource_key(group, kind, id).as_bytes())?;
    let stored = document::opened(keyring, kind, id, &kv.value).ok()?;
    Some(shown(view, keyring, group, kind, id, stored))
}

/// Those of a kind that the query means, by id; `parent` is the service of upstreams, the consumer of credentials.
pub(super) fn list(
    view: &dyn View,
    keyring: &Keyring,
    group: &GroupId,
    kind: Kind,
    parent: Option<&str>,
    query: &Query,
) -> Vec<(String, Value)> {
    let prefix = match (kind, parent) {
        (Kind::Credential, Some(consumer)) => layout::parent_prefix(group, kind, consumer),
        _ => layout::directory_prefix(group, kind),
    };
    let found = view.range(&KeyRange::prefix(prefix));
    let wanted = |kv: &KeyValue| {
        let place = layout::parse_resource_key(std::str::from_utf8(&kv.key).ok()?)?;
        let stored = document::opened(keyring, place.kind, &place.id, &kv.value).ok()?;
        let belongs = match (kind, parent) {
            (Kind::Upstream, Some(service)) => label(&stored, OWNER_LABEL) == Some(service),
            _ => true,
        };
        (place.kind == kind && belongs && admits(query, &stored)).then_some((place.id, stored))
    };
    let found = found.iter().filter_map(|kv| wanted(kv));
    found.map(|(id, stored)| (id.clone(), shown(view, keyring, group, kind, &id, stored))).collect()
}

/// As an object, by id.
pub(super) fn by_id(list: Vec<(String, Value)>) -> Map<String, Value> {
    list.into_iter().collect()
}

fn shown(view: &dyn View, keyring: &Keyring, group: &GroupId, kind: Kind, id: &str, stored: Document) -> Value {
    let apart = stored.get("upstream_id").and_then(text_of).filter(|_| kind == Kind::Service);
    let own = apart.and_then(|upstream| {
        let kv = view.get(layout::resource_key(group, Kind::Upstream, &upstream).as_bytes())?;
        document::opened(keyring, Kind::Upstream, &upstream, &kv.value).ok()
    });
    shape::outward(kind, kind.split_id(id).1, stored, own)
}

fn admits(query: &Query, stored: &Document) -> bool {
    query.pairs().all(|(name, value)| {
        if let Some(wanted) = name.strip_prefix("labels[").and_then(|rest| rest.strip_suffix(']')) {
            return label(stored, wanted) == Some(value);
        }
        name != "service_id" || stored.get("service_id").and_then(text_of).as_deref() == Some(value)
    })
}

fn label<'a>(stored: &'a Document, name: &str) -> Option<&'a str> {
    stored.get("labels")?.get(name)?.as_str()
}
