//! How long to wait before a task is made again.

use std::time::Duration;

/// Pauses that double from `first` to `most`. A task that ran for longer than `most` starts over at `first`.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The pause after the first failure.
    pub first: Duration,
    /// The longest pause.
    pub most: Duration,
}

/// Where a task stands in its backoff.
#[derive(Debug)]
pub(super) struct Pauses {
    backoff: Backoff,
    next: Duration,
}

// === impl Backoff ===

impl Default for Backoff {
    /// 100 ms to 30 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(100), most: Duration::from_secs(30) }
    }
}

// === impl Pauses ===

impl Pauses {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, next: backoff.first }
    }

    /// The pause after an attempt that ran for `ran`.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran > self.backoff.most {
            self.next = self.backoff.first;
        }
        let pause = self.next.min(self.backoff.most);
        self.next = pause.saturating_mul(2);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_most_and_start_over_after_a_good_run() {
        let second = Duration::from_secs(1);
        let mut pauses = Pauses::new(Backoff { first: second, most: second * 5 });
        let taken: Vec<_> = (0..4).map(|_| pauses.after(Duration::ZERO).as_secs()).collect();
        assert_eq!(taken, [1, 2, 4, 5]);
        assert_eq!(pauses.after(second * 6), second);
    }
}
