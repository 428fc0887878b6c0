//! The one task that writes: takes what waits, decides it in memory, and commits it as one transaction.
//!
//! ```text
//! queue ─ take up to BATCH ─┬─ memory and what is on its way lead to the head: decide one by one ─ send as one statement ─┐
//!    ▲                      │                   └─ somebody else moved it: nothing was written ─┐                         │
//!    │                      └─ lock head ◄───────────────────────────────────────────────────────┘                        │
//!    │                           └─ catch up with other replicas ─ decide one by one ─ insert, move head, COMMIT ─────────┤
//!    └────────────── what arrives meanwhile is the next batch ◄──────────── apply to memory ─ answer ◄────────────────────┘
//! ```
//! Memory changes after COMMIT, answers go out after memory: whoever has an answer also reads its write. A batch that is large enough is
//! sent while the one before it is still on its way (`writer/line.rs`): it is written if that one is, and answered after it. The watchers
//! hear of it after that (`writer/news.rs`).
//! Start reading at [`Writer::write`]; `writer/decide.rs` decides, `writer/commit.rs` commits.

use std::sync::Arc;

use portolan_rt::shutdown::Shutdown;
use tokio::sync::mpsc;

use crate::backend::{Batch, CommitError, Head, Locked};
use crate::error::Error;
use crate::keyspace::View;
use crate::proposal::{Appended, Intent, Proposal};
use crate::read;
use crate::store::{Shared, Waiting};
use crate::txn::Op;

mod commit;
mod decide;
mod line;
mod news;

use decide::{ANYBODY, PastRange, Seen, Verdict};
pub(crate) use line::DEPTH;
use line::{Line, Sent};
use news::News;

/// Most proposals in one transaction: bounds the time that the head row is locked.
const BATCH: usize = 256;
/// Batches that take the lock at once after one that met another writer: two that write all the time would only lose to each other.
const YIELD: u32 = 16;
/// Fewest proposals that are sent before the batch ahead of them is written: each transaction has a cost of its own, so a few wait.
const WORTH_SENDING: usize = 16;

/// The writer's side of the queue.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Waiting>,
    /// Taken from the queue, not yet sent.
    waiting: Vec<Waiting>,
    line: Line,
    place: Place,
    news: News,
}

/// Where the writer left the log.
#[derive(Default)]
struct Place {
    /// The head after the last batch, which may be on its way; `None` when it has to be read.
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
    let mut closed = false;
    let mut ended = false;
    loop {
        if writer.is_worth_sending() {
            writer.write().await?;
        }
        let room = BATCH - writer.waiting.len();
        tokio::select! {
            biased;
            sent = writer.line.next(), if !writer.line.is_empty() => writer.arrived(sent).await?,
            taken = writer.queue.recv_many(&mut writer.waiting, room), if room > 0 && !ended => ended = taken == 0,
            () = shutdown.soft(), if !closed && !ended => {
                writer.queue.close();
                closed = true;
            }
            () = writer.news.due(), if writer.news.is_some() => writer.announce(),
            else => return Ok(()),
        }
    }
}

