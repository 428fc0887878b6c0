//! etcd's Range options, applied to the keys of a range (rpc.proto, RangeRequest).

use std::cmp::Ordering;
use std::sync::Arc;

use super::{KeySet, KeyValue};

/// A Range request in etcd's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeQuery {
    /// Which keys.
    pub keys: KeySet,
    /// As of which revision; 0 or less = the current one.
    pub revision: i64,
    /// At most this many keys; 0 or less = all.
    pub limit: i64,
    /// Order of the answer.
    pub order: SortOrder,
    /// What is compared when sorting.
    pub target: SortTarget,
    /// Leave the values out.
    pub keys_only: bool,
    /// Answer only the count.
    pub count_only: bool,
    /// Bounds on the revisions of the keys.
    pub filter: Filter,
}

/// Direction of the sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// Key order; ascending by the target when that is not the key.
    #[default]
    None,
    /// Smallest first.
    Ascend,
    /// Largest first.
    Descend,
}

/// What the sort compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortTarget {
    /// The key's bytes.
    #[default]
    Key,
    /// The version counter.
    Version,
    /// The creating revision.
    Create,
    /// The last revision.
    Mod,
    /// The value's bytes.
    Value,
}

/// Bounds on revisions; 0 = no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Lowest `mod_revision`.
    pub min_mod_revision: i64,
    /// Highest `mod_revision`.
    pub max_mod_revision: i64,
    /// Lowest `create_revision`.
    pub min_create_revision: i64,
    /// Highest `create_revision`.
    pub max_create_revision: i64,
}

/// The answer to a [`RangeQuery`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeAnswer {
    /// The keys, filtered, sorted and limited.
    pub kvs: Vec<Arc<KeyValue>>,
    /// Whether the limit cut keys off.
    pub more: bool,
    /// Number of keys in the range, whatever the limit and the filters (etcd's rule).
    pub count: i64,
}

// === impl RangeQuery ===

impl RangeQuery {
    /// All of these keys, now, in key order.
    pub fn all(keys: impl Into<KeySet>) -> Self {
        Self {
            keys: keys.into(),
            revision: 0,
            limit: 0,
            order: SortOrder::None,
            target: SortTarget::Key,
            keys_only: false,
            count_only: false,
            filter: Filter::default(),
        }
    }

    /// Applies the options to the keys of the range, given in key order.
    pub fn answer(&self, mut kvs: Vec<Arc<KeyValue>>) -> RangeAnswer {
        let count = i64::try_from(kvs.len()).unwrap_or(i64::MAX);
        if self.count_only {
            return RangeAnswer { kvs: Vec::new(), more: false, count };
        }
        if self.filter != Filter::default() {
            kvs.retain(|kv| self.filter.admits(kv));
        }
        let limit = usize::try_from(self.limit).ok().filter(|limit| *limit > 0);
        let more = limit.is_some_and(|limit| kvs.len() > limit);
        if let Some(limit) = limit
            && self.order == SortOrder::None
            && self.filter == Filter::default()
        {
            // etcd reads no further than one key behind the limit here, and sorts only what it has read.
            kvs.truncate(limit.saturating_add(1));
        }
        self.sort(&mut kvs);
        if let Some(limit) = limit {
            kvs.truncate(limit);
        }
        if self.keys_only {
            for kv in &mut kvs {
                *kv = Arc::new(KeyValue { value: bytes::Bytes::new(), ..KeyValue::clone(kv) });
            }
        }
        RangeAnswer { kvs, more, count }
    }

    fn sort(&self, kvs: &mut [Arc<KeyValue>]) {
        let compare: fn(&KeyValue, &KeyValue) -> Ordering = match self.target {
            SortTarget::Key if self.order != SortOrder::Descend => return, // already in key order
            SortTarget::Key => |a, b| a.key.cmp(&b.key),
            SortTarget::Version => |a, b| a.version.cmp(&b.version),
            SortTarget::Create => |a, b| a.create_revision.cmp(&b.create_revision),
            SortTarget::Mod => |a, b| a.mod_revision.cmp(&b.mod_revision),
            SortTarget::Value => |a, b| a.value.cmp(&b.value),
        };
        match self.order {
            SortOrder::Descend => kvs.sort_by(|a, b| compare(b, a)),
            SortOrder::None | SortOrder::Ascend => kvs.sort_by(|a, b| compare(a, b)),
        }
    }
}

// === impl Filter ===

impl Filter {
    fn admits(&self, kv: &KeyValue) -> bool {
        let within = |value: i64, min: i64, max: i64| (min == 0 || value >= min) && (max == 0 || value <= max);
        within(kv.mod_revision, self.min_mod_revision, self.max_mod_revision)
            && within(kv.create_revision, self.min_create_revision, self.max_create_revision)
    }
}
