//! What a batch changes, in one state.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use portolan_eventstore::txn::Put;
use portolan_eventstore::{KeyRange, KeyValue, View};
use portolan_model::{GroupId, Keyring, Kind, layout};

use super::adc::OWNER_LABEL;
use super::{Change, Prepared, Problem, Rest, Wanted, same};
use crate::resources::{Document, document, references};

mod after;
mod checks;

use after::After;

/// Batches of up to so many changes look up what they need; larger ones read the whole group.
const FEW: usize = 32;

/// One key that changes.
#[derive(Clone, Debug)]
pub struct Step {
    /// The kind of the resource.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its key.
    pub key: String,
    /// What it is now.
    pub before: Option<Arc<KeyValue>>,
    /// What it becomes; `None` = gone.
    pub after: Option<Bytes>,
}

/// What a batch changes, parents before children, deletions last; or why not.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The state that it was made for.
    pub revision: i64,
    /// The changes.
    pub steps: Vec<Step>,
    /// What is written with them and is no resource.
    pub also: Vec<Put>,
    /// All that speaks against them.
    pub problems: Vec<Problem>,
}

/// A resource as it is.
struct Current {
    kind: Kind,
    id: String,
    kv: Arc<KeyValue>,
}

/// Makes the plan.
pub(super) fn make(batch: &Prepared, view: &dyn View) -> Plan {
    let current = current(view, batch);
    let mut plan = Plan { revision: view.revision(), problems: batch.problems.clone(), ..Plan::default() };
    let mut after = After {
        group: &batch.group,
        keyring: &batch.keyring,
        current: &current,
        written: HashMap::new(),
        deleted: HashSet::new(),
    };
    for (change, checked) in &batch.changes {
        let key = layout::resource_key(&batch.group, change.kind, &change.id);
        match (&change.wanted, checked) {
            (Wanted::Document(wanted), Some(checked)) => {
                let old = current.get(&key);
                let stored = old.and_then(|old| old.opened(&batch.keyring));
                if stored.is_some_and(|stored| same(&stored, wanted)) {
                    continue;
                }
                let mut wanted = wanted.clone();
                if change.kind.is_stamped() {
                    document::stamp(&mut wanted, old.map(|old| &*old.kv), batch.now);
                }
                let value = document::sealed(&batch.keyring, change.kind, &change.id, wanted);
                after.written.insert(key, (change, checked, value));
            }
            (Wanted::Document(_), None) => {}
            (Wanted::Absent, _) => {
                if current.contains_key(&key) {
                    after.delete(key);
                }
            }
            (Wanted::Nothing | Wanted::NothingBelow, _) if !current.contains_key(&key) => {
                let missing = Problem::of(change, crate::resources::KEY_NOT_FOUND);
                plan.problems.push(Problem { status: 404, ..missing });
            }
            (Wanted::Nothing | Wanted::NothingBelow, _) => {
                if change.wanted == Wanted::NothingBelow {
                    after.delete_owned(change);
                }
                after.delete(key);
            }
        }
    }
    let goes = |resource: &Current| match &batch.rest {
        Rest::Stays => false,
        Rest::Goes(listed) => goes(listed, &current, &batch.group, resource),
        Rest::GoesOf(kinds) => kinds.contains(&resource.kind),
    };
    if batch.rest != Rest::Stays {
        let named: HashSet<String> = batch
            .changes
            .iter()
            .map(|(change, _)| layout::resource_key(&batch.group, change.kind, &change.id))
            .collect();
        // What failed its check is named as well: it must not look deleted.
        let broken: HashSet<(&str, &str)> =
            batch.problems.iter().map(|problem| (problem.resource_type, problem.resource_id.as_str())).collect();
        let unnamed = current.iter().filter(|(key, resource)| {
            !named.contains(*key)
                && !broken.contains(&(resource.kind.directory(), resource.id.as_str()))
                && goes(resource)
        });
        for (key, _) in unnamed {
            after.delete(key.clone());
        }
    }
    after.check_references(&mut plan.problems);
    after.check_unique(&mut plan.problems);
    if !batch.forced {
        after.check_users(&mut plan.problems);
    }
    plan.steps = after.steps();
    plan
}

fn current(view: &dyn View, batch: &Prepared) -> BTreeMap<String, Current> {
    let found =
        touched(view, batch).unwrap_or_else(|| view.range(&KeyRange::prefix(layout::group_prefix(&batch.group))));
    let resource = |kv: Arc<KeyValue>| {
        let key = std::str::from_utf8(&kv.key).ok()?.to_owned();
        let place = layout::parse_resource_key(&key)?;
        // Directory placeholders and what lives by a lease are not ours.
        let resource = kv.lease == 0 && kv.value.first() == Some(&b'{');
        resource.then_some((key, Current { kind: place.kind, id: place.id, kv }))
    };
    found.into_iter().filter_map(resource).collect()
}

/// What a few new documents have to do with: themselves, what they refer to, and those among which they must be unique.
/// `None` = with the whole group.
fn touched(view: &dyn View, batch: &Prepared) -> Option<Vec<Arc<KeyValue>>> {
    if batch.rest != Rest::Stays || batch.changes.len() > FEW {
        return None;
    }
    let mut found = Vec::new();
    for (change, checked) in &batch.changes {
        let own = view.get(layout::resource_key(&batch.group, change.kind, &change.id).as_bytes());
        match (&change.wanted, change.kind) {
            (
                Wanted::Document(_),
                kind @ (Kind::Consumer | Kind::Credential | Kind::GlobalRule | Kind::CostDecoration),
            ) => {
                let among = if kind == Kind::Credential { Kind::Consumer } else { kind };
                found.extend(view.range(&KeyRange::prefix(layout::directory_prefix(&batch.group, among))));
            }
            (Wanted::Document(_), _) => {}
            (Wanted::Absent, _) if own.is_none() => {}
            // Anything may use what goes.
            _ => return None,
        }
        found.extend(own);
        let references = checked.iter().flat_map(|checked| &checked.references);
        found.extend(references.filter_map(|it| view.get(references::key(&batch.group, it).as_bytes())));
    }
    Some(found)
}

/// Whether a whole desired state that does not name the resource wants it gone.
fn goes(listed: &HashSet<Kind>, current: &BTreeMap<String, Current>, group: &GroupId, resource: &Current) -> bool {
    let exists = |kind: Kind, id: &str| current.contains_key(&layout::resource_key(group, kind, id));
    let document = || document::stored(&resource.kv.value).unwrap_or_default();
    match resource.kind {
        kind if listed.contains(&kind) => true,
        // Those of a service are the format's, others only when they are listed.
        Kind::Route | Kind::StreamRoute => document().contains_key("service_id"),
        Kind::Upstream => exists(Kind::Service, &resource.id) || owner(&document()).is_some(),
        Kind::PluginConfig | Kind::ConsumerGroup | Kind::Proto | Kind::Secret | Kind::CostDecoration => false,
        Kind::Service | Kind::Consumer | Kind::Credential | Kind::Ssl | Kind::GlobalRule | Kind::PluginMetadata => true,
    }
}

/// The service that an upstream belongs to, as clients label it.
pub(super) fn owner(document: &Document) -> Option<&str> {
    document.get("labels")?.get(OWNER_LABEL)?.as_str()
}

// === impl Current ===

impl Current {
    /// The document, secrets in clear.
    fn opened(&self, keyring: &Keyring) -> Option<Document> {
        document::opened(keyring, self.kind, &self.id, &self.kv.value).ok()
    }
}
