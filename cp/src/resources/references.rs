//! Who refers to whom: checked inside the append, so that nothing can slip between check and write.

use portolan_eventstore::{KeyRange, Refusal, View};
use portolan_model::{GroupId, Kind, Reference, layout, usages};

use super::mentions::Mentions;

/// The key that a reference names.
pub fn key(group: &GroupId, reference: &Reference) -> String {
    layout::resource_key(group, reference.kind(), &reference.id)
}

/// The first reference that leads nowhere or to something else than it should, as APISIX says it.
pub fn missing(view: &dyn View, group: &GroupId, references: &[Reference]) -> Option<Refusal> {
    references.iter().find_map(|reference| {
        let found = view.get(key(group, reference).as_bytes());
        let invalid = reference.check(found.as_ref().map(|kv| kv.value.as_ref())).err()?;
        let status = if found.is_none() { reference.not_found_status() } else { 400 };
        Some(Refusal::invalid(status, invalid.0))
    })
}

/// Who still uses the resource, as APISIX says it.
pub fn user(view: &dyn View, group: &GroupId, kind: Kind, id: &str) -> Option<String> {
    let mentions = Mentions::of([id.as_bytes()]);
    usages(kind).iter().find_map(|usage| {
        let found = view.range(&KeyRange::prefix(layout::directory_prefix(group, usage.user)));
        found.iter().filter(|kv| mentions.may_be_in(&kv.value)).find_map(|kv| {
            let user = layout::parse_resource_key(std::str::from_utf8(&kv.key).ok()?)?;
            let document = serde_json::from_slice(&kv.value).ok()?;
            let complaint = usage.complaint(id, &user.id, &document).filter(|_| user.kind == usage.user);
            complaint.map(|invalid| invalid.0)
        })
    })
}
