//! What the log asks of a database; one file per database below.
//!
//! The shape is the same everywhere: a transaction that locks the head row, reads what other replicas wrote, and then
//! inserts a batch and moves the head. The row lock is held to the commit, so revision order is commit order.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::keyspace::{Change, Committed, KeyRange, KeyValue};
use crate::lease::Lease;
use crate::merkle::Frontier;
use crate::proposal::SecretWrite;
use crate::protect::Protection;
use crate::read::StoredEvent;

pub(crate) mod evidence;
mod evidence_reads;
pub(crate) mod listing;
mod migrations;
mod multi;
mod mysql;
#[cfg(test)]
mod plans;
mod postgres;
mod reads;
pub(crate) mod retention;
mod rows;
#[cfg(test)]
mod samples;
mod sqlite;
pub(crate) mod timeline;

/// Most events that are read at once.
pub(crate) const PAGE_EVENTS: i64 = 1_000;
/// A read of events ends after the one with which their values, new and replaced, reach this size. It bounds what one slow watcher
/// or one replica that was away can make us hold.
pub(crate) const PAGE_BYTES: i64 = 4 << 20;

/// Where the log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub epoch: String,
    pub revision: i64,
    pub recorded_at: i64,
    pub frontier: Frontier,
    pub compact_revision: i64,
}

/// A row of `events` with what belongs to it.
pub(crate) struct EventRow {
    pub revision: i64,
    pub event_id: String,
    pub recorded_at: i64,
    pub action: String,
    pub outcome: &'static str,
    pub actor_id: String,
    pub actor_kind: &'static str,
    pub gateway_group: Option<String>,
    pub resource_kind: Option<String>,
    pub resource_id: Option<String>,
    pub request_id: String,
    pub causation_revision: Option<i64>,
    pub entry: Vec<u8>,
    pub leaf_hash: Vec<u8>,
    pub context_salt: Vec<u8>,
    pub context_body: Vec<u8>,
    pub changes_salt: Option<Vec<u8>>,
    /// The event as memory will hold it.
    pub committed: Arc<Committed>,
}

/// A row of `changes`.
pub(crate) struct ChangeRow<'a> {
    pub revision: i64,
    pub ordinal: i64,
    /// Of all changes of the event: the first of them has it.
    pub salt: Option<&'a [u8]>,
    pub change: &'a Change,
}

/// What one transaction writes.
pub(crate) struct Batch {
    pub events: Vec<EventRow>,
    pub secrets: Vec<(i64, SecretWrite)>,
    /// Idempotency keys that the events answer, and deeds that are done once.
    pub requests: Vec<Request>,
    /// Leases that end with the batch, with or without an event.
    pub ended_leases: Vec<i64>,
    /// The edge of the tree before the batch.
    pub before: Frontier,
    /// The head after the batch.
    pub head: Head,
}

/// The event that answered an idempotency key.
pub(crate) struct Request {
    pub actor_id: String,
    pub idempotency_key: String,
    pub body_hash: Vec<u8>,
    pub revision: i64,
    /// Of the event; not read back.
    pub recorded_at: i64,
}

/// Why a commit did not succeed.
pub(crate) enum CommitError {
    /// Nothing was written.
    NotWritten(sqlx::Error),
    /// The answer to COMMIT was lost.
    Unknown(sqlx::Error),
    /// Nothing was written: the head is not where the batch begins.
    Moved,
}

/// A database that holds a log.
pub(crate) trait Backend:
    evidence::Evidence + listing::Listing + retention::Retention + timeline::Timeline + Send + Sync + 'static
{
    /// `sqlite`, `postgres`, `mysql`.
    fn name(&self) -> &'static str;
    /// Whether another process may append; if not, memory is always at the head.
    fn is_shared(&self) -> bool;
    /// Whether the database can hold the change; not all of them take keys and values of any size.
    fn fits(&self, _change: &Change) -> Result<(), Error> {
        Ok(())
    }
    /// The head row.
    fn head(&self) -> BoxFuture<'_, Result<Head, Error>>;
    /// The head and the current key space, from one consistent state.
    fn load(&self) -> BoxFuture<'_, Result<(Head, Vec<KeyValue>), Error>>;
    /// Brings the table of the current keys up to date, where batches don't write it.
    fn fold(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
    /// Begins a transaction and locks the head row.
    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn Locked>, Error>>;
    /// Whether [`append`](Self::append) is to be had.
    fn appends_at_once(&self) -> bool {
        false
    }
    /// Writes the batch in a transaction of its own, in one round trip, if the head is where the batch begins. For batches without
    /// idempotency keys, deeds and leases, which need a look under the lock first. The batch before it may still be on its way: then this one
    /// waits, and is written if that one is.
    fn append(&self, _batch: Arc<Batch>) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(std::future::ready(Err(CommitError::Moved)))
    }
    /// Events after a revision with their key changes, oldest first, at most `limit` events and about [`PAGE_BYTES`].
    fn committed_after(&self, revision: i64, limit: i64) -> BoxFuture<'_, Result<Vec<Committed>, Error>>;
    /// The keys of a range as of a revision.
    fn state_at<'a>(&'a self, range: &'a KeyRange, revision: i64) -> BoxFuture<'a, Result<Vec<KeyValue>, Error>>;
    /// The latest changes of a key with the events that made them, newest first.
    fn history<'a>(&'a self, key: &'a [u8], limit: i64) -> BoxFuture<'a, Result<Vec<(StoredEvent, Change)>, Error>>;
    /// The leaf hash of one event.
    fn leaf_hash(&self, revision: i64) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>>;
    /// The changes of the events to keys of a range, in order.
    fn changes_of<'a>(
        &'a self,
        revisions: &'a [i64],
        range: &'a KeyRange,
    ) -> BoxFuture<'a, Result<Vec<(i64, Change)>, Error>>;
    /// Raises the compaction mark.
    fn compact(&self, revision: i64) -> BoxFuture<'_, Result<(), Error>>;
    /// Inserts a lease; false when the id is in use.
    fn lease_insert<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool, Error>>;
    /// Moves the end of a lease; false when it is gone.
    fn lease_extend(&self, id: i64, expires_at: i64, now: i64) -> BoxFuture<'_, Result<bool, Error>>;
    /// One lease.
    fn lease(&self, id: i64) -> BoxFuture<'_, Result<Option<Lease>, Error>>;
    /// All leases.
    fn leases(&self) -> BoxFuture<'_, Result<Vec<Lease>, Error>>;
    /// A secret by name.
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, Error>>;
    /// Forgets the idempotency keys of events before a time.
    fn requests_forget(&self, before: i64) -> BoxFuture<'_, Result<u64, Error>>;
    /// Size of the database, in bytes.
    fn size(&self) -> BoxFuture<'_, Result<i64, Error>>;
    /// How well the database itself protects the log.
    fn protection(&self) -> BoxFuture<'_, Result<Protection, Error>>;
    /// Resolves when another replica may have written; the caller adds a period of its own.
    fn wait_for_news(&self) -> BoxFuture<'_, Result<(), Error>>;
}

