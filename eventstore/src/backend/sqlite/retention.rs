//! SQLite: deleting what may go.

use futures_util::future::BoxFuture;

use super::locked::LockedHead;
use super::{COMPACT, Sqlite};
use crate::backend::evidence::{self, LeafEvidence};
use crate::backend::multi::{Multi, parts};
use crate::backend::retention::{
    Removal, Retention, Target, Touched, removal, removal_statements, retention_reads, retention_statements,
};
use crate::error::Error;

retention_statements!("?", "?", "?", "?");
removal_statements!();

const RAISE_FLOOR: &str = "-- floor_raise
UPDATE log_floor SET revision = max(revision, ?)";

/// All statements that write, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const WRITES: &[&str] = &[HOLDS, RAISE_FLOOR];

impl Retention for Sqlite {
    retention_reads!(readers);

    fn remove<'a>(&'a self, removal: &'a Removal) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let mut lock = LockedHead::begin(self.writer.acquire().await?).await?;
            let connection = lock.connection();
            let removed = removal!(connection, removal);
            lock.end().await?;
            Ok(removed)
        })
    }
}
