//! The key space in memory: ordered, multi-version, readable while a write is in progress.
//!
//! The current state is an ordered map. Older states are reached by undoing the newest events, which a bounded
//! window keeps in memory; what lies further back is answered from SQL (`read.rs`). So one copy of each value serves
//! the present, the past and the watchers.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

mod range;
mod set;

pub use range::{Filter, RangeAnswer, RangeQuery, SortOrder, SortTarget};
pub use set::KeySet;

/// Events kept in memory for watchers and for reads of the recent past.
const WINDOW_EVENTS: usize = 65_536;
/// Upper bound of the values that the window keeps alive, in bytes.
const WINDOW_BYTES: usize = 128 * 1024 * 1024;

/// One key at one revision, with etcd's counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// The key; any bytes.
    pub key: Bytes,
    /// The value; any bytes.
    pub value: Bytes,
    /// Revision that created the key (after its last deletion).
    pub create_revision: i64,
    /// Revision of this value.
    pub mod_revision: i64,
    /// 1 at creation, +1 with each put.
    pub version: i64,
    /// Lease that the key is attached to; 0 = none.
    pub lease: i64,
}

/// One key change of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Bytes,
    /// The key after the event; `None` = deleted.
    pub after: Option<Arc<KeyValue>>,
    /// The key before the event; `None` = did not exist.
    pub before: Option<Arc<KeyValue>>,
}

/// A committed event, as watchers see it.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its revision.
    pub revision: i64,
    /// When it was recorded, in microseconds since 1970 UTC; strictly increasing with the revision.
    pub recorded_at: i64,
    /// Its key changes, in the order of the transaction; empty for events that change no key.
    pub changes: Vec<Change>,
}

/// A set of keys in etcd's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// First key.
    pub start: Bytes,
    /// Where the range ends.
    pub end: End,
}

/// The end of a [`KeyRange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Only the start key itself.
    Single,
    /// All keys below this one (exclusive).
    Before(Bytes),
    /// All keys from the start on.
    Unbounded,
}

/// Read access to one consistent state: the committed one, or the one inside a transaction.
pub trait View {
    /// Revision of the last event in this state.
    fn revision(&self) -> i64;
    /// The key's current value.
    fn get(&self, key: &[u8]) -> Option<Arc<KeyValue>>;
    /// All keys of the range, in key order.
    fn range(&self, range: &KeyRange) -> Vec<Arc<KeyValue>>;
    /// All keys of the set, in key order.
    fn keys(&self, set: &KeySet) -> Vec<Arc<KeyValue>> {
        joined(set, |range| Some(self.range(range))).unwrap_or_default()
    }
    /// The keys attached to a lease, in key order.
    fn keys_of_lease(&self, lease: i64) -> Vec<Bytes>;
}

/// What is found in each range of a set, one after the other; `None` when that of one can't be told.
pub(crate) fn joined<T>(set: &KeySet, find: impl FnMut(&KeyRange) -> Option<Vec<T>>) -> Option<Vec<T>> {
    let mut found = set.ranges().map(find);
    // One range needs no copy.
    let mut all = found.next().flatten()?;
    for more in found {
        all.extend(more?);
    }
    Some(all)
}

/// The state itself; `store.rs` keeps it behind a lock that is held only for memory work.
#[derive(Debug, Default)]
pub(crate) struct State {
    keys: BTreeMap<Bytes, Arc<KeyValue>>,
    by_lease: HashMap<i64, BTreeSet<Bytes>>,
    revision: i64,
    compact_revision: i64,
    window: VecDeque<Arc<Committed>>,
    window_bytes: usize,
}

// === impl KeyRange ===

impl KeyRange {
    /// One key.
    pub fn key(key: impl Into<Bytes>) -> Self {
        Self { start: key.into(), end: End::Single }
    }

    /// All keys that begin with `prefix`; the empty prefix means all keys.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        let start: Bytes = prefix.into();
        let mut end = start.to_vec();
        while let Some(last) = end.pop() {
            if last < 0xff {
                end.push(last + 1);
                return Self { start, end: End::Before(end.into()) };
            }
        }
        Self { start, end: End::Unbounded }
    }

    /// The range of etcd's `key` and `range_end` fields: an empty end is the single key, `"\0"` is from the key on.
    pub fn from_etcd(key: Bytes, range_end: Bytes) -> Self {
        let end = match range_end.as_ref() {
            [] => End::Single,
            [0] => End::Unbounded,
            _ => End::Before(range_end),
        };
        Self { start: key, end }
    }

    /// Whether the key lies in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        match &self.end {
            End::Single => key == self.start,
            End::Before(end) => key >= self.start.as_ref() && key < end.as_ref(),
            End::Unbounded => key >= self.start.as_ref(),
        }
    }

    /// Whether no key can lie in the range.
    pub fn is_empty(&self) -> bool {
        matches!(&self.end, End::Before(end) if end <= &self.start)
    }

    /// The part of this range that lies in `other`; `None` when they share no key.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if self.end == End::Single {
            return other.contains(&self.start).then(|| self.clone());
        }
        if other.end == End::Single {
            return self.contains(&other.start).then(|| other.clone());
        }
        let start = self.start.clone().max(other.start.clone());
        let end = match (&self.end, &other.end) {
            (End::Before(a), End::Before(b)) => End::Before(a.min(b).clone()),
            (End::Before(a), _) | (_, End::Before(a)) => End::Before(a.clone()),
            _ => End::Unbounded,
        };
        let both = Self { start, end };
        (!both.is_empty()).then_some(both)
    }

    fn bounds(&self) -> (Bound<Bytes>, Bound<Bytes>) {
        let start = Bound::Included(self.start.clone());
        match &self.end {
            End::Single => (start, Bound::Included(self.start.clone())),
            End::Before(end) => (start, Bound::Excluded(end.clone())),
            End::Unbounded => (start, Bound::Unbounded),
        }
    }
}

