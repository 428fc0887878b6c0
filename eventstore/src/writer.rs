//! The one task that writes: takes what waits, decides it in memory under the head lock, commits it as one transaction.
//!
//! ```text
//! queue ─ take up to BATCH ─ lock head ─ catch up with other replicas ─ evaluate one by one ─ insert, move head, COMMIT
//!    ▲                                                                                              │
//!    └────────────── what arrives meanwhile is the next batch ◄──────────── apply to memory ─ answer ┘
//! ```
//! Memory changes after COMMIT, answers go out after memory: whoever has an answer also reads its write.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use portolan_rt::shutdown::Shutdown;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use crate::backend::{Batch, CommitError, EventRow, Head, Locked, Request};
use crate::entry::{self, Facts};
use crate::error::Error;
use crate::keyspace::{Committed, KeyRange, KeyValue, State, View};
use crate::proposal::{Appended, Decision, Intent, Outcome, Proposal, Refusal, ResourceRef};
use crate::read;
use crate::store::{Shared, Waiting};
use crate::txn::eval::{Draft, Overlay, Past};
use crate::txn::{Op, Txn, TxnAnswer};

/// Most proposals in one transaction: bounds the time that the head row is locked.
const BATCH: usize = 256;
/// How long the outcome of a COMMIT whose answer was lost is looked for before the callers are told "unknown".
const LOOK_UP: Duration = Duration::from_secs(10);
/// Pause between two attempts to reach a database that is away.
const RETRY: Duration = Duration::from_millis(200);

/// The writer's side of the queue.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Waiting>,
}

/// What became of a proposal, before the commit.
enum Verdict {
    /// An event of the batch; the answer follows the commit.
    Event { at: usize, answer: TxnAnswer, refusal: Option<Refusal> },
    /// A plain answer, as of the revision that stood before it.
    Plain { revision: i64, answer: TxnAnswer },
    /// The event of this revision answered the same request before; its answer follows the commit.
    Replay { revision: i64 },
    /// Can't be carried out.
    Failed(Error),
}

/// Answered idempotency keys: (actor, key) → (body hash, revision).
type Seen = HashMap<(String, String), (Vec<u8>, i64)>;

