//! The state that a batch leaves.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use portolan_model::{GroupId, Keyring, Kind, layout};

use super::{Change, Current, Step, owner};
use crate::resources::check::Checked;
use crate::resources::document;
use crate::resources::mentions::Mentions;

/// The state after the batch.
pub(super) struct After<'a> {
    pub(super) group: &'a GroupId,
    pub(super) keyring: &'a Keyring,
    pub(super) current: &'a BTreeMap<String, Current>,
    pub(super) written: HashMap<String, (&'a Change, &'a Checked, Bytes)>,
    pub(super) deleted: HashSet<String>,
}

// === impl After ===

impl After<'_> {
    pub(super) fn delete(&mut self, key: String) {
        // The credentials of a consumer go with it, and so do the cost decorations of a service.
        let below = format!("{key}/");
        let owned = self.current.range(below.clone()..).take_while(|(key, _)| key.starts_with(&below));
        self.deleted.extend(owned.map(|(key, _)| key.clone()));
        self.deleted.insert(key);
    }

    /// What belongs to a service: its routes, its stream routes, its upstreams.
    pub(super) fn delete_owned(&mut self, change: &Change) {
        if change.kind != Kind::Service {
            return;
        }
        let own_upstream = layout::resource_key(self.group, Kind::Upstream, &change.id);
        let mentions = Mentions::of([change.id.as_bytes()]);
        for (key, resource) in self.current {
            if *key != own_upstream && !mentions.may_be_in(&resource.kv.value) {
                continue;
            }
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
    pub(super) fn value(&self, key: &str) -> Option<&[u8]> {
        if let Some((.., value)) = self.written.get(key) {
            return Some(value);
        }
        let current = self.current.get(key).filter(|_| !self.deleted.contains(key))?;
        Some(&current.kv.value)
    }

    /// What stays as it is.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Current> {
        let kept = |(key, _): &(&String, &Current)| !self.deleted.contains(*key) && !self.written.contains_key(*key);
        self.current.iter().filter(kept).map(|(_, current)| current)
    }

    pub(super) fn steps(self) -> Vec<Step> {
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
