//! Values by key, shared by all workers. They are spread over shards, so that two workers meet at a lock only when they
//! ask for the same shard at the same moment.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;

/// Number of shards: well above the number of cores that meet here.
const SHARDS: usize = 64;
/// A shard looks for values that are over when it has grown to this many, and at each doubling.
const SWEEP_FROM: usize = 1024;

/// Values by key.
#[derive(Debug)]
pub struct Sharded<V> {
    shards: Box<[Shard<V>]>,
    hasher: RandomState,
}

/// On a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Shard<V>(Mutex<Entries<V>>);

#[derive(Debug)]
struct Entries<V> {
    by_key: HashMap<Box<str>, V>,
    sweep_at: usize,
}

// === impl Sharded ===

impl<V> Default for Sharded<V> {
    fn default() -> Self {
        let shard = || Shard(Mutex::new(Entries { by_key: HashMap::new(), sweep_at: SWEEP_FROM }));
        Self { shards: std::iter::repeat_with(shard).take(SHARDS).collect(), hasher: RandomState::new() }
    }
}

impl<V: Default> Sharded<V> {
    /// Lets a function look at and change the value of a key. Before a shard grows, values that are over leave it.
    pub fn with<T>(&self, key: &str, over: impl Fn(&V) -> bool, change: impl FnOnce(&mut V) -> T) -> T {
        let mut entries = self.shard(key).lock();
        if let Some(value) = entries.by_key.get_mut(key) {
            return change(value);
        }
        if entries.by_key.len() >= entries.sweep_at {
            entries.by_key.retain(|_, value| !over(value));
            entries.sweep_at = (entries.by_key.len() * 2).max(SWEEP_FROM);
        }
        change(entries.by_key.entry(key.into()).or_default())
    }

    fn shard(&self, key: &str) -> &Mutex<Entries<V>> {
        let hash = self.hasher.hash_one(key);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_over_go() {
        let values = Sharded::<u64>::default();
        for key in 0..200_000 {
            values.with(&key.to_string(), |value| *value == 0, |value| *value = key % 2);
        }
        let (all, open) = values.shards.iter().map(|shard| shard.0.lock()).fold((0, 0), |(all, open), entries| {
            (all + entries.by_key.len(), open + entries.by_key.values().filter(|value| **value == 1).count())
        });
        assert_eq!(open, 100_000);
        assert!(all < 180_000, "{all}");
    }
}
