//! Who refers to what: when a resource changes, those that refer to it are compiled again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use portolan_model::Kind;

use super::Name;

/// What every resource refers to, both ways round.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Who refers to a resource.
    users: HashMap<Name, BTreeSet<Name>>,
    /// What a resource refers to.
    named: HashMap<Name, Vec<Name>>,
}

// === impl References ===

impl References {
    /// Who refers to it.
    pub(super) fn users(&self, name: &Name) -> impl Iterator<Item = &Name> {
        self.users.get(name).into_iter().flatten()
    }

    /// Notes what a resource refers to, in place of what it referred to before.
    pub(super) fn set(&mut self, user: &Name, references: &[(Kind, &str)]) {
        for old in self.named.remove(user).unwrap_or_default() {
            if let Some(users) = self.users.get_mut(&old) {
                users.remove(user);
                if users.is_empty() {
                    self.users.remove(&old);
                }
            }
        }
        for (kind, id) in references {
            let name = (*kind, Arc::from(*id));
            // Thousands may refer to one: they share its name.
            let known = self.users.get_key_value(&name).map(|(known, _)| known.clone());
            self.add(user, known.unwrap_or(name));
        }
    }

    /// Notes that it refers to one more.
    pub(super) fn add(&mut self, user: &Name, reference: Name) {
        self.users.entry(reference.clone()).or_default().insert(user.clone());
        let named = self.named.entry(user.clone()).or_insert_with(|| Vec::with_capacity(1));
        if !named.contains(&reference) {
            named.push(reference);
        }
    }
}
