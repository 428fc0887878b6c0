//! Section `secrets`.

use std::time::Duration;

use serde::Deserialize;

use super::Invalid;

/// How long what a secret manager has answered is good.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// Seconds after which a secret is read again.
    pub ttl: u64,
    /// Seconds after which one that could not be read is asked for again.
    pub neg_ttl: u64,
}

// === impl Secrets ===

impl Default for Secrets {
    fn default() -> Self {
        Self { ttl: 300, neg_ttl: 60 }
    }
}

impl Secrets {
    pub(crate) fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl)
    }

    pub(crate) fn neg_ttl(&self) -> Duration {
        Duration::from_secs(self.neg_ttl)
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        for (setting, seconds) in [("secrets.ttl", self.ttl), ("secrets.neg_ttl", self.neg_ttl)] {
            if !(1..=86_400).contains(&seconds) {
                return Err(Invalid { setting, reason: "must be from 1 to 86400".to_owned() });
            }
        }
        Ok(())
    }
}
