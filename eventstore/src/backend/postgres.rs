//! PostgreSQL (13 or newer): several replicas, `SELECT … FOR UPDATE` on the head row, NOTIFY once per batch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use sqlx::error::DatabaseError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgDatabaseError, PgListener, PgPoolOptions, PgSeverity};
use sqlx::query::QueryAs;
use sqlx::{Executor as _, PgPool, Transaction};

use super::reads::{self, changes, common, common_statements, inserted};
use super::timeline::bounds;
use super::{Backend, Batch, CommitError, Head, Locked, PAGE_EVENTS, Request, migrations, rows};
use crate::error::Error;
use crate::keyspace::{Change, Committed, KeyRange, KeyValue};
use crate::lease::Lease;
use crate::protect::{self, Protection};
use crate::read::StoredEvent;
use crate::writer::DEPTH;

/// Connections of one replica: the writer, the listener, and readers of history.
const CONNECTIONS: u32 = 8;
/// Of the writer: for each batch on its way one, and one for the lock.
const WRITERS: u32 = DEPTH as u32 + 1;
/// Process ids of our own connections that are remembered: of the writer's, and of the listener.
const OWN: usize = WRITERS as usize + 1;
/// A database that gives no connection for this long counts as away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// After so long without a batch the writer's connection is tried before it is used.
const RESTED: Duration = Duration::from_secs(1);
/// SQLSTATE by which `log_append` says that the batch does not continue the log.
const NOT_AT_HEAD: &str = "40001";

const DURABLE: &str = "-- session_durable
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')";
/// Joins on key and revision go by their index. Without statistics (a young log) the planner hashes the whole of `changes` for each
/// page of a few events.
const PLANS: &str = "-- session_plans
SELECT set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false)";
const OWN_PID: &str = "-- session_pid
SELECT pg_backend_pid()";
const HELLO: &str = "-- log_notify
SELECT pg_notify('portolan_log', '')";
const MIGRATED: &str = "-- migrations_exist
SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
const MIGRATIONS: &str = "-- migrations_applied
SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success";
/// Longest key that an index takes: a third of a page, less the revision and what PostgreSQL puts around both.
const MAX_KEY: usize = 2_680;

const INIT_HEAD: &str = "-- head_init
INSERT INTO log_head (one, epoch, revision, recorded_at, tree_frontier, compact_revision)
VALUES (1, $1, 0, 0, '', 0) ON CONFLICT DO NOTHING";
const HEAD: &str = "-- head_get
SELECT epoch, revision, recorded_at, tree_frontier, compact_revision FROM log_head";
const LOCK_HEAD: &str = "-- head_lock
SELECT epoch, revision, recorded_at, tree_frontier, compact_revision FROM log_lock()";
const COMPACT: &str = "-- head_compact
SELECT log_compact($1)";
const REQUESTS: &str = "-- requests_get
SELECT r.actor_id, r.idempotency_key, r.body_hash, r.revision FROM requests r
JOIN unnest($1::text[], $2::text[]) AS asked (actor_id, idempotency_key) USING (actor_id, idempotency_key)";
const COMMITTED: &str = "-- events_after
SELECT e.revision, e.recorded_at, (
  SELECT coalesce(sum(coalesce(octet_length(c.value), 0) + coalesce(octet_length(p.value), 0)), 0)::bigint
  FROM changes c LEFT JOIN changes p ON p.key = c.key AND p.revision = c.prev_revision WHERE c.revision = e.revision)
FROM events e WHERE e.revision > $1 ORDER BY e.revision LIMIT $2";
const CHANGES_OF: &str = changes!("changes_of", "",
    "c.revision = ANY ($1) AND c.key >= $2 AND (c.revision < $3 OR c.key < $4)"; "c.revision, c.ordinal");
const STATE_AT: &str = "-- state_at
SELECT key, value, create_revision, revision, version, lease_id FROM (
  SELECT DISTINCT ON (key) key, value, create_revision, revision, version, lease_id
  FROM changes WHERE key >= $1 AND ($2::bytea IS NULL OR key < $2) AND revision <= $3
  ORDER BY key, revision DESC) latest
WHERE value IS NOT NULL ORDER BY key";
const LEASES_OF: &str = "-- leases_get
SELECT id, ttl_seconds, expires_at, owner FROM leases WHERE id = ANY ($1)";
common_statements!(""; "$1", "$2", "$3", "$4");
const SIZE: &str = "-- size
SELECT pg_database_size(current_database())";

mod append;
mod company;
mod evidence;
mod kept;
mod keys;
mod listing;
#[cfg(test)]
mod plans;
mod retention;
mod timeline;
#[cfg(test)]
mod upgrade;

use append::{column, write};
use company::Company;
use kept::Kept;
use keys::{FOLD, keys};

