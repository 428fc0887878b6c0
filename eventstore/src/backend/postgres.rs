//! PostgreSQL (13 or newer): several replicas, `SELECT … FOR UPDATE` on the head row, NOTIFY once per batch.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{PgPool, Transaction};

use super::{Backend, Batch, CommitError, Head, Locked, migrations, rows};
use crate::error::Error;
use crate::keyspace::{Change, Committed, End, KeyRange, KeyValue};
use crate::lease::Lease;
use crate::read::{EventQuery, StoredEvent};

/// Connections of one replica: the writer, the listener, and readers of history.
const CONNECTIONS: u32 = 8;
/// A database that gives no connection for this long counts as away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

const INIT_HEAD: &str = "-- head_init
INSERT INTO log_head (one, epoch, revision, recorded_at, tree_frontier, compact_revision)
VALUES (1, $1, 0, 0, '', 0) ON CONFLICT DO NOTHING";
const HEAD: &str = "-- head_get
SELECT epoch, revision, recorded_at, tree_frontier, compact_revision FROM log_head";
const LOCK_HEAD: &str = "-- head_lock
SELECT epoch, revision, recorded_at, tree_frontier, compact_revision FROM log_head FOR UPDATE";
const MOVE_HEAD: &str = "-- head_move
UPDATE log_head SET revision = $1, recorded_at = $2, tree_frontier = $3 WHERE epoch = $4";
const COMPACT: &str = "-- head_compact
UPDATE log_head SET compact_revision = greatest(compact_revision, $1)";
const NOTIFY: &str = "-- notify
SELECT pg_notify('portolan_log', '')";
const KEYS: &str = "-- keys_list
SELECT key, value, create_revision, mod_revision, version, lease_id FROM keys ORDER BY key";
const PUT_KEYS: &str = "-- keys_put
INSERT INTO keys (key, value, create_revision, mod_revision, version, lease_id)
SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
ON CONFLICT (key) DO UPDATE SET value = excluded.value, create_revision = excluded.create_revision,
  mod_revision = excluded.mod_revision, version = excluded.version, lease_id = excluded.lease_id";
const DELETE_KEYS: &str = "-- keys_delete
DELETE FROM keys WHERE key = ANY ($1)";
const INSERT_EVENTS: &str = "-- events_insert
INSERT INTO events (revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group,
  resource_kind, resource_id, request_id, causation_revision, entry, leaf_hash)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bytea[], $14::bytea[])";
const INSERT_CONTEXTS: &str = "-- contexts_insert
INSERT INTO contexts (revision, salt, body) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])";
const INSERT_SALTS: &str = "-- change_salts_insert
INSERT INTO change_salts (revision, salt) SELECT * FROM unnest($1::bigint[], $2::bytea[])";
const INSERT_CHANGES: &str = "-- changes_insert
INSERT INTO changes (revision, ordinal, key, value, create_revision, version, prev_revision, lease_id)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bigint[],
  $7::bigint[], $8::bigint[])";
const COMMITTED: &str = "-- events_after
SELECT revision, recorded_at FROM events WHERE revision > $1 ORDER BY revision LIMIT $2";
const CHANGES_BETWEEN: &str = "-- changes_between
SELECT c.revision, c.key, c.value, c.create_revision, c.version, c.lease_id, c.prev_revision,
  p.value, p.create_revision, p.version, p.lease_id
FROM changes c LEFT JOIN changes p ON p.key = c.key AND p.revision = c.prev_revision
WHERE c.revision > $1 AND c.revision <= $2 ORDER BY c.revision, c.ordinal";
const CHANGES_OF: &str = "-- changes_of
SELECT c.revision, c.key, c.value, c.create_revision, c.version, c.lease_id, c.prev_revision,
  p.value, p.create_revision, p.version, p.lease_id
FROM changes c LEFT JOIN changes p ON p.key = c.key AND p.revision = c.prev_revision
WHERE c.revision = ANY ($1) ORDER BY c.revision, c.ordinal";
const STATE_AT: &str = "-- state_at
SELECT key, value, create_revision, revision, version, lease_id FROM (
  SELECT DISTINCT ON (key) key, value, create_revision, revision, version, lease_id
  FROM changes WHERE key >= $1 AND ($2::bytea IS NULL OR key < $2) AND revision <= $3
  ORDER BY key, revision DESC) latest
