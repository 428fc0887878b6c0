//! The audit log, newest first. Said once: the databases differ in how they are told their index, how a placeholder is written, and how
//! two values are the same that may both be NULL.
//!
//! What an index leads to is read by that index, whatever a planner thinks of it: for a value that is rare the primary key, which has the
//! order that is wanted, is a walk through the whole log. So PostgreSQL is given the rows as a range of the index (a row comparison), the
//! others its name.

use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::read::{EventQuery, StoredEvent};

/// What leads to the events.
#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    /// The index on kind and id of resources.
    Resource(&'a str, &'a str),
    /// The index on actors.
    Actor(&'a str),
    /// The index on actions.
    Action(&'a str),
    /// No condition.
    Revision,
    /// Those conditions that have no index: outcome, kind alone, id alone, group. All events in between are looked at: the caller says how
    /// many these may be.
    Scan(&'a EventQuery),
}

/// A database as a place where events are looked up.
pub(crate) trait Listing: Send + Sync {
    /// Events above a revision and below another, newest first, without their changes.
    fn listed<'a>(
        &'a self,
        by: By<'a>,
        above: i64,
        below: i64,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, Error>>;
}

// === impl By ===

impl By<'_> {
    /// Whether only events are looked at that are answered.
    pub(crate) fn is_indexed(self) -> bool {
        !matches!(self, Self::Scan(_))
    }
}

/// One statement.
macro_rules! listed {
    ($name:literal, $index:literal, $($condition:literal),+; $order:literal, $limit:literal) => {
        concat!(
            "-- ", $name, "
SELECT e.revision, e.entry, x.body, e.leaf_hash
FROM events e ", $index, " LEFT JOIN contexts x ON x.revision = e.revision
WHERE ", $($condition,)+ "
ORDER BY ", $order, " LIMIT ", $limit
        )
    };
}

/// The statements that know no index, and the list of all. `$same` compares values that may be NULL; the words after it are placeholders, in
/// the order in which they are bound.
macro_rules! listing_statements {
    ($same:literal; $one:literal, $two:literal, $three:literal, $four:literal, $five:literal, $six:literal, $seven:literal) => {
        const LISTED: &str = listed!("events_list", "",
            "e.revision > ", $one, " AND e.revision < ", $two; "e.revision DESC", $three);
        const SCANNED: &str = listed!("events_scan", "",
            "e.outcome = coalesce(", $one, ", e.outcome) AND e.resource_kind ", $same, " coalesce(", $two, ", e.resource_kind)
  AND e.resource_id ", $same, " coalesce(", $three, ", e.resource_id) AND e.gateway_group ", $same, " coalesce(", $four, ", e.gateway_group)
  AND e.revision > ", $five, " AND e.revision < ", $six; "e.revision DESC", $seven);

        /// All statements, prepared against the migrated schema by a test.
        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[LISTED_BY_RESOURCE, LISTED_BY_ACTOR, LISTED_BY_ACTION, LISTED, SCANNED];
    };
}

/// The method of [`Listing`].
macro_rules! listing_reads {
    ($pool:ident) => {
        fn listed<'a>(
            &'a self,
            by: By<'a>,
            above: i64,
            below: i64,
            limit: i64,
        ) -> BoxFuture<'a, Result<Vec<StoredEvent>, Error>> {
            Box::pin(async move {
                let query = match by {
                    By::Resource(kind, id) => sqlx::query_as(LISTED_BY_RESOURCE).bind(kind).bind(id),
                    By::Actor(actor) => sqlx::query_as(LISTED_BY_ACTOR).bind(actor),
                    By::Action(action) => sqlx::query_as(LISTED_BY_ACTION).bind(action),
                    By::Revision => sqlx::query_as(LISTED),
                    By::Scan(query) => {
                        let listed = sqlx::query_as(SCANNED).bind(&query.outcome).bind(&query.resource_kind);
                        listed.bind(&query.resource_id).bind(&query.gateway_group)
                    }
                };
                let query = query.bind(above).bind(below).bind(limit);
                let events: Vec<rows::EventRow> = query.fetch_all(&self.$pool).await?;
                Ok(events.into_iter().map(rows::event).collect())
            })
        }
    };
}

pub(super) use {listed, listing_reads, listing_statements};
