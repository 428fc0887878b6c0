//! What a transaction means: evaluation over a draft of the next state.
//!
//! A batch of proposals is evaluated one after the other on an [`Overlay`] over the committed state; each proposal
//! works on a [`Draft`] that is kept or dropped as a whole. No SQL, no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::{Compare, Delete, Error, Op, OpAnswer, Operand, Put, Relation, Txn, TxnAnswer};
use crate::keyspace::{Change, Committed, KeyRange, KeySet, KeyValue, RangeQuery, View};

/// The committed state plus the events of the batch that are decided but not committed yet.
pub(crate) struct Overlay<'a> {
    base: &'a dyn View,
    pending: BTreeMap<Bytes, Option<Arc<KeyValue>>>,
    /// The pending events one by one, for reads at a revision between.
    events: Vec<Arc<Committed>>,
}

/// The state inside one proposal: the overlay plus the proposal's own changes.
pub(crate) struct Draft<'o, 'a> {
    overlay: &'o Overlay<'a>,
    changes: Vec<Change>,
    index: BTreeMap<Bytes, usize>,
    leases: &'o dyn Leases,
    past: &'o dyn Past,
}

/// Whether a lease exists.
pub(crate) trait Leases {
    /// Whether the lease exists in the state that the transaction follows.
    fn exists(&self, id: i64) -> bool;
}

/// Answers reads at an older revision from memory.
pub(crate) trait Past {
    /// Keys of a range as of a revision below the current one; an error when compacted or out of memory's reach.
    fn range_at(&self, range: &KeyRange, revision: i64) -> Result<Vec<Arc<KeyValue>>, Error>;
}

// === impl Overlay ===

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: &'a dyn View) -> Self {
        Self { base, pending: BTreeMap::new(), events: Vec::new() }
    }

    /// Takes the changes of a decided event over; its revision is the next one.
    pub(crate) fn commit(&mut self, event: Arc<Committed>) {
        for change in &event.changes {
            self.pending.insert(change.key.clone(), change.after.clone());
        }
        self.events.push(event);
    }

    /// The keys of a set as of a revision up to the current one.
    fn keys_at(&self, set: &KeySet, revision: i64, past: &dyn Past) -> Result<Vec<Arc<KeyValue>>, Error> {
        let found: Result<Vec<_>, Error> = set.ranges().map(|range| self.range_at(range, revision, past)).collect();
        Ok(found?.concat())
    }

    fn range_at(&self, range: &KeyRange, revision: i64, past: &dyn Past) -> Result<Vec<Arc<KeyValue>>, Error> {
        let Ok(pending @ 1..) = usize::try_from(revision - self.base.revision()) else {
            return past.range_at(range, revision);
        };
        let newer = self
            .events
            .iter()
            .take(pending)
            .flat_map(|event| &event.changes)
            .filter(|change| range.contains(&change.key));
        Ok(merge(self.base.range(range), newer.map(|change| (change.key.clone(), change.after.clone()))))
    }
}

impl View for Overlay<'_> {
    fn revision(&self) -> i64 {
        self.base.revision() + self.events.len() as i64
    }

    fn get(&self, key: &[u8]) -> Option<Arc<KeyValue>> {
        match self.pending.get(key) {
            Some(pending) => pending.clone(),
            None => self.base.get(key),
        }
    }

    fn range(&self, range: &KeyRange) -> Vec<Arc<KeyValue>> {
        let base = self.base.range(range);
        merge(base, self.pending.iter().filter(|(key, _)| range.contains(key)).map(|(k, v)| (k.clone(), v.clone())))
    }

    fn keys_of_lease(&self, lease: i64) -> Vec<Bytes> {
        attached(self, lease, self.base.keys_of_lease(lease), self.pending.keys())
    }
}

/// Of the keys that were attached or have changed since, those that are attached now.
fn attached<'k>(
    view: &dyn View,
    lease: i64,
    before: Vec<Bytes>,
    changed: impl Iterator<Item = &'k Bytes>,
) -> Vec<Bytes> {
    let candidates: BTreeSet<Bytes> = before.into_iter().chain(changed.cloned()).collect();
    candidates.into_iter().filter(|key| view.get(key).is_some_and(|kv| kv.lease == lease)).collect()
}

/// Lays newer values (or deletions) over keys that are in key order.
fn merge(base: Vec<Arc<KeyValue>>, newer: impl Iterator<Item = (Bytes, Option<Arc<KeyValue>>)>) -> Vec<Arc<KeyValue>> {
    let newer: Vec<_> = newer.collect();
    if newer.is_empty() {
        return base;
    }
    let mut keys: BTreeMap<Bytes, Arc<KeyValue>> = base.into_iter().map(|kv| (kv.key.clone(), kv)).collect();
    for (key, value) in newer {
        match value {
            Some(value) => keys.insert(key, value),
            None => keys.remove(&key),
        };
    }
    keys.into_values().collect()
}

// === impl Draft ===

impl<'o, 'a> Draft<'o, 'a> {
    pub(crate) fn new(overlay: &'o Overlay<'a>, leases: &'o dyn Leases, past: &'o dyn Past) -> Self {
        Self { overlay, changes: Vec::new(), index: BTreeMap::new(), leases, past }
    }

    /// Carries the transaction out on the draft. After an error the draft must be dropped.
    pub(crate) fn run(&mut self, txn: &Txn) -> Result<TxnAnswer, Error> {
        let path = self.choose(txn);
        let mut path = path.into_iter();
        self.run_chosen(txn, &mut path)
    }

