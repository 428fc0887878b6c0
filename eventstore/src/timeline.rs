//! Time travel: what changed between two revisions, and which revision a moment was.
//!
//! The state at `from` and the changes after it up to `to` give the state at `to`, exactly, for every `from` that can be told.

use std::collections::HashMap;

use crate::backend::PAGE_BYTES;
use crate::backend::timeline::Lead;
use crate::error::Error;
use crate::keyspace::{Change, End, KeyRange, View as _};
use crate::read::{Event, decode};
use crate::store::EventStore;

/// Events that are looked at in one go; all their changes are held at once.
const CHUNK: i64 = 16;
/// Revisions that one statement may look through when no index leads to the keys: most may be changes of others.
const WINDOW: i64 = 4_096;
/// The same where one does, to the events of an actor or an action; MySQL has no order in its index on long texts, and sorts them.
const WIDE_WINDOW: i64 = 65_536;
/// Statements for one page, at most. A page that finds little in so many ends there, and says where to go on.
const ROUNDS: usize = 64;

/// Which changes; all conditions must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesQuery {
    /// Changes of these keys.
    pub keys: KeyRange,
    /// Made by this actor.
    pub actor: Option<String>,
    /// Made by this action.
    pub action: Option<String>,
    /// After this revision; 0 = from the beginning.
    pub from: i64,
    /// Up to this revision.
    pub to: i64,
    /// A page ends with the event whose changes reach this number; the changes of one event are never split.
    pub limit: usize,
}

/// A page of changes, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The events, each with those of its changes that were asked for, at least one.
    pub events: Vec<Event>,
    /// Where the next page begins: its `from`. `None` when there is none.
    pub next: Option<i64>,
}

// === impl EventStore ===

impl EventStore {
    /// The changes after a revision up to another, oldest first, a page of them.
    ///
    /// # Errors
    /// [`Error::Pruned`] when changes after `from` may have been pruned.
    pub async fn changes(&self, query: &ChangesQuery) -> Result<Changes, Error> {
        let to = query.to.min(self.with_state(|state| state.revision()));
        let mut page = Changes::default();
        let (mut at, mut count, mut bytes) = (query.from, 0, 0);
        'page: for _ in 0..ROUNDS {
            if at >= to {
                break;
            }
            let (events, looked) = self.made(query, at, to).await?;
            let revisions: Vec<i64> = events.iter().map(|event| event.revision).collect();
            let mut changes: HashMap<i64, Vec<Change>> = HashMap::new();
            for (revision, change) in self.backend().changes_of(&revisions, &query.keys).await? {
                changes.entry(revision).or_default().push(change);
            }
            for event in events {
                let Some(own) = changes.remove(&event.revision) else { continue };
                at = event.revision;
                count += own.len();
                bytes += own.iter().map(Change::size).sum::<usize>();
                page.events.push(Event { changes: own, ..event });
                if count >= query.limit || bytes >= PAGE_BYTES.unsigned_abs() as usize {
                    break 'page;
                }
            }
            at = looked;
        }
        page.next = (at < to).then_some(at);
        // Asked afterwards: what was pruned meanwhile is missing.
        self.can_tell(query.from).await?;
        Ok(page)
    }

    /// The last revision that was recorded at a time or before it; 0 before the first.
    pub async fn revision_at(&self, micros: i64) -> Result<i64, Error> {
        Ok(self.revision_from(micros.saturating_add(1)).await? - 1)
    }

    /// When an event was recorded, in microseconds since 1970 UTC; `None` when there is none of that revision.
    pub async fn recorded_at(&self, revision: i64) -> Result<Option<i64>, Error> {
        self.backend().recorded_at(revision).await
    }

    /// The first revision whose state can be told; 0, where there was nothing yet, when nothing was pruned.
    pub async fn earliest(&self) -> Result<i64, Error> {
        Ok(Some(self.floor().await?).filter(|floor| *floor > 1).unwrap_or(0))
    }

    /// Refuses a revision whose state, or what followed it, can't be told any more.
    pub(crate) async fn can_tell(&self, revision: i64) -> Result<(), Error> {
        match self.earliest().await? {
            floor if revision < floor => Err(Error::Pruned { revision, floor }),
            _ => Ok(()),
        }
    }

    /// The next events that may hold what is asked for, without their changes, and up to where these are all.
    async fn made(&self, query: &ChangesQuery, after: i64, to: i64) -> Result<(Vec<Event>, i64), Error> {
        let lead = match (&query.keys.end, &query.actor, &query.action) {
            (End::Single, ..) => Lead::Key(&query.keys.start),
            (_, Some(actor), _) => Lead::Actor(actor),
            (_, _, Some(action)) => Lead::Action(action),
            _ => Lead::Keys(&query.keys),
        };
        let window = match lead {
            Lead::Key(_) => i64::MAX,
            Lead::Actor(_) | Lead::Action(_) => WIDE_WINDOW,
            Lead::Keys(_) => WINDOW,
        };
        let to = to.min(after.saturating_add(window));
        let stored = self.backend().made(lead, after, to, CHUNK).await?;
        let full = i64::try_from(stored.len()).is_ok_and(|found| found == CHUNK);
        let looked = stored.last().map(|event| event.revision).filter(|_| full).unwrap_or(to);
        let mut events = Vec::with_capacity(stored.len());
        for event in stored {
            let event = decode(event, Vec::new())?;
            let by = query.actor.as_ref().is_none_or(|actor| *actor == event.entry.actor.id);
            if by && query.action.as_ref().is_none_or(|action| *action == event.entry.action) {
                events.push(event);
            }
        }
        Ok((events, looked))
    }
}
