//! The reads of the log as evidence, said once: the databases differ only in how a placeholder is written, in the name of the pool and
//! in how a transaction over one consistent state begins.

/// The statements. What belongs to the events of a page is read by their revisions, table by table: joined, a planner may begin at the
/// first revision for every page (PostgreSQL's merge join does). `$one` and `$two` are the first and the second placeholder.
macro_rules! evidence_statements {
    ($one:literal, $two:literal) => {
        const LEAF_HASHES: &str = concat!(
            "-- leaf_hashes
SELECT revision, leaf_hash FROM events WHERE revision > ", $one, " ORDER BY revision LIMIT ", $two);
        const LEAVES: &str = concat!(
            "-- leaves
SELECT revision, entry, leaf_hash FROM events WHERE revision > ", $one, " ORDER BY revision LIMIT ", $two);
        const EVENTS: &str = concat!(
            "-- evidence_events
SELECT revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group, resource_kind, resource_id,
  request_id, causation_revision, entry, leaf_hash
FROM events WHERE revision > ", $one, " ORDER BY revision LIMIT ", $two);
        const CONTEXTS: &str = concat!(
            "-- evidence_contexts
SELECT revision, salt, body FROM contexts WHERE revision > ", $one, " AND revision <= ", $two, " ORDER BY revision");
        const SALTS: &str = concat!(
            "-- evidence_salts
SELECT revision, salt FROM change_salts WHERE revision > ", $one, " AND revision <= ", $two, " ORDER BY revision");
        const CHANGES: &str = concat!(
            "-- evidence_changes
SELECT c.revision, c.ordinal, c.key, c.value, c.create_revision, c.version, c.prev_revision, c.lease_id, c.salt
FROM changes c WHERE c.revision > ", $one, " AND c.revision <= ", $two, " ORDER BY c.revision, c.ordinal");
        const CHECKPOINTS: &str = concat!(
            "-- checkpoints_list
SELECT size, root, note, at FROM checkpoints WHERE size >= ", $one, " ORDER BY size LIMIT ", $two);
        const CHECKPOINT_LAST: &str = "-- checkpoint_last
SELECT size, root, note, at FROM checkpoints ORDER BY size DESC LIMIT 1";
        const TREE_BLOCKS: &str = concat!(
            "-- tree_blocks
SELECT block, root FROM tree_blocks WHERE block >= ", $one, " ORDER BY block LIMIT ", $two);
        const SINK_POSITION: &str = concat!(
            "-- sink_position
SELECT size FROM checkpoint_sinks WHERE name = ", $one);

        /// All statements, prepared against the migrated schema by a test.
        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[
            LEAF_HASHES,
            LEAVES,
            EVENTS,
            CONTEXTS,
            SALTS,
            CHANGES,
            CHECKPOINTS,
            CHECKPOINT_LAST,
            TREE_BLOCKS,
            SINK_POSITION,
            INSERT_CHECKPOINT,
            SINK_ADVANCE,
        ];
    };
}

/// The methods of [`Evidence`](super::evidence::Evidence) that read.
macro_rules! evidence_reads {
    ($pool:ident, $snapshot:expr) => {
        fn leaf_hashes(&self, after: i64, limit: i64) -> BoxFuture<'_, Result<Vec<LeafHash>, Error>> {
            Box::pin(
                async move { Ok(sqlx::query_as(LEAF_HASHES).bind(after).bind(limit).fetch_all(&self.$pool).await?) },
            )
        }

        fn leaves(&self, after: i64, limit: i64) -> BoxFuture<'_, Result<Vec<LeafEvidence>, Error>> {
            Box::pin(async move {
                let leaves = sqlx::query_as(LEAVES).bind(after).bind(limit).fetch_all(&self.$pool).await?;
                Ok(leaves.into_iter().map(evidence::leaf).collect())
            })
        }

        fn evidence(&self, after: i64, limit: i64) -> BoxFuture<'_, Result<Vec<EventEvidence>, Error>> {
            Box::pin(async move {
                let mut tx = self.$pool.begin_with($snapshot).await?;
                let events = sqlx::query_as(EVENTS).bind(after).bind(limit).fetch(&mut *tx);
                let (events, _) = page(events, 0, |row: &EventRow| (row.0, row.12.len())).await?;
                let last = events.last().map_or(after, |row| row.0);
                let changes = sqlx::query_as(CHANGES).bind(after).bind(last).fetch(&mut *tx);
                let size = |row: &ChangeRow| (row.0, row.2.len() + row.3.as_ref().map_or(0, Vec::len));
                let (changes, last) = page(changes, last, size).await?;
                let contexts = sqlx::query_as(CONTEXTS).bind(after).bind(last).fetch_all(&mut *tx).await?;
                let salts = sqlx::query_as(SALTS).bind(after).bind(last).fetch_all(&mut *tx).await?;
                tx.rollback().await?;
                Ok(evidence::join(events, contexts, salts, changes, last))
            })
        }

        fn checkpoints(&self, from: i64, limit: i64) -> BoxFuture<'_, Result<Vec<StoredCheckpoint>, Error>> {
            Box::pin(async move {
                let query = sqlx::query_as(CHECKPOINTS).bind(from).bind(limit);
                let found: Vec<CheckpointRow> = query.fetch_all(&self.$pool).await?;
                Ok(found.into_iter().map(evidence::checkpoint).collect())
            })
        }

        fn checkpoint_last(&self) -> BoxFuture<'_, Result<Option<StoredCheckpoint>, Error>> {
            Box::pin(async move {
                let last: Option<CheckpointRow> = sqlx::query_as(CHECKPOINT_LAST).fetch_optional(&self.$pool).await?;
                Ok(last.map(evidence::checkpoint))
            })
        }

        fn tree_blocks(&self, from: i64, limit: i64) -> BoxFuture<'_, Result<Vec<TreeBlock>, Error>> {
            Box::pin(
                async move { Ok(sqlx::query_as(TREE_BLOCKS).bind(from).bind(limit).fetch_all(&self.$pool).await?) },
            )
        }

        fn sink_position<'a>(&'a self, sink: &'a str) -> BoxFuture<'a, Result<Option<i64>, Error>> {
            Box::pin(async move {
                let row: Option<(i64,)> = sqlx::query_as(SINK_POSITION).bind(sink).fetch_optional(&self.$pool).await?;
                Ok(row.map(|(size,)| size))
            })
        }
    };
}

pub(super) use {evidence_reads, evidence_statements};