WHERE value IS NOT NULL ORDER BY key";
const HISTORY: &str = "-- key_history
SELECT e.revision, e.entry, x.body, e.leaf_hash
FROM changes c JOIN events e ON e.revision = c.revision LEFT JOIN contexts x ON x.revision = c.revision
WHERE c.key = $1 ORDER BY c.revision DESC LIMIT $2";
const HISTORY_CHANGES: &str = "-- key_history_changes
SELECT c.revision, c.key, c.value, c.create_revision, c.version, c.lease_id, c.prev_revision,
  p.value, p.create_revision, p.version, p.lease_id
FROM changes c LEFT JOIN changes p ON p.key = c.key AND p.revision = c.prev_revision
WHERE c.key = $1 ORDER BY c.revision DESC LIMIT $2";
const EVENTS: &str = "-- events_list
SELECT e.revision, e.entry, x.body, e.leaf_hash
FROM events e LEFT JOIN contexts x ON x.revision = e.revision
WHERE ($1::text IS NULL OR e.action = $1) AND ($2::text IS NULL OR e.outcome = $2)
  AND ($3::text IS NULL OR e.actor_id = $3) AND ($4::text IS NULL OR e.resource_kind = $4)
  AND ($5::text IS NULL OR e.resource_id = $5) AND ($6::text IS NULL OR e.gateway_group = $6)
  AND e.revision < $7 AND e.revision > $8
ORDER BY e.revision DESC LIMIT $9";
const LEAF_HASH: &str = "-- event_leaf_hash
SELECT leaf_hash FROM events WHERE revision = $1";
const INSERT_LEASE: &str = "-- lease_insert
INSERT INTO leases (id, ttl_seconds, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const EXTEND_LEASE: &str = "-- lease_extend
UPDATE leases SET expires_at = $1 WHERE id = $2";
const LEASE: &str = "-- lease_get
SELECT id, ttl_seconds, expires_at FROM leases WHERE id = $1";
const LEASES: &str = "-- leases_list
SELECT id, ttl_seconds, expires_at FROM leases ORDER BY id";
const DELETE_LEASES: &str = "-- leases_delete
DELETE FROM leases WHERE id = ANY ($1)";
const PUT_SECRET: &str = "-- secret_put
INSERT INTO secrets (name, value, revision) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = excluded.revision";
const DELETE_SECRET: &str = "-- secret_delete
DELETE FROM secrets WHERE name = $1";
const SECRET: &str = "-- secret_get
SELECT value FROM secrets WHERE name = $1";
const SIZE: &str = "-- size
SELECT pg_database_size(current_database())";

/// All statements, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[
    INIT_HEAD,
    HEAD,
    LOCK_HEAD,
    MOVE_HEAD,
    COMPACT,
    NOTIFY,
    KEYS,
    PUT_KEYS,
    DELETE_KEYS,
    INSERT_EVENTS,
    INSERT_CONTEXTS,
    INSERT_SALTS,
    INSERT_CHANGES,
    COMMITTED,
    CHANGES_BETWEEN,
    CHANGES_OF,
    STATE_AT,
    HISTORY,
    HISTORY_CHANGES,
    EVENTS,
    LEAF_HASH,
    INSERT_LEASE,
    EXTEND_LEASE,
    LEASE,
    LEASES,
    DELETE_LEASES,
    PUT_SECRET,
    DELETE_SECRET,
    SECRET,
    SIZE,
];

/// A log in a PostgreSQL database.
pub(super) struct Postgres {
    pool: PgPool,
    listener: tokio::sync::Mutex<Option<PgListener>>,
}

struct LockedHead {
    tx: Transaction<'static, sqlx::Postgres>,
    head: Head,
}

// === impl Postgres ===

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        let options = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(CONNECT_TIMEOUT);
        let pool = options.connect(url).await?;
        migrations::postgres().run(&pool).await.map_err(Error::Migrate)?;
        sqlx::query(INIT_HEAD).bind(uuid::Uuid::now_v7().to_string()).execute(&pool).await?;
        Ok(Self { pool, listener: tokio::sync::Mutex::new(None) })
    }
}

