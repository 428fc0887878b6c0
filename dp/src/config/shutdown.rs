//! Section `shutdown`.

use std::time::Duration;

use serde::Deserialize;

/// The end of the process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long requests may take to finish after the signal.
    pub drain_seconds: u64,
}

// === impl Shutdown ===

impl Default for Shutdown {
    fn default() -> Self {
        Self { drain_seconds: 10 }
    }
}

impl Shutdown {
    /// The same as a duration.
    #[must_use]
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}
