//! Sliding windows on this instance.

use super::taken::{Slid, Taken};
use crate::plugin::sharded::Sharded;

/// Counters of one configuration.
pub(super) type Counters = Sharded<Windows>;

/// What a key has asked for.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// Number of the window since 1970.
    id: i64,
    length_micros: i64,
    current: u64,
    last: u64,
}

/// Counts one request of `key`.
pub(super) fn take(counters: &Counters, key: &str, count: u64, window_micros: i64, now_micros: i64) -> Taken {
    let over = |windows: &Windows| now_micros > (windows.id.saturating_add(2)).saturating_mul(windows.length_micros);
    counters.with(key, over, |windows| windows.take(count, window_micros, now_micros)).taken(count, window_micros)
}

// === impl Windows ===

impl Windows {
    fn take(&mut self, count: u64, window_micros: i64, now: i64) -> Slid {
        self.turn(now.div_euclid(window_micros), window_micros);
        // A worker whose clock is a little behind is still in the window that others have begun.
        let left_micros = (self.id.saturating_add(1).saturating_mul(window_micros) - now).min(window_micros);
        let last = self.last.min(count);
        let estimate = Slid::estimate(last, left_micros, window_micros) + self.current as f64;
        let allowed = self.current < count && estimate < count as f64;
        self.current += u64::from(allowed);
        Slid { allowed, current: self.current, last, left_micros }
    }

    /// To the window of this number.
    fn turn(&mut self, id: i64, window_micros: i64) {
        let (current, last) = match id.saturating_sub(self.id) {
            _ if self.length_micros != window_micros => (0, 0),
            -1 | 0 => return,
            1 => (0, self.current),
            _ => (0, 0),
        };
        *self = Self { id, length_micros: window_micros, current, last };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn what_is_left_of_the_window_before_counts() {
        let counters = Counters::default();
        let take = |now| take(&counters, "k", 4, 10 * SECOND, now);
        let refused = |reset| Taken { allowed: false, remaining: 0, reset };
        let allowed = |remaining, reset| Taken { allowed: true, remaining, reset };
        // The window began at 100 s, not with the first request.
        assert_eq!(take(105 * SECOND), allowed(3, 500));
        for remaining in [2, 1, 0] {
            assert_eq!(take(106 * SECOND), allowed(remaining, 400));
        }
        assert_eq!(take(107 * SECOND), refused(300));
        // 4 of the window before, all of them still to go: one more fits when a quarter is out.
        assert_eq!(take(110 * SECOND), refused(0));
        assert_eq!(take(112_500_000), allowed(0, 750));
        assert_eq!(take(112_500_000), refused(0));
        assert_eq!(take(117_500_000), allowed(1, 250));
        // Two windows later all is forgotten.
        assert_eq!(take(130 * SECOND), allowed(3, 1000));
    }

    #[test]
    fn a_clock_that_is_a_little_behind_changes_nothing() {
        let counters = Counters::default();
        assert!(take(&counters, "k", 1, 10 * SECOND, 110 * SECOND).allowed);
        assert!(!take(&counters, "k", 1, 10 * SECOND, 110 * SECOND - 5).allowed);
        assert!(!take(&counters, "k", 1, 10 * SECOND, 119 * SECOND).allowed);
    }
}
