//! The life of one task by its kind, and the life of the whole process.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::attempt::{self, Outcome};
use super::error::BoxError;
use super::restart::{Backoff, Pauses};
use super::{Error, Group, Kind, Process, Supervisor};
use crate::logs::chain;

/// How long dropped tasks and threads may take to be gone before the process returns without them.
const AFTER_HARD: Duration = Duration::from_secs(2);

pub(super) async fn lead<F, Fut>(supervisor: &Supervisor, name: Arc<str>, kind: Kind, mut factory: F)
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output: Outcome> + Send,
{
    match kind {
        Kind::Critical => {
            let result = attempt::run(&mut factory).await;
            critical_ended(supervisor, name, result);
        }
        Kind::Restart(backoff) => remake(supervisor, &name, backoff, factory).await,
        Kind::Log => {
            if let Err(error) = attempt::run(&mut factory).await {
                tracing::error!(task = &*name, error = %chain(error.as_ref()), "task failed");
            }
        }
    }
}

pub(super) fn critical_ended(supervisor: &Supervisor, task: Arc<str>, result: Result<(), BoxError>) {
    match result {
        Ok(()) if supervisor.group.shutdown.is_soft() => {}
        Ok(()) => supervisor.fail(Error::Ended { task }),
        Err(source) => supervisor.fail(Error::Failed { task, source }),
    }
}

async fn remake<F, Fut>(supervisor: &Supervisor, name: &str, backoff: Backoff, mut factory: F)
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output: Outcome> + Send,
{
    let shutdown = supervisor.shutdown();
    let mut pauses = Pauses::new(backoff);
    loop {
        let started = Instant::now();
        let Err(error) = attempt::run(&mut factory).await else { return };
        let pause = pauses.after(started.elapsed());
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(task = name, pause_ms, error = %chain(error.as_ref()), "task failed, will be restarted");
        if shutdown.until_soft(sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// See [`Supervisor::run`]; `signal` yields the name of each signal that comes.
pub(super) async fn run(
    process: &Process,
    mut signal: impl AsyncFnMut() -> &'static str,
    drain: Duration,
) -> Result<(), Error> {
    let main = &process.main;
    tokio::select! {
        name = signal() => tracing::info!(signal = name, "shutting down"),
        () = process.failed.cancelled() => {
            let error = process.failure.lock().as_ref().map(|error| chain(error)).unwrap_or_default();
            tracing::error!(error, "shutting down");
        }
        () = main.shutdown.soft() => tracing::info!("shutting down on request"),
    }
    main.shutdown.request();
    tokio::select! {
        () = ended(main) => {}
        () = sleep(drain) => tracing::warn!(left = main.tracker.len(), "drain time is over, dropping what is left"),
        name = signal() => tracing::warn!(signal = name, left = main.tracker.len(), "dropping what is left"),
        () = main.shutdown.hard() => {}
    }
    end_now(main).await;
    process.attendants.shutdown.request();
    end_now(&process.attendants).await;
    process.failure.lock().take().map_or(Ok(()), Err)
}

async fn ended(group: &Group) {
    group.tracker.close();
    group.tracker.wait().await;
}

async fn end_now(group: &Group) {
    group.shutdown.request_now();
    if timeout(AFTER_HARD, ended(group)).await.is_err() {
        tracing::error!(left = group.tracker.len(), "some tasks do not let themselves be dropped");
    }
}
