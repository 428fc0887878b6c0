//! A connection per worker to the servers of one configuration.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use tokio::time::{Instant, timeout};

use super::Script;
use super::servers::{Connection, Servers};

/// Asks Redis.
pub struct Client {
    servers: Arc<Servers>,
    /// By worker: a connection is served by the runtime that it was opened in.
    lines: Mutex<HashMap<ThreadId, Line>>,
    /// Whether the last request failed: the log is told of changes only.
    failing: AtomicBool,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// There is no connection.
    #[error("Redis cannot be reached")]
    Unreachable(#[source] Arc<RedisError>),
    /// Opening one takes too long.
    #[error("Redis takes too long to be reached")]
    Slow,
    /// The script did not run, or it is not known whether it did.
    #[error("Redis does not answer")]
    Unanswered(#[source] Arc<RedisError>),
    /// The answer is not what the script gives.
    #[error("Redis answers something else")]
    Strange,
}

/// A connection, open or about to be; requests that come meanwhile wait for the same one.
#[derive(Clone)]
struct Line {
    opening: Shared<BoxFuture<'static, Result<Connection, Failure>>>,
    used: Instant,
}

// === impl Client ===

impl Client {
    pub(super) fn new(servers: Servers) -> Self {
        Self { servers: Arc::new(servers), lines: Mutex::default(), failing: AtomicBool::new(false) }
    }

    /// Runs a script on a key and gives the `N` numbers that it answers.
    ///
    /// # Errors
    /// When they do not come in time.
    pub async fn run<const N: usize>(
        &self,
        script: &Script,
        key: &str,
        arguments: &[String],
    ) -> Result<[i64; N], Failure> {
        let outcome = match self.attempt(script, key, arguments).await {
            // The server may have closed a connection that was not used for a while; a new one tells.
            (Err(Failure::Unanswered(error)), true) if error.is_connection_dropped() => {
                self.attempt(script, key, arguments).await.0
            }
            (outcome, _) => outcome,
        };
        let outcome = outcome.and_then(|numbers| numbers.try_into().map_err(|_| Failure::Strange));
        self.tell(outcome.as_ref().err());
        outcome
    }

    /// The outcome, and whether the connection had been open before.
    async fn attempt(&self, script: &Script, key: &str, arguments: &[String]) -> (Result<Vec<i64>, Failure>, bool) {
        let line = self.line();
        let stood = line.opening.peek().is_some();
        let mut connection = match line.opening.clone().await {
            Ok(connection) => connection,
            Err(failure) => {
                self.forget(&line);
                return (Err(failure), false);
            }
        };
        let outcome = script.run(&mut connection, key, arguments).await;
        if let Err(error) = &outcome
            && !self.servers.heals()
            && is_lost(error)
        {
            self.forget(&line);
        }
        (outcome.map_err(|error| Failure::Unanswered(Arc::new(error))), stood)
    }

    /// This worker's connection.
    fn line(&self) -> Line {
        let now = Instant::now();
        let worker = std::thread::current().id();
        let mut lines = self.lines.lock();
        if let Some(line) = lines.get_mut(&worker)
            && now.duration_since(line.used) < self.servers.idle
        {
            line.used = now;
            return line.clone();
        }
        let servers = self.servers.clone();
        let opening = async move {
            match timeout(servers.patience, servers.open()).await {
                Ok(opened) => opened.map_err(|error| Failure::Unreachable(Arc::new(error))),
                Err(_) => Err(Failure::Slow),
            }
        };
        let line = Line { opening: opening.boxed().shared(), used: now };
        lines.insert(worker, line.clone());
        line
    }

    /// The next request opens another connection, unless one has done so already.
    fn forget(&self, line: &Line) {
        let worker = std::thread::current().id();
        let mut lines = self.lines.lock();
        if lines.get(&worker).is_some_and(|known| known.opening.ptr_eq(&line.opening)) {
            lines.remove(&worker);
        }
    }

    fn tell(&self, failure: Option<&Failure>) {
        let failed = failure.is_some();
        if self.failing.swap(failed, Ordering::Relaxed) == failed {
            return;
        }
        match failure {
            Some(error) => {
                let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(redis = self.servers.name, %error, reason, "requests cannot be counted in Redis");
            }
            None => tracing::info!(redis = self.servers.name, "requests are counted in Redis again"),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("servers", &self.servers.name).finish_non_exhaustive()
    }
}

/// Whether another connection may do better: this one is gone or stuck, or leads to a server that is no longer the one.
fn is_lost(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Io
            | ErrorKind::Parse
            | ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::BusyLoading)
    ) || error.is_unrecoverable_error()
}
