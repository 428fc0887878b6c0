//! Linearizable reads where several replicas write: one question to the database for all reads that wait.
//!
//! A read may be answered from memory once memory holds what was committed when the read began. So one look at the head, begun
//! after the reads came in, serves all of them; reads that come while it is on its way wait for the next one. The cost of a read is
//! its share of one round trip, and the database sees one connection at work, however many readers there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portolan_rt::shutdown::Shutdown;
use portolan_rt::task::{Backoff, Kind, Supervisor};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::error::Error;
use crate::keyspace::View;
use crate::store::Shared;

/// Reads that may wait for one look; more make their callers wait to get in line.
const WAITING: usize = 16_384;

type Answer = oneshot::Sender<Result<i64, Error>>;

/// Where readers ask.
#[derive(Clone)]
pub(crate) struct Reads {
    asking: mpsc::Sender<Answer>,
    looks: Arc<AtomicU64>,
}

/// The other end.
pub(crate) struct Asked {
    asked: mpsc::Receiver<Answer>,
    looks: Arc<AtomicU64>,
}

// === impl Reads ===

impl Reads {
    pub(crate) fn new() -> (Self, Asked) {
        let (asking, asked) = mpsc::channel(WAITING);
        let looks = Arc::new(AtomicU64::new(0));
        (Self { asking, looks: looks.clone() }, Asked { asked, looks })
    }

    /// Waits until memory holds everything that was acknowledged before the call; gives the revision that it is at then.
    pub(crate) async fn wait(&self) -> Result<i64, Error> {
        let (answer, answered) = oneshot::channel();
        self.asking.send(answer).await.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// How often the database was asked.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }
}

/// Starts the task that asks the database. It stays until other work has ended: connections that drain may still read.
pub(crate) fn start(shared: Arc<Shared>, asked: Asked, supervisor: &Supervisor) {
    let attendants = supervisor.attendants();
    let shutdown = attendants.shutdown();
    let asked = Arc::new(Mutex::new(asked));
    attendants.spawn("log read index", Kind::Restart(Backoff::default()), move || {
        let (shared, asked, shutdown) = (shared.clone(), asked.clone(), shutdown.clone());
        async move { run(&shared, &mut *asked.lock().await, &shutdown).await }
    });
}

async fn run(shared: &Shared, from: &mut Asked, shutdown: &Shutdown) -> Result<(), Error> {
    let mut waiting = Vec::new();
    while let Some(1..) = shutdown.until_soft(from.asked.recv_many(&mut waiting, WAITING)).await {
        // Who went away needs no look, and no answer.
        waiting.retain(|answer: &Answer| !answer.is_closed());
        if waiting.is_empty() {
            continue;
        }
        from.looks.fetch_add(1, Ordering::Relaxed);
        let outcome = look(shared).await;
        for answer in waiting.drain(..) {
            let _gone = answer.send(match &outcome {
                Ok(revision) => Ok(*revision),
                Err(error) => Err(error.for_one_of_many()),
            });
        }
    }
    Ok(())
}

async fn look(shared: &Shared) -> Result<i64, Error> {
    let head = shared.head_now().await?;
    if head.revision > shared.with_state(View::revision) {
        shared.catch_up().await?;
    }
    Ok(shared.with_state(View::revision))
}
