//! The one task that writes: takes what waits, decides it in memory under the head lock, commits it as one transaction.
//!
//! ```text
//! queue ─ take up to BATCH ─┬─ memory is at the head: decide one by one ─ one statement that moves the head from there ─┐
//!    ▲                      │                         └─ somebody else moved it: nothing was written ─┐                 │
//!    │                      └─ lock head ◄────────────────────────────────────────────────────────────┘                 │
//!    │                           └─ catch up with other replicas ─ decide one by one ─ insert, move head, COMMIT ───────┤
//!    └────────────── what arrives meanwhile is the next batch ◄──────────── apply to memory ─ answer ◄──────────────────┘
//! ```
//! Memory changes after COMMIT, answers go out after memory: whoever has an answer also reads its write.
//! Start reading at [`Writer::try_write`]; `writer/decide.rs` decides, `writer/commit.rs` commits.

use std::sync::Arc;

use parking_lot::Mutex;
use portolan_rt::shutdown::Shutdown;
use tokio::sync::mpsc;

use crate::backend::{Head, Locked};
use crate::error::Error;
use crate::keyspace::{Committed, View};
use crate::proposal::{Appended, Intent, Proposal};
use crate::read;
use crate::store::{Shared, Waiting};
use crate::txn::Op;

mod commit;
mod decide;

use commit::Fate;
use decide::{PastRange, Seen, Verdict};

/// Most proposals in one transaction: bounds the time that the head row is locked.
const BATCH: usize = 256;
/// Batches that take the lock at once after one that met another writer: two that write all the time would only lose to each other.
const YIELD: u32 = 16;

/// The writer's side of the queue.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Waiting>,
    place: Mutex<Place>,
}

/// Where the writer left the log.
#[derive(Default)]
struct Place {
    /// The head after the last batch; `None` when it has to be read.
    head: Option<Head>,
    /// Batches that still take the lock.
    locking: u32,
}

/// What the transactions of a batch need besides memory.
struct Needs {
    past: Vec<PastRange>,
    /// Leases that keys are attached to.
    attached: Vec<i64>,
    /// Whether something has to be read under the lock.
    lock: bool,
}

/// Runs until the shutdown or until the log contradicts itself. At the soft stage nothing more is taken in, and what waits is still
/// written.
pub(crate) async fn run(mut writer: Writer, shutdown: Shutdown) -> Result<(), Error> {
    let mut waiting = Vec::with_capacity(BATCH);
    let mut closed = false;
    loop {
        tokio::select! {
            biased;
            taken = writer.queue.recv_many(&mut waiting, BATCH) => if taken == 0 { return Ok(()) },
            () = shutdown.soft(), if !closed => {
                writer.queue.close();
                closed = true;
                continue;
            }
        }
        writer.write(std::mem::take(&mut waiting)).await?;
    }
}

