//! Section `report`.

use std::time::Duration;

use serde::Deserialize;

use super::Invalid;

/// What this data plane tells the control plane about itself: its version, the revision that it has applied, what went wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Report {
    /// Whether it does. Each report is a write of the key space: switch it off to follow a real etcd that may only be read.
    pub enabled: bool,
    /// Least time between two reports, in seconds: changes that come faster are reported together.
    pub interval_seconds: u64,
}

// === impl Report ===

impl Default for Report {
    fn default() -> Self {
        Self { enabled: true, interval_seconds: 2 }
    }
}

impl Report {
    /// Least time between two reports.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds)
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        match self.interval_seconds {
            1..=3600 => Ok(()),
            _ => Err(Invalid { setting: "report.interval_seconds", reason: "must be 1 to 3600".to_owned() }),
        }
    }
}
