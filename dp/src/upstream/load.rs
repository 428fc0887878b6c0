//! How busy and how fast a node is, as far as a balancer asks. Written by all workers without a lock; it stays when the
//! upstream is compiled again, because the requests under way stay too.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::time::Instant;

/// Seconds in which an old latency loses most of its weight.
const DECAY: f64 = 10.0;

/// Time counts from here.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The load of one node.
#[derive(Debug, Default)]
pub struct Load {
    connections: AtomicU32,
    /// Bits of an f64: seconds.
    latency: AtomicU64,
    /// Bits of an f64: seconds since the start, 0 for never.
    touched: AtomicU64,
}

/// A request under way at a node.
#[derive(Debug)]
pub struct Held(Arc<Load>);

/// Seconds since some moment of this process.
#[must_use]
pub fn now() -> f64 {
    START.elapsed().as_secs_f64()
}

// === impl Load ===

impl Load {
    /// Requests under way.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a request for as long as the guard lives.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Held {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Held(self.clone())
    }

    /// The decayed mean of its latency, in seconds; a node that was not asked for long counts as fast.
    #[must_use]
    pub fn latency(&self, now: f64) -> f64 {
        self.decayed(0.0, now)
    }

    /// Notes how long a request took. Of two that end at once one may be lost.
    pub fn observe(&self, seconds: f64, now: f64) {
        let latency = self.decayed(seconds, now);
        self.latency.store(latency.to_bits(), Ordering::Relaxed);
        self.touched.store(now.to_bits(), Ordering::Relaxed);
    }

    fn decayed(&self, seconds: f64, now: f64) -> f64 {
        let touched = f64::from_bits(self.touched.load(Ordering::Relaxed));
        let latency = f64::from_bits(self.latency.load(Ordering::Relaxed));
        if touched == 0.0 {
            return seconds;
        }
        let weight = (-(now - touched).max(0.0) / DECAY).exp();
        latency * weight + seconds * (1.0 - weight)
    }
}

// === impl Held ===

impl Drop for Held {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