/// All statements, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[
    DURABLE, PLANS, OWN_PID, HELLO, MIGRATED, MIGRATIONS, INIT_HEAD, HEAD, LOCK_HEAD, COMPACT, REQUESTS, COMMITTED,
    CHANGES_OF, STATE_AT, LEASES_OF, SIZE,
];

type StateAt<'q> = QueryAs<'q, sqlx::Postgres, rows::KeyRow, PgArguments>;

/// A log in a PostgreSQL database.
pub(super) struct Postgres {
    pool: PgPool,
    /// Which of those looks at the head: linearizable reads wait for it.
    reader: Kept,
    /// Of the writer: for each batch on its way one, and one for the lock.
    writer: PgPool,
    /// Those of them that wait for a batch, and since when: the pool would ask after their health each time.
    kept: Mutex<Vec<(PoolConnection<sqlx::Postgres>, Instant)>>,
    /// Process ids of the latest of them at the server: their notifications are no news.
    own: Arc<Mutex<VecDeque<i32>>>,
    listener: tokio::sync::Mutex<Option<PgListener>>,
    company: Company,
}

struct LockedHead {
    tx: Transaction<'static, sqlx::Postgres>,
    head: Head,
    notify: bool,
}

// === impl Postgres ===

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        let options = PgPoolOptions::new().acquire_timeout(CONNECT_TIMEOUT);
        // What is acknowledged is durable, whatever the server's default; a stronger setting stays.
        let options = options.after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(DURABLE).await?;
                connection.execute(PLANS).await.map(drop)
            })
        });
        let pool = options.clone().max_connections(CONNECTIONS).connect(url).await?;
        migrate(&pool).await?;
        let own = Arc::default();
        let writer = writer_pool(options, url, Arc::clone(&own)).await?;
        Ok(Self {
            pool,
            reader: Kept::default(),
            writer,
            kept: Mutex::default(),
            own,
            listener: tokio::sync::Mutex::new(None),
            company: Company::default(),
        })
    }

    /// A connection of the writer. It is asked whether it still lives only when it has rested: while batches follow each other, a dead one
    /// shows in the next statement, whose outcome is looked up.
    async fn connection(&self) -> Result<PoolConnection<sqlx::Postgres>, sqlx::Error> {
        let kept = self.kept.lock().pop();
        match kept {
            Some((connection, since)) if since.elapsed() < RESTED => Ok(connection),
            kept => {
                drop(kept);
                self.writer.acquire().await
            }
        }
    }

    /// Whether one of our own connections has said this.
    fn is_own(&self, process_id: u32) -> bool {
        i32::try_from(process_id).is_ok_and(|id| self.own.lock().contains(&id))
    }

    pub(super) async fn open_read_only(url: &str) -> Result<Self, Error> {
        let options = PgPoolOptions::new().max_connections(2).acquire_timeout(CONNECT_TIMEOUT);
        let pool = options.connect(url).await?;
        Ok(Self {
            writer: pool.clone(),
            pool,
            reader: Kept::default(),
            kept: Mutex::default(),
            own: Arc::default(),
            listener: tokio::sync::Mutex::new(None),
            company: Company::default(),
        })
    }
}

/// The writer's connections.
async fn writer_pool(options: PgPoolOptions, url: &str, own: Arc<Mutex<VecDeque<i32>>>) -> Result<PgPool, sqlx::Error> {
    options
        .max_connections(WRITERS)
        .after_connect(move |connection, _| {
            let own = own.clone();
            Box::pin(async move {
                connection.execute(DURABLE).await?;
                connection.execute(PLANS).await?;
                remember(&own, connection).await
            })
        })
        .connect(url)
        .await
}

/// Remembers a connection as one of our own.
async fn remember(own: &Mutex<VecDeque<i32>>, connection: impl sqlx::PgExecutor<'_>) -> Result<(), sqlx::Error> {
    let (pid,): (i32,) = sqlx::query_as(OWN_PID).fetch_one(connection).await?;
    let mut own = own.lock();
    own.push_front(pid);
    own.truncate(OWN);
    Ok(())
}

/// Brings the schema up to date. A login without the right to do so finds it up to date, or says what is needed.
pub(super) async fn migrate(pool: &PgPool) -> Result<(), Error> {
    let migrations = migrations::postgres();
    let (exists,): (bool,) = sqlx::query_as(MIGRATED).fetch_one(pool).await?;
    if exists {
        let (applied,): (i64,) = sqlx::query_as(MIGRATIONS).fetch_one(pool).await?;
        if applied == migrations.iter().map(|step| step.version).max().unwrap_or_default() {
            return Ok(());
        }
    }
    migrations.run(pool).await.map_err(Error::Migrate)?;
    sqlx::query(INIT_HEAD).bind(uuid::Uuid::now_v7().to_string()).execute(pool).await?;
    Ok(())
}

