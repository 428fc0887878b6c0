//! MySQL (8.0.16 or newer) and MariaDB (10.6 or newer): several replicas, `SELECT … FOR UPDATE` on the head row, and a poll of its
//! primary key in place of a notification.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use sqlx::migrate::Migrate as _;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlPoolOptions};
use sqlx::query::QueryAs;
use sqlx::{Executor as _, MySqlPool};

use super::multi::parts;
use super::reads::{self, changes, common, common_statements, inserted};
use super::timeline::bounds;
use super::{Backend, Batch, CommitError, Head, Locked, PAGE_EVENTS, Request, migrations, rows};
use crate::error::Error;
use crate::keyspace::{Change, Committed, KeyRange, KeyValue};
use crate::lease::Lease;
use crate::protect::Protection;
use crate::read::StoredEvent;

mod evidence;
mod listing;
#[cfg(test)]
mod plans;
mod retention;
mod statements;
mod timeline;
mod write;

use statements as sql;
use statements::{COMPACT, HEAD, KEYS, SIZE};
use write::Tx;

common_statements!("FORCE INDEX FOR JOIN (changes_by_key)"; "?", "?", "?", "?");

/// Connections of one replica: the writer, the poll, and readers of history.
const CONNECTIONS: u32 = 8;
/// A database that gives no connection for this long counts as away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Texts of statements that stay prepared per connection: ten sizes of ten multi-row statements, and the others.
const PREPARED: usize = 160;
/// Longest key that the tables hold.
const MAX_KEY: usize = 3_064;
/// Largest part of a packet that one batch of rows is cut to, whatever the server allows.
const MAX_PACKET: usize = 16 << 20;
/// Pause before the next look at the head when another replica has just written; it doubles until [`IDLE`].
const BUSY: Duration = Duration::from_millis(2);
/// Longest pause between two looks at the head.
const IDLE: Duration = Duration::from_millis(100);

type StateAt<'q> = QueryAs<'q, sqlx::MySql, rows::KeyRow, MySqlArguments>;

/// A log in a MySQL or MariaDB database.
pub(super) struct MySql {
    pool: MySqlPool,
    /// The server's `max_allowed_packet`.
    packet: usize,
    /// The last revision that is no news: seen by the poll, or written by this process.
    seen: Arc<AtomicI64>,
    pause: Mutex<Duration>,
}

struct LockedHead {
    tx: Tx,
    head: Head,
    packet: usize,
    seen: Arc<AtomicI64>,
}

// === impl MySql ===

impl MySql {
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        let store = Self::open_read_only(url).await?;
        migrate(&mut *store.pool.acquire().await?).await?;
        sqlx::query(sql::INIT_HEAD).bind(uuid::Uuid::now_v7().to_string()).execute(&store.pool).await?;
        Ok(store)
    }

    pub(super) async fn open_read_only(url: &str) -> Result<Self, Error> {
        let options = MySqlConnectOptions::from_str(url)?
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .statement_cache_capacity(PREPARED);
        let pool = MySqlPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT_TIMEOUT)
            .after_connect(|connection, _| Box::pin(async { connection.execute(sql::SESSION).await.map(drop) }))
            .connect_with(options)
            .await?;
        let (flush, binlog, sync_binlog, packet): (i64, i64, i64, i64) =
            sqlx::query_as(sql::SETTINGS).fetch_one(&pool).await?;
        if flush != 1 || (binlog != 0 && sync_binlog != 1) {
            tracing::warn!(
                innodb_flush_log_at_trx_commit = flush,
                sync_binlog,
                "the database may lose acknowledged events when its machine fails; both settings should be 1"
            );
        }
        let packet = usize::try_from(packet).unwrap_or(MAX_PACKET);
        Ok(Self { pool, packet, seen: Arc::new(AtomicI64::new(0)), pause: Mutex::new(BUSY) })
    }
}

