//! What `/metrics` shows.

use std::time::Duration;

use portolan_eventstore::{Appended, EventStore};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The metrics of a control plane.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    revision: Gauge,
    log_available: Gauge,
    appended: Family<ByOutcome, Counter>,
    append_seconds: Histogram,
    requests: Family<ByStatus, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    listener: &'static str,
    status: u16,
}

// === impl Metrics ===

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("portolan_cp");
        let revision = Gauge::default();
        registry.register("revision", "Revision of the last event in memory", revision.clone());
        let log_available = Gauge::default();
        registry.register("log_available", "1 while the event log answers, else 0", log_available.clone());
        let appended = Family::<ByOutcome, Counter>::default();
        registry.register("appended", "Proposals handed to the log, by outcome", appended.clone());
        // 0.5 ms to 8 s.
        let append_seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 15));
        registry.register_with_unit("append", "Time until the log answered", Unit::Seconds, append_seconds.clone());
        let requests = Family::<ByStatus, Counter>::default();
        registry.register("http_requests", "HTTP requests answered, by listener and status", requests.clone());
        Self { registry, revision, log_available, appended, append_seconds, requests }
    }

    /// Counts an append.
    pub fn appended<E>(&self, result: &Result<Appended, E>, took: Duration) {
        let outcome = match result {
            Ok(Appended::Committed { .. }) => "success",
            Ok(Appended::Unchanged { .. }) => "unchanged",
            Ok(Appended::Refused { refusal, .. }) => refusal.outcome.as_str(),
            Err(_) => "error",
        };
        self.appended.get_or_create(&ByOutcome { outcome }).inc();
        self.append_seconds.observe(took.as_secs_f64());
    }

    /// Counts a request.
    pub fn answered(&self, listener: &'static str, status: u16) {
        self.requests.get_or_create(&ByStatus { listener, status }).inc();
    }

    /// Says whether the log answers.
    pub fn set_log_available(&self, available: bool) {
        self.log_available.set(available.into());
    }

    /// The text of `/metrics`.
    ///
    /// # Errors
    /// Never, in truth: a `String` takes everything.
    pub fn render(&self, store: &EventStore) -> Result<String, std::fmt::Error> {
        self.revision.set(store.revision());
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