/// The batch while it is being decided.
struct Draught<'a> {
    shared: &'a Shared,
    past: Reach<'a>,
    seen: Seen,
    overlay: Overlay<'a>,
    head: Head,
    batch: Batch,
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
        Self { shared, queue }
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
        let (past, attached) = self.fetch(proposals).await?;
        let mut lock = self.shared.backend.lock().await?;
        if let Err(error) = self.catch_up(&mut *lock).await {
            lock.release().await;
            return Err(error);
        }
        let seen = match self.look(&mut *lock, proposals, &attached).await {
            Ok(seen) => seen,
            Err(error) => {
                lock.release().await;
                return Err(error);
            }
        };
        let (verdicts, batch) = self.decide(proposals, &past, seen, lock.head().clone());
        if batch.events.is_empty() && batch.ended_leases.is_empty() {
            lock.release().await;
            return Ok(self.answers(verdicts, &[]).await);
        }
        let before = lock.head().clone();
        let (rows, events) = match self.commit(lock, batch, &before).await {
            Ok(batch) => committed(batch),
            Err(error) => return Err(error),
        };
        self.shared.apply(events.clone())?;
        for id in rows.ended_leases {
            self.shared.lease_forget(id);
        }
        Ok(self.answers(verdicts, &events).await)
    }

    /// Reads what the transactions need and memory may not hold, before the lock is taken: states of the past that the window no
    /// longer reaches. Also says which leases they attach keys to.
    async fn fetch(&self, proposals: &[Proposal]) -> Result<(Vec<PastRange>, Vec<i64>), Error> {
        let mut attached = Vec::new();
        let mut past = Vec::new();
        for proposal in proposals {
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
                    past.push((query.range.clone(), query.revision));
                }
            });
        }
        let mut fetched = Vec::with_capacity(past.len());
        for (range, revision) in past {
            let kvs = self.shared.backend.state_at(&range, revision).await?;
            fetched.push(PastRange { range, revision, kvs: kvs.into_iter().map(Arc::new).collect() });
        }
        Ok((fetched, attached))
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

    fn decide(&self, proposals: &[Proposal], past: &[PastRange], seen: Seen, head: Head) -> (Vec<Verdict>, Batch) {
        self.shared.with_state(|state| {
            let batch = Batch {
                events: Vec::new(),
                secrets: Vec::new(),
                requests: Vec::new(),
                ended_leases: Vec::new(),
                head: head.clone(),
            };
            let past = Reach { state, fetched: past };
            let mut draught = Draught { shared: &self.shared, past, seen, overlay: Overlay::new(state), head, batch };
            let verdicts = proposals.iter().map(|proposal| draught.decide(proposal)).collect();
            draught.batch.head = draught.head;
            (verdicts, draught.batch)
        })
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

    async fn commit(&self, lock: Box<dyn Locked>, batch: Batch, before: &Head) -> Result<Batch, Error> {
        // Kept outside the transaction for the case that the answer to COMMIT is lost.
        let last = batch.events.last().map(|event| (event.revision, event.leaf_hash.clone()));
        let batch = Arc::new(batch);
        match lock.commit(batch.clone()).await {
            Ok(()) => Ok(Arc::unwrap_or_clone(batch)),
            Err(CommitError::NotWritten(error)) => Err(Error::Unavailable(error)),
            Err(CommitError::Unknown(error)) => {
                tracing::warn!(%error, "the answer to COMMIT was lost; looking the outcome up");
                let Some(last) = last else { return Err(Error::Unavailable(error)) };
                match self.look_up(before, last).await? {
                    Some(true) => Ok(Arc::unwrap_or_clone(batch)),
                    Some(false) => Err(Error::Unavailable(error)),
                    None => Err(Error::Unknown(error)),
                }
            }
        }
    }

    /// Whether the batch that ends with this event was committed. The head lock makes the answer final: a transaction
    /// that is still open somewhere holds it. `None` when the database stays away.
    async fn look_up(&self, before: &Head, last: (i64, Vec<u8>)) -> Result<Option<bool>, Error> {
        let deadline = Instant::now() + LOOK_UP;
        loop {
            match self.shared.backend.lock().await {
                Ok(lock) => {
                    let head = lock.head().clone();
                    let applied = self.shared.with_state(View::revision);
                    lock.release().await;
                    self.shared.check_head(&head, applied)?;
                    if head.revision == before.revision {
                        return Ok(Some(false));
                    }
                    let (revision, leaf_hash) = last;
                    return Ok(Some(self.shared.backend.leaf_hash(revision).await? == Some(leaf_hash)));
                }
                Err(error) if Instant::now() >= deadline => {
                    tracing::error!(%error, "the outcome of a write stays unknown");
                    return Ok(None);
                }
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }
}

// === impl Draught ===

impl Draught<'_> {
    fn decide(&mut self, proposal: &Proposal) -> Verdict {
        if let Some(idempotency) = &proposal.idempotency {
            let key = (proposal.context.actor.id.clone(), idempotency.key.clone());
            match self.seen.get(&key) {
                Some((hash, revision)) if *hash == idempotency.body_hash => {
                    return Verdict::Replay { revision: *revision };
                }
                Some((_, revision)) => {
                    return Verdict::Failed(Error::IdempotencyConflict { revision: *revision });
                }
                None => {}
            }
        }
        let verdict = match &proposal.intent {
            Intent::Txn(txn) => self.transact(proposal, Naming::of(proposal), txn),
            Intent::Record => self.record(proposal, &Naming::of(proposal), None),
            Intent::Refused(refusal) => self.record(proposal, &Naming::of(proposal), Some(refusal.clone())),
            Intent::Decide(decide) => match decide(&self.overlay) {
                Decision::Apply(txn) => self.transact(proposal, Naming::of(proposal), &txn),
                Decision::ApplyAs { action, resource, txn } => {
                    self.transact(proposal, Naming { action, resource }, &txn)
                }
                Decision::Record => self.record(proposal, &Naming::of(proposal), None),
                Decision::Refuse(refusal) => self.record(proposal, &Naming::of(proposal), Some(refusal)),
                Decision::Unchanged => {
                    Verdict::Plain { revision: self.overlay.revision(), answer: TxnAnswer::default() }
                }
            },
        };
        if let Some(lease) = proposal.ends_lease
            && !matches!(verdict, Verdict::Failed(_) | Verdict::Event { refusal: Some(_), .. })
        {
            self.batch.ended_leases.push(lease);
        }
        verdict
    }

    fn transact(&mut self, proposal: &Proposal, naming: Naming, txn: &Txn) -> Verdict {
        let owner = proposal.lease_owner.as_deref();
        let leases = OpenLeases { shared: self.shared, ended: &self.batch.ended_leases, owner };
        let mut draft = Draft::new(&self.overlay, &leases, &self.past);
        let answer = match draft.run(txn) {
            Ok(answer) => answer,
            Err(error) => return Verdict::Failed(error.into()),
        };
        let changes = draft.into_changes();
        if changes.is_empty() {
            return Verdict::Plain { revision: self.overlay.revision(), answer };
        }
        // Before the batch is written: there it would fail its neighbours, too.
        if let Err(error) = changes.iter().try_for_each(|change| self.shared.backend.fits(change)) {
            return Verdict::Failed(error);
        }
        self.event(proposal, &naming, changes, answer, None)
    }

    fn record(&mut self, proposal: &Proposal, naming: &Naming, refusal: Option<Refusal>) -> Verdict {
        self.event(proposal, naming, Vec::new(), TxnAnswer::default(), refusal)
    }

    fn event(
        &mut self,
        proposal: &Proposal,
        naming: &Naming,
        changes: Vec<crate::keyspace::Change>,
        answer: TxnAnswer,
        refusal: Option<Refusal>,
    ) -> Verdict {
        let revision = self.head.revision + 1;
        // Strictly increasing, whatever the clock does.
        let recorded_at = self.shared.clock.now_micros().max(self.head.recorded_at + 1);
        let event_id = Uuid::now_v7();
        let outcome = refusal.as_ref().map_or(Outcome::Success, |refusal| refusal.outcome);
        let facts = Facts {
            epoch: &self.head.epoch,
            revision,
            recorded_at,
            event_id,
            action: &naming.action,
            outcome,
            context: &proposal.context,
            gateway_group: proposal.gateway_group.as_deref(),
            resource: naming.resource.as_ref(),
            causation_revision: proposal.causation_revision,
            refusal: refusal.as_ref(),
            changes: &changes,
        };
        let sealed = match entry::seal(&facts) {
            Ok(sealed) => sealed,
            Err(error) => return Verdict::Failed(error),
        };
        self.head.revision = revision;
        self.head.recorded_at = recorded_at;
        self.head.frontier.push(sealed.leaf_hash);
        self.overlay.commit(&changes);
        if refusal.is_none() {
            self.batch.secrets.extend(proposal.secrets.iter().map(|secret| (revision, secret.clone())));
        }
        if let Some(idempotency) = &proposal.idempotency {
            let request = Request {
                actor_id: proposal.context.actor.id.clone(),
                idempotency_key: idempotency.key.clone(),
                body_hash: idempotency.body_hash.to_vec(),
                revision,
                recorded_at,
            };
            let key = (request.actor_id.clone(), request.idempotency_key.clone());
            self.seen.insert(key, (request.body_hash.clone(), revision));
            self.batch.requests.push(request);
        }
        self.batch.events.push(EventRow {
            revision,
            event_id: event_id.to_string(),
            recorded_at,
            action: naming.action.clone(),
            outcome: outcome.as_str(),
            actor_id: proposal.context.actor.id.clone(),
            actor_kind: proposal.context.actor.kind.as_str(),
            gateway_group: proposal.gateway_group.clone(),
            resource_kind: naming.resource.as_ref().map(|resource| resource.kind.clone()),
            resource_id: naming.resource.as_ref().map(|resource| resource.id.clone()),
            request_id: proposal.context.request_id.to_string(),
            causation_revision: proposal.causation_revision,
            entry: sealed.entry,
            leaf_hash: sealed.leaf_hash.to_vec(),
            context_salt: sealed.context_salt.to_vec(),
            context_body: sealed.context_body,
            changes_salt: sealed.changes_salt.map(|salt| salt.to_vec()),
            changes,
        });
        Verdict::Event { at: self.batch.events.len() - 1, answer, refusal }
    }
}

/// Action and resource as the event will name them.
struct Naming {
    action: String,
    resource: Option<ResourceRef>,
}

// === impl Naming ===

impl Naming {
    fn of(proposal: &Proposal) -> Self {
        Self { action: proposal.action.clone(), resource: proposal.resource.clone() }
    }
}

/// The leases that exist at this point of the batch for the one who proposes.
struct OpenLeases<'a> {
    shared: &'a Shared,
    ended: &'a [i64],
    owner: Option<&'a str>,
}