impl Backend for Postgres {
    common!(pool, pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");

    fn fold(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            sqlx::query(FOLD).execute(&self.pool).await?;
            Ok(())
        })
    }

    fn name(&self) -> &'static str {
        "postgres"
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn fits(&self, change: &Change) -> Result<(), Error> {
        let size = change.key.len();
        if size > MAX_KEY { Err(Error::TooLarge { what: "key", size, limit: MAX_KEY }) } else { Ok(()) }
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, Error>> {
        Box::pin(async {
            if let Some(mut last) = self.reader.last() {
                if let Ok(row) = sqlx::query_as(HEAD).fetch_one(&mut *last).await {
                    self.reader.keep(last);
                    return rows::head(row);
                }
                // The server may have closed it meanwhile.
                last.close_on_drop();
            }
            let mut connection = self.pool.acquire().await?;
            let row = sqlx::query_as(HEAD).fetch_one(&mut *connection).await?;
            self.reader.keep(connection);
            rows::head(row)
        })
    }

    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn Locked>, Error>> {
        Box::pin(async {
            // READ COMMITTED: what committed while we waited for the lock must be visible after it.
            drop(std::mem::take(&mut *self.kept.lock()));
            let mut tx = self.writer.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
            let head = rows::head(sqlx::query_as(LOCK_HEAD).fetch_one(&mut *tx).await?)?;
            Ok(Box::new(LockedHead { tx, head, notify: self.company.is_here() }) as Box<dyn Locked>)
        })
    }

    fn appends_at_once(&self) -> bool {
        true
    }

    fn append(&self, batch: Arc<Batch>) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(async move {
            let mut connection = self.connection().await.map_err(CommitError::NotWritten)?;
            let error = match write(&mut connection, &batch, self.company.is_here()).await {
                Ok(()) => {
                    self.kept.lock().push((connection, Instant::now()));
                    return Ok(());
                }
                Err(error) => error,
            };
            match error.as_database_error() {
                Some(refused) if refused.code().as_deref() == Some(NOT_AT_HEAD) => Err(CommitError::Moved),
                Some(refused) if !is_fatal(refused) => Err(CommitError::NotWritten(error)),
                _ => {
                    connection.close_on_drop();
                    Err(CommitError::Unknown(error))
                }
            }
        })
    }

    fn changes_of<'a>(
        &'a self,
        revisions: &'a [i64],
        range: &'a KeyRange,
    ) -> BoxFuture<'a, Result<Vec<(i64, Change)>, Error>> {
        Box::pin(async move {
            let (start, below, end) = bounds(range);
            let query = sqlx::query_as(CHANGES_OF).bind(revisions).bind(start).bind(below).bind(end);
            let changes: Vec<rows::ChangeRow> = query.fetch_all(&self.pool).await?;
            Ok(changes.into_iter().map(rows::change).collect())
        })
    }

    fn protection(&self) -> BoxFuture<'_, Result<Protection, Error>> {
        Box::pin(protect::check(&self.pool))
    }

    /// Listens on a connection of its own; returns at each notification and, as a precaution, after a reconnect.
    fn wait_for_news(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            let mut slot = self.listener.lock().await;
            if slot.is_none() {
                let mut listener = PgListener::connect_with(&self.pool).await?;
                listener.listen("portolan_log").await?;
                remember(&self.own, &mut listener).await?;
                (&mut listener).execute(HELLO).await?;
                *slot = Some(listener);
                return Ok(());
            }
            let Some(listener) = slot.as_mut() else { return Ok(()) };
            if self.company.says_hello() {
                (&mut *listener).execute(HELLO).await?;
            }
            loop {
                match listener.try_recv().await {
                    // What this process wrote is no news.
                    Ok(Some(heard)) if self.is_own(heard.process_id()) => {}
                    Ok(Some(_)) => {
                        self.company.heard();
                        return Ok(());
                    }
                    heard => {
                        *slot = None; // the connection was lost: notifications may have been missed
                        heard?;
                        return Ok(());
                    }
                }
            }
        })
    }
}

// === impl LockedHead ===

impl Locked for LockedHead {
    fn head(&self) -> &Head {
        &self.head
    }

