//! MySQL: the log as evidence.

use futures_util::future::BoxFuture;

use super::{MySql, sql};
use crate::backend::evidence::{
    self, ChangeRow, CheckpointRow, EventEvidence, EventRow, Evidence, LeafEvidence, LeafHash, StoredCheckpoint,
    TreeBlock, page,
};
use crate::backend::evidence_reads::{evidence_reads, evidence_statements};
use crate::backend::multi::{Multi, parts};
use crate::backend::reads::inserted;
use crate::error::Error;
use crate::merkle::Hash;

evidence_statements!("?", "?");

const INSERT_CHECKPOINT: &str = "-- checkpoint_insert
INSERT INTO checkpoints (size, root, note, at) VALUES (?, ?, ?, ?)";
const TREE_KEEP: Multi = Multi {
    before: "-- tree_keep\nINSERT INTO tree_blocks (block, root) VALUES ",
    row: "(?, ?)",
    after: " ON DUPLICATE KEY UPDATE root = VALUES(root)",
};
/// The statement over several rows, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const MULTI: &[Multi] = &[TREE_KEEP];
/// Bytes of one of its rows, generously.
const TREE_ROW: usize = 64;
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

    fn tree_keep<'a>(&'a self, first: i64, roots: &'a [Hash]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let rows: Vec<(i64, &Hash)> = (first..).zip(roots).collect();
            for part in parts(&rows, self.packet, |_| TREE_ROW) {
                let insert = sqlx::query(TREE_KEEP.over(part.len()));
                let bound = part.iter().fold(insert, |insert, (block, root)| insert.bind(*block).bind(root.to_vec()));
                bound.execute(&self.pool).await?;
            }
            Ok(())
        })
    }

    fn sink_advance<'a>(&'a self, sink: &'a str, size: i64) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            sqlx::query(SINK_ADVANCE).bind(sink.as_bytes()).bind(size).execute(&self.pool).await?;
            Ok(())
        })
    }
}
