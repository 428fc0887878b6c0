//! Putting a group back to what it was at a revision: computed under the append lock, written as one new event.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{KeyRange, KeyValue};
use portolan_model::{GroupId, Kind, Reference, layout};
use serde_json::Value;

use crate::resources::references;

/// One key that a rollback changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The key.
    pub key: Bytes,
    /// What it holds now.
    pub before: Option<Arc<KeyValue>>,
    /// What it held then.
    pub after: Option<Arc<KeyValue>>,
}

/// A reference in the restored state to something that is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The resource that refers.
    pub key: String,
    /// What is missing.
    pub reference: Reference,
}

/// The keys of a group.
pub fn range(group: &GroupId) -> KeyRange {
    KeyRange::prefix(layout::group_prefix(group))
}

/// What differs between now and then, children after their parents. Keys that live by a lease and the status that data
/// planes report are no configuration and stay as they are.
pub fn plan(group: &GroupId, now: &[Arc<KeyValue>], then: &[Arc<KeyValue>]) -> Vec<Step> {
    let status = format!("{}{}", layout::group_prefix(group), layout::DATA_PLANE_DIRECTORY);
    let is_configuration = |kv: &&Arc<KeyValue>| kv.lease == 0 && !kv.key.starts_with(status.as_bytes());
    let mut steps: BTreeMap<Bytes, Step> = BTreeMap::new();
    for kv in now.iter().filter(is_configuration) {
        steps.insert(kv.key.clone(), Step { key: kv.key.clone(), before: Some(kv.clone()), after: None });
    }
    for kv in then.iter().filter(is_configuration) {
        let step = steps.entry(kv.key.clone());
        step.or_insert_with(|| Step { key: kv.key.clone(), before: None, after: None }).after = Some(kv.clone());
    }
    let differs = |step: &Step| step.before.as_ref().map(|kv| &kv.value) != step.after.as_ref().map(|kv| &kv.value);
    let mut steps: Vec<Step> = steps.into_values().filter(differs).collect();
    steps.sort_by_key(|step| (step.after.is_none(), rank(&step.key)));
    steps
}

/// The transaction that carries the plan out.
pub fn txn(steps: &[Step]) -> Txn {
    let op = |step: &Step| match &step.after {
        Some(kv) => Op::Put(Put::new(step.key.clone(), kv.value.clone())),
        None => Op::Delete(Delete::key(step.key.clone())),
    };
    Txn::of(steps.iter().map(op).collect())
}

/// References of the restored state that lead nowhere.
pub fn broken(group: &GroupId, then: &[Arc<KeyValue>]) -> Vec<Broken> {
    let keys: std::collections::HashSet<&[u8]> = then.iter().map(|kv| kv.key.as_ref()).collect();
    let mut broken = Vec::new();
    for kv in then {
        let resource = std::str::from_utf8(&kv.key).ok().and_then(layout::parse_resource_key);
        let Some((resource, document)) = resource.zip(serde_json::from_slice::<Value>(&kv.value).ok()) else {
            continue;
        };
        for reference in portolan_model::references(resource.kind, Some(&resource.id), &document) {
            if !keys.contains(references::key(group, &reference).as_bytes()) {
                broken.push(Broken { key: resource.to_string(), reference });
            }
        }
    }
    broken
}

/// Parents first; deletions come last and among them children first, but a watcher sees all of it at once anyway.
fn rank(key: &[u8]) -> usize {
    let resource = std::str::from_utf8(key).ok().and_then(layout::parse_resource_key);
    let place = |kind| Kind::all().iter().position(|known| *known == kind);
    resource.and_then(|resource| place(resource.kind)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use portolan_model::check::Target;

    use super::*;

    fn kv(key: &str, value: &str, lease: i64) -> Arc<KeyValue> {
        let (key, value) = (Bytes::copy_from_slice(key.as_bytes()), Bytes::copy_from_slice(value.as_bytes()));
        Arc::new(KeyValue { key, value, create_revision: 1, mod_revision: 1, version: 1, lease })
    }

    #[test]
    fn only_what_differs_and_only_configuration() {
        let now = [
            kv("/apisix/routes/1", "new", 0),
            kv("/apisix/routes/2", "same", 0),
            kv("/apisix/routes/3", "added", 0),
            kv("/apisix/routes/leased", "x", 7),
            kv("/apisix/data_plane/server_info/a", "alive", 0),
        ];
        let then = [
            kv("/apisix/routes/1", "old", 0),
            kv("/apisix/routes/2", "same", 0),
            kv("/apisix/upstreams/u", "gone", 0),
            kv("/apisix/data_plane/server_info/b", "alive", 0),
        ];
        let steps = plan(&GroupId::default(), &now, &then);
        let text = |kv: &Option<Arc<KeyValue>>| {
            kv.as_ref().map_or("-".to_owned(), |kv| String::from_utf8_lossy(&kv.value).into_owned())
        };
        let shown: Vec<_> = steps
            .iter()
            .map(|step| format!("{} {} {}", String::from_utf8_lossy(&step.key), text(&step.before), text(&step.after)))
            .collect();
        assert_eq!(shown, ["/apisix/upstreams/u - gone", "/apisix/routes/1 new old", "/apisix/routes/3 added -"]);
        assert_eq!(txn(&steps).success.len(), 3);
    }

    #[test]
    fn references_that_lead_nowhere() {
        let then =
            [kv("/apisix/routes/1", r#"{"upstream_id":1,"service_id":"s"}"#, 0), kv("/apisix/upstreams/1", "{}", 0)];
        let broken = broken(&GroupId::default(), &then);
        assert_eq!(broken.len(), 1);
        assert_eq!((broken[0].reference.target, broken[0].reference.id.as_str()), (Target::Service, "s"));
    }
}
