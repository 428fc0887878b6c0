//! Makes the key space from the changes once more.

use std::collections::HashMap;

use super::blocks::Blocks;
use crate::backend::evidence::EventEvidence;
use crate::keyspace::KeyValue;
use crate::merkle::{Hash, sha256};
use crate::proof::report::{Failure, Kind};

/// The key space so far.
#[derive(Default)]
pub(super) struct Replay {
    /// Every key that ever was.
    keys: HashMap<Vec<u8>, Last>,
    pub(super) blocks: Blocks,
}

/// The last change of a key.
struct Last {
    revision: i64,
    /// `None` when it was deleted.
    alive: Option<Alive>,
}

#[derive(PartialEq, Eq)]
struct Alive {
    create_revision: i64,
    version: i64,
    lease_id: i64,
    /// A hash, so that a large key space fits.
    value: Hash,
}

// === impl Replay ===

impl Replay {
    /// Applies an event, whose changes were checked. What was pruned is not needed: the last change of a key never is.
    pub(super) fn event(&mut self, event: &EventEvidence) {
        let revision = event.columns.revision;
        self.blocks.leaf(&event.leaf_hash);
        for change in &event.changes {
            let alive = change.value.as_ref().map(|value| Alive {
                create_revision: change.create_revision,
                version: change.version,
                lease_id: change.lease_id,
                value: sha256(&[value]),
            });
            self.keys.insert(change.key.clone(), Last { revision, alive });
        }
    }

    /// Compares with the table `keys`.
    pub(super) fn compare(mut self, keys: &[KeyValue]) -> Result<(), Failure> {
        let mut first: Option<(i64, String)> = None;
        let mut wrong = |revision: i64, what: String| {
            if first.as_ref().is_none_or(|(earliest, _)| revision < *earliest) {
                first = Some((revision, what));
            }
        };
        for kv in keys {
            let name = String::from_utf8_lossy(&kv.key);
            let alive = Alive {
                create_revision: kv.create_revision,
                version: kv.version,
                lease_id: kv.lease,
                value: sha256(&[&kv.value]),
            };
            match self.keys.remove(kv.key.as_ref()) {
                Some(last) if last.revision == kv.mod_revision && last.alive == Some(alive) => {}
                Some(last) => wrong(last.revision, format!("the key {name} is not what the changes make it")),
                None => wrong(kv.mod_revision, format!("the key {name} was made by no change")),
            }
        }
        for (key, last) in self.keys {
            if last.alive.is_some() {
                wrong(last.revision, format!("the key {} is missing", String::from_utf8_lossy(&key)));
            }
        }
        match first {
            Some((revision, what)) => Err(Failure::at(revision, Kind::Keys, what)),
            None => Ok(()),
        }
    }
}