/// Brings the schema up to date. The lock is our own: sqlx asks for one without time-out, which MariaDB refuses by answering NULL.
async fn migrate(connection: &mut MySqlConnection) -> Result<(), Error> {
    let (locked,): (Option<i64>,) = sqlx::query_as(sql::LOCK_MIGRATIONS).fetch_one(&mut *connection).await?;
    if locked != Some(1) {
        let text = "another process is bringing the database schema up to date";
        return Err(Error::Unavailable(sqlx::Error::Protocol(text.to_owned())));
    }
    let migrated = migrate_locked(connection).await.map_err(Error::Migrate);
    sqlx::query(sql::UNLOCK_MIGRATIONS).execute(connection).await?;
    migrated
}

/// A migration that was broken off runs again: each of its statements is written so that it can.
async fn migrate_locked(connection: &mut MySqlConnection) -> Result<(), sqlx::migrate::MigrateError> {
    connection.ensure_migrations_table("_sqlx_migrations").await?;
    sqlx::query(sql::FORGET_HALF_MIGRATIONS).execute(&mut *connection).await?;
    migrations::mysql().set_locking(false).run(connection).await
}

impl Backend for MySql {
    fn head(&self) -> BoxFuture<'_, Result<Head, Error>> {
        Box::pin(async { rows::head(sqlx::query_as(HEAD).fetch_one(&self.pool).await?) })
    }

    common!(pool, pool, sql::SNAPSHOT);

    fn name(&self) -> &'static str {
        "mysql"
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn fits(&self, change: &Change) -> Result<(), Error> {
        if change.key.len() > MAX_KEY {
            return Err(Error::TooLarge { what: "key", size: change.key.len(), limit: MAX_KEY });
        }
        let size = write::size(&change.key, change.after.as_deref());
        if size > self.packet {
            return Err(Error::TooLarge { what: "value", size, limit: self.packet });
        }
        Ok(())
    }

    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn Locked>, Error>> {
        Box::pin(async {
            let mut tx = self.pool.begin().await?;
            let head = rows::head(sqlx::query_as(sql::LOCK_HEAD).fetch_one(&mut *tx).await?)?;
            Ok(Box::new(LockedHead { tx, head, packet: self.packet, seen: self.seen.clone() }) as Box<dyn Locked>)
        })
    }

    fn changes_of<'a>(
        &'a self,
        revisions: &'a [i64],
        range: &'a KeyRange,
    ) -> BoxFuture<'a, Result<Vec<(i64, Change)>, Error>> {
        Box::pin(async move {
            let (start, below, end) = bounds(range);
            let mut all = Vec::new();
            for part in parts(revisions, usize::MAX, |_| 0) {
                let query = part.iter().fold(sqlx::query_as(sql::CHANGES_OF.over(part.len())), |sql, r| sql.bind(*r));
                let query = query.bind(start).bind(below).bind(&end);
                let changes: Vec<rows::ChangeRow> = query.fetch_all(&self.pool).await?;
                all.extend(changes.into_iter().map(rows::change));
            }
            Ok(all)
        })
    }

    fn protection(&self) -> BoxFuture<'_, Result<Protection, Error>> {
        Box::pin(async { Ok(Protection::Off) })
    }

    /// Looks at the head until another replica moved it: often while others write, seldom while they don't. What this process
    /// writes is no news.
    fn wait_for_news(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            loop {
                let pause = *self.pause.lock();
                tokio::time::sleep(pause).await;
                let (revision,): (i64,) = sqlx::query_as(sql::REVISION).fetch_one(&self.pool).await?;
                if self.seen.fetch_max(revision, Ordering::Relaxed) < revision {
                    *self.pause.lock() = BUSY;
                    return Ok(());
                }
                *self.pause.lock() = (pause * 2).min(IDLE);
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
            let mut found = Vec::new();
            for part in parts(asked, usize::MAX, |_| 0) {
                let query = sqlx::query_as(sql::REQUESTS.over(part.len()));
                let query = part.iter().fold(query, |sql, (actor, key)| sql.bind(write::request_id(actor, key)));
                let requests: Vec<rows::RequestRow> = query.fetch_all(&mut *self.tx).await?;
                found.extend(requests.into_iter().map(rows::request));
            }
            Ok(found)
        })
    }

    fn leases<'a>(&'a mut self, ids: &'a [i64]) -> BoxFuture<'a, Result<Vec<Lease>, Error>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for id in ids {
                let lease = sqlx::query_as(LEASE).bind(id).fetch_optional(&mut *self.tx).await?;
                found.extend(lease.map(rows::lease));
            }
            Ok(found)
        })
    }

    fn commit(mut self: Box<Self>, batch: Arc<Batch>) -> BoxFuture<'static, Result<(), CommitError>> {
        Box::pin(async move {
            write::batch(&mut self.tx, &batch, self.packet.min(MAX_PACKET)).await.map_err(CommitError::NotWritten)?;
            match self.tx.commit().await {
                Ok(()) => {
                    self.seen.fetch_max(batch.head.revision, Ordering::Relaxed);
                    Ok(())
                }
                Err(error) if is_rollback(&error) => Err(CommitError::NotWritten(error)),
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

/// Whether the server said that it rolled the transaction back (SQLSTATE class 40: a deadlock, a conflict in a cluster). Other
/// answers to COMMIT (a shutdown, a killed connection, a replica that did not confirm) may come after the commit: those are looked
/// up.
fn is_rollback(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("40"))
}

/// The current keys, in order.
async fn keys(tx: &mut Tx) -> Result<Vec<KeyValue>, sqlx::Error> {
    let keys: Vec<rows::KeyRow> = sqlx::query_as(KEYS).fetch_all(&mut **tx).await?;
    Ok(keys.into_iter().map(rows::key_value).collect())
}

fn state_at(range: &KeyRange, revision: i64) -> StateAt<'_> {
    let end = reads::end(range);
    sqlx::query_as(sql::STATE_AT).bind(range.start.as_ref()).bind(end.clone()).bind(end).bind(revision)
}

async fn committed_after(tx: &mut Tx, revision: i64, limit: i64) -> Result<Vec<Committed>, Error> {
    let events = rows::page(sqlx::query_as(sql::COMMITTED).bind(revision).bind(limit).fetch_all(&mut **tx).await?);
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
        let database = portolan_testkit::mariadb::database().await.unwrap();
        let store = MySql::open(database.url()).await.unwrap();
        let multi = sql::ALL_MULTI
            .iter()
            .chain(retention::MULTI)
            .chain(evidence::MULTI)
            .flat_map(|multi| [1, 2, 256].map(|rows| multi.over(rows).into_sql_str()));
        for statement in sql::ALL
            .iter()
            .chain(COMMON)
            .chain(evidence::ALL)
            .chain(retention::READS)
            .chain(timeline::ALL)
            .chain(listing::ALL)
            .chain(retention::WRITES)
            .map(|statement| statement.into_sql_str())
            .chain(multi)
        {
            assert!(statement.as_str().starts_with("-- "), "{} has no name", statement.as_str());
            let prepared = (&store.pool).prepare(statement.clone()).await;
            assert!(prepared.is_ok(), "{}: {:?}", statement.as_str(), prepared.err());
            // MariaDB has them, MySQL has not since 9.6.
            let gone = ["md5(", "sha1(", "sha("].iter().find(|function| statement.as_str().contains(*function));
            assert_eq!(gone, None, "{}", statement.as_str());
        }
    }

    #[tokio::test]
    async fn a_migration_that_was_broken_off_runs_again() {
        let database = portolan_testkit::mariadb::database().await.unwrap();
        let store = MySql::open(database.url()).await.unwrap();
        let half = "UPDATE _sqlx_migrations SET success = FALSE; DROP TRIGGER events_no_delete; DROP TABLE requests";
        store.pool.execute(half).await.unwrap();
        let again = MySql::open(database.url()).await.unwrap();
        again.pool.execute("SELECT id FROM requests").await.unwrap();
        assert_eq!(again.head().await.unwrap(), store.head().await.unwrap());
    }

    #[tokio::test]
    async fn processes_that_start_together_migrate_once() {
        let database = portolan_testkit::mariadb::database().await.unwrap();
        let opened = futures_util::future::join_all((0..4).map(|_| MySql::open(database.url()))).await;
        for store in opened {
            store.unwrap().head().await.unwrap();
        }
    }
}
