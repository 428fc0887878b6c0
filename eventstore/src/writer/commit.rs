//! Committing a batch, and finding out whether it was committed when the database did not say.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Writer;
use crate::backend::{Batch, CommitError, EventRow, Head, Locked};
use crate::error::Error;
use crate::keyspace::{Committed, View};

/// How long the outcome of a COMMIT whose answer was lost is looked for before the callers are told "unknown".
const LOOK_UP: Duration = Duration::from_secs(10);
/// Pause between two attempts to reach a database that is away.
const RETRY: Duration = Duration::from_millis(200);

/// A batch that is in the log.
pub(super) struct Written {
    pub(super) head: Head,
    pub(super) events: Vec<Arc<Committed>>,
    pub(super) ended_leases: Vec<i64>,
}

/// What became of a batch that was appended without the lock.
pub(super) enum Fate {
    /// It is in the log.
    Written(Written),
    /// It is not, and may be tried again under the lock.
    NotWritten,
}

// === impl Writer ===

impl Writer {
    /// Appends the batch in one statement, if the head is still where it was.
    pub(super) async fn append(&self, batch: Batch, before: &Head) -> Result<Fate, Error> {
        let last = batch.events.last().map(|event| (event.revision, event.leaf_hash.clone()));
        let batch = Arc::new(batch);
        match self.shared.backend.append(batch.clone()).await {
            Ok(()) => Ok(Fate::Written(written(batch))),
            Err(CommitError::Moved) => Ok(Fate::NotWritten),
            Err(CommitError::NotWritten(error)) => Err(Error::Unavailable(error)),
            Err(CommitError::Unknown(error)) => match self.resolve(before, last, error).await? {
                Ok(()) => Ok(Fate::Written(written(batch))),
                Err(_not_written) => Ok(Fate::NotWritten),
            },
        }
    }

    /// Writes the batch in the transaction that holds the lock.
    pub(super) async fn commit(&self, lock: Box<dyn Locked>, batch: Batch, before: &Head) -> Result<Written, Error> {
        // Kept outside the transaction for the case that the answer to COMMIT is lost.
        let last = batch.events.last().map(|event| (event.revision, event.leaf_hash.clone()));
        let batch = Arc::new(batch);
        match lock.commit(batch.clone()).await {
            Ok(()) => Ok(written(batch)),
            Err(CommitError::NotWritten(error)) => Err(Error::Unavailable(error)),
            Err(CommitError::Moved) => Err(Error::Corrupt("the head moved while it was locked".to_owned())),
            Err(CommitError::Unknown(error)) => match self.resolve(before, last, error).await? {
                Ok(()) => Ok(written(batch)),
                Err(not_written) => Err(Error::Unavailable(not_written)),
            },
        }
    }

    /// Looks up whether a batch was committed. The inner error is the one that left it open, when it was not.
    async fn resolve(
        &self,
        before: &Head,
        last: Option<(i64, Vec<u8>)>,
        error: sqlx::Error,
    ) -> Result<Result<(), sqlx::Error>, Error> {
        tracing::warn!(%error, "the answer to COMMIT was lost; looking the outcome up");
        let Some(last) = last else { return Ok(Err(error)) };
        match self.look_up(before, last).await? {
            Some(true) => Ok(Ok(())),
            Some(false) => Ok(Err(error)),
            None => Err(Error::Unknown(error)),
        }
    }

    /// Whether the batch that ends with this event was committed. The head lock makes the answer final: a transaction
    /// that is still open somewhere holds it. `None` when the database stays away.
    async fn look_up(&self, before: &Head, last: (i64, Vec<u8>)) -> Result<Option<bool>, Error> {
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
                    let (revision, leaf_hash) = last;
                    return Ok(Some(self.shared.backend.leaf_hash(revision).await? == Some(leaf_hash)));
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

/// The batch as memory applies it.
fn written(batch: Arc<Batch>) -> Written {
    let mut batch = Arc::unwrap_or_clone(batch);
    let take = |event: &mut EventRow| {
        Arc::new(Committed {
            revision: event.revision,
            recorded_at: event.recorded_at,
            changes: std::mem::take(&mut event.changes),
        })
    };
    let events = batch.events.iter_mut().map(take).collect();
    Written { head: batch.head, events, ended_leases: batch.ended_leases }
}
