//! What the handle, the writer and the follower share: the state in memory, and how it follows the log.

use std::sync::Arc;

use parking_lot::RwLock;
use portolan_rt::clock::Clock;
use tokio::sync::watch;

use crate::backend::{Backend, Head, PAGE_EVENTS};
use crate::error::Error;
use crate::keyspace::{Committed, State, View};
use crate::lease::{Lease, Leases};

/// One for each open store.
pub(crate) struct Shared {
    pub backend: Arc<dyn Backend>,
    pub clock: Arc<dyn Clock>,
    pub epoch: String,
    pub(super) state: RwLock<State>,
    pub(super) leases: RwLock<Leases>,
    pub(super) head: watch::Sender<i64>,
}

// === impl Shared ===

impl Shared {
    pub(crate) fn with_state<T>(&self, work: impl FnOnce(&State) -> T) -> T {
        work(&self.state.read())
    }

    /// Whether memory knows the lease as one that this owner may use.
    pub(crate) fn knows_lease_for(&self, id: i64, owner: Option<&str>) -> bool {
        self.leases.read().get(&id).is_some_and(|lease| lease.is_for(owner))
    }

    /// Makes memory say of these leases what the database says.
    pub(crate) fn leases_refreshed(&self, ids: &[i64], existing: Vec<Lease>) {
        let mut leases = self.leases.write();
        for id in ids {
            leases.remove(id);
        }
        leases.extend(existing.into_iter().map(|lease| (lease.id, lease)));
    }

    /// The lease, from memory or (granted by another replica) from the database.
    pub(crate) async fn lease_known(&self, id: i64) -> Result<Option<Lease>, Error> {
        if let Some(lease) = self.leases.read().get(&id) {
            return Ok(Some(lease.clone()));
        }
        let lease = self.backend.lease(id).await?;
        if let Some(lease) = &lease {
            self.leases.write().insert(id, lease.clone());
        }
        Ok(lease)
    }

    pub(crate) fn lease_forget(&self, id: i64) {
        self.leases.write().remove(&id);
    }

    /// The head as the database has it. What memory held before the question is the least that the answer may say: the writer
    /// and the follower apply more while it is on its way.
    pub(crate) async fn head_now(&self) -> Result<Head, Error> {
        let applied = self.with_state(View::revision);
        let head = self.backend.head().await?;
        self.check_head(&head, applied)?;
        Ok(head)
    }

    /// Refuses a head that contradicts what this process had applied when it asked for the head.
    pub(crate) fn check_head(&self, head: &Head, applied: i64) -> Result<(), Error> {
        if head.epoch != self.epoch {
            return Err(Error::Corrupt(format!("the log's epoch changed from {} to {}", self.epoch, head.epoch)));
        }
        if head.revision < applied {
            return Err(Error::Corrupt(format!("the log went back from revision {applied} to {}", head.revision)));
        }
        Ok(())
    }

    /// Takes over a compaction mark that another replica set.
    pub(crate) fn compacted(&self, revision: i64) {
        if revision > self.with_state(State::compact_revision) {
            self.state.write().compact(revision);
        }
    }

    /// Reads and applies what other replicas wrote.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        loop {
            let applied = self.with_state(View::revision);
            let events = self.backend.committed_after(applied, PAGE_EVENTS).await?;
            if events.is_empty() {
                return Ok(());
            }
            self.apply(events.into_iter().map(Arc::new).collect())?;
        }
    }

    /// Applies committed events in order and wakes the watchers. Events that are applied already are passed over: the
    /// writer and the follower may both read the same one.
    pub(crate) fn apply(&self, events: Vec<Arc<Committed>>) -> Result<(), Error> {
        self.apply_quietly(events)?;
        self.announce();
        Ok(())
    }

    /// The same without a word to the watchers: the caller [announces](Self::announce) it soon.
    pub(crate) fn apply_quietly(&self, events: Vec<Arc<Committed>>) -> Result<(), Error> {
        let mut state = self.state.write();
        for event in events {
            let next = state.revision() + 1;
            if event.revision < next {
                continue;
            }
            if event.revision > next {
                return Err(Error::Corrupt(format!("revision {next} is missing before {}", event.revision)));
            }
            state.apply(event);
        }
        Ok(())
    }

    /// Wakes the watchers if they have not heard of all that is applied.
    pub(crate) fn announce(&self) {
        let revision = self.with_state(View::revision);
        // The writer and the follower announce at the same time: the slower one must not take the head back.
        self.head.send_if_modified(|head| revision > std::mem::replace(head, revision.max(*head)));
    }
}
