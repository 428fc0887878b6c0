//! PostgreSQL: deleting what may go, through the function that guards it.

use futures_util::future::BoxFuture;

use super::Postgres;
use crate::backend::evidence::{self, LeafEvidence};
use crate::backend::retention::{Removal, Retention, Target, Touched, retention_reads, retention_statements};
use crate::error::Error;

retention_statements!("$1", "$2", "$3", "$4");

const REMOVE: &str = "-- payloads_remove
SELECT log_remove($1, $2, $3, $4, $5)";

/// All statements that write, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const WRITES: &[&str] = &[REMOVE];

impl Retention for Postgres {
    retention_reads!(pool);

    fn remove<'a>(&'a self, removal: &'a Removal) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let Removal { event, holds, contexts, changes, floor } = removal;
            let query = sqlx::query_as(REMOVE).bind(event).bind(holds).bind(contexts).bind(changes).bind(floor);
            let (removed,): (bool,) = query.fetch_one(&self.pool).await?;
            Ok(removed)
        })
    }
}
