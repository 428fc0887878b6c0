//! The events that lead to changes, in the order of the log. Said once: the databases differ only in how a placeholder is written.

use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::keyspace::{End, KeyRange};
use crate::read::StoredEvent;

/// What is followed to find events; each has an index that is in the order of revisions.
#[derive(Clone, Copy)]
pub(crate) enum Lead<'a> {
    /// The changes of a key.
    Key(&'a [u8]),
    /// The events of an actor.
    Actor(&'a str),
    /// The events of an action.
    Action(&'a str),
    /// The changes of keys, one revision after the other: the caller bounds how many are looked through.
    Keys(&'a KeyRange),
}

/// A database as a place where changes are followed.
pub(crate) trait Timeline: Send + Sync {
    /// Events after a revision up to another, oldest first.
    fn made<'a>(
        &'a self,
        lead: Lead<'a>,
        after: i64,
        to: i64,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, Error>>;
}

/// A range as three values for `key >= START AND (revision < BELOW OR key < END)`: a range without an end has every revision below.
pub(super) fn bounds(range: &KeyRange) -> (&[u8], i64, Vec<u8>) {
    let start = range.start.as_ref();
    match &range.end {
        End::Single => (start, 0, [start, &[0]].concat()),
        End::Before(end) => (start, 0, end.to_vec()),
        End::Unbounded => (start, i64::MAX, Vec::new()),
    }
}

/// One statement: the revisions that a condition leads to, and then their events.
macro_rules! made {
    ($name:literal, $of:literal, $($condition:literal),+; $limit:literal) => {
        concat!(
            "-- ", $name, "
SELECT e.revision, e.entry, x.body, e.leaf_hash
FROM (SELECT DISTINCT m.revision FROM ", $of, " m WHERE ", $($condition,)+ " ORDER BY m.revision LIMIT ", $limit, ") made
JOIN events e ON e.revision = made.revision LEFT JOIN contexts x ON x.revision = made.revision
ORDER BY e.revision"
        )
    };
}

/// The statements that look for keys, and the list of all; those that look for an actor or an action are told their index, as in
/// [`listing`](super::listing). The words are placeholders, in the order in which they are bound.
macro_rules! timeline_statements {
    ($one:literal, $two:literal, $three:literal, $four:literal, $five:literal, $six:literal) => {
        const MADE_ON_KEY: &str =
            made!("made_on_key", "changes", "m.revision > ", $one, " AND m.revision <= ", $two, " AND m.key = ", $three; $four);
        const MADE_ON_KEYS: &str =
            made!("made_on_keys", "changes", "m.revision > ", $one, " AND m.revision <= ", $two, " AND m.key >= ", $three,
                " AND (m.revision < ", $four, " OR m.key < ", $five, ")"; $six);

        /// All statements, prepared against the migrated schema by a test.
        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[MADE_ON_KEY, MADE_BY_ACTOR, MADE_BY_ACTION, MADE_ON_KEYS];
    };
}

/// The method of [`Timeline`].
macro_rules! timeline_reads {
    ($pool:ident) => {
        fn made<'a>(
            &'a self,
            lead: Lead<'a>,
            after: i64,
            to: i64,
            limit: i64,
        ) -> BoxFuture<'a, Result<Vec<StoredEvent>, Error>> {
            Box::pin(async move {
                let below = to.saturating_add(1);
                let query = match lead {
                    Lead::Key(key) => sqlx::query_as(MADE_ON_KEY).bind(after).bind(to).bind(key),
                    Lead::Actor(actor) => sqlx::query_as(MADE_BY_ACTOR).bind(actor).bind(after).bind(below),
                    Lead::Action(action) => sqlx::query_as(MADE_BY_ACTION).bind(action).bind(after).bind(below),
                    Lead::Keys(range) => {
                        let (start, below, end) = timeline::bounds(range);
                        sqlx::query_as(MADE_ON_KEYS).bind(after).bind(to).bind(start).bind(below).bind(end)
                    }
                };
                let events: Vec<rows::EventRow> = query.bind(limit).fetch_all(&self.$pool).await?;
                Ok(events.into_iter().map(rows::event).collect())
            })
        }
    };
}

pub(super) use {made, timeline_reads, timeline_statements};
