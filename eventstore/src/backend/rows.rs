//! Rows as tuples, the same for every database, and what they become.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{Head, PAGE_BYTES, Request};
use crate::error::Error;
use crate::keyspace::{Change, Committed, KeyValue};
use crate::lease::Lease;
use crate::merkle::Frontier;
use crate::read::StoredEvent;

/// epoch, revision, recorded_at, tree_frontier, compact_revision
pub(super) type HeadRow = (String, i64, i64, Vec<u8>, i64);
/// key, value, create_revision, mod_revision, version, lease_id
pub(super) type KeyRow = (Vec<u8>, Vec<u8>, i64, i64, i64, i64);
/// The same, of a key that may have been deleted.
pub(super) type ChangedKeyRow = (Vec<u8>, Option<Vec<u8>>, i64, i64, i64, i64);
/// revision, entry, context body, leaf_hash
pub(super) type EventRow = (i64, Vec<u8>, Option<Vec<u8>>, Vec<u8>);
/// revision, key, value, create_revision, version, lease_id, prev_revision, and the previous value, create_revision,
/// version, lease_id
pub(super) type ChangeRow =
    (i64, Vec<u8>, Option<Vec<u8>>, i64, i64, i64, i64, Option<Vec<u8>>, Option<i64>, Option<i64>, Option<i64>);
/// id, ttl_seconds, expires_at, owner
pub(super) type LeaseRow = (i64, i64, i64, Option<String>);
/// revision, recorded_at, bytes of the values that its changes have and had
pub(super) type SizedEventRow = (i64, i64, i64);

/// actor_id, idempotency_key, body_hash, revision
pub(super) type RequestRow = (String, String, Vec<u8>, i64);

pub(super) fn head((epoch, revision, recorded_at, frontier, compact_revision): HeadRow) -> Result<Head, Error> {
    let frontier = u64::try_from(revision)
        .ok()
        .and_then(|size| Frontier::from_bytes(size, &frontier))
        .ok_or_else(|| Error::Corrupt(format!("the tree frontier does not fit revision {revision}")))?;
    Ok(Head { epoch, revision, recorded_at, frontier, compact_revision })
}

pub(super) fn key_value((key, value, create_revision, mod_revision, version, lease): KeyRow) -> KeyValue {
    KeyValue { key: key.into(), value: value.into(), create_revision, mod_revision, version, lease }
}

/// The keys as they are once those that changed are put over those that were kept, in order.
pub(super) fn keys(kept: Vec<KeyRow>, changed: Vec<ChangedKeyRow>) -> Vec<KeyValue> {
    let changed: BTreeMap<_, _> = changed
        .into_iter()
        .map(|(key, value, create, revision, version, lease)| {
            (key.clone(), value.map(|value| key_value((key, value, create, revision, version, lease))))
        })
        .collect();
    let mut keys: Vec<_> = kept.into_iter().filter(|row| !changed.contains_key(&row.0)).map(key_value).collect();
    keys.extend(changed.into_values().flatten());
    keys.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    keys
}

pub(super) fn event((revision, entry, context, leaf_hash): EventRow) -> StoredEvent {
    StoredEvent { revision, entry, context, leaf_hash }
}

pub(super) fn request((actor_id, idempotency_key, body_hash, revision): RequestRow) -> Request {
    Request { actor_id, idempotency_key, body_hash, revision, recorded_at: 0 }
}

pub(super) fn lease((id, ttl_seconds, expires_at, owner): LeaseRow) -> Lease {
    Lease { id, ttl_seconds, expires_at, owner }
}

pub(super) fn change(row: ChangeRow) -> (i64, Change) {
    let (
        revision,
        key,
        value,
        create_revision,
        version,
        lease,
        prev_revision,
        prev,
        prev_create,
        prev_version,
        prev_lease,
    ) = row;
    let key = Bytes::from(key);
    let after = value.map(|value| {
        Arc::new(KeyValue {
            key: key.clone(),
            value: value.into(),
            create_revision,
            mod_revision: revision,
            version,
            lease,
        })
    });
    let before = prev.map(|value| {
        Arc::new(KeyValue {
            key: key.clone(),
            value: value.into(),
            create_revision: prev_create.unwrap_or_default(),
            mod_revision: prev_revision,
            version: prev_version.unwrap_or_default(),
            lease: prev_lease.unwrap_or_default(),
        })
    });
    (revision, Change { key, after, before })
}

/// The first of the events that fit into a page, at least one.
pub(super) fn page(events: Vec<SizedEventRow>) -> Vec<(i64, i64)> {
    let mut bytes = 0;
    let fits = |&(_, _, size): &SizedEventRow| {
        let fits = bytes < PAGE_BYTES;
        bytes += size;
        fits
    };
    events.into_iter().take_while(fits).map(|(revision, recorded_at, _)| (revision, recorded_at)).collect()
}

/// Joins the events after a revision with their changes; both in order of revision.
pub(super) fn committed(events: Vec<(i64, i64)>, changes: Vec<ChangeRow>) -> Vec<Committed> {
    let mut changes = changes.into_iter().map(change).peekable();
    let join = |(revision, recorded_at)| {
        let mut own = Vec::new();
        while let Some((_, change)) = changes.next_if(|(of, _)| *of == revision) {
            own.push(change);
        }
        Committed { revision, recorded_at, changes: own }
    };
    events.into_iter().map(join).collect()
}
