//! What [`Backend`](super::Backend) asks in the same way of every database, said once: they differ in how a placeholder is written and an
//! index named, in a few statements of their own, in the names of their pools, and in how a transaction over one consistent state begins.

use crate::error::Error;
use crate::keyspace::{End, KeyRange};

/// Where a range ends: the first key that is not in it; `None` when it has no end.
pub(super) fn end(range: &KeyRange) -> Option<Vec<u8>> {
    match &range.end {
        End::Single => Some([range.start.as_ref(), &[0]].concat()),
        End::Before(end) => Some(end.to_vec()),
        End::Unbounded => None,
    }
}

/// Whether a row was inserted; false when there is one with that key. (To ignore conflicts in SQL would hide other errors, too.)
pub(super) fn inserted<T>(result: Result<T, sqlx::Error>) -> Result<bool, Error> {
    match result {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The statements. `$hint` names the index by which a replaced value is found; the words after it are placeholders, in the order in which
/// they are bound.
#[rustfmt::skip] // one line of SQL is one line
macro_rules! common_statements {
    ($hint:literal; $one:literal, $two:literal, $three:literal, $four:literal) => {
        const CHANGES_BETWEEN: &str = changes!("changes_between", $hint,
            "c.revision > ", $one, " AND c.revision <= ", $two; "c.revision, c.ordinal");
        const HISTORY: &str = concat!("-- key_history
SELECT e.revision, e.entry, x.body, e.leaf_hash
FROM changes c JOIN events e ON e.revision = c.revision LEFT JOIN contexts x ON x.revision = c.revision
WHERE c.key = ", $one, " ORDER BY c.revision DESC LIMIT ", $two);
        const HISTORY_CHANGES: &str = changes!("key_history_changes", $hint,
            "c.key = ", $one; "c.revision DESC LIMIT ", $two);
        const LEAF_HASH: &str = concat!("-- event_leaf_hash
SELECT leaf_hash FROM events WHERE revision = ", $one);
        const INSERT_LEASE: &str = concat!("-- lease_insert
INSERT INTO leases (id, ttl_seconds, expires_at, owner) VALUES (", $one, ", ", $two, ", ", $three, ", ", $four, ")");
        const EXTEND_LEASE: &str = concat!("-- lease_extend
UPDATE leases SET expires_at = ", $one, " WHERE id = ", $two, " AND expires_at > ", $three);
        const LEASE: &str = concat!("-- lease_get
SELECT id, ttl_seconds, expires_at, owner FROM leases WHERE id = ", $one);
        const LEASES: &str = "-- leases_list
SELECT id, ttl_seconds, expires_at, owner FROM leases ORDER BY id";
        const SECRET: &str = concat!("-- secret_get
SELECT value FROM secrets WHERE name = ", $one);
        const FORGET_REQUESTS: &str = concat!("-- requests_forget
DELETE FROM requests WHERE recorded_at < ", $one);

        /// Those above, prepared against the migrated schema by a test.
        #[cfg(test)]
        const COMMON: &[&str] = &[
            CHANGES_BETWEEN, HISTORY, HISTORY_CHANGES, LEAF_HASH, INSERT_LEASE, EXTEND_LEASE, LEASE, LEASES, SECRET, FORGET_REQUESTS,
        ];
    };
}

/// A statement that reads changes with the values that they replaced.
macro_rules! changes {
    ($name:literal, $hint:literal, $($condition:literal),+; $($order:literal),+) => {
        concat!("-- ", $name, "
SELECT c.revision, c.key, c.value, c.create_revision, c.version, c.lease_id, c.prev_revision,
  p.value, p.create_revision, p.version, p.lease_id
FROM changes c LEFT JOIN changes p ", $hint, " ON p.key = c.key AND p.revision = c.prev_revision
WHERE ", $($condition,)+ " ORDER BY ", $($order),+)
    };
}

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

        fn state_at<'a>(&'a self, range: &'a KeyRange, revision: i64) -> BoxFuture<'a, Result<Vec<KeyValue>, Error>> {
            Box::pin(async move {
                let keys: Vec<rows::KeyRow> = state_at(range, revision).fetch_all(&self.$readers).await?;
                Ok(keys.into_iter().map(rows::key_value).collect())
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

        fn lease_insert<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool, Error>> {
            Box::pin(async move {
                let insert = sqlx::query(INSERT_LEASE).bind(lease.id).bind(lease.ttl_seconds).bind(lease.expires_at);
                inserted(insert.bind(&lease.owner).execute(&self.$writer).await)
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

        fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, Error>> {
            Box::pin(async move {
                let row: Option<(Vec<u8>,)> = sqlx::query_as(SECRET).bind(name).fetch_optional(&self.$readers).await?;
                Ok(row.map(|(value,)| value))
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

pub(super) use {changes, common, common_statements};