    fn committed_after(&mut self, revision: i64) -> BoxFuture<'_, Result<Vec<Committed>, Error>> {
        Box::pin(committed_after(&mut self.tx, revision, PAGE_EVENTS))
    }

    fn requests<'a>(&'a mut self, asked: &'a [(&'a str, &'a str)]) -> BoxFuture<'a, Result<Vec<Request>, Error>> {
        Box::pin(async move {
            let query = sqlx::query_as(REQUESTS).bind(column(asked, |a| a.0)).bind(column(asked, |a| a.1));
            let found: Vec<rows::RequestRow> = query.fetch_all(&mut *self.tx).await?;
            Ok(found.into_iter().map(rows::request).collect())
        })
    }

    fn leases<'a>(&'a mut self, ids: &'a [i64]) -> BoxFuture<'a, Result<Vec<Lease>, Error>> {
        Box::pin(async move {
            let leases: Vec<rows::LeaseRow> = sqlx::query_as(LEASES_OF).bind(ids).fetch_all(&mut *self.tx).await?;
            Ok(leases.into_iter().map(rows::lease).collect())
        })
    }

    fn commit(mut self: Box<Self>, batch: Arc<Batch>) -> BoxFuture<'static, Result<(), CommitError>> {
        Box::pin(async move {
            write(&mut self.tx, &batch, self.notify).await.map_err(CommitError::NotWritten)?;
            match self.tx.commit().await {
                Ok(()) => Ok(()),
                // An answer from the server says that it did not commit; anything else leaves that open.
                Err(error) if error.as_database_error().is_some_and(|error| !is_fatal(error)) => {
                    Err(CommitError::NotWritten(error))
                }
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

/// Whether the server ended the connection with this error: that may come after the commit.
fn is_fatal(error: &(dyn DatabaseError + 'static)) -> bool {
    let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
    severity.is_none_or(|severity| matches!(severity, PgSeverity::Fatal | PgSeverity::Panic))
}

fn state_at(range: &KeyRange, revision: i64) -> StateAt<'_> {
    sqlx::query_as(STATE_AT).bind(range.start.as_ref()).bind(reads::end(range)).bind(revision)
}

async fn committed_after(
    tx: &mut Transaction<'static, sqlx::Postgres>,
    revision: i64,
    limit: i64,
) -> Result<Vec<Committed>, Error> {
    let events = rows::page(sqlx::query_as(COMMITTED).bind(revision).bind(limit).fetch_all(&mut **tx).await?);
    let Some(&(last, _)) = events.last() else { return Ok(Vec::new()) };
    let changes = sqlx::query_as(CHANGES_BETWEEN).bind(revision).bind(last).fetch_all(&mut **tx).await?;
    Ok(rows::committed(events, changes))
}

#[cfg(test)]
mod tests {
    use sqlx::SqlSafeStr as _;

    use super::*;

    #[tokio::test]
    async fn every_statement_prepares_against_the_migrated_schema() {
        let database = portolan_testkit::postgres::database().await.unwrap();
        let store = Postgres::open(database.url()).await.unwrap();
        for statement in ALL
            .iter()
            .chain(COMMON)
            .chain(append::ALL)
            .chain(keys::ALL)
            .chain(evidence::ALL)
            .chain(retention::READS)
            .chain(retention::WRITES)
            .chain(timeline::ALL)
            .chain(listing::ALL)
        {
            let prepared = (&store.pool).prepare((*statement).into_sql_str()).await;
            assert!(prepared.is_ok(), "{statement}: {:?}", prepared.err());
        }
    }

    #[tokio::test]
    async fn the_head_is_read_again_when_the_server_has_closed_the_connection() {
        let database = portolan_testkit::postgres::database().await.unwrap();
        let store = Postgres::open(database.url()).await.unwrap();
        let admin = PgPool::connect(database.url()).await.unwrap();
        let dead = store.pool.acquire().await.unwrap();
        let (closed,): (i64,) = sqlx::query_as(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .fetch_one(&admin)
        .await
        .unwrap();
        assert!(closed > 0);
        store.reader.keep(dead);
        assert_eq!(store.head().await.unwrap().revision, 0);
    }

    #[tokio::test]
    async fn who_comes_is_heard_by_those_who_are_there() {
        let database = portolan_testkit::postgres::database().await.unwrap();
        let first = Postgres::open(database.url()).await.unwrap();
        first.wait_for_news().await.unwrap();
        first.company.gone();
        assert!(!first.company.is_here());
        let second = Postgres::open(database.url()).await.unwrap();
        assert!(second.company.is_here(), "who has just come can't know");
        second.wait_for_news().await.unwrap();
        tokio::time::timeout(Duration::from_secs(30), first.wait_for_news()).await.unwrap().unwrap();
        assert!(first.company.is_here());
    }

    #[tokio::test]
    async fn a_session_is_durable_whatever_the_servers_default() {
        let database = portolan_testkit::postgres::database().await.unwrap();
        let admin = PgPool::connect(database.url()).await.unwrap();
        let set = |value: &str| {
            format!(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = {value}', current_database()); END $$"
            )
        };
        for (default, session) in [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")] {
            admin.execute(sqlx::AssertSqlSafe(set(default))).await.unwrap();
            let store = Postgres::open(database.url()).await.unwrap();
            let (now,): (String,) =
                sqlx::query_as("SELECT current_setting('synchronous_commit')").fetch_one(&store.pool).await.unwrap();
            assert_eq!(now, session, "{default}");
        }
    }
}
