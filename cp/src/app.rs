//! What handlers can do, built in one place and shared as one `Arc`.

use std::sync::Arc;

use portolan_eventstore::proof::Checkpoints;
use portolan_eventstore::{Appended, Change, EventStore, Proposal};
use portolan_model::Keyring;
use portolan_rt::clock::Clock;
use tokio::time::Instant;

use crate::auth::denials::Denials;
use crate::auth::keys::Keys;
use crate::auth::limiter::Limiter;
use crate::auth::passwords::Passwords;
use crate::ca::{Authority, Seal};
use crate::disclosure::Disclosures;
use crate::error::ApiError;
use crate::instances::Configured;
use crate::mask::Mask;
use crate::metrics::Metrics;
use crate::refusal;

/// The capabilities of a control plane.
pub struct App {
    /// The log and the key space.
    pub store: EventStore,
    /// Signs it.
    pub checkpoints: Checkpoints,
    /// Its kind: `sqlite`, `postgres` or `mysql`.
    pub backend: &'static str,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The Admin API keys.
    pub keys: Keys,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Counts failed logins.
    pub limiter: Limiter,
    /// Counts requests without credentials.
    pub denials: Denials,
    /// Remembers who was shown secrets.
    pub disclosures: Disclosures,
    /// Seals private keys for the store.
    pub seal: Arc<Seal>,
    /// Signs certificates.
    pub authority: Arc<Authority>,
    /// Hides secrets.
    pub mask: Mask,
    /// Encrypts them where they are stored.
    pub keyring: Keyring,
    /// Whether there are stream routes.
    pub stream: bool,
    /// What data planes should have applied.
    pub configured: Configured,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}

// === impl App ===

impl App {
    /// Hands a proposal to the log and waits until its outcome is durable. The only way to write.
    ///
    /// # Errors
    /// When the log is unavailable or can't carry it out.
    pub async fn append(&self, proposal: Proposal) -> Result<Appended, ApiError> {
        let start = Instant::now();
        let result = self.store.append(refusal::bounded(proposal)).await;
        self.metrics.appended(&result, start.elapsed());
        Ok(result?)
    }

    /// The same for a proposal that always becomes an event: its revision and its key changes.
    ///
    /// # Errors
    /// As [`Self::append`], or that it was refused.
    pub async fn commit(&self, proposal: Proposal) -> Result<(i64, Vec<Change>), ApiError> {
        match self.append(proposal).await? {
            Appended::Committed { revision, changes, .. } => Ok((revision, changes)),
            Appended::Refused { refusal, .. } => Err(ApiError::Refused(refusal)),
            Appended::Unchanged { .. } => Err(ApiError::internal("a proposal that decided nothing")),
        }
    }

    /// The time in seconds since 1970.
    pub fn now_seconds(&self) -> i64 {
        self.clock.now_micros().div_euclid(1_000_000)
    }
}
