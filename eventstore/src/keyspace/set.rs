//! Several ranges that are asked for as one: what is left of a range when parts of it are not for the one who asks.

use std::iter;

use super::{End, KeyRange};

/// Ranges that share no key, in key order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    first: KeyRange,
    // Nearly always none, and an empty vector costs no allocation.
    more: Vec<KeyRange>,
}

// === impl KeySet ===

impl KeySet {
    /// The set of these ranges, which are in key order and share no key.
    pub fn of(ranges: impl IntoIterator<Item = KeyRange>) -> Self {
        let mut ranges = ranges.into_iter().filter(|range| !range.is_empty());
        let nothing = || KeyRange { start: bytes::Bytes::new(), end: End::Before(bytes::Bytes::new()) };
        let first = ranges.next().unwrap_or_else(nothing);
        Self { first, more: ranges.collect() }
    }

    /// Its ranges.
    pub fn ranges(&self) -> impl Iterator<Item = &KeyRange> {
        iter::once(&self.first).chain(&self.more)
    }

    /// Whether the key is one of the set.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.ranges().any(|range| range.contains(key))
    }

    /// Whether no key can be in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges().all(KeyRange::is_empty)
    }
}

impl From<KeyRange> for KeySet {
    fn from(range: KeyRange) -> Self {
        Self { first: range, more: Vec::new() }
    }
}
