//! Committing a batch, and finding out whether it was committed when the database did not say.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Writer;
use crate::backend::{Batch, CommitError, EventRow, Head, Locked};
use crate::error::Error;
use crate::keyspace::View;

/// How long the outcome of a COMMIT whose answer was lost is looked for before the callers are told "unknown".
const LOOK_UP: Duration = Duration::from_secs(10);
/// Pause between two attempts to reach a database that is away.
const RETRY: Duration = Duration::from_millis(200);

// === impl Writer ===

impl Writer {
    /// Whether the batch that was sent without the lock is in the log. If not, nothing of it is.
    pub(super) async fn is_written(
        &self,
        batch: &Batch,
        before: &Head,
        result: Result<(), CommitError>,
    ) -> Result<bool, Error> {
        match result {
            Ok(()) => Ok(true),
            Err(CommitError::Moved) => Ok(false),
            Err(CommitError::NotWritten(error)) => Err(Error::Unavailable(error)),
            Err(CommitError::Unknown(error)) => Ok(self.resolve(before, batch, error).await?.is_ok()),
        }
    }

    /// Writes the batch in the transaction that holds the lock.
    pub(super) async fn commit(&self, lock: Box<dyn Locked>, batch: &Arc<Batch>, before: &Head) -> Result<(), Error> {
        match lock.commit(batch.clone()).await {
            Ok(()) => Ok(()),
            Err(CommitError::NotWritten(error)) => Err(Error::Unavailable(error)),
            Err(CommitError::Moved) => Err(Error::Corrupt("the head moved while it was locked".to_owned())),
            Err(CommitError::Unknown(error)) => self.resolve(before, batch, error).await?.map_err(Error::Unavailable),
        }
    }

    /// Looks up whether a batch was committed. The inner error is the one that left it open, when it was not.
    async fn resolve(
        &self,
        before: &Head,
        batch: &Batch,
        error: sqlx::Error,
    ) -> Result<Result<(), sqlx::Error>, Error> {
        tracing::warn!(%error, "the answer to COMMIT was lost; looking the outcome up");
        let Some(last) = batch.events.last() else { return Ok(Err(error)) };
        match self.look_up(before, last).await? {
            Some(true) => Ok(Ok(())),
            Some(false) => Ok(Err(error)),
            None => Err(Error::Unknown(error)),
        }
    }

    /// Whether the batch that ends with this event was committed. The head lock makes the answer final: a transaction
    /// that is still open somewhere holds it. `None` when the database stays away.
    async fn look_up(&self, before: &Head, last: &EventRow) -> Result<Option<bool>, Error> {
        let deadline = Instant::now() + LOOK_UP;
        loop {
            match self.shared.backend.lock().await {
                Ok(lock) => {
                    let head = lock.head().clone();
                    let applied = self.shared.with_state(View::revision);
                    lock.release().await;
                    self.shared.check_head(&head, applied)?;
                    if head.revision == before.revision {
                        return Ok(Some(false));
                    }
                    let there = self.shared.backend.leaf_hash(last.revision).await?;
                    return Ok(Some(there.as_ref() == Some(&last.leaf_hash)));
                }
                Err(error) if Instant::now() >= deadline => {
                    tracing::error!(%error, "the outcome of a write stays unknown");
                    return Ok(None);
                }
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }
}
