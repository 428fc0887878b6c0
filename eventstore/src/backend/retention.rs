//! What pruning, erasing and holding ask of a database. The reads are said once for all of them; the deletion is one transaction that
//! holds the head's lock, so that no hold comes in between.

use futures_util::future::BoxFuture;

use super::evidence::LeafEvidence;
use crate::error::Error;

/// revision, actor_id, gateway_group, resource_kind, resource_id
pub(crate) type Target = (i64, String, Option<String>, Option<String>, Option<String>);
/// revision, key, version (0 = deletion), the next change of the key (0 = none), the first one that is kept of it
pub(crate) type Touched = (i64, Vec<u8>, i64, i64, i64);

/// What one transaction deletes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Removal {
    /// The event that accounts for it.
    pub event: i64,
    /// The last event that set or released a hold, as the caller knows it.
    pub holds: i64,
    /// Events whose contexts go.
    pub contexts: Vec<i64>,
    /// Events whose changes go.
    pub changes: Vec<i64>,
    /// First revision whose state can still be told afterwards; 0 leaves it.
    pub floor: i64,
}

/// A database as a place that payloads are deleted from.
pub(crate) trait Retention: Send + Sync {
    /// The events that account for deletions, in order.
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<LeafEvidence>, Error>>;
    /// First revision whose state can be told.
    fn floor(&self) -> BoxFuture<'_, Result<i64, Error>>;
    /// When an event was recorded.
    fn recorded_at(&self, revision: i64) -> BoxFuture<'_, Result<Option<i64>, Error>>;
    /// Events between two revisions that still have their context.
    fn with_context(&self, after: i64, before: i64, limit: i64) -> BoxFuture<'_, Result<Vec<Target>, Error>>;
    /// The same, of one actor.
    fn with_context_of<'a>(
        &'a self,
        actor: &'a str,
        after: i64,
        before: i64,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<Target>, Error>>;
    /// Events between two revisions that still have their changes.
    fn with_changes(&self, after: i64, before: i64, limit: i64) -> BoxFuture<'_, Result<Vec<Target>, Error>>;
    /// The changes from a revision to another, in order.
    fn touched(&self, first: i64, last: i64) -> BoxFuture<'_, Result<Vec<Touched>, Error>>;
    /// Deletes; false when a hold was set or released that the caller does not know.
    fn remove<'a>(&'a self, removal: &'a Removal) -> BoxFuture<'a, Result<bool, Error>>;
}