impl Backend for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, Error>> {
        Box::pin(async { rows::head(sqlx::query_as(HEAD).fetch_one(&self.pool).await?) })
    }

    fn load(&self) -> BoxFuture<'_, Result<(Head, Vec<KeyValue>), Error>> {
        Box::pin(async {
            let mut tx = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let head = rows::head(sqlx::query_as(HEAD).fetch_one(&mut *tx).await?)?;
            let keys: Vec<rows::KeyRow> = sqlx::query_as(KEYS).fetch_all(&mut *tx).await?;
            tx.rollback().await?;
            Ok((head, keys.into_iter().map(rows::key_value).collect()))
        })
    }

    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn Locked>, Error>> {
        Box::pin(async {
            // READ COMMITTED: what committed while we waited for the lock must be visible after it.
            let mut tx = self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
            let head = rows::head(sqlx::query_as(LOCK_HEAD).fetch_one(&mut *tx).await?)?;
            Ok(Box::new(LockedHead { tx, head }) as Box<dyn Locked>)
        })
    }

    fn committed_after(&self, revision: i64, limit: i64) -> BoxFuture<'_, Result<Vec<Committed>, Error>> {
        Box::pin(async move {
            let mut tx = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let committed = committed_after(&mut tx, revision, limit).await?;
            tx.rollback().await?;
            Ok(committed)
        })
    }

    fn state_at<'a>(&'a self, range: &'a KeyRange, revision: i64) -> BoxFuture<'a, Result<Vec<KeyValue>, Error>> {
        Box::pin(async move {
            let end = match &range.end {
                End::Single => Some([range.start.as_ref(), &[0]].concat()),
                End::Before(end) => Some(end.to_vec()),
                End::Unbounded => None,
            };
            let query = sqlx::query_as(STATE_AT).bind(range.start.as_ref()).bind(end).bind(revision);
            let keys: Vec<rows::KeyRow> = query.fetch_all(&self.pool).await?;
            Ok(keys.into_iter().map(rows::key_value).collect())
        })
    }

    fn history<'a>(&'a self, key: &'a [u8], limit: i64) -> BoxFuture<'a, Result<Vec<(StoredEvent, Change)>, Error>> {
        Box::pin(async move {
            let mut tx = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let events = sqlx::query_as(HISTORY).bind(key).bind(limit);
            let events: Vec<rows::EventRow> = events.fetch_all(&mut *tx).await?;
            let changes = sqlx::query_as(HISTORY_CHANGES).bind(key).bind(limit);
            let changes: Vec<rows::ChangeRow> = changes.fetch_all(&mut *tx).await?;
            tx.rollback().await?;
            Ok(events.into_iter().map(rows::event).zip(changes.into_iter().map(|row| rows::change(row).1)).collect())
        })
    }

    fn events<'a>(&'a self, query: &'a EventQuery) -> BoxFuture<'a, Result<Vec<StoredEvent>, Error>> {
        Box::pin(async move {
            let events: Vec<rows::EventRow> = sqlx::query_as(EVENTS)
                .bind(&query.action)
                .bind(&query.outcome)
                .bind(&query.actor)
                .bind(&query.resource_kind)
                .bind(&query.resource_id)
                .bind(&query.gateway_group)
                .bind(query.before.unwrap_or(i64::MAX))
                .bind(query.after.unwrap_or(0))
                .bind(query.limit)
                .fetch_all(&self.pool)
                .await?;
            Ok(events.into_iter().map(rows::event).collect())
        })
    }

    fn leaf_hash(&self, revision: i64) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>> {
        Box::pin(async move {
            let row: Option<(Vec<u8>,)> = sqlx::query_as(LEAF_HASH).bind(revision).fetch_optional(&self.pool).await?;
            Ok(row.map(|(hash,)| hash))
        })
    }

    fn changes_of<'a>(&'a self, revisions: &'a [i64]) -> BoxFuture<'a, Result<Vec<(i64, Change)>, Error>> {
        Box::pin(async move {
            let query = sqlx::query_as(CHANGES_OF).bind(revisions);
            let changes: Vec<rows::ChangeRow> = query.fetch_all(&self.pool).await?;
            Ok(changes.into_iter().map(rows::change).collect())
        })
    }

    fn compact(&self, revision: i64) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            sqlx::query(COMPACT).bind(revision).execute(&self.pool).await?;
            Ok(())
        })
    }

    fn lease_insert<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let insert = sqlx::query(INSERT_LEASE).bind(lease.id).bind(lease.ttl_seconds).bind(lease.expires_at);
            Ok(insert.execute(&self.pool).await?.rows_affected() == 1)
        })
    }

    fn lease_extend(&self, id: i64, expires_at: i64) -> BoxFuture<'_, Result<bool, Error>> {
        Box::pin(async move {
            let update = sqlx::query(EXTEND_LEASE).bind(expires_at).bind(id);
            Ok(update.execute(&self.pool).await?.rows_affected() == 1)
        })
    }

    fn lease(&self, id: i64) -> BoxFuture<'_, Result<Option<Lease>, Error>> {
        Box::pin(async move { Ok(sqlx::query_as(LEASE).bind(id).fetch_optional(&self.pool).await?.map(rows::lease)) })
    }

    fn leases(&self) -> BoxFuture<'_, Result<Vec<Lease>, Error>> {
        Box::pin(async {
            let leases: Vec<rows::LeaseRow> = sqlx::query_as(LEASES).fetch_all(&self.pool).await?;
            Ok(leases.into_iter().map(rows::lease).collect())
        })
    }

    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, Error>> {
        Box::pin(async move {
            let row: Option<(Vec<u8>,)> = sqlx::query_as(SECRET).bind(name).fetch_optional(&self.pool).await?;
            Ok(row.map(|(value,)| value))
        })
    }

    fn size(&self) -> BoxFuture<'_, Result<i64, Error>> {
        Box::pin(async {
            let (size,): (i64,) = sqlx::query_as(SIZE).fetch_one(&self.pool).await?;
            Ok(size)
        })
    }

    /// Listens on a connection of its own; returns at each notification and, as a precaution, after a reconnect.
    fn wait_for_news(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            let mut slot = self.listener.lock().await;
            if slot.is_none() {
                let mut listener = PgListener::connect_with(&self.pool).await?;
                listener.listen("portolan_log").await?;
                *slot = Some(listener);
                return Ok(());
            }
            let Some(listener) = slot.as_mut() else { return Ok(()) };
            let heard = listener.try_recv().await;
            if !matches!(heard, Ok(Some(_))) {
                *slot = None; // the connection was lost: notifications may have been missed
            }
            heard?;
            Ok(())
        })
    }
}

