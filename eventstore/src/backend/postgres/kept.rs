//! A connection that stays out of its pool between two uses: each time the pool gives one out it asks whether it still lives, which
//! is a round trip.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;

/// After so long without use the pool is asked again, which tries a connection before it gives it out.
const RESTED: Duration = Duration::from_secs(1);

/// The connection, if nobody uses it.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<(PoolConnection<Postgres>, Instant)>>);

// === impl Kept ===

impl Kept {
    /// The connection of the last use, unless it has rested. It may be dead, which shows in the next statement.
    pub(super) fn last(&self) -> Option<PoolConnection<Postgres>> {
        let (connection, since) = self.0.lock().take()?;
        (since.elapsed() < RESTED).then_some(connection)
    }

    /// Keeps a connection for the next use.
    pub(super) fn keep(&self, connection: PoolConnection<Postgres>) {
        *self.0.lock() = Some((connection, Instant::now()));
    }
}
