//! Which payloads may go, page by page, and letting them go.
//!
//! The changes of an event may go when each of them was followed by another change of its key up to the floor: then no state from the
//! floor on is told from them. A deletion may go without that, once nothing older of its key is left for it to hide.

use std::collections::HashSet;

use super::accounts::{Accounts, Deed, HOLD, RELEASE};
use super::scope::Subject;
use super::{Removed, Scope};
use crate::backend::Backend;
use crate::backend::retention::{Removal, Target, Touched};
use crate::error::Error;
use crate::keyspace::KeyRange;
use crate::proof::check::Claims;
use crate::store::EventStore;

/// Events per transaction: short enough for writers to wait for.
const PAGE: i64 = 500;

/// What is looked at.
pub(super) struct Reach<'a> {
    /// Contexts of this actor alone; otherwise all, and the changes.
    pub actor: Option<&'a str>,
    /// Revisions below this one.
    pub floor: i64,
}

/// What is done with it.
#[derive(Clone, Copy)]
pub(super) enum Work {
    Count,
    Remove { event: i64 },
}

/// Who is spared.
struct Holds {
    accounts: Accounts,
    /// Keys whose changes are covered.
    keys: Vec<KeyRange>,
    /// The last event that is called the setting or the release of a hold, whatever else it says: the deletion looks for the same.
    last: i64,
    /// Holds that were in force at this revision count, too.
    event: i64,
}

/// The deeds of the log so far.
pub(crate) async fn accounts(backend: &dyn Backend) -> Result<Accounts, Error> {
    Ok(accounts_and_holds(backend).await?.0)
}

/// The same, and the last event that is called the setting or the release of a hold.
async fn accounts_and_holds(backend: &dyn Backend) -> Result<(Accounts, i64), Error> {
    let (mut accounts, mut last) = (Accounts::default(), 0);
    for leaf in backend.accounts().await? {
        let claims: Claims = serde_json::from_slice(&leaf.entry).map_err(|error| {
            Error::Corrupt(format!("the entry of revision {} can't be read: {error}", leaf.revision))
        })?;
        if claims.action == HOLD || claims.action == RELEASE {
            last = leaf.revision;
        }
        if let Some(deed) = Deed::of(&claims) {
            accounts.add(leaf.revision, deed);
        }
    }
    Ok((accounts, last))
}

/// Goes over everything in reach.
pub(super) async fn work(store: &EventStore, reach: &Reach<'_>, work: Work) -> Result<Removed, Error> {
    let mut done = Removed::default();
    let mut holds = Holds::now(store.backend(), work).await?;
    for part in [Part::Contexts, Part::Changes] {
        if reach.actor.is_some() && part == Part::Changes {
            break;
        }
        let mut after = 0;
        loop {
            let page = match (part, reach.actor) {
                (Part::Contexts, Some(actor)) => {
                    store.backend().with_context_of(actor, after, reach.floor, PAGE).await?
                }
                (Part::Contexts, None) => store.backend().with_context(after, reach.floor, PAGE).await?,
                (Part::Changes, _) => store.backend().with_changes(after, reach.floor, PAGE).await?,
            };
            let Some(last) = page.last().map(|target| target.0) else { break };
            let (go, held) = choose(store.backend(), &holds, part, &page, reach.floor).await?;
            if let Work::Remove { event } = work
                && !go.is_empty()
            {
                let floor = if part == Part::Changes { reach.floor } else { 0 };
                let mut removal = Removal { event, holds: holds.last, floor, ..Removal::default() };
                match part {
                    Part::Contexts => removal.contexts.clone_from(&go),
                    Part::Changes => removal.changes.clone_from(&go),
                }
                if !store.backend().remove(&removal).await? {
                    // Somebody set a hold: choose again.
                    holds = Holds::now(store.backend(), work).await?;
                    continue;
                }
            }
            let count = u64::try_from(go.len()).unwrap_or(u64::MAX);
            match part {
                Part::Contexts => done.contexts += count,
                Part::Changes => done.changes += count,
            }
            done.held += held;
            after = last;
        }
    }
    Ok(done)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Contexts,
    Changes,
}

/// Those of a page that may go, and how many a hold keeps.
async fn choose(
    backend: &dyn Backend,
    holds: &Holds,
    part: Part,
    page: &[Target],
    floor: i64,
) -> Result<(Vec<i64>, u64), Error> {
    let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok((Vec::new(), 0)) };
    let (first, last) = (first.0, last.0);
    let touched = match part == Part::Changes || !holds.keys.is_empty() {
        true => backend.touched(first, last).await?,
        false => Vec::new(),
    };
    let mut touched = touched.as_slice();
    let mut kept = Kept { first, floor, keys: HashSet::new() };
    let (mut go, mut held) = (Vec::new(), 0);
    for target in page {
        // Changes of events in between, whose first is gone, belong to nobody.
        let skip = touched.partition_point(|row| row.0 < target.0);
        touched = &touched[skip..];
        let (own, rest) = touched.split_at(touched.partition_point(|row| row.0 == target.0));
        touched = rest;
        if holds.cover(target, own) {
            held += 1;
            kept.stays(own);
        } else if part == Part::Contexts || kept.may_go(own) {
            go.push(target.0);
        } else {
            kept.stays(own);
        }
    }
    Ok((go, held))
}

/// What stays of the page so far.
struct Kept<'a> {
    first: i64,
    floor: i64,
    keys: HashSet<&'a [u8]>,
}

// === impl Kept ===

impl<'a> Kept<'a> {
    fn may_go(&self, own: &[Touched]) -> bool {
        own.iter().all(|(_, key, version, next, oldest)| {
            let replaced = *next > 0 && *next <= self.floor;
            let hides = *oldest < self.first || self.keys.contains(key.as_slice());
            replaced || (*version == 0 && !hides)
        })
    }

    fn stays(&mut self, own: &'a [Touched]) {
        self.keys.extend(own.iter().map(|row| row.1.as_slice()));
    }
}

// === impl Holds ===

impl Holds {
    async fn now(backend: &dyn Backend, work: Work) -> Result<Self, Error> {
        let (accounts, last) = accounts_and_holds(backend).await?;
        let event = if let Work::Remove { event } = work { event } else { i64::MAX };
        let in_force = accounts.holds_at(i64::MAX).chain(accounts.holds_at(event));
        let keys = in_force.filter_map(|(_, scope): (i64, &Scope)| scope.keys()).collect();
        Ok(Self { accounts, keys, last, event })
    }

    fn cover(&self, target: &Target, changes: &[Touched]) -> bool {
        let (revision, actor, group, kind, id) = target;
        let (group, kind, id) = (group.as_deref(), kind.as_deref(), id.as_deref());
        let subject = Subject { revision: *revision, actor, group, kind, id };
        self.accounts.held_at(i64::MAX, &subject)
            || self.accounts.held_at(self.event, &subject)
            || changes.iter().any(|row| self.keys.iter().any(|keys| keys.contains(&row.1)))
    }
}
