//! MySQL: deleting what may go.

use futures_util::future::BoxFuture;

use super::MySql;
use super::sql::{COMPACT, LOCK_HEAD};
use crate::backend::evidence::{self, LeafEvidence};
use crate::backend::multi::{Multi, parts};
use crate::backend::retention::{
    Removal, Retention, Target, Touched, removal, removal_statements, retention_reads, retention_statements,
};
use crate::error::Error;

retention_statements!("?", "?", "?", "?");
removal_statements!();

const RAISE_FLOOR: &str = "-- floor_raise
UPDATE log_floor SET revision = greatest(revision, ?)";

/// All statements that write, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const WRITES: &[&str] = &[HOLDS, RAISE_FLOOR];

impl Retention for MySql {
    retention_reads!(pool);

    fn remove<'a>(&'a self, removal: &'a Removal) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let mut tx = self.pool.begin().await?;
            sqlx::query(LOCK_HEAD).execute(&mut *tx).await?;
            let removed = removal!(tx, removal);
            tx.commit().await?;
            Ok(removed)
        })
    }
}
