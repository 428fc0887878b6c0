//! Who refers to whom: checked inside the append, so that nothing can slip between check and write.

use portolan_eventstore::{KeyRange, View};
use portolan_model::id::text_of;
use portolan_model::{GroupId, Kind, Reference, layout};
use serde_json::Value;

/// The key that a reference names; `None` for kinds that this version does not have, so that it leads nowhere.
pub fn key(group: &GroupId, reference: &Reference) -> Option<String> {
    Some(layout::resource_key(group, reference.kind()?, &reference.id))
}

/// The first reference that leads nowhere, as APISIX says it.
pub fn missing(view: &dyn View, group: &GroupId, references: &[Reference]) -> Option<String> {
    let leads = |reference: &Reference| key(group, reference).is_some_and(|key| view.get(key.as_bytes()).is_some());
    references.iter().find(|reference| !leads(reference)).map(|reference| reference.not_found().0)
}

/// Who still uses the resource, as APISIX says it.
pub fn user(view: &dyn View, group: &GroupId, kind: Kind, id: &str) -> Option<String> {
    let kinds: &[Kind] = match kind {
        Kind::Service => &[Kind::Route],
        Kind::Upstream => &[Kind::Route, Kind::Service, Kind::Consumer],
        Kind::Route | Kind::Consumer => return None,
    };
    kinds.iter().find_map(|user| {
        let found = view.range(&KeyRange::prefix(layout::directory_prefix(group, *user)));
        // Most values don't hold the id at all: they are not parsed.
        let candidates = found.iter().filter(|kv| holds(&kv.value, id.as_bytes()));
        candidates.into_iter().find_map(|kv| {
            let document = serde_json::from_slice(&kv.value).ok()?;
            complaint(kind, id, *user, &document)
        })
    })
}

fn complaint(kind: Kind, id: &str, user: Kind, document: &Value) -> Option<String> {
    let refers = |document: &Value, field: &str| document.get(field).and_then(text_of).as_deref() == Some(id);
    let name = document.get(user.id_field()).and_then(text_of).unwrap_or_default();
    match kind {
        Kind::Service if refers(document, "service_id") => {
            Some(format!("can not delete this service directly, {user} [{name}] is still using it now"))
        }
        Kind::Upstream if in_plugins(document, id) => {
            Some(format!("can not delete this upstream, plugin in {user} [{name}] is still using it now"))
        }
        Kind::Upstream if user != Kind::Consumer && refers(document, "upstream_id") => {
            Some(format!("can not delete this upstream, {user} [{name}] is still using it now"))
        }
        _ => None,
    }
}

/// Whether `traffic-split` sends requests to the upstream.
fn in_plugins(document: &Value, id: &str) -> bool {
    let rules = document.pointer("/plugins/traffic-split/rules").and_then(Value::as_array);
    let upstreams = |rule: &Value| rule.get("weighted_upstreams").and_then(Value::as_array).cloned();
    let mut named = rules.into_iter().flatten().filter_map(upstreams).flatten();
    named.any(|upstream| upstream.get("upstream_id").and_then(text_of).as_deref() == Some(id))
}

fn holds(value: &[u8], id: &[u8]) -> bool {
    !id.is_empty() && value.windows(id.len()).any(|window| window == id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn users_in_apisix_words() {
        let split =
            json!({"id": 7, "plugins": {"traffic-split": {"rules": [{"weighted_upstreams": [{"upstream_id": 1}]}]}}});
        for (kind, user, document, text) in [
            (Kind::Service, Kind::Route, json!({"id": "r1", "service_id": 1}), "this service directly, route [r1] is"),
            (Kind::Upstream, Kind::Service, json!({"id": "s1", "upstream_id": "1"}), "this upstream, service [s1] is"),
            (Kind::Upstream, Kind::Route, split, "this upstream, plugin in route [7] is"),
        ] {
            let complaint = complaint(kind, "1", user, &document).unwrap();
            assert_eq!(complaint, format!("can not delete {text} still using it now"));
        }
        assert_eq!(complaint(Kind::Service, "1", Kind::Route, &json!({"upstream_id": 1})), None);
    }
}