// === impl LockedHead ===

impl Locked for LockedHead {
    fn head(&self) -> &Head {
        &self.head
    }

    fn committed_after(&mut self, revision: i64) -> BoxFuture<'_, Result<Vec<Committed>, Error>> {
        Box::pin(committed_after(&mut self.tx, revision, i64::MAX))
    }

    fn commit(mut self: Box<Self>, batch: Batch) -> BoxFuture<'static, Result<Batch, CommitError>> {
        Box::pin(async move {
            write(&mut self.tx, &batch).await.map_err(CommitError::NotWritten)?;
            match self.tx.commit().await {
                Ok(()) => Ok(batch),
                // An answer from the server says that it did not commit; anything else leaves that open.
                Err(error @ sqlx::Error::Database(_)) => Err(CommitError::NotWritten(error)),
                Err(error) => Err(CommitError::Unknown(error)),
            }
        })
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Err(error) = self.tx.rollback().await {
                tracing::debug!(%error, "the rollback of an empty transaction failed; the connection is dropped");
            }
        })
    }
}

async fn committed_after(
    tx: &mut Transaction<'static, sqlx::Postgres>,
    revision: i64,
    limit: i64,
) -> Result<Vec<Committed>, Error> {
    let events: Vec<(i64, i64)> = sqlx::query_as(COMMITTED).bind(revision).bind(limit).fetch_all(&mut **tx).await?;
    let Some(&(last, _)) = events.last() else { return Ok(Vec::new()) };
    let changes = sqlx::query_as(CHANGES_BETWEEN).bind(revision).bind(last).fetch_all(&mut **tx).await?;
    Ok(rows::committed(events, changes))
}

async fn write(tx: &mut Transaction<'static, sqlx::Postgres>, batch: &Batch) -> Result<(), sqlx::Error> {
    write_events(tx, batch).await?;
    write_changes(tx, batch).await?;
    write_keys(tx, batch).await?;
    for (revision, secret) in &batch.secrets {
        let query = match &secret.value {
            Some(value) => sqlx::query(PUT_SECRET).bind(&secret.name).bind(value).bind(revision),
            None => sqlx::query(DELETE_SECRET).bind(&secret.name),
        };
        query.execute(&mut **tx).await?;
    }
    if !batch.ended_leases.is_empty() {
        sqlx::query(DELETE_LEASES).bind(&batch.ended_leases).execute(&mut **tx).await?;
    }
    let head = &batch.head;
    let moved = sqlx::query(MOVE_HEAD)
        .bind(head.revision)
        .bind(head.recorded_at)
        .bind(head.frontier.to_bytes())
        .bind(&head.epoch)
        .execute(&mut **tx)
        .await?;
    if moved.rows_affected() != 1 {
        return Err(sqlx::Error::RowNotFound);
    }
    sqlx::query(NOTIFY).execute(&mut **tx).await?;
    Ok(())
}

