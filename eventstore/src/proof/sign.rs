//! The background task that signs the head of the tree.
//!
//! ```text
//! every 10 s, at 256 new events, or when asked:
//!   the log names another key?                                                yes → take it over; the old one signs once more
//!   read again some thousand entries (scrub)                                  a row that changed  → fork
//!   the leaf hashes under what the start took over of the tree, a page a round                    → fork
//!     (neither at 256 events: the more is written, the more would be read)
//!   the last checkpoint, and the last one that this process knows: still met? no                  → fork
//!   the head's own frontier = the tree of the stored leaves?                  no                  → fork
//!   something new? sign, insert (on conflict: another replica was faster; its root must be ours), tell the sinks
//!   nothing new for an hour? append `log.heartbeat`, so that there is, and "nothing happened" is provable
//! ```
//! After a fork nothing is signed until the log fits what was signed again. Several replicas may run this at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use portolan_rt::status::Component;
use portolan_rt::task::{Backoff, Kind, Supervisor};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use super::Checkpoint;
use super::error::Error;
use super::log::{Log, unsigned};
use super::note::{Signer, Verifier};
use super::sink::{self, Sink};
use crate::backend::evidence::StoredCheckpoint;
use crate::keyspace::View;
use crate::merkle::Hash;
use crate::proposal::{Context, Decision, Intent, Proposal};
use crate::store::EventStore;

/// How to sign a log.
pub struct Signing {
    /// The keys now.
    pub keys: Keys,
    /// Where to get them when the log names another key; without it they stay.
    pub renew: Option<Renew>,
    /// Where checkpoints go besides the database.
    pub sinks: Vec<Sink>,
    /// How often.
    pub pace: Pace,
    /// Where to show how it goes.
    pub status: Option<Component>,
}

/// The keys of a log.
pub struct Keys {
    /// Signs. Its name is the origin of the checkpoints.
    pub signer: Signer,
    /// Those that signed before it.
    pub previous: Vec<Verifier>,
}

/// Gives the keys that the store holds now.
pub type Renew =
    Box<dyn Fn() -> BoxFuture<'static, Result<Keys, Box<dyn std::error::Error + Send + Sync>>> + Send + Sync>;

/// How often checkpoints are signed.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// At the latest after so many events.
    pub events: i64,
    /// At the latest after this time, if there are new events.
    pub period: Duration,
    /// Without events for this long, a heartbeat is recorded and signed.
    pub idle: Duration,
}

/// What a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// The period is over, or somebody asked: the time to look at old rows, too.
    Full,
    /// Many events came.
    Brief,
}

/// A hold on the running task. Clones are the same.
#[derive(Clone)]
pub struct Checkpoints {
    signed: watch::Receiver<i64>,
    wanted: Arc<Wanted>,
    log: Log,
}

/// Up to where somebody wants the log signed.
#[derive(Default)]
struct Wanted {
    revision: AtomicI64,
    asked: Notify,
}

struct Task {
    store: EventStore,
    log: Log,
    signer: Signer,
    trusted: Vec<Verifier>,
    renew: Option<Renew>,
    /// The key before, until it has signed that the log names the new one; and the revision that does.
    retiring: Option<(Signer, i64)>,
    pace: Pace,
    status: Option<Component>,
    signed: watch::Sender<i64>,
    wanted: Arc<Wanted>,
    /// The last checkpoint that this process has signed or met.
    known: Option<(i64, Hash)>,
    /// What is wrong, so that it is said once.
    trouble: Option<String>,
}

/// Starts signing, and a task for each sink.
pub fn start(store: &EventStore, signing: Signing, supervisor: &Supervisor) -> Checkpoints {
    let Signing { keys, renew, sinks, pace, status } = signing;
    let (log, wanted, signed) = (Log::of(store), Arc::<Wanted>::default(), watch::Sender::new(0));
    let handle = Checkpoints { signed: signed.subscribe(), wanted: wanted.clone(), log: log.clone() };
    for sink in sinks {
        sink::start(sink, log.clone(), signed.subscribe(), supervisor);
    }
    let (trusted, signer, store) = (keys.trusted(), keys.signer, store.clone());
    let task = Task {
        store,
        log,
        signer,
        trusted,
        renew,
        retiring: None,
        pace,
        status,
        signed,
        wanted,
        known: None,
        trouble: None,
    };
    let (task, shutdown) = (Arc::new(tokio::sync::Mutex::new(task)), supervisor.shutdown());
    supervisor.spawn("checkpoints", Kind::Restart(Backoff::default()), move || {
        let (task, shutdown) = (task.clone(), shutdown.clone());
        async move {
            shutdown.until_soft(async move { task.lock().await.run().await }).await;
        }
    });
    handle
}

// === impl Keys ===