    /// The key changes, in order.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Evaluates the compares of the transaction and, in order of visit, those of the nested ones that will run. All of
    /// them see the state before any operation (etcd: compareToPath).
    fn choose(&self, txn: &Txn) -> Vec<bool> {
        let holds = txn.compares.iter().all(|compare| self.holds(compare));
        let mut path = vec![holds];
        for op in if holds { &txn.success } else { &txn.failure } {
            if let Op::Txn(inner) = op {
                path.extend(self.choose(inner));
            }
        }
        path
    }

    fn run_chosen(&mut self, txn: &Txn, path: &mut impl Iterator<Item = bool>) -> Result<TxnAnswer, Error> {
        let succeeded = path.next().unwrap_or_default();
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let mut answers = Vec::with_capacity(ops.len());
        for op in ops {
            answers.push(match op {
                Op::Range(query) => self.range_op(query)?,
                Op::Put(put) => self.put(put)?,
                Op::Delete(delete) => self.delete(delete),
                Op::Txn(inner) => OpAnswer::Txn(self.run_chosen(inner, path)?),
            });
        }
        Ok(TxnAnswer { succeeded, answers })
    }

    fn holds(&self, compare: &Compare) -> bool {
        let kvs = self.keys(&compare.keys);
        if kvs.is_empty() {
            return holds_for(None, compare);
        }
        kvs.iter().all(|kv| holds_for(Some(kv), compare))
    }

    fn range_op(&self, query: &RangeQuery) -> Result<OpAnswer, Error> {
        // etcd checks the revision asked for against the state before the transaction.
        let kvs = match query.revision {
            asked if asked > self.overlay.revision() => return Err(Error::FutureRevision),
            asked if asked <= 0 => self.keys(&query.keys),
            asked => self.overlay.keys_at(&query.keys, asked, self.past)?,
        };
        Ok(OpAnswer::Range { revision: self.revision(), answer: query.answer(kvs) })
    }

    fn put(&mut self, put: &Put) -> Result<OpAnswer, Error> {
        let before = self.get(&put.key);
        let kept = |missing: Error| before.as_ref().ok_or(missing);
        // Copies: what came over the network is a piece of a buffer that is many times as large and would live as long as the key.
        let key = Bytes::copy_from_slice(&put.key);
        let value = match &put.value {
            Some(value) => Bytes::copy_from_slice(value),
            None => kept(Error::KeyNotFound)?.value.clone(),
        };
        let lease = match put.lease {
            Some(lease) => lease,
            None => kept(Error::KeyNotFound)?.lease,
        };
        if put.lease.is_some_and(|lease| lease != 0 && !self.leases.exists(lease)) {
            return Err(Error::LeaseNotFound);
        }
        let mod_revision = self.overlay.revision() + 1;
        let after = KeyValue {
            key: key.clone(),
            value,
            create_revision: before.as_ref().map_or(mod_revision, |kv| kv.create_revision),
            mod_revision,
            version: before.as_ref().map_or(1, |kv| kv.version + 1),
            lease,
        };
        self.record(key, before.clone(), Some(Arc::new(after)));
        Ok(OpAnswer::Put { prev_kv: before.filter(|_| put.prev_kv) })
    }

    fn delete(&mut self, delete: &Delete) -> OpAnswer {
        let gone = self.range(&delete.range);
        for kv in &gone {
            self.record(kv.key.clone(), Some(kv.clone()), None);
        }
        let deleted = i64::try_from(gone.len()).unwrap_or(i64::MAX);
        OpAnswer::Delete { deleted, prev_kvs: if delete.prev_kv { gone } else { Vec::new() } }
    }

    /// Records a change; a second change of the same key within the event folds into the first.
    fn record(&mut self, key: Bytes, before: Option<Arc<KeyValue>>, after: Option<Arc<KeyValue>>) {
        if let Some(&at) = self.index.get(&key) {
            self.changes[at].after = after;
            return;
        }
        self.index.insert(key.clone(), self.changes.len());
        self.changes.push(Change { key, after, before });
    }
}

impl View for Draft<'_, '_> {
    fn revision(&self) -> i64 {
        self.overlay.revision() + i64::from(!self.changes.is_empty())
    }

    fn get(&self, key: &[u8]) -> Option<Arc<KeyValue>> {
        match self.index.get(key) {
            Some(&at) => self.changes[at].after.clone(),
            None => self.overlay.get(key),
        }
    }

    fn range(&self, range: &KeyRange) -> Vec<Arc<KeyValue>> {
        let own = self.index.iter().filter(|(key, _)| range.contains(key));
        merge(self.overlay.range(range), own.map(|(key, &at)| (key.clone(), self.changes[at].after.clone())))
    }

    fn keys_of_lease(&self, lease: i64) -> Vec<Bytes> {
        attached(self, lease, self.overlay.keys_of_lease(lease), self.index.keys())
    }
}

/// A missing key compares as 0 in each counter; its value compares as false.
fn holds_for(kv: Option<&Arc<KeyValue>>, compare: &Compare) -> bool {
    let counter = |of: fn(&KeyValue) -> i64| kv.map_or(0, |kv| of(kv));
    let ordering = match &compare.operand {
        Operand::Version(v) => counter(|kv| kv.version).cmp(v),
        Operand::Create(v) => counter(|kv| kv.create_revision).cmp(v),
        Operand::Mod(v) => counter(|kv| kv.mod_revision).cmp(v),
        Operand::Lease(v) => counter(|kv| kv.lease).cmp(v),
        Operand::Value(v) => match kv {
            Some(kv) => kv.value.cmp(v),
            None => return false,
        },
    };
    match compare.relation {
        Relation::Equal => ordering.is_eq(),
        Relation::NotEqual => ordering.is_ne(),
        Relation::Greater => ordering.is_gt(),
        Relation::Less => ordering.is_lt(),
    }
}

#[cfg(test)]
mod tests;
