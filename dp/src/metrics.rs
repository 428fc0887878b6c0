//! Counters of requests: each worker counts for itself, a scrape adds them up.
//!
//! The text is written here and not by a library, because APISIX's names are counters without the `_total` that
//! libraries for OpenMetrics append to every counter.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

pub mod configuration;
mod histogram;
mod labels;
mod settings;
mod text;

pub use histogram::Histogram;
pub(crate) use histogram::bump;
pub use labels::{Disabled, schema as metadata_schema};
pub use settings::{Extra, Settings};
pub use text::Exposition;

use settings::{ExtraLabels, Values};

/// Series of one worker. The worker adds to atomics that no other thread writes; the maps are locked only when a
/// combination of labels is new, and by a scrape.
#[derive(Debug, Default)]
pub struct WorkerStats {
    /// What is measured how.
    pub settings: Arc<Settings>,
    /// Requests taken.
    pub requests: AtomicU64,
    /// Connections open now.
    pub active: AtomicI64,
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Requests under way.
    pub in_flight: AtomicI64,
    /// Streams.
    pub streams: crate::layer4::Stats,
    status: Mutex<HashMap<StatusLabels, Arc<AtomicU64>>>,
    latency: Mutex<HashMap<TrafficLabels, Arc<Latency>>>,
    bandwidth: Mutex<HashMap<TrafficLabels, Arc<Bandwidth>>>,
}

/// Labels of `apisix_http_status`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the labels")]
pub struct StatusLabels {
    pub code: u16,
    pub route: Arc<str>,
    pub matched_uri: Arc<str>,
    pub matched_host: Arc<str>,
    pub service: Arc<str>,
    pub consumer: Arc<str>,
    pub node: Arc<str>,
    pub request_type: &'static str,
    pub response_source: &'static str,
    pub extra: Values,
}

/// Labels of `apisix_http_latency` and `apisix_bandwidth`, without their `type`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the labels")]
pub struct TrafficLabels {
    pub route: Arc<str>,
    pub service: Arc<str>,
    pub consumer: Arc<str>,
    pub node: Arc<str>,
    pub request_type: &'static str,
    pub extra: Values,
}

/// What `request_type` is for requests that do not go to a language model.
pub const TRADITIONAL: &str = "traditional_http";

/// Latency of one combination of labels.
#[derive(Debug)]
pub struct Latency {
    /// From the head of the request to the end of the response.
    pub request: Histogram,
    /// From the choice of a node to the head of its response.
    pub upstream: Histogram,
    /// The rest.
    pub gateway: Histogram,
}

/// Bandwidth of one combination of labels.
#[derive(Debug, Default)]
pub struct Bandwidth {
    /// Bytes of request bodies.
    pub ingress: AtomicU64,
    /// Bytes of response bodies.
    pub egress: AtomicU64,
}

/// The series of a request.
#[derive(Debug, Clone)]
pub struct Series {
    /// Counts requests.
    pub status: Arc<AtomicU64>,
    /// Measures their time.
    pub latency: Arc<Latency>,
    /// Measures their bodies.
    pub bandwidth: Arc<Bandwidth>,
}

// === impl WorkerStats ===

impl WorkerStats {
    /// Empty, under these settings.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings, ..Self::default() }
    }

    /// The series of these labels, made when it is new.
    pub fn series(&self, labels: StatusLabels, extra: Extra, disabled: &Disabled) -> Series {
        let traffic = |extra| TrafficLabels {
            route: labels.route.clone(),
            service: labels.service.clone(),
            consumer: labels.consumer.clone(),
            node: labels.node.clone(),
            request_type: labels.request_type,
            extra,
        };
        let latency = disabled.of_latency(traffic(extra.latency));
        let bandwidth = disabled.of_bandwidth(traffic(extra.bandwidth));
        let labels = disabled.of_status(StatusLabels { extra: extra.status, ..labels });
        let measured = || Arc::new(Latency::new(&self.settings.bounds));
        Series {
            status: self.status.lock().entry(labels).or_default().clone(),
            latency: self.latency.lock().entry(latency).or_insert_with(measured).clone(),
            bandwidth: self.bandwidth.lock().entry(bandwidth).or_default().clone(),
        }
    }
}

