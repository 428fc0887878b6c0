//! What a batch changes, in one state.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use portolan_eventstore::txn::Put;
use portolan_eventstore::{KeyRange, KeyValue, View};
use portolan_model::check::plugin_taken;
use portolan_model::{GroupId, Keyring, Kind, Reference, layout, usages};
use serde_json::Value;

use super::adc::OWNER_LABEL;
use super::{Change, Prepared, Problem, Rest, Wanted, same};
use crate::resources::check::Checked;
use crate::resources::{Document, document, references, unique};

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

/// The state after the batch.
struct After<'a> {
    group: &'a GroupId,
    keyring: &'a Keyring,
    current: &'a BTreeMap<String, Current>,
    written: HashMap<String, (&'a Change, &'a Checked, Bytes)>,
    deleted: HashSet<String>,
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

// === impl After ===

impl After<'_> {
    fn delete(&mut self, key: String) {
        // The credentials of a consumer go with it, and so do the cost decorations of a service.
        let below = format!("{key}/");
        let owned = self.current.range(below.clone()..).take_while(|(key, _)| key.starts_with(&below));
        self.deleted.extend(owned.map(|(key, _)| key.clone()));
        self.deleted.insert(key);
    }

    /// What belongs to a service: its routes, its stream routes, its upstreams.
    fn delete_owned(&mut self, change: &Change) {
        if change.kind != Kind::Service {
            return;
        }
        let own_upstream = layout::resource_key(self.group, Kind::Upstream, &change.id);
        for (key, resource) in self.current {
            let document = || document::stored(&resource.kv.value).unwrap_or_default();
            let belongs = match resource.kind {
                Kind::Route | Kind::StreamRoute => {
                    let service = document().get("service_id").and_then(portolan_model::id::text_of);
                    service.as_deref() == Some(change.id.as_str())
                }
                Kind::Upstream => *key == own_upstream || owner(&document()) == Some(&change.id),
                _ => false,
            };
            if belongs {
                self.deleted.insert(key.clone());
            }
        }
    }

    /// What a key holds in the end.
    fn value(&self, key: &str) -> Option<&[u8]> {
        if let Some((.., value)) = self.written.get(key) {
            return Some(value);
        }
        let current = self.current.get(key).filter(|_| !self.deleted.contains(key))?;
        Some(&current.kv.value)
    }

    /// What stays as it is.
    fn kept(&self) -> impl Iterator<Item = &Current> {
        let kept = |(key, _): &(&String, &Current)| !self.deleted.contains(*key) && !self.written.contains_key(*key);
        self.current.iter().filter(kept).map(|(_, current)| current)
    }

    fn check_references(&self, problems: &mut Vec<Problem>) {
        for (change, checked, _) in self.written.values() {
            let wrong = |reference: &Reference| {
                let key = references::key(self.group, reference);
                let found = self.value(&key);
                let status = if found.is_none() { reference.not_found_status() } else { 400 };
                reference.check(found).err().map(|invalid| (status, invalid.0))
            };
            if let Some((status, text)) = checked.references.iter().find_map(wrong) {
                problems.push(Problem { status, ..Problem::of(change, text) });
            }
        }
    }

    /// Who still uses what goes.
    fn check_users(&self, problems: &mut Vec<Problem>) {
        let gone: HashMap<(Kind, &str), &Current> = self
            .deleted
            .iter()
            .filter(|key| !self.written.contains_key(*key))
            .filter_map(|key| self.current.get(key))
            .filter(|gone| !usages(gone.kind).is_empty())
            .map(|gone| ((gone.kind, gone.id.as_str()), gone))
            .collect();
        if gone.is_empty() {
            return;
        }
        for user in self.kept() {
            let Ok(document) = serde_json::from_slice::<Value>(&user.kv.value) else { continue };
            for reference in portolan_model::references(user.kind, Some(&user.id), &document) {
                let Some(gone) = gone.get(&(reference.kind(), reference.id.as_str())) else { continue };
                let usage = usages(gone.kind).iter().find(|usage| usage.user == user.kind);
                let Some(complaint) = usage.and_then(|usage| usage.complaint(&gone.id, &user.id, &document)) else {
                    continue;
                };
                let change = Change { kind: gone.kind, id: gone.id.clone(), index: None, wanted: Wanted::Nothing };
                problems.push(Problem::of(&change, complaint.0));
            }
        }
    }

    /// What only one resource of the group may have.
    fn check_unique(&self, problems: &mut Vec<Problem>) {
        let of = |wanted: &[Kind]| {
            let mut found: Vec<&Change> = self
                .written
                .values()
                .map(|(change, ..)| *change)
                .filter(|change| wanted.contains(&change.kind))
                .collect();
            found.sort_by(|one, other| (one.index, &one.id).cmp(&(other.index, &other.id)));
            found
        };
        let (people, rules) = (of(&[Kind::Consumer, Kind::Credential]), of(&[Kind::GlobalRule]));
        if !people.is_empty() {
            self.check_credentials(&people, problems);
        }
        self.check_field_paths(&of(&[Kind::CostDecoration]), problems);
        let mut seen: Vec<(String, Value)> = Vec::new();
        if !rules.is_empty() {
            let kept = self.kept().filter(|kept| kept.kind == Kind::GlobalRule);
            seen.extend(kept.filter_map(|kept| Some((kept.id.clone(), serde_json::from_slice(&kept.kv.value).ok()?))));
        }
        for rule in rules {
            let Wanted::Document(document) = &rule.wanted else { continue };
            let Some(Value::Object(plugins)) = document.get("plugins") else { continue };
            let taken =
                seen.iter().find_map(|(id, other)| plugin_taken(plugins, id, other.get("plugins")?.as_object()?));
            if let Some(taken) = taken {
                problems.push(Problem::of(rule, taken.0));
            }
            seen.push((rule.id.clone(), Value::Object(document.clone())));
        }
    }

    fn check_field_paths(&self, decorations: &[&Change], problems: &mut Vec<Problem>) {
        if decorations.is_empty() {
            return;
        }
        let path = |document: &Document| Some(document.get("field_path")?.as_str()?.to_owned());
        let place = |id: &str, path: String| (Kind::CostDecoration.split_id(id).0.map(str::to_owned), path);
        let own = |id: &str| Kind::CostDecoration.split_id(id).1.to_owned();
        let kept = self.kept().filter(|kept| kept.kind == Kind::CostDecoration);
        let mut holders: HashMap<_, _> = kept
            .filter_map(|kept| Some((place(&kept.id, path(&kept.opened(self.keyring)?)?), own(&kept.id))))
            .collect();
        for change in decorations {
            let Wanted::Document(document) = &change.wanted else { continue };
            let Some(path) = path(document) else { continue };
            if let Some(other) = holders.insert(place(&change.id, path.clone()), own(&change.id)) {
                let text = format!("field_path {path} is already decorated on this service by [{other}]");
                problems.push(Problem::of(change, text));
            }
        }
    }

    fn check_credentials(&self, people: &[&Change], problems: &mut Vec<Problem>) {
        let mut holders: HashMap<(String, &str, String), (Kind, String)> = HashMap::new();
        let credentials = |plugins: &Value| -> Vec<_> {
            let found = unique::credentials(plugins).into_iter();
            found.map(|(plugin, field, text)| (plugin.to_owned(), field, text.to_owned())).collect()
        };
        for kept in self.kept().filter(|kept| matches!(kept.kind, Kind::Consumer | Kind::Credential)) {
            let Some(document) = kept.opened(self.keyring) else { continue };
            for credential in document.get("plugins").map(credentials).unwrap_or_default() {
                holders.insert(credential, (kept.kind, kept.id.clone()));
            }
        }
        for change in people {
            let Wanted::Document(document) = &change.wanted else { continue };
            for credential in document.get("plugins").map(credentials).unwrap_or_default() {
                let consumer = |kind: Kind, id: &str| kind.split_id(id).0.unwrap_or(id).to_owned();
                match holders.get(&credential) {
                    Some((kind, id)) if consumer(*kind, id) != consumer(change.kind, &change.id) => {
                        let holder = match kind.split_id(id) {
                            (Some(consumer), own) => format!("credential: {own} of consumer: {consumer}"),
                            (None, own) => format!("consumer: {own}"),
                        };
                        let (plugin, field, _) = credential;
                        let text = format!("duplicate {field} of plugin {plugin} found with {holder}");
                        problems.push(Problem::of(change, text));
                    }
                    _ => {
                        holders.insert(credential, (change.kind, change.id.clone()));
                    }
                }
            }
        }
    }

    fn steps(self) -> Vec<Step> {
        let rank = |kind: Kind| Kind::all().iter().position(|known| *known == kind);
        let mut steps = Vec::with_capacity(self.written.len() + self.deleted.len());
        for key in self.deleted.iter().filter(|key| !self.written.contains_key(*key)) {
            let Some(Current { kind, id, kv }) = self.current.get(key) else { continue };
            let (id, before) = (id.clone(), Some(kv.clone()));
            steps.push(Step { kind: *kind, id, key: key.clone(), before, after: None });
        }
        for (key, (change, _, value)) in self.written {
            let before = self.current.get(&key).map(|current| current.kv.clone());
            steps.push(Step { kind: change.kind, id: change.id.clone(), key, before, after: Some(value) });
        }
        // Parents come before children, and go after them.
        steps.sort_by(|one, other| {
            let place = |step: &Step| {
                let rank = rank(step.kind).unwrap_or(0);
                let last = Kind::all().len();
                if step.after.is_some() { rank } else { 2 * last - rank }
            };
            place(one).cmp(&place(other)).then_with(|| one.key.cmp(&other.key))
        });
        steps
    }
}
