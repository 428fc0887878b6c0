//! The metrics port: `GET /apisix/prometheus/metrics`, or what the settings say.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

use crate::config;
use crate::discovery::Discovery;
use crate::layer4;
use crate::metrics::{self, Exposition, WorkerStats};
use crate::snapshot::Snapshot;
use crate::sync::{Report, Source};
use crate::upstream::dns::Dns;

/// Answers scrapes.
#[derive(Debug, Clone)]
pub struct Scrape {
    /// Counters of the workers.
    pub workers: Vec<Arc<WorkerStats>>,
    /// How following the control plane goes.
    pub report: Report,
    /// Lines that the access log has lost, if there is one.
    pub dropped_lines: Option<Arc<AtomicU64>>,
    /// The configuration in use.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Names of nodes.
    pub dns: Dns,
    /// Registries of nodes.
    pub discovery: Discovery,
    /// How metrics are named and fetched.
    pub settings: Arc<config::Prometheus>,
}

// === impl Scrape ===

impl Scrape {
    fn text(&self) -> String {
        let mut out = Exposition::new(&self.settings.metric_prefix);
        let state = self.report.state();
        let mut gauge = |name: &str, help: &str, value: u64| {
            out.family(name, "gauge", help);
            out.sample(name, &[], value);
        };
        let connected = u64::from(state.connected);
        gauge("apisix_etcd_reachable", "whether the control plane can be reached", connected);
        gauge("portolan_dp_control_plane_connected", "whether the control plane is followed", connected);
        gauge("portolan_dp_config_revision", "revision of the configuration in use", state.revision.unsigned_abs());
        gauge(
            "portolan_dp_config_from_snapshot",
            "whether the configuration came from disk",
            u64::from(state.source == Some(Source::Snapshot)),
        );
        gauge("portolan_dp_resource_errors", "resources that are not in use as written", state.problems.len() as u64);
        gauge("portolan_dp_snapshot_revision", "revision of the snapshot on disk", state.saved_revision.unsigned_abs());
        gauge(
            "portolan_dp_snapshot_failing",
            "whether the snapshot on disk cannot be read or written",
            u64::from(state.disk_error.is_some()),
        );
        out.family("portolan_dp_config_compile_seconds", "gauge", "time the last change took to compile");
        out.sample("portolan_dp_config_compile_seconds", &[], state.compile.as_secs_f64());
        out.family(
            "portolan_dp_control_plane_failures",
            "counter",
            "connections to the control plane lost or not made",
        );
        out.sample("portolan_dp_control_plane_failures", &[], state.failures);
        metrics::configuration::write(&self.snapshot.load(), state.revision, &mut out);
        metrics::write_requests(&self.workers, &metrics::Settings::new(&self.settings), &mut out);
        layer4::write(&self.workers, &mut out);
        self.write_health(&mut out);
        if let Some(dropped) = &self.dropped_lines {
            out.family("portolan_dp_access_log_dropped", "counter", "lines that the access log has lost");
            out.sample("portolan_dp_access_log_dropped", &[], dropped.load(Ordering::Relaxed));
        }
        self.discovery.write(&mut out);
        out.finish()
    }

    /// Nodes of checked upstreams: 1 when they are fit.
    fn write_health(&self, out: &mut Exposition) {
        let snapshot = self.snapshot.load();
        out.family("apisix_upstream_status", "gauge", "fitness of the nodes that are checked");
        for checked in snapshot.checkers.values() {
            let Some(document) = snapshot.document(checked.directory, &checked.id) else { continue };
            let Some(checker) = checked.upstream.checks() else { continue };
            for (address, port, fit) in checker.states(&self.dns) {
                let labels = [("name", &*document.key), ("ip", &address), ("port", &port.to_string())];
                out.sample("apisix_upstream_status", &labels, u8::from(fit));
            }
        }
    }

    fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let known = request.uri().path() == self.settings.export_uri;
        let (status, body) = match *request.method() {
            Method::GET | Method::HEAD if known => (StatusCode::OK, self.text()),
            _ if known => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
            _ => (StatusCode::NOT_FOUND, String::new()),
        };
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        response
    }
}

impl<B> tower::Service<Request<B>> for Scrape {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.respond(&request)))
    }
}
