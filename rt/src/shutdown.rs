//! The two stages of an end: *soft* (stop accepting, finish, flush) and *hard* (drop what is left).
//!
//! ```text
//! t0  first SIGTERM or SIGINT, or a critical task dies     → soft; readiness drops with it
//! t1  all work has ended, or the deadline passes, or a
//!     second signal comes                                  → hard
//! t2  the process returns; its exit code says whether a critical task died
//! ```

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// The two tokens. Clones are the same shutdown.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

/// SIGTERM and SIGINT, from the moment of [`Signals::install`] on.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

// === impl Shutdown ===

impl Shutdown {
    /// A shutdown that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Resolves when work should come to its end: accept nothing new, finish what is in flight.
    pub fn soft(&self) -> WaitForCancellationFuture<'_> {
        self.soft.cancelled()
    }

    /// Resolves when whatever is still there must be dropped. Soft has come before.
    pub fn hard(&self) -> WaitForCancellationFuture<'_> {
        self.hard.cancelled()
    }

    /// Whether the soft stage has begun.
    pub fn is_soft(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Whether the hard stage has begun.
    pub fn is_hard(&self) -> bool {
        self.hard.is_cancelled()
    }

    /// Begins the soft stage. Idempotent.
    pub fn request(&self) {
        self.soft.cancel();
    }

    /// Begins the hard stage, and with it the soft one. Idempotent.
    pub fn request_now(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// The same shutdown for one of many tasks. A token wakes through a lock of its own, so thousands of
    /// connections on many cores do not meet at one lock each time they are polled.
    pub(crate) fn child(&self) -> Self {
        Self { soft: self.soft.child_token(), hard: self.hard.child_token() }
    }

    /// Runs `work` unless and until the soft stage begins; `None` means that it was dropped for that.
    /// For work that may stop at any `.await`.
    pub async fn until_soft<F: Future>(&self, work: F) -> Option<F::Output> {
        self.soft.run_until_cancelled(work).await
    }

    /// Resolves this long after the soft stage has begun, or at the hard one.
    pub async fn closing(&self, delay: Duration) {
        self.soft().await;
        self.until_hard(tokio::time::sleep(delay)).await;
    }

    /// Runs `work` unless and until the hard stage begins.
    pub async fn until_hard<F: Future>(&self, work: F) -> Option<F::Output> {
        self.hard.run_until_cancelled(work).await
    }
}

// === impl Signals ===

impl Signals {
    /// Takes over SIGTERM and SIGINT for the rest of the process.
    pub fn install() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next signal's name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hard_implies_soft_and_clones_share_it() {
        let shutdown = Shutdown::new();
        let other = shutdown.clone();
        assert!(!other.is_soft());
        shutdown.request_now();
        other.soft().await;
        other.hard().await;
        assert!(other.is_soft() && other.is_hard());
    }

    #[tokio::test]
    async fn work_ends_with_the_stage_it_was_bound_to() {
        let shutdown = Shutdown::new();
        assert_eq!(shutdown.until_soft(async { 1 }).await, Some(1));
        shutdown.request();
        assert_eq!(shutdown.until_soft(std::future::pending::<()>()).await, None);
        assert_eq!(shutdown.until_hard(async { 2 }).await, Some(2));
    }
}

/// SIGHUP, for the rest of the process: whoever waits for it takes it over.
#[derive(Debug)]
pub struct Hangups(Signal);

// === impl Hangups ===

impl Hangups {
    /// Takes it over.
    pub fn install() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// The next one.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}
