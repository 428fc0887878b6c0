//! MySQL: the log as evidence.

use futures_util::future::BoxFuture;

use super::{MySql, inserted, sql};
use crate::backend::evidence::{
    self, ChangeRow, CheckpointRow, ColumnsRow, EventEvidence, Evidence, LeafEvidence, LeafHash, SealedRow,
    StoredCheckpoint,
};
use crate::backend::evidence_reads::{evidence_reads, evidence_statements};
use crate::error::Error;

evidence_statements!("?", "?");

const INSERT_CHECKPOINT: &str = "-- checkpoint_insert
INSERT INTO checkpoints (size, root, note, at) VALUES (?, ?, ?, ?)";
const SINK_ADVANCE: &str = "-- sink_advance
INSERT INTO checkpoint_sinks (name, size) VALUES (?, ?) ON DUPLICATE KEY UPDATE size = greatest(size, VALUES(size))";

impl Evidence for MySql {
    evidence_reads!(pool, sql::SNAPSHOT);

    fn checkpoint_insert<'a>(&'a self, checkpoint: &'a StoredCheckpoint) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let insert = sqlx::query(INSERT_CHECKPOINT).bind(checkpoint.size).bind(&checkpoint.root);
            let insert = insert.bind(&checkpoint.note).bind(checkpoint.at);
            inserted(insert.execute(&self.pool).await)
        })
    }

    fn sink_advance<'a>(&'a self, sink: &'a str, size: i64) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            sqlx::query(SINK_ADVANCE).bind(sink.as_bytes()).bind(size).execute(&self.pool).await?;
            Ok(())
        })
    }
}
