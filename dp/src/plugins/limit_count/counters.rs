//! Counters by key, shared by all workers. They are spread over shards, so that two workers meet at a lock only
//! when they count the same shard at the same moment, and the lock is held for one look into a map.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;

use super::taken::Taken;

/// Number of shards: well above the number of cores that meet here.
const SHARDS: usize = 64;
/// A shard looks for counters that are over when it has grown to this many, and at each doubling.
const SWEEP_FROM: usize = 1024;

/// Counters of one configuration.
#[derive(Debug)]
pub(super) struct Counters {
    shards: Box<[Shard]>,
    hasher: RandomState,
}

/// On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(Mutex<Windows>);

#[derive(Debug, Default)]
struct Windows {
    by_key: HashMap<Box<str>, Window>,
    sweep_at: usize,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    used: u64,
    began_micros: i64,
    ends_micros: i64,
}

/// A worker whose request began a little earlier is still in the window that another one has begun; a clock that is
/// further behind was set back, and must not lock a key out for longer than a window.
const BEHIND_MICROS: i64 = 10_000_000;

// === impl Counters ===

impl Default for Counters {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Shard::default).take(SHARDS).collect();
        Self { shards, hasher: RandomState::new() }
    }
}

impl Counters {
    /// Counts one request of `key`.
    pub(super) fn take(&self, key: &str, count: u64, window_micros: i64, now_micros: i64) -> Taken {
        let hash = self.hasher.hash_one(key);
        let shard = &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)];
        shard.0.lock().take(key, count, window_micros, now_micros)
    }
}

// === impl Windows ===

impl Windows {
    fn take(&mut self, key: &str, count: u64, window_micros: i64, now: i64) -> Taken {
        let fresh = Window { used: 0, began_micros: now, ends_micros: now.saturating_add(window_micros) };
        let window = match self.by_key.get_mut(key) {
            Some(window) => window,
            None => {
                self.sweep(now);
                self.by_key.entry(key.into()).or_insert(fresh)
            }
        };
        if now >= window.ends_micros || now < window.began_micros.saturating_sub(BEHIND_MICROS) {
            *window = fresh;
        }
        window.used = window.used.saturating_add(1);
        Taken::fixed(window.used, count, window.ends_micros - now.max(window.began_micros))
    }

    fn sweep(&mut self, now: i64) {
        if self.by_key.len() < self.sweep_at.max(SWEEP_FROM) {
            return;
        }
        self.by_key.retain(|_, window| window.ends_micros > now);
        self.sweep_at = self.by_key.len() * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_window_begins_with_its_first_request_and_ends() {
        let counters = Counters::default();
        let take = |now| counters.take("k", 2, 10 * SECOND, now);
        assert_eq!(take(50 * SECOND), Taken { allowed: true, remaining: 1, reset: 1000 });
        assert_eq!(take(51 * SECOND), Taken { allowed: true, remaining: 0, reset: 900 });
        assert_eq!(take(52 * SECOND), Taken { allowed: false, remaining: 0, reset: 800 });
        assert_eq!(take(50 * SECOND - 1), Taken { allowed: false, remaining: 0, reset: 1000 }, "a worker is late");
        assert!(take(60 * SECOND).allowed);
        assert!(take(10 * SECOND).allowed, "the clock was set back");
    }

    #[test]
    fn a_shorter_window_does_not_begin_another_one() {
        let counters = Counters::default();
        assert!(counters.take("k", 1, 60 * SECOND, 0).allowed);
        assert!(!counters.take("k", 1, SECOND, 1).allowed, "the length may come from the request");
    }

    #[test]
    fn threads_share_one_count() {
        let counters = Counters::default();
        let allowed: usize = std::thread::scope(|scope| {
            let run = || (0..1000).filter(|_| counters.take("k", 700, SECOND, 0).allowed).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(allowed, 700);
    }

    #[test]
    fn old_counters_go() {
        let mut windows = Windows::default();
        for key in 0..10_000_i64 {
            windows.take(&key.to_string(), 1, SECOND, key * SECOND);
        }
        assert!(windows.by_key.len() <= 2 * SWEEP_FROM, "{}", windows.by_key.len());
    }
}
