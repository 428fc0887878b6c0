//! The store as its callers hold it: one handle to the log, the key space and the writer.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use portolan_rt::clock::Clock;
use portolan_rt::task::{Backoff, Kind, Supervisor};
use tokio::sync::{mpsc, oneshot, watch};

use crate::backend::{self, Backend, PAGE_EVENTS};
use crate::error::Error;
use crate::follower;
use crate::keyspace::{Committed, RangeAnswer, RangeQuery, State, View, joined};
use crate::lease::{self, Lease};
use crate::proposal::{Appended, Context, Decision, Intent, Proposal};
use crate::read_index::{self, Reads};
use crate::txn;
use crate::writer::{self, Writer};

/// Proposals that may wait for the writer; more make `append` wait, which is the back-pressure on clients.
const QUEUE: usize = 4_096;

/// How long a repeated request is answered with its first answer.
const REMEMBER_REQUESTS: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often those older than that are forgotten.
const FORGET_PERIOD: Duration = Duration::from_secs(3600);
/// How often the table of the current keys is brought up to date: what changed since then is what a start reads besides it.
const FOLD_PERIOD: Duration = Duration::from_secs(5);

mod shared;

pub(crate) use shared::Shared;

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/DATABASE` or `mysql://USER:PASSWORD@HOST/DATABASE`.
    pub url: String,
    /// Where the time of events comes from.
    pub clock: Arc<dyn Clock>,
}

/// The event log and its key space. Clones share one store.
#[derive(Clone)]
pub struct EventStore {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Waiting>,
    reads: Reads,
}

/// A proposal in the queue, and where its answer goes.
pub(crate) struct Waiting {
    pub proposal: Proposal,
    pub answer: oneshot::Sender<Result<Appended, Error>>,
}

// === impl EventStore ===

impl EventStore {
    /// Opens the store, brings its schema up to date, loads the key space and starts the writer, the follower and the
    /// lease task. The first opening writes event 1, `log.created`.
    pub async fn open(options: Options, supervisor: &Supervisor) -> Result<Self, Error> {
        let backend = backend::open(&options.url).await?;
        let (head, keys) = backend.load().await?;
        let leases = backend.leases().await?;
        let shared = Arc::new(Shared {
            backend,
            clock: options.clock,
            epoch: head.epoch,
            state: RwLock::new(State::load(keys, head.revision, head.compact_revision)),
            leases: RwLock::new(leases.into_iter().map(|lease| (lease.id, lease)).collect()),
            head: watch::Sender::new(head.revision),
        });
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (reads, asked) = Reads::new();
        let store = Self { shared: shared.clone(), queue, reads };
        store.start(waiting, supervisor);
        if store.shared.backend.is_shared() {
            read_index::start(shared, asked, supervisor);
        }
        if head.revision == 0 {
            store.create_log().await?;
        }
        Ok(store)
    }

