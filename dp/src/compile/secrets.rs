//! Which resources refer to which secrets: when a manager answers something new, they are compiled again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use portolan_model::Kind;
use serde_json::Value;

use super::{Compiler, Name, Noted, credentials, read, served};
use crate::resource::Document;
use crate::secrets::{Found, Path, Reference, Secrets, paths_in};

/// Who refers to what, by keys relative to the prefix.
#[derive(Debug, Default)]
pub(super) struct Referrers {
    by_path: HashMap<Path, BTreeSet<Box<str>>>,
    by_key: HashMap<Box<str>, BTreeSet<Path>>,
}

// === impl Referrers ===

impl Referrers {
    /// Notes what a document refers to, in place of what it referred to before.
    fn set(&mut self, key: &str, paths: BTreeSet<Path>, secrets: &Secrets) {
        let before = self.by_key.remove(key).unwrap_or_default();
        for path in &paths {
            self.by_path.entry(path.clone()).or_default().insert(key.into());
        }
        for path in before.difference(&paths) {
            if let Some(users) = self.by_path.get_mut(path) {
                users.remove(key);
                if users.is_empty() {
                    self.by_path.remove(path);
                    secrets.forget(path);
                }
            }
        }
        if !paths.is_empty() {
            self.by_key.insert(key.into(), paths);
        }
    }
}

// === impl Compiler ===

impl Compiler {
    /// What managers are asked, and have answered.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.state.surroundings().secrets
    }

    /// What is to be compiled again because these answers are others.
    #[must_use]
    pub fn affected(&self, paths: &BTreeSet<Path>) -> Noted {
        let mut noted = Noted::default();
        for key in paths.iter().filter_map(|path| self.referrers.by_path.get(path)).flatten() {
            match credentials::parse(key) {
                Some((username, id)) => drop(noted.credentials.insert((username.into(), id.into()))),
                None => noted.dirty.extend(served(key)),
            }
        }
        noted
    }

    /// Takes in a manager, or its end; tells whether it was one.
    pub(super) fn note_manager(&self, relative: &str, document: Option<&Document>) -> bool {
        let Some(id) = relative.strip_prefix("secrets/") else { return false };
        let document = document.and_then(|document| match read::<Value>(document) {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::error!(secret.manager = id, error, "secret manager is left out");
                None
            }
        });
        self.secrets().manage(id, document.as_ref());
        true
    }

    /// Takes in what a document refers to; tells it.
    pub(super) fn note_references(&mut self, relative: &str, document: Option<&Document>) -> BTreeSet<Path> {
        let paths = document.map(|document| paths_in(&document.value)).unwrap_or_default();
        let secrets = self.state.surroundings().secrets.clone();
        if !paths.is_empty() {
            secrets.want(&paths);
        }
        self.referrers.set(relative, paths.clone(), &secrets);
        paths
    }

    /// Whether it names a secret that its manager says is gone. Nobody must get in with the one that was there before.
    pub(super) fn has_lost_a_secret(&self, document: &Document) -> bool {
        self.lost_in(&read::<Value>(document).unwrap_or_default())
    }

    fn lost_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => {
                Reference::parse(text).is_ok() && matches!(self.secrets().find(text), Found::Gone(_))
            }
            Value::Array(items) => items.iter().any(|item| self.lost_in(item)),
            Value::Object(fields) => fields.values().any(|field| self.lost_in(field)),
            _ => false,
        }
    }

    /// The name of a consumer that is out of use since it has lost a secret.
    pub(super) fn drop_consumer_without_secret(&mut self, name: &Name, document: &Document) {
        if name.0 == Kind::Consumer && self.has_lost_a_secret(document) {
            let username: Arc<str> = name.1.clone();
            self.remove_consumer(&username);
        }
    }
}
