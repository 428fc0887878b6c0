//! Section `runtime`.

use std::num::NonZeroUsize;

use serde::Deserialize;

/// Threads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Runtime {
    /// Worker threads; 0 for one per core.
    pub workers: usize,
}

// === impl Runtime ===

impl Runtime {
    /// The number of worker threads to start.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            workers => workers,
        }
    }
}
