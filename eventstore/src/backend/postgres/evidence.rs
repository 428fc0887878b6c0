//! PostgreSQL: the log as evidence.

use futures_util::future::BoxFuture;

use super::Postgres;
use crate::backend::evidence::{
    self, ChangeRow, CheckpointRow, EventEvidence, EventRow, Evidence, LeafEvidence, LeafHash, StoredCheckpoint,
    TreeBlock, page,
};
use crate::backend::evidence_reads::{evidence_reads, evidence_statements};
use crate::error::Error;
use crate::merkle::Hash;

evidence_statements!("$1", "$2");

const INSERT_CHECKPOINT: &str = "-- checkpoint_insert
SELECT log_checkpoint($1, $2, $3, $4)";
const TREE_KEEP: &str = "-- tree_keep
SELECT log_tree($1, $2)";
const SINK_ADVANCE: &str = "-- sink_advance
SELECT log_sink_advance($1, $2)";

impl Evidence for Postgres {
    evidence_reads!(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");

    fn checkpoint_insert<'a>(&'a self, checkpoint: &'a StoredCheckpoint) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let insert = sqlx::query_as(INSERT_CHECKPOINT).bind(checkpoint.size).bind(&checkpoint.root);
            let insert = insert.bind(&checkpoint.note).bind(checkpoint.at);
            let (inserted,): (bool,) = insert.fetch_one(&self.pool).await?;
            Ok(inserted)
        })
    }

    fn tree_keep<'a>(&'a self, first: i64, roots: &'a [Hash]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let roots: Vec<&[u8]> = roots.iter().map(<[u8; 32]>::as_slice).collect();
            sqlx::query(TREE_KEEP).bind(first).bind(roots).execute(&self.pool).await?;
            Ok(())
        })
    }

    fn sink_advance<'a>(&'a self, sink: &'a str, size: i64) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            sqlx::query(SINK_ADVANCE).bind(sink).bind(size).execute(&self.pool).await?;
            Ok(())
        })
    }
}
