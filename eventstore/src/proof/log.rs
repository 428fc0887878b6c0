//! A log as a source of proof: the handle that exporting, verifying and signing share.

use std::sync::Arc;

use super::Checkpoint;
use super::error::Error;
use super::range;
use super::tree::Tree;
use crate::backend::evidence::StoredCheckpoint;
use crate::backend::{self, Backend};
use crate::keyspace::KeyRange;
use crate::merkle::Hash;
use crate::store::EventStore;

/// A log to prove things about. Clones share one, and what it remembers of the tree.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    backend: Arc<dyn Backend>,
    tree: Tree,
}

// === impl Log ===

impl Log {
    /// The log of an open store.
    pub fn of(store: &EventStore) -> Self {
        Self::new(store.backend_handle())
    }

    /// The log in a database, for reading alone: nothing is migrated, created or written.
    ///
    /// # Errors
    /// When the URL names no known database, or it can't be reached.
    pub async fn open(url: &str) -> Result<Self, Error> {
        Ok(Self::new(backend::open_read_only(url).await?))
    }

    fn new(backend: Arc<dyn Backend>) -> Self {
        Self { shared: Arc::new(Shared { tree: Tree::new(backend.clone()), backend }) }
    }

    /// The newest checkpoint and its note.
    ///
    /// # Errors
    /// When the database can't be read, or the note is no checkpoint.
    pub async fn checkpoint(&self) -> Result<Option<(Checkpoint, String)>, Error> {
        let Some(stored) = self.backend().checkpoint_last().await? else { return Ok(None) };
        Ok(Some((text_of(&stored)?, stored.note)))
    }

    /// The verifier keys that the log itself names, see [`super::PUBLISHED`], the latest first; none before the first signing.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn published_keys(&self) -> Result<Vec<String>, Error> {
        let found = self.backend().state_at(&KeyRange::key(super::PUBLISHED), i64::MAX).await?;
        let value: Option<serde_json::Value> = found.first().and_then(|kv| serde_json::from_slice(&kv.value).ok());
        let value = value.unwrap_or_default();
        let previous = value["previous"].as_array().into_iter().flatten();
        Ok(std::iter::once(&value["key"]).chain(previous).filter_map(|key| key.as_str().map(str::to_owned)).collect())
    }

    /// RFC 6962 inclusion path of a revision in the tree of a size.
    ///
    /// # Errors
    /// When the revision is not in that tree, or the tree is larger than the log.
    pub async fn inclusion(&self, revision: i64, size: i64) -> Result<Vec<Hash>, Error> {
        if revision < 1 || revision > size {
            return Err(Error::Range { from: revision, to: revision, covered: size });
        }
        let path = range::inclusion(unsigned(revision - 1), unsigned(size));
        Ok(self.tree().ranges(&path).await?)
    }

    /// RFC 6962 consistency path between the trees of two sizes.
    ///
    /// # Errors
    /// When the old tree is larger than the new one, or the new one than the log.
    pub async fn consistency(&self, old: i64, new: i64) -> Result<Vec<Hash>, Error> {
        if old < 0 || old > new {
            return Err(Error::Range { from: old, to: old, covered: new });
        }
        let path = range::consistency(unsigned(old), unsigned(new));
        Ok(self.tree().ranges(&path).await?)
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.shared.backend
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.shared.tree
    }
}

/// What the note of a stored checkpoint says, whoever signed it.
pub(crate) fn text_of(stored: &StoredCheckpoint) -> Result<Checkpoint, Error> {
    let text = stored.note.rfind("\n\n").and_then(|end| Checkpoint::parse(&stored.note[..=end]));
    text.ok_or_else(|| Error::Fork(format!("the note of checkpoint {} can't be read", stored.size)))
}

/// Sizes and revisions are never negative where they come from the log; a negative one is none.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