impl crate::txn::eval::Leases for OpenLeases<'_> {
    fn exists(&self, id: i64) -> bool {
        !self.ended.contains(&id) && self.shared.knows_lease_for(id, self.owner)
    }
}

/// A state of the past, read from the log before the batch was decided.
struct PastRange {
    range: KeyRange,
    revision: i64,
    kvs: Vec<Arc<KeyValue>>,
}

/// How far back transactions of this batch can read.
struct Reach<'a> {
    state: &'a State,
    fetched: &'a [PastRange],
}

impl Past for Reach<'_> {
    fn range_at(&self, range: &KeyRange, revision: i64) -> Result<Vec<Arc<KeyValue>>, crate::txn::Error> {
        if revision < self.state.compact_revision() {
            return Err(crate::txn::Error::Compacted);
        }
        if let Some(kvs) = self.state.range_at(range, revision) {
            return Ok(kvs);
        }
        let fetched = self.fetched.iter().find(|past| past.revision == revision && past.range == *range);
        // The window may have moved on since the batch was prepared; the client reads again.
        fetched.map(|past| past.kvs.clone()).ok_or(crate::txn::Error::Compacted)
    }
}

/// The batch as memory applies it.
fn committed(mut batch: Batch) -> (Batch, Vec<Arc<Committed>>) {
    let take = |event: &mut EventRow| {
        Arc::new(Committed {
            revision: event.revision,
            recorded_at: event.recorded_at,
            changes: std::mem::take(&mut event.changes),
        })
    };
    let events = batch.events.iter_mut().map(take).collect();
    (batch, events)
}