/// Writes the sum over all workers.
pub fn write_requests(workers: &[Arc<WorkerStats>], settings: &Settings, out: &mut Exposition) {
    let sum = |of: fn(&WorkerStats) -> u64| workers.iter().map(|worker| of(worker)).sum::<u64>();
    let total = |of: fn(&WorkerStats) -> i64| workers.iter().map(|worker| of(worker)).sum::<i64>().max(0);
    let requests = sum(|worker| worker.requests.load(Ordering::Relaxed));
    out.family("apisix_http_requests_total", "gauge", "requests taken since the start");
    out.sample("apisix_http_requests_total", &[], requests);
    out.family("apisix_nginx_http_current_connections", "gauge", "client connections, by state");
    let accepted = sum(|worker| worker.accepted.load(Ordering::Relaxed));
    let active = total(|worker| worker.active.load(Ordering::Relaxed));
    let in_flight = total(|worker| worker.in_flight.load(Ordering::Relaxed));
    let states = [
        ("accepted", accepted),
        ("active", active.unsigned_abs()),
        ("handled", accepted),
        // A head is read in one go as far as this counts.
        ("reading", 0),
        ("waiting", (active - in_flight).max(0).unsigned_abs()),
        ("writing", in_flight.unsigned_abs()),
    ];
    for (state, value) in states {
        out.sample("apisix_nginx_http_current_connections", &[("state", state)], value);
    }
    write_status(workers, &settings.status, out);
    write_latency(workers, settings, out);
    write_bandwidth(workers, &settings.bandwidth, out);
}

fn write_status(workers: &[Arc<WorkerStats>], extra: &ExtraLabels, out: &mut Exposition) {
    let mut all: BTreeMap<StatusLabels, u64> = BTreeMap::new();
    for worker in workers {
        for (labels, count) in worker.status.lock().iter() {
            *all.entry(labels.clone()).or_default() += count.load(Ordering::Relaxed);
        }
    }
    out.family("apisix_http_status", "counter", "responses by status code");
    for (labels, count) in &all {
        let code = labels.code.to_string();
        let own = [
            ("code", code.as_str()),
            ("route", &labels.route),
            ("matched_uri", &labels.matched_uri),
            ("matched_host", &labels.matched_host),
            ("service", &labels.service),
            ("consumer", &labels.consumer),
            ("node", &labels.node),
            ("request_type", labels.request_type),
            ("request_llm_model", ""),
            ("llm_model", ""),
            ("response_source", labels.response_source),
        ];
        let all: Vec<_> = own.into_iter().chain(extra.with(&labels.extra)).collect();
        out.sample("apisix_http_status", &all, *count);
    }
}

fn write_latency(workers: &[Arc<WorkerStats>], settings: &Settings, out: &mut Exposition) {
    let mut all: BTreeMap<TrafficLabels, Latency> = BTreeMap::new();
    for worker in workers {
        for (labels, latency) in worker.latency.lock().iter() {
            let sum = all.entry(labels.clone()).or_insert_with(|| Latency::new(&settings.bounds));
            sum.add(latency);
        }
    }
    out.family("apisix_http_latency", "histogram", "milliseconds: whole request, upstream, and the gateway's own");
    for (labels, latency) in &all {
        let kinds = [("request", &latency.request), ("upstream", &latency.upstream), ("apisix", &latency.gateway)];
        for (kind, histogram) in kinds.into_iter().filter(|(_, histogram)| !histogram.is_empty()) {
            out.histogram("apisix_http_latency", &labels.with_type(kind, &settings.latency), histogram);
        }
    }
}

fn write_bandwidth(workers: &[Arc<WorkerStats>], extra: &ExtraLabels, out: &mut Exposition) {
    let mut all: BTreeMap<TrafficLabels, Bandwidth> = BTreeMap::new();
    for worker in workers {
        for (labels, bandwidth) in worker.bandwidth.lock().iter() {
            all.entry(labels.clone()).or_default().add(bandwidth);
        }
    }
    out.family("apisix_bandwidth", "counter", "bytes of bodies, in and out");
    for (labels, bandwidth) in &all {
        for (kind, bytes) in [("ingress", &bandwidth.ingress), ("egress", &bandwidth.egress)] {
            out.sample("apisix_bandwidth", &labels.with_type(kind, extra), bytes.load(Ordering::Relaxed));
        }
    }
}

// === impl TrafficLabels ===

impl TrafficLabels {
    fn with_type<'l>(&'l self, kind: &'static str, extra: &'l ExtraLabels) -> Vec<(&'l str, &'l str)> {
        let own = [
            ("type", kind),
            ("route", &self.route),
            ("service", &self.service),
            ("consumer", &self.consumer),
            ("node", &self.node),
            ("request_type", self.request_type),
            ("request_llm_model", ""),
            ("llm_model", ""),
        ];
        own.into_iter().chain(extra.with(&self.extra)).collect()
    }
}

// === impl Latency ===

impl Latency {
    fn new(bounds: &Arc<[u64]>) -> Self {
        Self { request: Histogram::new(bounds), upstream: Histogram::new(bounds), gateway: Histogram::new(bounds) }
    }

    fn add(&self, other: &Self) {
        self.request.add(&other.request);
        self.upstream.add(&other.upstream);
        self.gateway.add(&other.gateway);
    }
}

// === impl Bandwidth ===

impl Bandwidth {
    fn add(&self, other: &Self) {
        self.ingress.fetch_add(other.ingress.load(Ordering::Relaxed), Ordering::Relaxed);
        self.egress.fetch_add(other.egress.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}
