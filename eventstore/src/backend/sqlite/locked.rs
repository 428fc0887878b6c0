//! The write side: a transaction that holds the log, and what it writes.

use futures_util::future::BoxFuture;
use sqlx::SqliteConnection;
use sqlx::pool::PoolConnection;

use super::super::{Batch, CommitError, Head, Locked, PAGE_EVENTS, Request, rows};
use super::{LEASE, committed_after, read_head};
use crate::error::Error;
use crate::keyspace::Committed;
use crate::lease::Lease;

const MOVE_HEAD: &str = "-- head_move
UPDATE log_head SET revision = ?, recorded_at = ?, tree_frontier = ? WHERE epoch = ?";
const PUT_KEY: &str = "-- key_put
INSERT INTO keys (key, value, create_revision, mod_revision, version, lease_id) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, create_revision = excluded.create_revision,
  mod_revision = excluded.mod_revision, version = excluded.version, lease_id = excluded.lease_id";
const DELETE_KEY: &str = "-- key_delete
DELETE FROM keys WHERE key = ?";
const INSERT_EVENT: &str = "-- event_insert
INSERT INTO events (revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group,
  resource_kind, resource_id, request_id, causation_revision, entry, leaf_hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_CONTEXT: &str = "-- context_insert
INSERT INTO contexts (revision, salt, body) VALUES (?, ?, ?)";
const INSERT_SALT: &str = "-- change_salt_insert
INSERT INTO change_salts (revision, salt) VALUES (?, ?)";
const INSERT_CHANGE: &str = "-- change_insert
INSERT INTO changes (revision, ordinal, key, value, create_revision, version, prev_revision, lease_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
const DELETE_LEASE: &str = "-- lease_delete
DELETE FROM leases WHERE id = ?";
const PUT_SECRET: &str = "-- secret_put
INSERT INTO secrets (name, value, revision) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = excluded.revision";
const DELETE_SECRET: &str = "-- secret_delete
DELETE FROM secrets WHERE name = ?";
const REQUEST: &str = "-- request_get
SELECT actor_id, idempotency_key, body_hash, revision FROM requests WHERE actor_id = ? AND idempotency_key = ?";
const INSERT_REQUEST: &str = "-- request_insert
INSERT INTO requests (actor_id, idempotency_key, body_hash, revision, recorded_at) VALUES (?, ?, ?, ?, ?)";

/// All statements, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[
    MOVE_HEAD,
    PUT_KEY,
    DELETE_KEY,
    INSERT_EVENT,
    INSERT_CONTEXT,
    INSERT_SALT,
    INSERT_CHANGE,
    DELETE_LEASE,
    PUT_SECRET,
    DELETE_SECRET,
    REQUEST,
    INSERT_REQUEST,
];

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
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        match read_head(&mut connection).await {
            Ok(head) => Ok(Self { connection, head, ended: false }),
            Err(error) => {
                connection.close_on_drop();
                Err(error)
            }
        }
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

    fn commit(mut self: Box<Self>, batch: Batch) -> BoxFuture<'static, Result<Batch, CommitError>> {
        Box::pin(async move {
            // In process: an error means that SQLite did not commit.
            write(&mut self.connection, &batch).await.map_err(CommitError::NotWritten)?;
            sqlx::raw_sql("COMMIT").execute(&mut *self.connection).await.map_err(CommitError::NotWritten)?;
            self.ended = true;
            Ok(batch)
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

async fn write(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    for event in &batch.events {
        sqlx::query(INSERT_EVENT)
            .bind(event.revision)
            .bind(&event.event_id)
            .bind(event.recorded_at)
            .bind(&event.action)
            .bind(event.outcome)
            .bind(&event.actor_id)
            .bind(event.actor_kind)
            .bind(&event.gateway_group)
            .bind(&event.resource_kind)
            .bind(&event.resource_id)
            .bind(&event.request_id)
            .bind(event.causation_revision)
            .bind(&event.entry)
            .bind(&event.leaf_hash)
            .execute(&mut *connection)
            .await?;
        let context = sqlx::query(INSERT_CONTEXT).bind(event.revision).bind(&event.context_salt);
        context.bind(&event.context_body).execute(&mut *connection).await?;
        if let Some(salt) = &event.changes_salt {
            sqlx::query(INSERT_SALT).bind(event.revision).bind(salt).execute(&mut *connection).await?;
        }
        for (ordinal, change) in event.changes.iter().enumerate() {
            let after = change.after.as_deref();
            sqlx::query(INSERT_CHANGE)
                .bind(event.revision)
                .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
                .bind(change.key.as_ref())
                .bind(after.map(|kv| kv.value.as_ref()))
                .bind(after.map_or(0, |kv| kv.create_revision))
                .bind(after.map_or(0, |kv| kv.version))
                .bind(change.before.as_ref().map_or(0, |kv| kv.mod_revision))
                .bind(after.map_or(0, |kv| kv.lease))
                .execute(&mut *connection)
                .await?;
        }
    }
    for (key, value) in batch.final_keys() {
        match value {
            Some(kv) => {
                let put = sqlx::query(PUT_KEY).bind(key.as_ref()).bind(kv.value.as_ref()).bind(kv.create_revision);
                put.bind(kv.mod_revision).bind(kv.version).bind(kv.lease).execute(&mut *connection).await?;
            }
            None => {
                sqlx::query(DELETE_KEY).bind(key.as_ref()).execute(&mut *connection).await?;
            }
        }
    }
    for (revision, secret) in &batch.secrets {
        match &secret.value {
            Some(value) => {
                sqlx::query(PUT_SECRET).bind(&secret.name).bind(value).bind(revision).execute(&mut *connection).await?;
            }
            None => {
                sqlx::query(DELETE_SECRET).bind(&secret.name).execute(&mut *connection).await?;
            }
        }
    }
    for request in &batch.requests {
        let insert = sqlx::query(INSERT_REQUEST).bind(&request.actor_id).bind(&request.idempotency_key);
        let insert = insert.bind(request.body_hash.as_slice()).bind(request.revision).bind(request.recorded_at);
        insert.execute(&mut *connection).await?;
    }
    for id in &batch.ended_leases {
        sqlx::query(DELETE_LEASE).bind(id).execute(&mut *connection).await?;
    }
    let head = &batch.head;
    let moved = sqlx::query(MOVE_HEAD)
        .bind(head.revision)
        .bind(head.recorded_at)
        .bind(head.frontier.to_bytes())
        .bind(&head.epoch)
        .execute(&mut *connection)
        .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}