/// The statements. The words are placeholders, in the order in which they are bound.
macro_rules! retention_statements {
    ($one:literal, $two:literal, $three:literal, $four:literal) => {
        const ACCOUNTS: &str = "-- accounts
SELECT revision, entry, leaf_hash FROM events
WHERE action IN ('audit.prune', 'audit.erase', 'audit.hold', 'audit.release') AND outcome = 'success' ORDER BY revision";
        const FLOOR: &str = "-- floor_get
SELECT revision FROM log_floor";
        const RECORDED_AT: &str = concat!("-- event_recorded_at
SELECT recorded_at FROM events WHERE revision = ", $one);
        const WITH_CONTEXT: &str = concat!("-- events_with_context
SELECT e.revision, e.actor_id, e.gateway_group, e.resource_kind, e.resource_id
FROM contexts x JOIN events e ON e.revision = x.revision
WHERE x.revision > ", $one, " AND x.revision < ", $two, " ORDER BY x.revision LIMIT ", $three);
        const WITH_CONTEXT_OF: &str = concat!("-- events_with_context_of
SELECT e.revision, e.actor_id, e.gateway_group, e.resource_kind, e.resource_id
FROM events e JOIN contexts x ON x.revision = e.revision
WHERE e.actor_id = ", $one, " AND e.revision > ", $two, " AND e.revision < ", $three, " ORDER BY e.revision LIMIT ", $four);
        const WITH_CHANGES: &str = concat!("-- events_with_changes
SELECT e.revision, e.actor_id, e.gateway_group, e.resource_kind, e.resource_id
FROM changes c JOIN events e ON e.revision = c.revision
WHERE c.ordinal = 0 AND c.revision > ", $one, " AND c.revision < ", $two, " ORDER BY c.revision LIMIT ", $three);
        const TOUCHED: &str = concat!("-- changes_touched
SELECT c.revision, c.key, c.version,
  (SELECT coalesce(min(n.revision), 0) FROM changes n WHERE n.key = c.key AND n.revision > c.revision),
  (SELECT min(f.revision) FROM changes f WHERE f.key = c.key)
FROM changes c WHERE c.revision >= ", $one, " AND c.revision <= ", $two, " ORDER BY c.revision, c.ordinal");

        /// All statements that read, prepared against the migrated schema by a test.
        #[cfg(test)]
        pub(super) const READS: &[&str] =
            &[ACCOUNTS, FLOOR, RECORDED_AT, WITH_CONTEXT, WITH_CONTEXT_OF, WITH_CHANGES, TOUCHED];
    };
}

/// The methods of [`Retention`] that read.
macro_rules! retention_reads {
    ($pool:ident) => {
        fn accounts(&self) -> BoxFuture<'_, Result<Vec<LeafEvidence>, Error>> {
            Box::pin(async move {
                let found = sqlx::query_as(ACCOUNTS).fetch_all(&self.$pool).await?;
                Ok(found.into_iter().map(evidence::leaf).collect())
            })
        }

        fn floor(&self) -> BoxFuture<'_, Result<i64, Error>> {
            Box::pin(async move {
                let (floor,): (i64,) = sqlx::query_as(FLOOR).fetch_one(&self.$pool).await?;
                Ok(floor)
            })
        }

        fn recorded_at(&self, revision: i64) -> BoxFuture<'_, Result<Option<i64>, Error>> {
            Box::pin(async move {
                let row: Option<(i64,)> =
                    sqlx::query_as(RECORDED_AT).bind(revision).fetch_optional(&self.$pool).await?;
                Ok(row.map(|(at,)| at))
            })
        }

        fn with_context(&self, after: i64, before: i64, limit: i64) -> BoxFuture<'_, Result<Vec<Target>, Error>> {
            Box::pin(async move {
                let query = sqlx::query_as(WITH_CONTEXT).bind(after).bind(before).bind(limit);
                Ok(query.fetch_all(&self.$pool).await?)
            })
        }

        fn with_context_of<'a>(
            &'a self,
            actor: &'a str,
            after: i64,
            before: i64,
            limit: i64,
        ) -> BoxFuture<'a, Result<Vec<Target>, Error>> {
            Box::pin(async move {
                let query = sqlx::query_as(WITH_CONTEXT_OF).bind(actor).bind(after).bind(before).bind(limit);
                Ok(query.fetch_all(&self.$pool).await?)
            })
        }

        fn with_changes(&self, after: i64, before: i64, limit: i64) -> BoxFuture<'_, Result<Vec<Target>, Error>> {
            Box::pin(async move {
                let query = sqlx::query_as(WITH_CHANGES).bind(after).bind(before).bind(limit);
                Ok(query.fetch_all(&self.$pool).await?)
            })
        }

        fn touched(&self, first: i64, last: i64) -> BoxFuture<'_, Result<Vec<Touched>, Error>> {
            Box::pin(async move { Ok(sqlx::query_as(TOUCHED).bind(first).bind(last).fetch_all(&self.$pool).await?) })
        }
    };
}

/// The statements that delete, for the databases without functions of their own.
macro_rules! removal_statements {
    () => {
        const HOLDS: &str = "-- holds_last
SELECT coalesce(max(revision), 0) FROM events WHERE action IN ('audit.hold', 'audit.release') AND outcome = 'success'";
        const REMOVE_CONTEXTS: Multi =
            Multi { before: "-- contexts_remove\nDELETE FROM contexts WHERE revision IN (", row: "?", after: ")" };
        const REMOVE_SALTS: Multi =
            Multi { before: "-- change_salts_remove\nDELETE FROM change_salts WHERE revision IN (", row: "?", after: ")" };
        const REMOVE_CHANGES: Multi =
            Multi { before: "-- changes_remove\nDELETE FROM changes WHERE revision IN (", row: "?", after: ")" };

        /// The statements over several rows.
        #[cfg(test)]
        pub(super) const MULTI: &[Multi] = &[REMOVE_CONTEXTS, REMOVE_SALTS, REMOVE_CHANGES];
    };
}

/// Deletes inside a transaction that holds the head's lock.
macro_rules! removal {
    ($connection:expr, $removal:expr) => {{
        let (holds,): (i64,) = sqlx::query_as(HOLDS).fetch_one(&mut *$connection).await?;
        if holds == $removal.holds {
            for (statement, revisions) in [
                (&REMOVE_CONTEXTS, &$removal.contexts),
                (&REMOVE_SALTS, &$removal.changes),
                (&REMOVE_CHANGES, &$removal.changes),
            ] {
                for part in parts(revisions, usize::MAX, |_| 0) {
                    let query = part.iter().fold(sqlx::query(statement.over(part.len())), |query, r| query.bind(*r));
                    query.execute(&mut *$connection).await?;
                }
            }
            sqlx::query(RAISE_FLOOR).bind($removal.floor).execute(&mut *$connection).await?;
            sqlx::query(COMPACT).bind($removal.floor).execute(&mut *$connection).await?;
        }
        holds == $removal.holds
    }};
}

pub(super) use {removal, removal_statements, retention_reads, retention_statements};
