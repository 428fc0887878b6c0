//! What proving the log asks of a database: the stored bytes as they are, the checkpoints, and how far each sink has come.

use std::iter::Peekable;

use futures_util::future::BoxFuture;
use futures_util::{Stream, TryStreamExt as _};

use super::PAGE_BYTES;
use crate::entry::{CommittedChange, committed_payload};
use crate::error::Error;
use crate::merkle::Hash;

/// An event with all that its entry speaks of, as stored.
#[derive(Clone, Debug)]
pub(crate) struct EventEvidence {
    pub columns: Columns,
    pub entry: Vec<u8>,
    pub leaf_hash: Vec<u8>,
    /// Salt and body; `None` when erased.
    pub context: Option<(Vec<u8>, Vec<u8>)>,
    /// `None` when the event has no changes, or they were pruned.
    pub changes_salt: Option<Vec<u8>>,
    /// In order of their ordinals.
    pub changes: Vec<ChangeEvidence>,
}

/// The columns of `events` that repeat what the entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    pub revision: i64,
    pub event_id: String,
    pub recorded_at: i64,
    pub action: String,
    pub outcome: String,
    pub actor_id: String,
    pub actor_kind: String,
    pub gateway_group: Option<String>,
    pub resource_kind: Option<String>,
    pub resource_id: Option<String>,
    pub request_id: String,
    pub causation_revision: Option<i64>,
}

/// A row of `changes`.
#[derive(Clone, Debug)]
pub(crate) struct ChangeEvidence {
    pub ordinal: i64,
    pub key: Vec<u8>,
    pub value: Option<Vec<u8>>,
    pub create_revision: i64,
    pub version: i64,
    pub prev_revision: i64,
    pub lease_id: i64,
}

/// A leaf of the tree with what it was made from.
#[derive(Clone, Debug)]
pub(crate) struct LeafEvidence {
    pub revision: i64,
    pub entry: Vec<u8>,
    pub leaf_hash: Vec<u8>,
}

/// A revision and its leaf hash.
pub(crate) type LeafHash = (i64, Vec<u8>);

/// A row of `tree_blocks`: which block, and its root.
pub(crate) type TreeBlock = (i64, Vec<u8>);

/// A row of `checkpoints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredCheckpoint {
    pub size: i64,
    pub root: Vec<u8>,
    pub note: String,
    pub at: i64,
}

/// A database as a source of proof.
pub(crate) trait Evidence: Send + Sync {
    /// Revision and leaf hash of the events after a revision, in order.
    fn leaf_hashes(&self, after: i64, limit: i64) -> BoxFuture<'_, Result<Vec<LeafHash>, Error>>;
    /// The same, with the entries.
    fn leaves(&self, after: i64, limit: i64) -> BoxFuture<'_, Result<Vec<LeafEvidence>, Error>>;
    /// Everything about the events after a revision, in order, from one consistent state: at most `limit` events and about
    /// [`PAGE_BYTES`], at least one.
    fn evidence(&self, after: i64, limit: i64) -> BoxFuture<'_, Result<Vec<EventEvidence>, Error>>;
    /// The checkpoints from a size on, smallest first.
    fn checkpoints(&self, from: i64, limit: i64) -> BoxFuture<'_, Result<Vec<StoredCheckpoint>, Error>>;
    /// The largest checkpoint.
    fn checkpoint_last(&self) -> BoxFuture<'_, Result<Option<StoredCheckpoint>, Error>>;
    /// Keeps a checkpoint; false when there is one of that size.
    fn checkpoint_insert<'a>(&'a self, checkpoint: &'a StoredCheckpoint) -> BoxFuture<'a, Result<bool, Error>>;
    /// The kept roots of blocks of the tree, from a block on.
    fn tree_blocks(&self, from: i64, limit: i64) -> BoxFuture<'_, Result<Vec<TreeBlock>, Error>>;
    /// Keeps the roots of blocks from one on, in place of what was kept for them.
    fn tree_keep<'a>(&'a self, first: i64, roots: &'a [Hash]) -> BoxFuture<'a, Result<(), Error>>;
    /// Size of the last checkpoint that a sink has taken.
    fn sink_position<'a>(&'a self, sink: &'a str) -> BoxFuture<'a, Result<Option<i64>, Error>>;
    /// Moves it forward.
    fn sink_advance<'a>(&'a self, sink: &'a str, size: i64) -> BoxFuture<'a, Result<(), Error>>;
}

// === impl EventEvidence ===

impl EventEvidence {
    /// Salt and payload of the changes; `None` when both are gone. Half of it is not "pruned": it opens nothing.
    pub(crate) fn opened_changes(&self) -> Option<(&[u8], Vec<u8>)> {
        match &self.changes_salt {
            None if self.changes.is_empty() => None,
            salt => Some((salt.as_deref().unwrap_or_default(), self.changes_payload())),
        }
    }

    /// The payload that the entry's commitment to the changes was made over.
    fn changes_payload(&self) -> Vec<u8> {
        committed_payload(self.changes.iter().map(|change| CommittedChange {
            key: &change.key,
            value: change.value.as_deref(),
            create_revision: change.create_revision,
            version: change.version,
            prev_revision: change.prev_revision,
            lease_id: change.lease_id,
        }))
    }
}

// === rows, the same for every database ===

/// revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group, resource_kind, resource_id,
/// request_id, causation_revision, entry, leaf_hash
pub(super) type EventRow = (
    i64,
    String,
    i64,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<i64>,
    Vec<u8>,
    Vec<u8>,
);
/// revision, salt, body
pub(super) type ContextRow = (i64, Vec<u8>, Vec<u8>);
/// revision, salt: of events that were written before the salt stood with their changes
pub(super) type SaltRow = (i64, Vec<u8>);
/// revision, ordinal, key, value, create_revision, version, prev_revision, lease_id, salt (of the event's first change)
pub(super) type ChangeRow = (i64, i64, Vec<u8>, Option<Vec<u8>>, i64, i64, i64, i64, Option<Vec<u8>>);
/// size, root, note, at
pub(super) type CheckpointRow = (i64, Vec<u8>, String, i64);

/// The rows of a page: those of the revisions with which they reach [`PAGE_BYTES`], none of a revision that is cut. Answers the last
/// revision that they are complete for, as well; `last` when that is all.
pub(super) async fn page<T>(
    mut rows: impl Stream<Item = Result<T, sqlx::Error>> + Unpin,
    last: i64,
    of: impl Fn(&T) -> (i64, usize),
) -> Result<(Vec<T>, i64), sqlx::Error> {
    let (mut page, mut bytes, mut at) = (Vec::new(), 0, 0);
    while let Some(row) = rows.try_next().await? {
        let (revision, size) = of(&row);
        if bytes >= PAGE_BYTES.unsigned_abs() as usize && revision > at {
            return Ok((page, revision - 1));
        }
        (bytes, at) = (bytes + size, revision);
        page.push(row);
    }
    Ok((page, last))
}

/// Joins the rows of the four statements up to a revision. They come from one state, each in order of revision. Rows of a revision without
/// event belong to nobody.
pub(super) fn join(
    events: Vec<EventRow>,
    contexts: Vec<ContextRow>,
    salts: Vec<SaltRow>,
    changes: Vec<ChangeRow>,
    last: i64,
) -> Vec<EventEvidence> {
    let (mut contexts, mut salts) = (contexts.into_iter().peekable(), salts.into_iter().peekable());
    let mut changes = changes.into_iter().peekable();
    let event = |row: EventRow| {
        let (columns, entry, leaf_hash) = of_event(row);
        let at = columns.revision;
        let context = of_revision(&mut contexts, at, |row| row.0).pop().map(|(_, salt, body)| (salt, body));
        let mut changes = of_revision(&mut changes, at, |row| row.0);
        let changes_salt = changes.first_mut().and_then(|first| first.8.take());
        let before = of_revision(&mut salts, at, |row| row.0).pop().map(|(_, salt)| salt);
        let (changes_salt, changes) = (changes_salt.or(before), changes.into_iter().map(of_change).collect());
        EventEvidence { columns, entry, leaf_hash, context, changes_salt, changes }
    };
    events.into_iter().take_while(|row| row.0 <= last).map(event).collect()
}

/// The next rows, as far as they belong to a revision.
fn of_revision<T>(rows: &mut Peekable<impl Iterator<Item = T>>, revision: i64, of: impl Fn(&T) -> i64) -> Vec<T> {
    while rows.next_if(|row| of(row) < revision).is_some() {}
    std::iter::from_fn(|| rows.next_if(|row| of(row) == revision)).collect()
}

pub(super) fn checkpoint((size, root, note, at): CheckpointRow) -> StoredCheckpoint {
    StoredCheckpoint { size, root, note, at }
}

pub(super) fn leaf((revision, entry, leaf_hash): (i64, Vec<u8>, Vec<u8>)) -> LeafEvidence {
    LeafEvidence { revision, entry, leaf_hash }
}

fn of_event(row: EventRow) -> (Columns, Vec<u8>, Vec<u8>) {
    let (
        revision,
        event_id,
        recorded_at,
        action,
        outcome,
        actor_id,
        actor_kind,
        gateway_group,
        resource_kind,
        resource_id,
        request_id,
        causation_revision,
        entry,
        leaf_hash,
    ) = row;
    let columns = Columns {
        revision,
        event_id,
        recorded_at,
        action,
        outcome,
        actor_id,
        actor_kind,
        gateway_group,
        resource_kind,
        resource_id,
        request_id,
        causation_revision,
    };
    (columns, entry, leaf_hash)
}

fn of_change(row: ChangeRow) -> ChangeEvidence {
    let (_, ordinal, key, value, create_revision, version, prev_revision, lease_id, _) = row;
    ChangeEvidence { ordinal, key, value, create_revision, version, prev_revision, lease_id }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_page_is_cut_by_size_between_two_revisions() {
        const MIB: usize = 1 << 20;
        for (rows, kept, complete) in [
            (vec![], 0, 9),
            (vec![(1, MIB), (1, MIB), (3, MIB)], 3, 9),
            (vec![(1, MIB), (2, 3 * MIB), (4, 1), (5, 1)], 2, 3),
            (vec![(1, MIB), (2, 3 * MIB), (2, MIB), (2, MIB), (3, 1)], 4, 2),
            (vec![(1, 9 * MIB), (2, 1)], 1, 1),
        ] {
            let rows = rows.into_iter().map(Ok);
            let (page, last) = page(stream::iter(rows), 9, |row: &(i64, usize)| *row).await.unwrap();
            assert_eq!((page.len(), last), (kept, complete), "{page:?}");
        }
    }
}
