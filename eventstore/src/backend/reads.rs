//! What [`Backend`](super::Backend) asks in the same way of every database, said once: they differ in their statements, in the names of
//! their pools, and in how a transaction over one consistent state begins.

/// The methods of [`Backend`](super::Backend) that read, and the short writes beside the log.
macro_rules! common {
    ($readers:ident, $writer:ident, $snapshot:expr) => {
        fn load(&self) -> BoxFuture<'_, Result<(Head, Vec<KeyValue>), Error>> {
            Box::pin(async {
                let mut tx = self.$readers.begin_with($snapshot).await?;
                let head = rows::head(sqlx::query_as(HEAD).fetch_one(&mut *tx).await?)?;
                let keys = keys(&mut tx).await?;
                tx.rollback().await?;
                Ok((head, keys))
            })
        }

        fn committed_after(&self, revision: i64, limit: i64) -> BoxFuture<'_, Result<Vec<Committed>, Error>> {
            Box::pin(async move {
                let mut tx = self.$readers.begin_with($snapshot).await?;
                let committed = committed_after(&mut tx, revision, limit).await?;
                tx.rollback().await?;
                Ok(committed)
            })
        }

        fn history<'a>(
            &'a self,
            key: &'a [u8],
            limit: i64,
        ) -> BoxFuture<'a, Result<Vec<(StoredEvent, Change)>, Error>> {
            Box::pin(async move {
                let mut tx = self.$readers.begin_with($snapshot).await?;
                let events = sqlx::query_as(HISTORY).bind(key).bind(limit);
                let events: Vec<rows::EventRow> = events.fetch_all(&mut *tx).await?;
                let changes = sqlx::query_as(HISTORY_CHANGES).bind(key).bind(limit);
                let changes: Vec<rows::ChangeRow> = changes.fetch_all(&mut *tx).await?;
                tx.rollback().await?;
                let changes = changes.into_iter().map(|row| rows::change(row).1);
                Ok(events.into_iter().map(rows::event).zip(changes).collect())
            })
        }

        fn leaf_hash(&self, revision: i64) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>> {
            Box::pin(async move {
                let query = sqlx::query_as(LEAF_HASH).bind(revision);
                let row: Option<(Vec<u8>,)> = query.fetch_optional(&self.$readers).await?;
                Ok(row.map(|(hash,)| hash))
            })
        }

        fn compact(&self, revision: i64) -> BoxFuture<'_, Result<(), Error>> {
            Box::pin(async move {
                sqlx::query(COMPACT).bind(revision).execute(&self.$writer).await?;
                Ok(())
            })
        }

        fn lease_extend(&self, id: i64, expires_at: i64, now: i64) -> BoxFuture<'_, Result<bool, Error>> {
            Box::pin(async move {
                let update = sqlx::query(EXTEND_LEASE).bind(expires_at).bind(id).bind(now);
                Ok(update.execute(&self.$writer).await?.rows_affected() == 1)
            })
        }

        fn lease(&self, id: i64) -> BoxFuture<'_, Result<Option<Lease>, Error>> {
            Box::pin(async move {
                let lease = sqlx::query_as(LEASE).bind(id).fetch_optional(&self.$readers).await?;
                Ok(lease.map(rows::lease))
            })
        }

        fn leases(&self) -> BoxFuture<'_, Result<Vec<Lease>, Error>> {
            Box::pin(async {
                let leases: Vec<rows::LeaseRow> = sqlx::query_as(LEASES).fetch_all(&self.$readers).await?;
                Ok(leases.into_iter().map(rows::lease).collect())
            })
        }

        fn requests_forget(&self, before: i64) -> BoxFuture<'_, Result<u64, Error>> {
            Box::pin(async move {
                let forgotten = sqlx::query(FORGET_REQUESTS).bind(before).execute(&self.$writer).await?;
                Ok(forgotten.rows_affected())
            })
        }

        fn size(&self) -> BoxFuture<'_, Result<i64, Error>> {
            Box::pin(async {
                let (size,): (i64,) = sqlx::query_as(SIZE).fetch_one(&self.$readers).await?;
                Ok(size)
            })
        }
    };
}

pub(super) use common;