/// A transaction that holds the head row's lock.
pub(crate) trait Locked: Send {
    /// The head as of the lock.
    fn head(&self) -> &Head;
    /// The next page of events after a revision, as the transaction sees them.
    fn committed_after(&mut self, revision: i64) -> BoxFuture<'_, Result<Vec<Committed>, Error>>;
    /// Which of these (actor, idempotency key) were answered already.
    fn requests<'a>(&'a mut self, asked: &'a [(&'a str, &'a str)]) -> BoxFuture<'a, Result<Vec<Request>, Error>>;
    /// Those of the leases that exist.
    fn leases<'a>(&'a mut self, ids: &'a [i64]) -> BoxFuture<'a, Result<Vec<Lease>, Error>>;
    /// Writes the batch and commits.
    fn commit(self: Box<Self>, batch: Arc<Batch>) -> BoxFuture<'static, Result<(), CommitError>>;
    /// Lets go without writing.
    fn release(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Opens the database that the URL names and brings its schema up to date.
pub(crate) async fn open(url: &str) -> Result<Arc<dyn Backend>, Error> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Arc::new(postgres::Postgres::open(url).await?));
    }
    if url.starts_with("mysql://") || url.starts_with("mariadb://") {
        return Ok(Arc::new(mysql::MySql::open(url).await?));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(Arc::new(sqlite::Sqlite::open(path.trim_start_matches("//")).await?)),
        _ => Err(Error::UnknownStore(scheme_only(url))),
    }
}

/// Opens an existing database for reading alone: migrates nothing, creates nothing.
pub(crate) async fn open_read_only(url: &str) -> Result<Arc<dyn Backend>, Error> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Arc::new(postgres::Postgres::open_read_only(url).await?));
    }
    if url.starts_with("mysql://") || url.starts_with("mariadb://") {
        return Ok(Arc::new(mysql::MySql::open_read_only(url).await?));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => {
            Ok(Arc::new(sqlite::Sqlite::open_read_only(path.trim_start_matches("//")).await?))
        }
        _ => Err(Error::UnknownStore(scheme_only(url))),
    }
}

/// Brings a PostgreSQL database's schema up to date.
pub(crate) async fn migrate_postgres(pool: &sqlx::PgPool) -> Result<(), Error> {
    postgres::migrate(pool).await
}

// === impl Batch ===

impl Batch {
    /// The rows of `changes`.
    fn changes(&self) -> Vec<ChangeRow<'_>> {
        let rows = self.events.iter().flat_map(|event| {
            (0..).zip(&event.committed.changes).map(|(ordinal, change)| {
                let salt = event.changes_salt.as_deref().filter(|_| ordinal == 0);
                ChangeRow { revision: event.revision, ordinal, salt, change }
            })
        });
        rows.collect()
    }

    /// Whether nothing comes with the events.
    fn has_only_events(&self) -> bool {
        self.secrets.is_empty() && self.requests.is_empty() && self.ended_leases.is_empty()
    }

    /// The last value that the batch gives each key; `None` = deleted. Later events win.
    fn final_keys(&self) -> Vec<(Bytes, Option<Arc<KeyValue>>)> {
        let mut last = std::collections::BTreeMap::new();
        for change in self.events.iter().flat_map(|event| &event.committed.changes) {
            last.insert(change.key.clone(), change.after.clone());
        }
        last.into_iter().collect()
    }
}

/// A URL may hold a password: an error names only its scheme.
fn scheme_only(url: &str) -> String {
    url.split_once(':').map_or_else(|| "(no scheme)".to_owned(), |(scheme, _)| format!("{scheme}:…"))
}
