//! SQLite: one process, WAL, synchronous=FULL, `BEGIN IMMEDIATE` as the head lock.

use std::str::FromStr as _;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqliteConnection, SqlitePool};

use super::reads::{self, changes, common, common_statements, inserted};
use super::timeline::bounds;
use super::{Backend, Head, Locked, migrations, rows};
use crate::error::Error;
use crate::keyspace::{Change, Committed, KeyRange, KeyValue};
use crate::lease::Lease;
use crate::protect::Protection;
use crate::read::StoredEvent;

mod locked;
mod write;

use locked::LockedHead;

const INIT_HEAD: &str = "-- head_init
INSERT INTO log_head (one, epoch, revision, recorded_at, tree_frontier, compact_revision)
VALUES (1, ?, 0, 0, x'', 0) ON CONFLICT DO NOTHING";
const HEAD: &str = "-- head_get
SELECT epoch, revision, recorded_at, tree_frontier, compact_revision FROM log_head";
const COMPACT: &str = "-- head_compact
UPDATE log_head SET compact_revision = max(compact_revision, ?)";
const KEYS: &str = "-- keys_list
SELECT key, value, create_revision, mod_revision, version, lease_id FROM keys ORDER BY key";
const COMMITTED: &str = "-- events_after
SELECT e.revision, e.recorded_at, (
  SELECT coalesce(sum(coalesce(length(c.value), 0) + coalesce(length(p.value), 0)), 0)
  FROM changes c LEFT JOIN changes p ON p.key = c.key AND p.revision = c.prev_revision WHERE c.revision = e.revision)
FROM events e WHERE e.revision > ? ORDER BY e.revision LIMIT ?";
const CHANGES_OF: &str = changes!("changes_of", "",
    "c.revision = ? AND c.key >= ? AND (c.revision < ? OR c.key < ?)"; "c.ordinal");
/// SQLite takes the other columns from the row that has the maximum (documented: "bare columns in an aggregate query").
const STATE_AT: &str = "-- state_at
SELECT key, value, create_revision, max(revision), version, lease_id
FROM changes
WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) AND revision <= ?3
GROUP BY key HAVING value IS NOT NULL
ORDER BY key";
common_statements!(""; "?", "?", "?", "?");
const SIZE: &str = "-- size
SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";

mod evidence;
mod listing;
#[cfg(test)]
mod plans;
mod retention;
mod timeline;

/// All statements, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[INIT_HEAD, HEAD, COMPACT, KEYS, COMMITTED, CHANGES_OF, STATE_AT, SIZE];

type StateAt<'q> = QueryAs<'q, sqlx::Sqlite, rows::KeyRow, SqliteArguments>;

/// A log in an SQLite file.
pub(super) struct Sqlite {
    /// One connection: SQLite has one writer, and a queue in the pool is fairer than SQLITE_BUSY.
    writer: SqlitePool,
    readers: SqlitePool,
}

// === impl Sqlite ===

impl Sqlite {
    pub(super) async fn open(path: &str) -> Result<Self, Error> {
        let options = SqliteConnectOptions::from_str(&format!("sqlite:{path}"))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let writer = pool(1).connect_with(options.clone()).await?;
        migrations::sqlite().run(&writer).await.map_err(Error::Migrate)?;
        sqlx::query(INIT_HEAD).bind(uuid::Uuid::now_v7().to_string()).execute(&writer).await?;
        let readers = pool(4).connect_with(options.read_only(true)).await?;
        Ok(Self { writer, readers })
    }

    pub(super) async fn open_read_only(path: &str) -> Result<Self, Error> {
        let options = SqliteConnectOptions::from_str(&format!("sqlite:{path}"))?
            .read_only(true)
            .busy_timeout(Duration::from_secs(5));
        let readers = pool(4).connect_with(options).await?;
        Ok(Self { writer: readers.clone(), readers })
    }
}

impl Backend for Sqlite {
    fn head(&self) -> BoxFuture<'_, Result<Head, Error>> {
        Box::pin(async { rows::head(sqlx::query_as(HEAD).fetch_one(&self.readers).await?) })
    }

    common!(readers, writer, "BEGIN");

    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn Locked>, Error>> {
        Box::pin(async { Ok(Box::new(LockedHead::begin(self.writer.acquire().await?).await?) as Box<dyn Locked>) })
    }

    fn changes_of<'a>(
        &'a self,
        revisions: &'a [i64],
        range: &'a KeyRange,
    ) -> BoxFuture<'a, Result<Vec<(i64, Change)>, Error>> {
        Box::pin(async move {
            let (start, below, end) = bounds(range);
            let mut all = Vec::new();
            for revision in revisions {
                let query = sqlx::query_as(CHANGES_OF).bind(revision).bind(start).bind(below).bind(&end);
                let changes: Vec<rows::ChangeRow> = query.fetch_all(&self.readers).await?;
                all.extend(changes.into_iter().map(rows::change));
            }
            Ok(all)
        })
    }

    /// A file has no roles; who may write it is the operating system's to say.
    fn protection(&self) -> BoxFuture<'_, Result<Protection, Error>> {
        Box::pin(async { Ok(Protection::Off) })
    }

    /// There is no second writer to hear of.
    fn wait_for_news(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::pending())
    }
}

