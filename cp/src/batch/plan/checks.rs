//! What speaks against the state that a batch leaves: references that lead nowhere, who still uses what goes, and what
//! two resources can't both have.

use std::collections::HashMap;

use portolan_model::check::plugin_taken;
use portolan_model::{Kind, Reference, usages};
use serde_json::Value;

use super::after::After;
use super::{Change, Current, FEW, Problem, Wanted};
use crate::resources::mentions::Mentions;
use crate::resources::{Document, references, unique};

// === impl After ===

impl After<'_> {
    pub(super) fn check_references(&self, problems: &mut Vec<Problem>) {
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
    pub(super) fn check_users(&self, problems: &mut Vec<Problem>) {
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
        // Looking for thousands of ids in each value would take longer than to parse it.
        let mentions = (gone.len() <= FEW).then(|| Mentions::of(gone.keys().map(|(_, id)| id.as_bytes())));
        for user in self.kept() {
            if mentions.as_ref().is_some_and(|mentions| !mentions.may_be_in(&user.kv.value)) {
                continue;
            }
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
    pub(super) fn check_unique(&self, problems: &mut Vec<Problem>) {
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
}
