//! The write side: a transaction that holds the log.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;

use super::super::{Batch, CommitError, Head, Locked, PAGE_EVENTS, Request, rows};
use super::{LEASE, committed_after, write};
use crate::error::Error;
use crate::keyspace::Committed;
use crate::lease::Lease;

const REQUEST: &str = "-- request_get
SELECT actor_id, idempotency_key, body_hash, revision FROM requests WHERE actor_id = ? AND idempotency_key = ?";

/// Both on one way to SQLite's thread.
const BEGIN: &str = "-- log_begin
BEGIN IMMEDIATE;
SELECT epoch, revision, recorded_at, tree_frontier, compact_revision FROM log_head";

/// All statements, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[BEGIN, REQUEST];

/// A transaction on the writer's connection. `BEGIN` and `COMMIT` are ours, not sqlx's: when SQLite ends a transaction by itself (a
/// full disk does that), sqlx goes on counting it as open and the connection is lost for good.
pub(super) struct LockedHead {
    connection: PoolConnection<sqlx::Sqlite>,
    head: Head,
    /// Whether the transaction has ended; a connection whose transaction may be open is not given back.
    ended: bool,
}

// === impl LockedHead ===

impl LockedHead {
    /// Begins a transaction that no other writer can be in, and reads the head.
    pub(super) async fn begin(mut connection: PoolConnection<sqlx::Sqlite>) -> Result<Self, Error> {
        match sqlx::query_as(BEGIN).fetch_one(&mut *connection).await.map_err(Error::from).and_then(rows::head) {
            Ok(head) => Ok(Self { connection, head, ended: false }),
            Err(error) => {
                connection.close_on_drop();
                Err(error)
            }
        }
    }
}

impl LockedHead {
    /// For work in the transaction that appends nothing.
    pub(super) fn connection(&mut self) -> &mut sqlx::SqliteConnection {
        &mut self.connection
    }

    /// Commits such work.
    pub(super) async fn end(mut self) -> Result<(), Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self.connection).await?;
        self.ended = true;
        Ok(())
    }
}

impl Locked for LockedHead {
    fn head(&self) -> &Head {
        &self.head
    }

    fn committed_after(&mut self, revision: i64) -> BoxFuture<'_, Result<Vec<Committed>, Error>> {
        Box::pin(committed_after(&mut self.connection, revision, PAGE_EVENTS))
    }

    fn requests<'a>(&'a mut self, asked: &'a [(&'a str, &'a str)]) -> BoxFuture<'a, Result<Vec<Request>, Error>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for (actor_id, key) in asked {
                let query = sqlx::query_as(REQUEST).bind(*actor_id).bind(*key);
                found.extend(query.fetch_optional(&mut *self.connection).await?.map(rows::request));
            }
            Ok(found)
        })
    }

    fn leases<'a>(&'a mut self, ids: &'a [i64]) -> BoxFuture<'a, Result<Vec<Lease>, Error>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for id in ids {
                let lease = sqlx::query_as(LEASE).bind(id).fetch_optional(&mut *self.connection).await?;
                found.extend(lease.map(rows::lease));
            }
            Ok(found)
        })
    }

    fn commit(mut self: Box<Self>, batch: Arc<Batch>) -> BoxFuture<'static, Result<(), CommitError>> {
        Box::pin(async move {
            // In process: an error means that SQLite did not commit.
            write::batch(&mut self.connection, &batch).await.map_err(CommitError::NotWritten)?;
            sqlx::raw_sql("COMMIT").execute(&mut *self.connection).await.map_err(CommitError::NotWritten)?;
            self.ended = true;
            Ok(())
        })
    }

    fn release(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            match sqlx::raw_sql("ROLLBACK").execute(&mut *self.connection).await {
                Ok(_) => self.ended = true,
                Err(error) => {
                    tracing::debug!(%error, "an empty transaction can't be rolled back; closing its connection")
                }
            }
        })
    }
}

impl Drop for LockedHead {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}
