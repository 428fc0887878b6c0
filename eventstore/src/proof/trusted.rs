//! The signed roots that a verifier goes by.

use std::collections::BTreeMap;

use super::Checkpoint;
use super::note::Verifier;
use super::report::{Failure, Kind};
use crate::merkle::Hash;

/// Signed roots of one log, by size.
pub(crate) struct Roots {
    pub origin: String,
    pub by_size: BTreeMap<u64, Hash>,
}

// === impl Roots ===

impl Roots {
    /// Opens every note with the trusted keys. One that is not signed by them, or speaks of another log, or contradicts another, is a
    /// failure: whoever put it there wants to be believed.
    pub(crate) fn open<'a>(notes: impl IntoIterator<Item = &'a str>, keys: &[Verifier]) -> Result<Self, Failure> {
        let mut roots: Option<Self> = None;
        for (number, note) in (1..).zip(notes) {
            let checkpoint = Checkpoint::open(note, keys)
                .map_err(|error| Failure::of(Kind::Checkpoint, format!("checkpoint number {number}: {error}")))?;
            let roots =
                roots.get_or_insert_with(|| Self { origin: checkpoint.origin.clone(), by_size: BTreeMap::new() });
            if checkpoint.origin != roots.origin {
                let what = format!("checkpoints of two logs: {} and {}", roots.origin, checkpoint.origin);
                return Err(Failure::of(Kind::Checkpoint, what));
            }
            if *roots.by_size.entry(checkpoint.size).or_insert(checkpoint.root) != checkpoint.root {
                let what = format!(
                    "two signed checkpoints of size {} with different roots: the log was forked",
                    checkpoint.size
                );
                return Err(Failure::of(Kind::Checkpoint, what));
            }
        }
        roots.ok_or_else(|| Failure::of(Kind::Checkpoint, "there is no checkpoint"))
    }

    /// The largest size.
    pub(crate) fn last(&self) -> i64 {
        self.by_size.keys().next_back().map_or(0, |size| i64::try_from(*size).unwrap_or(i64::MAX))
    }
}
