//! Places outside the database that checkpoints go to as they are signed: without one, a superuser can rewrite history together with
//! its checkpoints.
//!
//! There is no queue in memory: a sink reads from the table what it has not taken yet, so that it misses nothing, however long it was
//! away. Checkpoints arrive in order, each at least once.

use std::path::PathBuf;
use std::time::Duration;

use portolan_rt::task::{Backoff, Kind, Supervisor};
use tokio::sync::watch;

use super::error::Error;
use super::log::Log;

mod file;
mod webhook;

/// Checkpoints per read.
const PAGE: i64 = 100;
/// Pauses after a failure.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };

/// A place for checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Appended to a file, each followed by an empty line, and flushed to the disk.
    File(PathBuf),
    /// POSTed to an https address as `text/plain`, one a request; a 2xx answer takes it.
    Webhook(String),
}

// === impl Sink ===

impl Sink {
    /// Whether an address can be a webhook: https, or http on this machine.
    pub fn accepts(url: &str) -> bool {
        webhook::Webhook::new(url).is_ok()
    }
}

pub(crate) fn start(sink: Sink, log: Log, signed: watch::Receiver<i64>, supervisor: &Supervisor) {
    let shutdown = supervisor.shutdown();
    // An error ends the attempt; the supervisor logs it and makes a new one after a growing pause.
    supervisor.spawn("checkpoint sink", Kind::Restart(BACKOFF), move || {
        let (sink, log, signed, shutdown) = (sink.clone(), log.clone(), signed.clone(), shutdown.clone());
        async move { shutdown.until_soft(run(sink, log, signed)).await.unwrap_or(Ok(())) }
    });
}

async fn run(sink: Sink, log: Log, mut signed: watch::Receiver<i64>) -> Result<(), Error> {
    match sink {
        Sink::File(path) => {
            let mut taken = file::taken(path.clone()).await?;
            loop {
                for checkpoint in news(&log, taken, &mut signed).await? {
                    file::append(path.clone(), checkpoint.note).await?;
                    taken = checkpoint.size;
                }
            }
        }
        Sink::Webhook(url) => {
            let webhook = webhook::Webhook::new(&url)?;
            let mut taken = webhook.taken(&log, &mut signed).await?;
            loop {
                for checkpoint in news(&log, taken, &mut signed).await? {
                    webhook.send(&checkpoint).await?;
                    log.backend().sink_advance(webhook.name(), checkpoint.size).await?;
                    taken = checkpoint.size;
                }
            }
        }
    }
}

/// The checkpoints after a size; waits until there are some.
async fn news(
    log: &Log,
    taken: i64,
    signed: &mut watch::Receiver<i64>,
) -> Result<Vec<crate::backend::evidence::StoredCheckpoint>, Error> {
    loop {
        let page = log.backend().checkpoints(taken + 1, PAGE).await?;
        if !page.is_empty() {
            return Ok(page);
        }
        if signed.wait_for(|size| *size > taken).await.is_err() {
            // Nothing is signed any more: the process ends.
            std::future::pending::<()>().await;
        }
    }
}
