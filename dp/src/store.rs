//! The raw entries of the key space, as far as this data plane has seen it: what a snapshot on disk holds.

use std::collections::HashSet;
use std::sync::Arc;

use crate::compile::Change;
use crate::resource::Document;
use crate::tree::Tree;

/// Entries at one revision. A copy shares them all, so it costs next to nothing.
#[derive(Debug, Clone, Default)]
pub struct Store {
    /// The last revision that is wholly in it.
    pub revision: i64,
    /// Which key space it is: another one starts its revisions anew.
    pub cluster_id: u64,
    /// By key.
    pub entries: Tree<Arc<Document>>,
}

// === impl Store ===

impl Store {
    /// Takes a document; tells what changed, if anything did.
    pub fn put(&mut self, document: Document) -> Option<Change> {
        let known = self.entries.get(document.key.as_bytes());
        if known.is_some_and(|known| **known == document) {
            return None;
        }
        let document = Arc::new(document);
        self.entries.insert(&document.key, document.clone());
        Some(Change::Put(document))
    }

    /// Takes a key out; tells what changed, if it was there.
    pub fn delete(&mut self, key: &str, prefix: &str) -> Option<Change> {
        self.entries.get(key.as_bytes())?;
        self.entries.remove(key);
        Some(Change::Delete(key.strip_prefix(prefix)?.into()))
    }

    /// Becomes another state of the key space; tells what is different.
    pub fn replace(&mut self, other: Self, prefix: &str) -> Vec<Change> {
        let new: HashSet<&str> = other.entries.values().into_iter().map(|entry| &*entry.key).collect();
        let mine = self.entries.values().into_iter().map(|entry| entry.key.clone());
        let gone: Vec<Arc<str>> = mine.filter(|key| !new.contains(&**key)).collect();
        let mut changes: Vec<Change> = gone.iter().filter_map(|key| self.delete(key, prefix)).collect();
        for document in other.entries.values() {
            changes.extend(self.put(Document::clone(document)));
        }
        self.revision = other.revision;
        self.cluster_id = other.cluster_id;
        changes
    }

    /// All entries as changes from nothing.
    #[must_use]
    pub fn as_changes(&self) -> Vec<Change> {
        self.entries.values().into_iter().cloned().map(Change::Put).collect()
    }
}

impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        self.revision == other.revision
            && self.cluster_id == other.cluster_id
            && self.entries.values() == other.entries.values()
    }
}