    /// Hands a proposal in and waits until its outcome is durable.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: nothing was written. [`Error::Unknown`]: the database went away during COMMIT and did not
    /// come back in time. [`Error::Txn`]: the transaction can't be carried out, nothing was written.
    pub async fn append(&self, proposal: Proposal) -> Result<Appended, Error> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Waiting { proposal, answer }).await.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Identity of this log as etcd's `cluster_id`: equal on all replicas, stable over restarts.
    pub fn cluster_id(&self) -> u64 {
        let hash = crate::merkle::sha256(&[self.shared.epoch.as_bytes()]);
        hash.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte))
    }

    /// Revision of the last event that memory holds.
    pub fn revision(&self) -> i64 {
        self.shared.state.read().revision()
    }

    /// Reads below this revision are refused at the etcd face; 0 = never compacted.
    pub fn compact_revision(&self) -> i64 {
        self.shared.state.read().compact_revision()
    }

    /// Changes with every applied event: what watchers wait on. Begins at what memory holds; later events show after those who wrote
    /// them have their answers.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.shared.announce();
        self.shared.head.subscribe()
    }

    /// Reads one consistent current state. The closure runs under the memory lock: short work only.
    pub fn read<T>(&self, work: impl FnOnce(&dyn View) -> T) -> T {
        work(&*self.shared.state.read())
    }

    /// Waits until memory holds everything that was acknowledged, by any replica, before the call.
    pub async fn linearizable(&self) -> Result<i64, Error> {
        if !self.shared.backend.is_shared() {
            return Ok(self.revision());
        }
        self.reads.wait().await
    }

    /// How often the database was asked where the log stands, for all linearizable reads so far.
    pub fn linearizable_looks(&self) -> u64 {
        self.reads.looks()
    }

    /// Answers a Range at any revision; also says the current revision (etcd's `header.revision`).
    ///
    /// # Errors
    /// [`txn::Error::Compacted`], [`txn::Error::FutureRevision`], or the store's own.
    pub async fn range(&self, query: &RangeQuery) -> Result<(i64, RangeAnswer), Error> {
        let from_memory = self.with_state(|state| {
            let current = state.revision();
            if query.revision > current {
                return Err(txn::Error::FutureRevision);
            }
            if query.revision <= 0 {
                return Ok((current, Some(state.keys(&query.keys))));
            }
            if query.revision < state.compact_revision() {
                return Err(txn::Error::Compacted);
            }
            Ok((current, joined(&query.keys, |range| state.range_at(range, query.revision))))
        });
        let (current, kvs) = from_memory?;
        let kvs = match kvs {
            Some(kvs) => kvs,
            None => {
                let mut all = Vec::new();
                for range in query.keys.ranges() {
                    all.extend(self.state_at(range, query.revision).await?);
                }
                all
            }
        };
        Ok((current, query.answer(kvs)))
    }

    /// Up to `limit` events after a revision, oldest first; from memory if it reaches back that far, else from the log, and then also
    /// bounded in bytes. The events of one revision are never split.
    pub async fn events_after(&self, revision: i64, limit: usize) -> Result<Vec<Arc<Committed>>, Error> {
        if let Some(events) = self.with_state(|state| state.events_after(revision, limit)) {
            return Ok(events);
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX).min(PAGE_EVENTS);
        let events = self.shared.backend.committed_after(revision, limit).await?;
        if revision + 1 < self.shared.backend.floor().await? {
            return Err(txn::Error::Compacted.into());
        }
        // The log may be ahead of memory; nobody is told of an event before it is applied here.
        let applied = self.revision();
        Ok(events.into_iter().filter(|event| event.revision <= applied).map(Arc::new).collect())
    }

    /// Marks the revisions below this one as compacted, as etcd's Compact; the log itself keeps them. Answers the
    /// current revision.
    pub async fn compact(&self, revision: i64) -> Result<i64, Error> {
        let (current, compacted) = self.with_state(|state| (state.revision(), state.compact_revision()));
        if revision > current {
            return Err(txn::Error::FutureRevision.into());
        }
        if revision <= compacted {
            return Err(txn::Error::Compacted.into());
        }
        self.shared.backend.compact(revision).await?;
        self.shared.state.write().compact(revision);
        Ok(current)
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.shared.backend
    }

    /// Takes over a mark that this process set in the database.
    pub(crate) fn compacted(&self, revision: i64) {
        self.shared.compacted(revision);
    }

    pub(crate) fn backend_handle(&self) -> Arc<dyn Backend> {
        self.shared.backend.clone()
    }

    pub(crate) fn now(&self) -> i64 {
        self.shared.clock.now_micros()
    }

    pub(crate) fn with_state<T>(&self, work: impl FnOnce(&State) -> T) -> T {
        self.shared.with_state(work)
    }

    pub(crate) fn lease_keys(&self, id: i64) -> Vec<bytes::Bytes> {
        self.with_state(|state| state.keys_of_lease(id))
    }

    pub(crate) fn lease_remember(&self, lease: Lease) {
        self.shared.leases.write().insert(lease.id, lease);
    }

    pub(crate) fn lease_forget(&self, id: i64) {
        self.shared.leases.write().remove(&id);
    }

    pub(crate) fn leases_due(&self, now: i64) -> Vec<i64> {
        self.shared.leases.read().values().filter(|lease| lease.expires_at <= now).map(|lease| lease.id).collect()
    }

    pub(crate) async fn lease_known(&self, id: i64) -> Result<Option<Lease>, Error> {
        self.shared.lease_known(id).await
    }

    fn start(&self, waiting: mpsc::Receiver<Waiting>, supervisor: &Supervisor) {
        let mut writer = Some(Writer::new(self.shared.clone(), waiting));
        // Connections that drain may still write: the writer stays until all other work has ended.
        let attendants = supervisor.attendants();
        let shutdown = attendants.shutdown();
        attendants.spawn("log writer", Kind::Critical, move || {
            let (writer, shutdown) = (writer.take(), shutdown.clone());
            async move {
                let writer = writer.ok_or(Error::Closed)?;
                writer::run(writer, shutdown).await
            }
        });
        let (shared, shutdown) = (self.shared.clone(), supervisor.shutdown());
        supervisor.spawn("log follower", Kind::Critical, move || {
            let (shared, shutdown) = (shared.clone(), shutdown.clone());
            async move { shutdown.until_soft(follower::run(shared)).await.unwrap_or(Ok(())) }
        });
        self.every(
            "lease expiry",
            lease::EXPIRY_PERIOD,
            supervisor,
            |store| async move { store.leases_expire().await },
        );
        self.every("forget requests", FORGET_PERIOD, supervisor, |store| async move { store.forget_requests().await });
        self.every("fold keys", FOLD_PERIOD, supervisor, |store| async move { store.shared.backend.fold().await });
    }

    /// Runs `work` now and then at this period; after an error again after a pause.
    fn every<Fut>(&self, name: &'static str, period: Duration, supervisor: &Supervisor, work: fn(Self) -> Fut)
    where
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let (store, shutdown) = (self.clone(), supervisor.shutdown());
        supervisor.spawn(name, Kind::Restart(Backoff::default()), move || {
            let (store, shutdown) = (store.clone(), shutdown.clone());
            async move {
                let mut tick = tokio::time::interval(period);
                tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                while shutdown.until_soft(tick.tick()).await.is_some() {
                    work(store.clone()).await?;
                }
                Ok::<(), Error>(())
            }
        });
    }

    /// Forgets idempotency keys when their time is over.
    async fn forget_requests(&self) -> Result<(), Error> {
        let before = self.now() - i64::try_from(REMEMBER_REQUESTS.as_micros()).unwrap_or(i64::MAX);
        let forgotten = self.shared.backend.requests_forget(before).await?;
        tracing::debug!(forgotten, "idempotency keys forgotten");
        Ok(())
    }

    /// Event 1. Two replicas may try at once: the log decides.
    async fn create_log(&self) -> Result<(), Error> {
        let decide = |view: &dyn View| if view.revision() == 0 { Decision::Record } else { Decision::Unchanged };
        self.append(Proposal::new(Context::system(), "log.created", Intent::Decide(Box::new(decide)))).await?;
        Ok(())
    }
}
