//! A histogram of milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Adds to a counter that one thread writes and others only read: no bus is locked for it.
pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

/// The histogram.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds of the buckets, in milliseconds; one more is for what is above.
    bounds: Arc<[u64]>,
    /// Observations per bucket, not cumulated: one addition per observation.
    buckets: Box<[AtomicU64]>,
    sum_micros: AtomicU64,
}

// === impl Histogram ===

impl Histogram {
    /// An empty one.
    #[must_use]
    pub fn new(bounds: &Arc<[u64]>) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::default()).collect();
        Self { bounds: bounds.clone(), buckets, sum_micros: AtomicU64::default() }
    }

    /// Adds an observation. Only its worker may call this.
    pub fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let within = |bound: &u64| micros <= bound.saturating_mul(1000);
        let at = self.bounds.iter().position(within).unwrap_or(self.bounds.len());
        bump(&self.buckets[at], 1);
        bump(&self.sum_micros, micros);
    }

    /// Adds all observations of another one.
    pub fn add(&self, other: &Self) {
        for (mine, theirs) in self.buckets.iter().zip(&*other.buckets) {
            mine.fetch_add(theirs.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.sum_micros.fetch_add(other.sum_micros.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether nothing was observed.
    pub fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.load(Ordering::Relaxed) == 0)
    }

    /// Bound of each bucket and the number of observations up to it; the last has no bound.
    pub fn cumulated(&self) -> impl Iterator<Item = (Option<u64>, u64)> + '_ {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(&*self.buckets).scan(0, |sum, (bound, bucket)| {
            *sum += bucket.load(Ordering::Relaxed);
            Some((bound, *sum))
        })
    }

    /// Sum of all observations in microseconds.
    pub fn sum_micros(&self) -> u64 {
        self.sum_micros.load(Ordering::Relaxed)
    }
}
