//! SQLite: the log as evidence.

use futures_util::future::BoxFuture;

use super::Sqlite;
use crate::backend::evidence::{
    self, ChangeRow, CheckpointRow, ColumnsRow, EventEvidence, Evidence, LeafEvidence, LeafHash, SealedRow,
    StoredCheckpoint,
};
use crate::error::Error;

const LEAF_HASHES: &str = "-- leaf_hashes
SELECT revision, leaf_hash FROM events WHERE revision > $1 ORDER BY revision LIMIT $2";
const LEAVES: &str = "-- leaves
SELECT revision, entry, leaf_hash FROM events WHERE revision > $1 ORDER BY revision LIMIT $2";
const COLUMNS: &str = "-- evidence_columns
SELECT revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group, resource_kind, resource_id,
  request_id, causation_revision
FROM events WHERE revision > $1 ORDER BY revision LIMIT $2";
const SEALED: &str = "-- evidence_sealed
SELECT e.revision, e.entry, e.leaf_hash, x.salt, x.body, s.salt
FROM events e LEFT JOIN contexts x ON x.revision = e.revision LEFT JOIN change_salts s ON s.revision = e.revision
WHERE e.revision > $1 ORDER BY e.revision LIMIT $2";
const CHANGES: &str = "-- evidence_changes
SELECT revision, ordinal, key, value, create_revision, version, prev_revision, lease_id
FROM changes WHERE revision > $1 AND revision <= $2 ORDER BY revision, ordinal";
const CHECKPOINTS: &str = "-- checkpoints_list
SELECT size, root, note, at FROM checkpoints WHERE size >= $1 ORDER BY size LIMIT $2";
const CHECKPOINT_LAST: &str = "-- checkpoint_last
SELECT size, root, note, at FROM checkpoints ORDER BY size DESC LIMIT 1";
const SINK_POSITION: &str = "-- sink_position
SELECT size FROM checkpoint_sinks WHERE name = $1";
const INSERT_CHECKPOINT: &str = "-- checkpoint_insert
INSERT INTO checkpoints (size, root, note, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const SINK_ADVANCE: &str = "-- sink_advance
INSERT INTO checkpoint_sinks (name, size) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET size = max(checkpoint_sinks.size, excluded.size)";

/// All statements, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[
    LEAF_HASHES,
    LEAVES,
    COLUMNS,
    SEALED,
    CHANGES,
    CHECKPOINTS,
    CHECKPOINT_LAST,
    SINK_POSITION,
    INSERT_CHECKPOINT,
    SINK_ADVANCE,
];

impl Evidence for Sqlite {
    fn leaf_hashes(&self, after: i64, limit: i64) -> BoxFuture<'_, Result<Vec<LeafHash>, Error>> {
        Box::pin(async move { Ok(sqlx::query_as(LEAF_HASHES).bind(after).bind(limit).fetch_all(&self.readers).await?) })
    }

    fn leaves(&self, after: i64, limit: i64) -> BoxFuture<'_, Result<Vec<LeafEvidence>, Error>> {
        Box::pin(async move {
            let leaves = sqlx::query_as(LEAVES).bind(after).bind(limit).fetch_all(&self.readers).await?;
            Ok(leaves.into_iter().map(evidence::leaf).collect())
        })
    }

    fn evidence(&self, after: i64, limit: i64) -> BoxFuture<'_, Result<Vec<EventEvidence>, Error>> {
        Box::pin(async move {
            let mut tx = self.readers.begin().await?;
            let columns: Vec<ColumnsRow> = sqlx::query_as(COLUMNS).bind(after).bind(limit).fetch_all(&mut *tx).await?;
            let sealed: Vec<SealedRow> = sqlx::query_as(SEALED).bind(after).bind(limit).fetch_all(&mut *tx).await?;
            let last = columns.last().map_or(after, |row| row.0);
            let changes: Vec<ChangeRow> = sqlx::query_as(CHANGES).bind(after).bind(last).fetch_all(&mut *tx).await?;
            tx.rollback().await?;
            Ok(evidence::join(columns, sealed, changes))
        })
    }

    fn checkpoints(&self, from: i64, limit: i64) -> BoxFuture<'_, Result<Vec<StoredCheckpoint>, Error>> {
        Box::pin(async move {
            let query = sqlx::query_as(CHECKPOINTS).bind(from).bind(limit);
            let found: Vec<CheckpointRow> = query.fetch_all(&self.readers).await?;
            Ok(found.into_iter().map(evidence::checkpoint).collect())
        })
    }

    fn checkpoint_last(&self) -> BoxFuture<'_, Result<Option<StoredCheckpoint>, Error>> {
        Box::pin(async move {
            let last: Option<CheckpointRow> = sqlx::query_as(CHECKPOINT_LAST).fetch_optional(&self.readers).await?;
            Ok(last.map(evidence::checkpoint))
        })
    }

    fn checkpoint_insert<'a>(&'a self, checkpoint: &'a StoredCheckpoint) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let insert = sqlx::query(INSERT_CHECKPOINT).bind(checkpoint.size).bind(&checkpoint.root);
            let insert = insert.bind(&checkpoint.note).bind(checkpoint.at);
            Ok(insert.execute(&self.writer).await?.rows_affected() == 1)
        })
    }

    fn sink_position<'a>(&'a self, sink: &'a str) -> BoxFuture<'a, Result<Option<i64>, Error>> {
        Box::pin(async move {
            let row: Option<(i64,)> = sqlx::query_as(SINK_POSITION).bind(sink).fetch_optional(&self.readers).await?;
            Ok(row.map(|(size,)| size))
        })
    }

    fn sink_advance<'a>(&'a self, sink: &'a str, size: i64) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            sqlx::query(SINK_ADVANCE).bind(sink).bind(size).execute(&self.writer).await?;
            Ok(())
        })
    }
}
