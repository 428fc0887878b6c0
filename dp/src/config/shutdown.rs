//! Section `shutdown`.

use std::time::Duration;

use serde::Deserialize;

/// The end of the process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long connections are taken on after the signal, when readiness is off already: as long as balancers need to learn of it.
    pub delay_seconds: u64,
    /// How long requests may take to finish after that.
    pub drain_seconds: u64,
}

// === impl Shutdown ===

impl Default for Shutdown {
    fn default() -> Self {
        Self { delay_seconds: 0, drain_seconds: 10 }
    }
}

impl Shutdown {
    /// See [`Self::delay_seconds`].
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_secs(self.delay_seconds)
    }

    /// From the signal to the end.
    #[must_use]
    pub fn whole(&self) -> Duration {
        Duration::from_secs(self.delay_seconds.saturating_add(self.drain_seconds))
    }
}
