//! Tasks with a name, a kind and an end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::logs::chain;
use crate::shutdown::{Shutdown, Signals};

mod attempt;
mod error;
mod life;
mod restart;
#[cfg(test)]
mod tests;

pub use attempt::Outcome;
pub use error::{BoxError, Error};
pub use restart::Backoff;

/// What the end of a task means.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// The process cannot do without it: an error, a panic, or an end before the shutdown is the end of
    /// the process, with an error.
    Critical,
    /// Remade after an error or a panic, with a growing pause. `Ok` ends it for good.
    Restart(Backoff),
    /// Runs once; an error or a panic is logged.
    Log,
}

/// A handle to the set of all tasks; clones are the same set.
///
/// A task must end itself when [`Shutdown::soft`] comes ([`Shutdown::until_soft`] helps); what has not
/// ended by [`Shutdown::hard`] is dropped at its next `.await`.
///
/// Tasks run on the runtime that `spawn` is called from, so one supervisor may span several runtimes.
#[derive(Debug, Clone)]
pub struct Supervisor {
    process: Arc<Process>,
    group: Arc<Group>,
}

/// What all groups of tasks of a process share.
#[derive(Debug, Default)]
struct Process {
    main: Arc<Group>,
    /// Those that stay until the main group has ended.
    attendants: Arc<Group>,
    /// The first critical failure.
    failure: Mutex<Option<Error>>,
    failed: CancellationToken,
}

#[derive(Debug, Default)]
struct Group {
    shutdown: Shutdown,
    tracker: TaskTracker,
}

// === impl Supervisor ===

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

impl Supervisor {
    /// An empty set.
    pub fn new() -> Self {
        let process = Arc::new(Process::default());
        let group = process.main.clone();
        Self { process, group }
    }

    /// The same process, seen by those who turn off the lights: a shutdown whose soft stage begins only
    /// when all other work has ended. The status port lives here, so that it can say "not ready" for as
    /// long as the rest drains.
    pub fn attendants(&self) -> Self {
        Self { process: self.process.clone(), group: self.process.attendants.clone() }
    }

    /// The shutdown that this handle's tasks live under.
    pub fn shutdown(&self) -> Shutdown {
        self.group.shutdown.clone()
    }

    /// Starts a task. `factory` makes its future, again for each restart.
    pub fn spawn<F, Fut>(&self, name: impl Into<Arc<str>>, kind: Kind, factory: F) -> JoinHandle<()>
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let name = name.into();
        let shutdown = self.group.shutdown.child();
        let supervisor = self.clone();
        self.group.tracker.spawn(async move {
            let life = Box::pin(life::lead(&supervisor, name, kind, factory));
            shutdown.until_hard(life).await;
        })
    }

    /// Starts one of many short-lived pieces of work, such as a connection: tracked, so that the shutdown
    /// waits for it, and dropped at the hard stage. A panic in it is logged under `name`.
    pub fn track<Fut>(&self, name: &'static str, work: Fut) -> JoinHandle<()>
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let shutdown = self.group.shutdown.child();
        self.group.tracker.spawn(async move {
            let work = attempt::run(move || work);
            if let Some(Err(error)) = shutdown.until_hard(work).await {
                tracing::error!(task = name, error = %chain(error.as_ref()), "work failed");
            }
        })
    }

    /// Like [`Self::track`] for the streams of a connection that is tracked itself: they end with it, so
    /// they need not watch the shutdown one by one.
    pub(crate) fn track_part<Fut>(&self, work: Fut)
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        drop(self.group.tracker.spawn(work));
    }

    /// Starts an operating-system thread as a critical task, for a data-plane worker with a runtime of its
    /// own. Nobody can drop a thread: `body` must return soon after [`Shutdown::hard`].
    pub fn thread<B, O>(&self, name: &str, body: B) -> std::io::Result<()>
    where
        B: FnOnce() -> O + Send + 'static,
        O: Outcome,
    {
        let supervisor = self.clone();
        let shared: Arc<str> = name.into();
        let present = self.group.tracker.token();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let result = attempt::run_blocking(body);
                life::critical_ended(&supervisor, shared, result);
                drop(present);
            })
            .map(drop)
    }

    /// The life of a process: waits for a signal, a dead critical task or [`Shutdown::request`], then ends
    /// everything in two stages, with `drain` between them. The error is the first critical failure.
    pub async fn run(&self, drain: Duration) -> Result<(), Error> {
        let mut signals = Signals::install().map_err(Error::Signals)?;
        life::run(&self.process, async move || signals.next().await, drain).await
    }

    fn fail(&self, error: Error) {
        let mut failure = self.process.failure.lock();
        match *failure {
            None => *failure = Some(error),
            // Only the first is returned, and the others are usually its consequences.
            Some(_) => tracing::error!(error = %chain(&error), "another critical failure"),
        }
        drop(failure);
        self.process.failed.cancel();
    }
}