impl Keys {
    fn trusted(&self) -> Vec<Verifier> {
        [self.signer.verifier()].into_iter().chain(&self.previous).cloned().collect()
    }
}

// === impl Pace ===

impl Default for Pace {
    fn default() -> Self {
        Self { events: 256, period: Duration::from_secs(10), idle: Duration::from_secs(3600) }
    }
}

// === impl Wanted ===

impl Wanted {
    fn ask(&self, revision: i64) {
        self.revision.fetch_max(revision, Ordering::Relaxed);
        self.asked.notify_one();
    }
}

// === impl Checkpoints ===

impl Checkpoints {
    /// Waits until a checkpoint covers the revision; asks for one now. Ends only then: the caller brings the deadline.
    pub async fn cover(&self, revision: i64) {
        let mut signed = self.signed.clone();
        self.wanted.ask(revision);
        if signed.wait_for(|size| *size >= revision).await.is_err() {
            // The task has ended with the process.
            std::future::pending::<()>().await;
        }
    }

    /// The log, with what the task remembers of its tree.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Size of the last checkpoint that the task has signed or met; 0 before the first.
    pub fn signed(&self) -> i64 {
        *self.signed.borrow()
    }
}

// === impl Task ===

impl Task {
    async fn run(&mut self) {
        let mut tick = tokio::time::interval(self.pace.period);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut head = self.store.head();
        let wanted = self.wanted.clone();
        loop {
            let enough = self.known.map_or(0, |(size, _)| size) + self.pace.events;
            // In trouble the period is often enough.
            let many = async {
                match self.trouble {
                    None => head.wait_for(|head| *head >= enough).await.map(drop),
                    Some(_) => std::future::pending().await,
                }
            };
            let round = tokio::select! {
                biased;
                _ = tick.tick() => Round::Full,
                () = wanted.asked.notified() => {
                    // Signed meanwhile, by a round that had begun before it was asked for.
                    let revision = wanted.revision.load(Ordering::Relaxed);
                    if self.trouble.is_none() && self.known.is_some_and(|(size, _)| size >= revision) {
                        continue;
                    }
                    Round::Full
                }
                _ = many => Round::Brief,
            };
            let outcome = self.round(round).await;
            self.show(outcome);
            if round == Round::Full {
                // The period is that between two full looks, whatever led to them.
                tick.reset();
            }
        }
    }

    async fn round(&mut self, round: Round) -> Result<(), Error> {
        // In this order: another replica may sign a larger tree in between, but the log never ends before what was signed.
        let last = self.log.backend().checkpoint_last().await?;
        let head = self.log.backend().head().await?;
        self.take_over(head.revision).await?;
        let size = unsigned(head.revision);
        if round == Round::Full {
            self.look_back(size).await?;
        }
        if let Some(last) = &last {
            let root = self.meet(last, head.revision, round).await?;
            self.known = Some((last.size, root));
            self.signed.send_if_modified(|signed| last.size > std::mem::replace(signed, last.size));
        } else if let Some((known, _)) = self.known {
            return Err(Error::Fork(format!("the checkpoint of size {known} is gone")));
        }
        let covered = last.as_ref().map_or(0, |last| last.size);
        if self.retiring.as_ref().is_some_and(|(_, since)| covered >= *since) {
            // Another replica has let it say its last word.
            self.retiring = None;
        }
        let root = self.log.tree().root(size).await?;
        if root != head.frontier.root() {
            let what = format!("the tree kept in the head at revision {size} is not that of the events");
            return Err(Error::Fork(what));
        }
        if head.revision > covered {
            self.sign(head.revision, root).await?;
        }
        self.log.tree().keep(size).await?;
        let idle = i64::try_from(self.pace.idle.as_micros()).unwrap_or(i64::MAX);
        if head.revision == covered && last.is_some_and(|last| self.store.now() - last.at >= idle) {
            self.beat(covered).await?;
        }
        Ok(())
    }

    /// Takes over the key that the log names at its head, when it is another one.
    async fn take_over(&mut self, head: i64) -> Result<(), Error> {
        let Some(renew) = &self.renew else { return Ok(()) };
        // The key is looked up in memory, which follows the database.
        self.store.head().wait_for(|applied| *applied >= head).await.map_err(|_| crate::Error::Closed)?;
        let Some((named, since)) = self.store.read(named) else { return Ok(()) };
        if since > head || named == self.signer.verifier().to_string() {
            return Ok(());
        }
        let keys = renew().await.map_err(Error::Renew)?;
        if keys.signer.verifier() == self.signer.verifier() {
            // The store was read before it had the new one.
            return Ok(());
        }
        self.trusted = keys.trusted();
        let old = std::mem::replace(&mut self.signer, keys.signer);
        tracing::info!(key = %self.signer.verifier(), event.position = since, "the log is signed with another key");
        self.retiring = Some((old, since));
        Ok(())
    }