/// Connections don't die in the process: to ask each before it is used would be one more way to SQLite's thread.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false)
}

/// The current keys, in order.
async fn keys(connection: &mut SqliteConnection) -> Result<Vec<KeyValue>, sqlx::Error> {
    let keys: Vec<rows::KeyRow> = sqlx::query_as(KEYS).fetch_all(connection).await?;
    Ok(keys.into_iter().map(rows::key_value).collect())
}

fn state_at(range: &KeyRange, revision: i64) -> StateAt<'_> {
    sqlx::query_as(STATE_AT).bind(range.start.as_ref()).bind(reads::end(range)).bind(revision)
}

async fn committed_after(
    connection: &mut SqliteConnection,
    revision: i64,
    limit: i64,
) -> Result<Vec<Committed>, Error> {
    let events = rows::page(sqlx::query_as(COMMITTED).bind(revision).bind(limit).fetch_all(&mut *connection).await?);
    let Some(&(last, _)) = events.last() else { return Ok(Vec::new()) };
    let changes = sqlx::query_as(CHANGES_BETWEEN).bind(revision).bind(last).fetch_all(&mut *connection).await?;
    Ok(rows::committed(events, changes))
}

#[cfg(test)]
mod tests {
    use sqlx::{Executor as _, SqlSafeStr as _};

    use super::*;
    use crate::backend::Batch;

    #[tokio::test]
    async fn every_statement_prepares_against_the_migrated_schema() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("log.db").to_str().unwrap()).await.unwrap();
        let multi = write::ALL_MULTI
            .iter()
            .chain(retention::MULTI)
            .chain(evidence::MULTI)
            .flat_map(|multi| [1, 2, 256].map(|rows| multi.over(rows).into_sql_str()));
        let single = ALL.iter().chain(COMMON).chain(locked::ALL).chain(write::ALL).chain(evidence::ALL);
        let single = single.chain(retention::READS).chain(retention::WRITES).chain(timeline::ALL).chain(listing::ALL);
        for statement in single.map(|statement| (*statement).into_sql_str()).chain(multi) {
            let prepared = (&store.writer).prepare(statement.clone()).await;
            assert!(prepared.is_ok(), "{}: {:?}", statement.as_str(), prepared.err());
            assert!(statement.as_str().starts_with("-- "), "{} has no name", statement.as_str());
        }
    }

    /// A batch with one event of the given size.
    fn batch(head: &Head, size: usize) -> Batch {
        let entry = vec![b' '; 100];
        let mut next = head.clone();
        next.revision += 1;
        next.recorded_at += 1;
        next.frontier.push(crate::merkle::leaf_hash(&entry));
        let event = crate::backend::EventRow {
            revision: next.revision,
            event_id: next.revision.to_string(),
            recorded_at: next.recorded_at,
            action: "test".into(),
            outcome: "success",
            actor_id: "test".into(),
            actor_kind: "system",
            gateway_group: None,
            resource_kind: None,
            resource_id: None,
            request_id: String::new(),
            causation_revision: None,
            leaf_hash: crate::merkle::leaf_hash(&entry).to_vec(),
            entry,
            context_salt: vec![0; 32],
            context_body: vec![b' '; size],
            changes_salt: None,
            committed: std::sync::Arc::new(Committed {
                revision: next.revision,
                recorded_at: next.recorded_at,
                changes: Vec::new(),
            }),
        };
        Batch {
            events: vec![event],
            secrets: Vec::new(),
            requests: Vec::new(),
            ended_leases: Vec::new(),
            before: head.frontier.clone(),
            head: next,
        }
    }

    #[tokio::test]
    async fn after_a_full_disk_the_log_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("log.db").to_str().unwrap()).await.unwrap();
        // The limit belongs to the connection, so a new one is a disk with room again.
        sqlx::query("PRAGMA max_page_count = 100").execute(&store.writer).await.unwrap();
        let lock = store.lock().await.unwrap();
        let full = batch(lock.head(), 1_000_000);
        assert!(matches!(lock.commit(full.into()).await, Err(crate::backend::CommitError::NotWritten(_))));
        let lock = store.lock().await.unwrap();
        assert_eq!(lock.head().revision, 0, "nothing of the batch was kept");
        let small = batch(lock.head(), 10);
        assert!(lock.commit(small.into()).await.is_ok());
        assert_eq!(store.head().await.unwrap().revision, 1);
    }

    #[tokio::test]
    async fn a_lock_that_is_dropped_does_not_stay() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("log.db").to_str().unwrap()).await.unwrap();
        drop(store.lock().await.unwrap());
        let lock = store.lock().await.unwrap();
        let small = batch(lock.head(), 10);
        assert!(lock.commit(small.into()).await.is_ok());
    }
}