async fn write_events(tx: &mut Transaction<'static, sqlx::Postgres>, batch: &Batch) -> Result<(), sqlx::Error> {
    let events = &batch.events;
    sqlx::query(INSERT_EVENTS)
        .bind(column(events, |e| e.revision))
        .bind(column(events, |e| e.event_id.as_str()))
        .bind(column(events, |e| e.recorded_at))
        .bind(column(events, |e| e.action.as_str()))
        .bind(column(events, |e| e.outcome))
        .bind(column(events, |e| e.actor_id.as_str()))
        .bind(column(events, |e| e.actor_kind))
        .bind(column(events, |e| e.gateway_group.as_deref()))
        .bind(column(events, |e| e.resource_kind.as_deref()))
        .bind(column(events, |e| e.resource_id.as_deref()))
        .bind(column(events, |e| e.request_id.as_str()))
        .bind(column(events, |e| e.causation_revision))
        .bind(column(events, |e| e.entry.as_slice()))
        .bind(column(events, |e| e.leaf_hash.as_slice()))
        .execute(&mut **tx)
        .await?;
    sqlx::query(INSERT_CONTEXTS)
        .bind(column(events, |e| e.revision))
        .bind(column(events, |e| e.context_salt.as_slice()))
        .bind(column(events, |e| e.context_body.as_slice()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn write_changes(tx: &mut Transaction<'static, sqlx::Postgres>, batch: &Batch) -> Result<(), sqlx::Error> {
    let salted: Vec<_> = batch.events.iter().filter_map(|e| Some((e.revision, e.changes_salt.as_deref()?))).collect();
    if salted.is_empty() {
        return Ok(());
    }
    sqlx::query(INSERT_SALTS).bind(column(&salted, |s| s.0)).bind(column(&salted, |s| s.1)).execute(&mut **tx).await?;
    let changes: Vec<(i64, i64, &Change)> =
        batch.events.iter().flat_map(|e| (0..).zip(&e.changes).map(|(ordinal, c)| (e.revision, ordinal, c))).collect();
    let after = |of: fn(&KeyValue) -> i64| column(&changes, |c| c.2.after.as_deref().map_or(0, of));
    sqlx::query(INSERT_CHANGES)
        .bind(column(&changes, |c| c.0))
        .bind(column(&changes, |c| c.1))
        .bind(column(&changes, |c| c.2.key.as_ref()))
        .bind(column(&changes, |c| c.2.after.as_deref().map(|kv| kv.value.as_ref())))
        .bind(after(|kv| kv.create_revision))
        .bind(after(|kv| kv.version))
        .bind(column(&changes, |c| c.2.before.as_deref().map_or(0, |kv| kv.mod_revision)))
        .bind(after(|kv| kv.lease))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn write_keys(tx: &mut Transaction<'static, sqlx::Postgres>, batch: &Batch) -> Result<(), sqlx::Error> {
    let keys = batch.final_keys();
    let puts: Vec<&KeyValue> = keys.iter().filter_map(|(_, value)| value.as_deref()).collect();
    if !puts.is_empty() {
        sqlx::query(PUT_KEYS)
            .bind(column(&puts, |kv| kv.key.as_ref()))
            .bind(column(&puts, |kv| kv.value.as_ref()))
            .bind(column(&puts, |kv| kv.create_revision))
            .bind(column(&puts, |kv| kv.mod_revision))
            .bind(column(&puts, |kv| kv.version))
            .bind(column(&puts, |kv| kv.lease))
            .execute(&mut **tx)
            .await?;
    }
    let deleted: Vec<&[u8]> = keys.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key.as_ref()).collect();
    if !deleted.is_empty() {
        sqlx::query(DELETE_KEYS).bind(deleted).execute(&mut **tx).await?;
    }
    Ok(())
}

/// One column of a multi-row statement.
fn column<'a, T, C>(rows: &'a [T], of: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use sqlx::{Executor as _, SqlSafeStr as _};

    use super::*;

    #[tokio::test]
    async fn every_statement_prepares_against_the_migrated_schema() {
        let database = portolan_testkit::postgres::database().await.unwrap();
        let store = Postgres::open(database.url()).await.unwrap();
        for statement in ALL {
            let prepared = (&store.pool).prepare((*statement).into_sql_str()).await;
            assert!(prepared.is_ok(), "{statement}: {:?}", prepared.err());
        }
    }
}
