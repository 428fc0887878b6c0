//! Section `shutdown`.

use std::time::Duration;

use serde::Deserialize;

/// How the process ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// Time for requests and streams in flight, in seconds.
    pub drain_seconds: u64,
}

// === impl Shutdown ===

impl Shutdown {
    /// Time for requests and streams in flight.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { drain_seconds: 10 }
    }
}