// === impl Writer ===

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, queue: mpsc::Receiver<Waiting>) -> Self {
        Self { shared, queue, place: Mutex::default() }
    }

    /// Writes one batch and answers it. An error is fatal; what the callers can act on is answered to them.
    async fn write(&self, waiting: Vec<Waiting>) -> Result<(), Error> {
        let (proposals, answers): (Vec<_>, Vec<_>) = waiting.into_iter().map(|w| (w.proposal, w.answer)).unzip();
        let outcomes = match self.try_write(&proposals).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let fatal = matches!(error, Error::Corrupt(_));
                for answer in answers {
                    // A caller that went away needs no answer.
                    let _ = answer.send(Err(error.for_one_of_many()));
                }
                return if fatal { Err(error) } else { Ok(()) };
            }
        };
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            let _ = answer.send(outcome);
        }
        Ok(())
    }

    async fn try_write(&self, proposals: &[Proposal]) -> Result<Vec<Result<Appended, Error>>, Error> {
        let needs = self.fetch(proposals).await?;
        if !needs.lock
            && let Some(outcomes) = self.write_at_head(proposals, &needs).await?
        {
            return Ok(outcomes);
        }
        self.write_locked(proposals, &needs).await
    }

    /// Decides over memory, believing that it is at the head, and moves the head from there in one statement. `None` when the batch must
    /// be written under the lock: the database can't do this, or memory was not at the head; then nothing was written.
    async fn write_at_head(
        &self,
        proposals: &[Proposal],
        needs: &Needs,
    ) -> Result<Option<Vec<Result<Appended, Error>>>, Error> {
        if !self.shared.backend.appends_at_once() {
            return Ok(None);
        }
        let mut place = std::mem::take(&mut *self.place.lock());
        if place.locking > 0 {
            place.locking -= 1;
            *self.place.lock() = place;
            return Ok(None);
        }
        let Some(before) = place.head else { return Ok(None) };
        let decided = decide::decide(&self.shared, proposals, &needs.past, Seen::new(), before.clone());
        let Some((verdicts, batch)) = decided else { return Ok(None) };
        if batch.events.is_empty() {
            // Plain answers, too, are given as of a state that is the head for certain.
            return Ok(None);
        }
        match self.append(batch, &before).await? {
            Fate::Written(written) => {
                self.shared.apply(written.events.clone())?;
                *self.place.lock() = Place { head: Some(written.head), locking: 0 };
                Ok(Some(self.answers(verdicts, &written.events).await))
            }
            Fate::NotWritten => {
                self.place.lock().locking = YIELD;
                Ok(None)
            }
        }
    }

    async fn write_locked(&self, proposals: &[Proposal], needs: &Needs) -> Result<Vec<Result<Appended, Error>>, Error> {
        let mut lock = self.shared.backend.lock().await?;
        let seen = match self.prepare(&mut *lock, proposals, needs).await {
            Ok(seen) => seen,
            Err(error) => {
                lock.release().await;
                return Err(error);
            }
        };
        let before = lock.head().clone();
        let Some((verdicts, batch)) = decide::decide(&self.shared, proposals, &needs.past, seen, before.clone()) else {
            lock.release().await;
            return Err(Error::Corrupt(format!("memory is not at the locked head, revision {}", before.revision)));
        };
        if batch.events.is_empty() && batch.ended_leases.is_empty() {
            lock.release().await;
            self.place.lock().head = Some(before);
            return Ok(self.answers(verdicts, &[]).await);
        }
        let written = self.commit(lock, batch, &before).await?;
        self.shared.apply(written.events.clone())?;
        for id in written.ended_leases {
            self.shared.lease_forget(id);
        }
        self.place.lock().head = Some(written.head);
        Ok(self.answers(verdicts, &written.events).await)
    }

    async fn prepare(&self, lock: &mut dyn Locked, proposals: &[Proposal], needs: &Needs) -> Result<Seen, Error> {
        self.catch_up(lock).await?;
        self.look(lock, proposals, &needs.attached).await
    }

    /// Reads what the transactions need and memory may not hold, before the lock is taken: states of the past that the window no
    /// longer reaches. Also says what else they need.
    async fn fetch(&self, proposals: &[Proposal]) -> Result<Needs, Error> {
        let mut attached = Vec::new();
        let mut past = Vec::new();
        let mut lock = false;
        for proposal in proposals {
            lock |= proposal.idempotency.is_some() || proposal.ends_lease.is_some();
            let Intent::Txn(txn) = &proposal.intent else { continue };
            txn.for_each_op(&mut |op| {
                if let Op::Put(put) = op
                    && let Some(lease) = put.lease
                    && lease != 0
                {
                    attached.push(lease);
                }
                if let Op::Range(query) = op
                    && query.revision > 0
                    && self.shared.with_state(|state| !state.reaches(query.revision))
                {
                    past.extend(query.keys.ranges().map(|range| (range.clone(), query.revision)));
                }
            });
        }
        let mut fetched = Vec::with_capacity(past.len());
        for (range, revision) in past {
            let kvs = self.shared.backend.state_at(&range, revision).await?;
            fetched.push(PastRange { range, revision, kvs: kvs.into_iter().map(Arc::new).collect() });
        }
        lock |= !attached.is_empty();
        Ok(Needs { past: fetched, attached, lock })
    }

    async fn catch_up(&self, lock: &mut dyn Locked) -> Result<(), Error> {
        self.shared.check_head(lock.head(), self.shared.with_state(View::revision))?;
        loop {
            let applied = self.shared.with_state(View::revision);
            if lock.head().revision <= applied {
                return Ok(());
            }
            let events = lock.committed_after(applied).await?;
            if events.is_empty() {
                return Err(Error::Corrupt(format!("the log ends at {applied}, before its head")));
            }
            self.shared.apply(events.into_iter().map(Arc::new).collect())?;
        }
    }

    /// What only the database knows, as of the lock: which of the leases that keys are attached to (still) exist, which
    /// idempotency keys were answered before.
    async fn look(&self, lock: &mut dyn Locked, proposals: &[Proposal], attached: &[i64]) -> Result<Seen, Error> {
        if !attached.is_empty() && self.shared.backend.is_shared() {
            let existing = lock.leases(attached).await?;
            self.shared.leases_refreshed(attached, existing);
        }
        self.seen(lock, proposals).await
    }

    async fn seen(&self, lock: &mut dyn Locked, proposals: &[Proposal]) -> Result<Seen, Error> {
        let asked: Vec<(&str, &str)> = proposals
            .iter()
            .filter_map(|proposal| {
                Some((proposal.context.actor.id.as_str(), proposal.idempotency.as_ref()?.key.as_str()))
            })
            .collect();
        if asked.is_empty() {
            return Ok(Seen::new());
        }
        let found = lock.requests(&asked).await?;
        Ok(found.into_iter().map(|r| ((r.actor_id, r.idempotency_key), (r.body_hash, r.revision))).collect())
    }

    async fn answers(&self, verdicts: Vec<Verdict>, events: &[Arc<Committed>]) -> Vec<Result<Appended, Error>> {
        let mut answers = Vec::with_capacity(verdicts.len());
        for verdict in verdicts {
            answers.push(match verdict {
                Verdict::Failed(error) => Err(error),
                Verdict::Plain { revision, answer } => Ok(Appended::Unchanged { revision, answer }),
                Verdict::Event { at, refusal: Some(refusal), .. } => {
                    Ok(Appended::Refused { revision: events[at].revision, refusal })
                }
                Verdict::Event { at, answer, refusal: None } => Ok(Appended::Committed {
                    revision: events[at].revision,
                    changes: events[at].changes.clone(),
                    answer,
                }),
                Verdict::Replay { revision } => read::replay(&*self.shared.backend, revision).await,
            });
        }
        answers
    }
}