// === impl Change ===

impl Change {
    /// Whether it replaced a value that is not known any more: a deletion always does, a put from the second version on.
    pub(crate) fn lost_what_it_replaced(&self) -> bool {
        self.before.is_none() && self.after.as_ref().is_none_or(|kv| kv.version > 1)
    }

    /// Bytes that it keeps in memory, about.
    pub(crate) fn size(&self) -> usize {
        let value = |kv: &Option<Arc<KeyValue>>| kv.as_ref().map_or(0, |kv| kv.value.len());
        self.key.len() + value(&self.after) + value(&self.before) + 128
    }
}

// === impl State ===

impl State {
    /// The state at a revision, as loaded from the `keys` table.
    pub(crate) fn load(keys: Vec<KeyValue>, revision: i64, compact_revision: i64) -> Self {
        let mut state = Self { revision, compact_revision, ..Self::default() };
        for kv in keys {
            state.put(Arc::new(kv));
        }
        state
    }

    /// Reads below this revision are refused; 0 = never compacted.
    pub(crate) fn compact_revision(&self) -> i64 {
        self.compact_revision
    }

    /// Raises the compaction mark.
    pub(crate) fn compact(&mut self, revision: i64) {
        self.compact_revision = self.compact_revision.max(revision);
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Applies a committed event; it must be the next one.
    pub(crate) fn apply(&mut self, event: Arc<Committed>) {
        debug_assert_eq!(event.revision, self.revision + 1, "events are applied without gaps");
        for change in &event.changes {
            self.remove(&change.key);
            if let Some(after) = &change.after {
                self.put(after.clone());
            }
        }
        self.revision = event.revision;
        self.window_bytes += event.changes.iter().map(Change::size).sum::<usize>();
        self.window.push_back(event);
        while self.window.len() > WINDOW_EVENTS || self.window_bytes > WINDOW_BYTES {
            let Some(oldest) = self.window.pop_front() else { break };
            self.window_bytes -= oldest.changes.iter().map(Change::size).sum::<usize>();
        }
    }

    /// Up to `limit` events after `revision`, oldest first; `None` when the window no longer reaches back that far.
    pub(crate) fn events_after(&self, revision: i64, limit: usize) -> Option<Vec<Arc<Committed>>> {
        if revision >= self.revision {
            return Some(Vec::new());
        }
        let first = self.window.front()?.revision;
        let skip = usize::try_from(revision + 1 - first).ok()?;
        Some(self.window.iter().skip(skip).take(limit).cloned().collect())
    }

    /// Whether states as old as this revision can be told from memory.
    pub(crate) fn reaches(&self, revision: i64) -> bool {
        revision >= self.revision || self.window.front().is_some_and(|oldest| oldest.revision <= revision + 1)
    }

    /// The keys of a range as of a revision at or below the current one; `None` when the window is too short.
    pub(crate) fn range_at(&self, range: &KeyRange, revision: i64) -> Option<Vec<Arc<KeyValue>>> {
        if revision >= self.revision {
            return Some(self.range(range));
        }
        let undo = self.events_after(revision, usize::MAX)?;
        let mut keys: BTreeMap<Bytes, Arc<KeyValue>> =
            self.range(range).into_iter().map(|kv| (kv.key.clone(), kv)).collect();
        for change in undo.iter().rev().flat_map(|event| event.changes.iter().rev()) {
            if !range.contains(&change.key) {
                continue;
            }
            match &change.before {
                Some(before) => keys.insert(change.key.clone(), before.clone()),
                None => keys.remove(&change.key),
            };
        }
        Some(keys.into_values().collect())
    }

    fn put(&mut self, kv: Arc<KeyValue>) {
        if kv.lease != 0 {
            self.by_lease.entry(kv.lease).or_default().insert(kv.key.clone());
        }
        self.keys.insert(kv.key.clone(), kv);
    }

    fn remove(&mut self, key: &Bytes) {
        let Some(old) = self.keys.remove(key) else { return };
        if let Some(keys) = self.by_lease.get_mut(&old.lease) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_lease.remove(&old.lease);
            }
        }
    }
}

impl View for State {
    fn revision(&self) -> i64 {
        self.revision
    }

    fn get(&self, key: &[u8]) -> Option<Arc<KeyValue>> {
        self.keys.get(key).cloned()
    }

    fn range(&self, range: &KeyRange) -> Vec<Arc<KeyValue>> {
        if range.is_empty() {
            return Vec::new();
        }
        self.keys.range(range.bounds()).map(|(_, kv)| kv.clone()).collect()
    }

    fn keys_of_lease(&self, lease: i64) -> Vec<Bytes> {
        self.by_lease.get(&lease).map(|keys| keys.iter().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