// === impl Writer ===

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, queue: mpsc::Receiver<Waiting>) -> Self {
        Self {
            shared,
            queue,
            waiting: Vec::new(),
            line: Line::default(),
            place: Place::default(),
            news: News::default(),
        }
    }

    fn is_worth_sending(&self) -> bool {
        match self.line.last() {
            None => !self.waiting.is_empty(),
            Some(ahead) => self.line.has_room() && self.waiting.len() >= WORTH_SENDING.max(ahead.waiting.len() / 2),
        }
    }

    /// Takes what waits as one batch: sends it, or writes and answers it under the lock. An error is fatal; what the callers can act on is
    /// answered to them.
    async fn write(&mut self) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        match self.fetch(&waiting).await {
            Ok(needs) => match self.send(waiting, &needs) {
                Ok(()) => Ok(()),
                Err(unsent) => {
                    self.announce();
                    while !self.line.is_empty() {
                        let sent = self.line.next().await;
                        self.arrived(sent).await?;
                    }
                    self.write_locked(unsent, &needs).await
                }
            },
            Err(error) => refuse(waiting, error),
        }
    }

    /// Decides over memory and what is on its way, believing that these lead to the head, and sends the batch, which moves the head from
    /// there in one statement. Gives back what must be written under the lock: the database can't do this, or memory is not at the head.
    fn send(&mut self, waiting: Vec<Waiting>, needs: &Needs) -> Result<(), Vec<Waiting>> {
        if needs.lock || !self.shared.backend.appends_at_once() {
            return Err(waiting);
        }
        if self.place.locking > 0 {
            self.place.locking -= 1;
            return Err(waiting);
        }
        let Some(before) = self.place.head.clone() else { return Err(waiting) };
        let ahead = self.line.events();
        let Some((verdicts, batch)) =
            decide::decide(&self.shared, proposals(&waiting), &needs.past, Seen::new(), before.clone(), ahead)
        else {
            return Err(waiting);
        };
        if batch.events.is_empty() {
            // Plain answers, too, are given as of a state that is the head for certain.
            return Err(waiting);
        }
        self.place.head = Some(batch.head.clone());
        self.line.send(&self.shared, Sent { waiting, verdicts, before, batch: Arc::new(batch) });
        Ok(())
    }

    /// Answers the oldest batch that was sent. If it was not written, those behind it are not either, and arrive after it.
    async fn arrived(&mut self, (sent, result): line::Arrived) -> Result<(), Error> {
        let Sent { waiting, verdicts, before, batch } = sent;
        let mut result = result;
        if result.is_err() {
            // It takes a while.
            self.announce();
        }
        if matches!(result, Err(CommitError::Moved)) && self.shared.with_state(View::revision) == before.revision {
            // It may have overtaken the one before it, which is there now.
            result = self.shared.backend.append(batch.clone()).await;
        }
        match self.is_written(&batch, &before, result).await {
            Ok(true) => {
                self.apply(&batch).await?;
                self.answer(waiting, verdicts, &batch).await;
                Ok(())
            }
            Ok(false) => {
                self.lost_the_head();
                match self.fetch(&waiting).await {
                    Ok(needs) => self.write_locked(waiting, &needs).await,
                    Err(error) => refuse(waiting, error),
                }
            }
            Err(error) => {
                self.lost_the_head();
                refuse(waiting, error)
            }
        }
    }

    /// What is still on its way was decided on what is not there.
    fn lost_the_head(&mut self) {
        self.place = Place { head: None, locking: YIELD };
    }

    /// Takes a written batch over into memory.
    async fn apply(&self, batch: &Batch) -> Result<(), Error> {
        if self.shared.with_state(View::revision) < batch.head.revision - batch.events.len() as i64 {
            // The batch before it was written too, then, but nobody could say so.
            self.shared.catch_up().await?;
        }
        self.shared.apply_quietly(batch.events.iter().map(|event| event.committed.clone()).collect())
    }

    async fn write_locked(&mut self, waiting: Vec<Waiting>, needs: &Needs) -> Result<(), Error> {
        match self.try_write_locked(&waiting, needs).await {
            Ok((verdicts, batch)) => {
                self.answer(waiting, verdicts, &batch).await;
                Ok(())
            }
            Err(error) => refuse(waiting, error),
        }
    }

    async fn try_write_locked(
        &mut self,
        waiting: &[Waiting],
        needs: &Needs,
    ) -> Result<(Vec<Verdict>, Arc<Batch>), Error> {
        let mut lock = self.shared.backend.lock().await?;
        let seen = match self.prepare(&mut *lock, waiting, needs).await {
            Ok(seen) => seen,
            Err(error) => {
                lock.release().await;
                return Err(error);
            }
        };
        let before = lock.head().clone();
        let decided =
            decide::decide(&self.shared, proposals(waiting), &needs.past, seen, before.clone(), std::iter::empty());
        let Some((verdicts, batch)) = decided else {
            lock.release().await;
            return Err(Error::Corrupt(format!("memory is not at the locked head, revision {}", before.revision)));
        };
        let batch = Arc::new(batch);
        if batch.events.is_empty() && batch.ended_leases.is_empty() {
            lock.release().await;
            self.place.head = Some(before);
            return Ok((verdicts, batch));
        }
        self.commit(lock, &batch, &before).await?;
        self.apply(&batch).await?;
        for id in &batch.ended_leases {
            self.shared.lease_forget(*id);
        }
        self.place.head = Some(batch.head.clone());
        Ok((verdicts, batch))
    }

    async fn prepare(&self, lock: &mut dyn Locked, waiting: &[Waiting], needs: &Needs) -> Result<Seen, Error> {
        self.catch_up(lock).await?;
        self.look(lock, waiting, &needs.attached).await
    }

    /// Reads what the transactions need and memory may not hold, before the lock is taken: states of the past that the window no
    /// longer reaches. Also says what else they need.
    async fn fetch(&mut self, waiting: &[Waiting]) -> Result<Needs, Error> {
        let mut attached = Vec::new();
        let mut past = Vec::new();
        let mut lock = false;
        for proposal in proposals(waiting) {
            lock |= proposal.idempotency.is_some() || proposal.once.is_some() || proposal.ends_lease.is_some();
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
        if !past.is_empty() {
            self.announce();
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
    /// idempotency keys were answered before, and which deeds are done.
    async fn look(&self, lock: &mut dyn Locked, waiting: &[Waiting], attached: &[i64]) -> Result<Seen, Error> {
        if !attached.is_empty() && self.shared.backend.is_shared() {
            let existing = lock.leases(attached).await?;
            self.shared.leases_refreshed(attached, existing);
        }
        self.seen(lock, waiting).await
    }

    async fn seen(&self, lock: &mut dyn Locked, waiting: &[Waiting]) -> Result<Seen, Error> {
        let asked: Vec<(&str, &str)> = proposals(waiting)
            .flat_map(|proposal| {
                let idempotency = proposal.idempotency.as_ref();
                let own = idempotency.map(|own| (proposal.context.actor.id.as_str(), own.key.as_str()));
                own.into_iter().chain(proposal.once.as_deref().map(|deed| (ANYBODY, deed)))
            })
            .collect();
        if asked.is_empty() {
            return Ok(Seen::new());
        }
        let found = lock.requests(&asked).await?;
        Ok(found.into_iter().map(|r| ((r.actor_id, r.idempotency_key), (r.body_hash, r.revision))).collect())
    }

    async fn answer(&mut self, waiting: Vec<Waiting>, verdicts: Vec<Verdict>, batch: &Batch) {
        for (waiting, verdict) in waiting.into_iter().zip(verdicts) {
            let outcome = match verdict {
                Verdict::Failed(error) => Err(error),
                Verdict::Plain { revision, answer } => Ok(Appended::Unchanged { revision, answer }),
                Verdict::Event { at, refusal: Some(refusal), .. } => {
                    Ok(Appended::Refused { revision: batch.events[at].revision, refusal })
                }
                Verdict::Event { at, answer, refusal: None } => Ok(Appended::Committed {
                    revision: batch.events[at].revision,
                    changes: batch.events[at].committed.changes.clone(),
                    answer,
                }),
                Verdict::Replay { revision } => read::replay(&*self.shared.backend, revision).await,
            };
            // A caller that went away needs no answer.
            let _ = waiting.answer.send(outcome);
        }
        if !batch.events.is_empty() && self.news.came_in() {
            self.announce();
        }
    }

    /// Lets the watchers hear at once of what they have not heard of.
    fn announce(&mut self) {
        self.news = News::None;
        self.shared.announce();
    }
}

fn proposals(waiting: &[Waiting]) -> impl Iterator<Item = &Proposal> {
    waiting.iter().map(|waiting| &waiting.proposal)
}

/// Answers the error to all of them, and gives it back if it is fatal.
fn refuse(waiting: Vec<Waiting>, error: Error) -> Result<(), Error> {
    for waiting in waiting {
        // A caller that went away needs no answer.
        let _ = waiting.answer.send(Err(error.for_one_of_many()));
    }
    if matches!(error, Error::Corrupt(_)) { Err(error) } else { Ok(()) }
}