    /// Reads a part of the old rows again.
    async fn look_back(&self, size: u64) -> Result<(), Error> {
        let mut wrong = self.log.tree().scrub(size).await?;
        // The first round is part of the start, which should not take longer because the log is long.
        if wrong.is_none() && self.known.is_some() {
            wrong = self.log.tree().recheck().await?;
        }
        wrong.map_or(Ok(()), |wrong| Err(Error::Fork(wrong)))
    }

    /// Whether the log still leads to the last checkpoint, and that one to the last that we know. Answers its root.
    async fn meet(&self, last: &StoredCheckpoint, head: i64, round: Round) -> Result<Hash, Error> {
        let fork = |what: String| Err(Error::Fork(what));
        let signed = match Checkpoint::open(&last.note, &self.trusted) {
            Ok(signed) if signed.size == unsigned(last.size) => signed,
            Ok(_) => return fork(format!("the note of checkpoint {} is of another size", last.size)),
            Err(error) => return fork(format!("checkpoint {}: {error}", last.size)),
        };
        if last.size > head {
            return fork(format!("the log ends at {head}, a checkpoint of size {} was signed", last.size));
        }
        let known = self.known == Some((last.size, signed.root));
        if known && round == Round::Brief {
            return Ok(signed.root);
        }
        self.log.tree().resume(signed.size, &signed.root).await?;
        if self.log.tree().root(signed.size).await? != signed.root {
            return fork(format!("the log does not lead to the signed root of checkpoint {}", last.size));
        }
        if let Some((size, root)) = self.known
            && !known
        {
            if last.size < size {
                return fork(format!("the checkpoint of size {size} is gone"));
            }
            if self.log.tree().root(unsigned(size)).await? != root {
                return fork(format!("the log no longer leads to the root of checkpoint {size}"));
            }
        }
        Ok(signed.root)
    }

    async fn sign(&mut self, size: i64, root: Hash) -> Result<(), Error> {
        let (_, mut note) = Checkpoint::sign(&self.signer, unsigned(size), root);
        // Who trusts the old key alone sees it vouch for the event that names the new one.
        let vouches = self.retiring.as_ref().filter(|(_, since)| size >= *since);
        if let Some((old, _)) = vouches {
            note = old.cosign(&note)?;
        }
        let last_word = vouches.is_some();
        let row = StoredCheckpoint { size, root: root.to_vec(), note, at: self.store.now() };
        if !self.log.backend().checkpoint_insert(&row).await? {
            // Another replica was faster. Two with different roots would be a fork that we take part in.
            let found = self.log.backend().checkpoints(size, 1).await?;
            if found.first().is_none_or(|found| found.size != size || found.root != row.root) {
                return Err(Error::Fork(format!("another replica signed another tree of size {size}")));
            }
        }
        if last_word {
            self.retiring = None;
        }
        self.known = Some((size, root));
        self.signed.send_if_modified(|signed| size > std::mem::replace(signed, size.max(*signed)));
        tracing::debug!(checkpoint.size = size, "checkpoint signed");
        Ok(())
    }

    /// Records that nothing happened; one replica does.
    async fn beat(&self, last: i64) -> Result<(), Error> {
        let decide = move |view: &dyn View| {
            if view.revision() == last { Decision::Record } else { Decision::Unchanged }
        };
        self.store.append(Proposal::new(Context::system(), "log.heartbeat", Intent::Decide(Box::new(decide)))).await?;
        self.wanted.ask(last + 1);
        Ok(())
    }

    /// Says how it goes, when that changes.
    fn show(&mut self, outcome: Result<(), Error>) {
        let Err(error) = outcome else {
            if self.trouble.take().is_some() {
                tracing::info!("the log is signed again");
            }
            if let Some(status) = &self.status {
                status.ready();
            }
            return;
        };
        let fork = matches!(error, Error::Fork(_) | Error::Store(crate::Error::Corrupt(_)));
        let text = portolan_rt::logs::chain(&error).to_string();
        if self.trouble.as_deref() != Some(&text) {
            match fork {
                true => tracing::error!(error = %text, "the log is not signed: it contradicts its own checkpoints"),
                false => tracing::warn!(error = %text, "the log can't be signed now; trying again"),
            }
        }
        if let Some(status) = &self.status {
            match fork {
                true => status.failed("the log contradicts its own checkpoints"),
                false => status.degraded("the log can't be signed now"),
            }
        }
        self.trouble = Some(text);
    }
}

/// The verifier key that the log names, and since which revision.
fn named(view: &dyn View) -> Option<(String, i64)> {
    let kv = view.get(super::PUBLISHED.as_bytes())?;
    let value: serde_json::Value = serde_json::from_slice(&kv.value).ok()?;
    Some((value.get("key")?.as_str()?.to_owned(), kv.mod_revision))
}
