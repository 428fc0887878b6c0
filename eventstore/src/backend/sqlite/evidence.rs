//! SQLite: the log as evidence.

use futures_util::future::BoxFuture;

use super::Sqlite;
use crate::backend::evidence::{
    self, ChangeRow, CheckpointRow, EventEvidence, EventRow, Evidence, LeafEvidence, LeafHash, StoredCheckpoint,
    TreeBlock, page,
};
use crate::backend::evidence_reads::{evidence_reads, evidence_statements};
use crate::backend::multi::{Multi, parts};
use crate::error::Error;
use crate::merkle::Hash;

evidence_statements!("?1", "?2");

const INSERT_CHECKPOINT: &str = "-- checkpoint_insert
INSERT INTO checkpoints (size, root, note, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const TREE_KEEP: Multi = Multi {
    before: "-- tree_keep\nINSERT INTO tree_blocks (block, root) VALUES ",
    row: "(?, ?)",
    after: " ON CONFLICT (block) DO UPDATE SET root = excluded.root",
};
/// The statement over several rows, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const MULTI: &[Multi] = &[TREE_KEEP];
const SINK_ADVANCE: &str = "-- sink_advance
INSERT INTO checkpoint_sinks (name, size) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET size = max(checkpoint_sinks.size, excluded.size)";

impl Evidence for Sqlite {
    evidence_reads!(readers, "BEGIN");

    fn checkpoint_insert<'a>(&'a self, checkpoint: &'a StoredCheckpoint) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let insert = sqlx::query(INSERT_CHECKPOINT).bind(checkpoint.size).bind(&checkpoint.root);
            let insert = insert.bind(&checkpoint.note).bind(checkpoint.at);
            Ok(insert.execute(&self.writer).await?.rows_affected() == 1)
        })
    }

    fn tree_keep<'a>(&'a self, first: i64, roots: &'a [Hash]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let rows: Vec<(i64, &Hash)> = (first..).zip(roots).collect();
            for part in parts(&rows, usize::MAX, |_| 0) {
                let insert = sqlx::query(TREE_KEEP.over(part.len()));
                let bound = part.iter().fold(insert, |insert, (block, root)| insert.bind(*block).bind(root.to_vec()));
                bound.execute(&self.writer).await?;
            }
            Ok(())
        })
    }

    fn sink_advance<'a>(&'a self, sink: &'a str, size: i64) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            sqlx::query(SINK_ADVANCE).bind(sink).bind(size).execute(&self.writer).await?;
            Ok(())
        })
    }
}
