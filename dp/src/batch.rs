//! Sends entries of many requests together: what loggers to other servers share. The settings are those of APISIX's
//! batch processor.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portolan_rt::shutdown::Shutdown;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::plugin::Background;

/// Settings of a batch; they stand in the configuration of each logger.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// name of the batch in the gateway's own log
    pub name: String,
    /// entries of a batch
    #[schemars(range(min = 1))]
    pub batch_max_size: u64,
    /// seconds without a new entry after which a batch is sent
    #[schemars(range(min = 1))]
    pub inactive_timeout: u64,
    /// seconds after its first entry at which a batch is sent
    #[schemars(range(min = 1))]
    pub buffer_duration: u64,
    /// how often a batch that could not be sent is tried again before it is dropped
    #[schemars(range(min = 0))]
    pub max_retry_count: u64,
    /// seconds between two tries
    #[schemars(range(min = 0))]
    pub retry_delay: u64,
}

/// Entries go in here. The last one that goes out of scope sends what is left.
#[derive(Debug)]
pub struct Batch<T> {
    entries: mpsc::Sender<T>,
    dropped: Arc<AtomicU64>,
}

/// How a batch is sent; an error is a text for the log.
pub type Delivery<T> = Box<dyn Fn(Arc<[T]>) -> Outcome + Send + Sync>;

/// Whether a batch was taken.
pub type Outcome = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

struct Sender<T> {
    settings: Settings,
    entries: mpsc::Receiver<T>,
    dropped: Arc<AtomicU64>,
    send: Delivery<T>,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            batch_max_size: 1000,
            inactive_timeout: 5,
            buffer_duration: 60,
            max_retry_count: 0,
            retry_delay: 1,
        }
    }
}

// === impl Batch ===

impl<T: Send + Sync + 'static> Batch<T> {
    /// Starts sending; at most `pending` entries wait.
    pub fn start(settings: Settings, pending: usize, background: &Background, send: Delivery<T>) -> Self {
        let (entries, waiting) = mpsc::channel(pending.max(1));
        let dropped = Arc::<AtomicU64>::default();
        let sender = Sender { settings, entries: waiting, dropped: dropped.clone(), send };
        let around = background.clone();
        background.spawn(async move { sender.run(&around).await });
        Self { entries, dropped }
    }

    /// Puts an entry in; never waits. With too many waiting it is dropped and counted, and the log says so.
    pub fn push(&self, entry: T) {
        if self.entries.try_send(entry).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// === impl Sender ===

impl<T> Sender<T> {
    async fn run(mut self, background: &Background) {
        let shutdown = background.shutdown();
        let size = usize::try_from(self.settings.batch_max_size).unwrap_or(usize::MAX);
        while let Some(batch) = self.collect(size, background, &shutdown).await {
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                tracing::error!(
                    batch = self.settings.name,
                    entries = dropped,
                    "log entries are dropped: too many wait"
                );
            }
            self.deliver(batch.into(), &shutdown).await;
        }
    }

    /// The next batch; `None` when no more can come.
    async fn collect(&mut self, size: usize, background: &Background, shutdown: &Shutdown) -> Option<Vec<T>> {
        let first = tokio::select! {
            biased;
            first = self.entries.recv() => first?,
            // Whoever ended last may have put one in just before.
            () = background.requests_over() => self.entries.try_recv().ok()?,
        };
        let mut batch = vec![first];
        let end = Instant::now() + Duration::from_secs(self.settings.buffer_duration);
        while batch.len() < size {
            let idle = Instant::now() + Duration::from_secs(self.settings.inactive_timeout);
            tokio::select! {
                biased;
                entry = self.entries.recv() => match entry {
                    Some(entry) => batch.push(entry),
                    None => break,
                },
                () = sleep_until(idle.min(end)) => break,
                // What comes while requests finish goes out at once.
                () = shutdown.soft() => break,
            }
        }
        Some(batch)
    }

    async fn deliver(&self, batch: Arc<[T]>, shutdown: &Shutdown) {
        let name = &self.settings.name;
        for left in (0..=self.settings.max_retry_count).rev() {
            let Err(error) = (self.send)(batch.clone()).await else { return };
            tracing::warn!(
                batch = name,
                entries = batch.len(),
                tries_left = left,
                error,
                "a batch of log entries was not taken"
            );
            if left > 0 {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_secs(self.settings.retry_delay)) => {}
                    () = shutdown.soft() => {}
                }
            }
        }
        tracing::error!(batch = name, entries = batch.len(), "a batch of log entries is dropped");
    }
}
