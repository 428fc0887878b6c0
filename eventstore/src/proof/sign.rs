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

use super::error::Error;
use super::log::Log;
use super::note::{Signer, Verifier};
use super::sink::{self, Sink};
use crate::merkle::Hash;
use crate::store::EventStore;

mod round;

use round::Round;

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
