//! What `/metrics` shows: etcd's names, where they mean something here, so that dashboards and alerts made for etcd work.
//!
//! Counts and sizes tell of keys that a data plane does not see, so only administrators may read them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use portolan_etcd_proto::described;
use portolan_etcd_proto::schema::Method;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tonic::{Code, Status};

use crate::app::App;
use crate::gateway::plain;
use crate::health::{CLUSTER_VERSION, ETCD_VERSION};
use crate::view::View;

mod counts;

use counts::Counts;

/// The registry, and what is counted while it happens.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    current_revision: Gauge,
    compact_revision: Gauge,
    keys: Gauge,
    size: Gauge,
    size_in_use: Gauge,
    has_leader: Gauge,
    streams: Gauge,
    watchers: Gauge,
    events: Counter,
    committed: Gauge,
    applied: Gauge,
    /// Of keys, leases and the log.
    pub(crate) counts: Counts,
    started: Family<Called, Counter>,
    handled: Family<Handled, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handled {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
    grpc_code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Version {
    server_version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClusterVersion {
    cluster_version: &'static str,
}

/// A watch stream's part in the gauges; gone with the stream.
#[derive(Debug)]
pub(crate) struct Watching {
    streams: Gauge,
    watchers: Gauge,
    events: Counter,
    own: i64,
}

/// A call that goes on; it ends when its answer does, or when nobody wants it any more.
struct Going {
    app: Arc<App>,
    called: Called,
    code: Code,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let gauge = |registry: &mut Registry, name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let all = &mut registry;
        let current_revision = gauge(all, "etcd_debugging_mvcc_current_revision", "Revision of the log in memory");
        let compact_revision =
            gauge(all, "etcd_debugging_mvcc_compact_revision", "Revision below which reads are refused");
        let keys = gauge(all, "etcd_debugging_mvcc_keys_total", "Keys");
        let size = gauge(all, "etcd_mvcc_db_total_size_in_bytes", "Size of the database");
        let size_in_use = gauge(all, "etcd_mvcc_db_total_size_in_use_in_bytes", "Size of the database");
        let has_leader = gauge(all, "etcd_server_has_leader", "1 while the database answers, else 0");
        let is_leader = gauge(all, "etcd_server_is_leader", "1: every replica writes");
        is_leader.set(1);
        let streams = gauge(all, "etcd_debugging_mvcc_watch_stream_total", "Open watch streams");
        let watchers = gauge(all, "etcd_debugging_mvcc_watcher_total", "Watchers");
        let committed = gauge(all, "etcd_server_proposals_committed_total", "Revision of the log in memory");
        let applied = gauge(all, "etcd_server_proposals_applied_total", "Revision of the log in memory");
        let counts = Counts::new(all);
        let events = Counter::default();
        all.register("etcd_debugging_mvcc_events", "Watch responses with events that were sent", events.clone());
        let started = Family::default();
        all.register("grpc_server_started", "Calls that began, by either face", started.clone());
        let handled = Family::default();
        all.register("grpc_server_handled", "Calls that ended, by either face", handled.clone());
        let version = Family::<Version, Gauge>::default();
        version.get_or_create(&Version { server_version: ETCD_VERSION }).set(1);
        all.register("etcd_server_version", "The etcd that this server is like", version);
        let cluster_version = Family::<ClusterVersion, Gauge>::default();
        cluster_version.get_or_create(&ClusterVersion { cluster_version: CLUSTER_VERSION }).set(1);
        all.register("etcd_cluster_version", "The etcd that this cluster is like", cluster_version);
        Self {
            registry,
            current_revision,
            compact_revision,
            keys,
            size,
            size_in_use,
            has_leader,
            streams,
            watchers,
            events,
            committed,
            applied,
            counts,
            started,
            handled,
        }
    }
}

impl Metrics {
    /// For a stream that opens.
    pub(crate) fn watching(&self) -> Watching {
        self.streams.inc();
        let Self { streams, watchers, events, .. } = self;
        Watching { streams: streams.clone(), watchers: watchers.clone(), events: events.clone(), own: 0 }
    }
}

/// `GET /metrics`, in the OpenMetrics text format.
pub(crate) async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let viewer = app.identify(request.extensions(), request.headers());
    if !viewer.is_ok_and(|identity| View::of(&identity) == View::Everything) {
        return plain(StatusCode::FORBIDDEN, "metrics are for administrators\n");
    }
    let metrics = &app.metrics;
    let revision = app.store.revision();
    for gauge in [&metrics.current_revision, &metrics.committed, &metrics.applied] {
        gauge.set(revision);
    }
    metrics.compact_revision.set(app.store.compact_revision());
    metrics.has_leader.set(app.store.linearizable().await.is_ok().into());
    if let Ok(status) = app.store.status().await {
        metrics.keys.set(status.keys.try_into().unwrap_or(i64::MAX));
        metrics.size.set(status.size_bytes);
        metrics.size_in_use.set(status.size_bytes);
    }
    let mut body = String::new();
    // A string takes everything.
    let _written = text::encode(&mut body, &metrics.registry);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], body).into_response()
}

/// Counts the calls of the gRPC services, also those that come from the JSON gateway.
pub(crate) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(method) = described::METHODS.iter().find(|method| method.path == request.uri().path()) else {
        return next.run(request).await;
    };
    let mut going = Going::begin(app, method);
    let response = next.run(request).await;
    if let Some(status) = Status::from_header_map(response.headers()) {
        going.ended(status.code());
        return response;
    }
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
                going.ended(status.code());
            }
            frame
        }))
    })
}

// === impl Watching ===

impl Watching {
    /// So many watchers are on the stream now.
    pub(crate) fn watchers(&mut self, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if count == self.own {
            return;
        }
        self.watchers.inc_by(count - self.own);
        self.own = count;
    }

    /// A response with events goes out.
    pub(crate) fn sent(&self) {
        self.events.inc();
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watchers(0);
        self.streams.dec();
    }
}

// === impl Going ===

impl Going {
    fn begin(app: Arc<App>, method: &'static Method) -> Self {
        let (service, name) = method.path[1..].split_once('/').unwrap_or_default();
        let kind = match (method.client_streams, method.server_streams) {
            (false, false) => "unary",
            (true, false) => "client_stream",
            (false, true) => "server_stream",
            (true, true) => "bidi_stream",
        };
        let called = Called { grpc_type: kind, grpc_service: service, grpc_method: name };
        app.metrics.started.get_or_create(&called).inc();
        // What is dropped before its end was called off by the client.
        Self { app, called, code: Code::Cancelled }
    }

    fn ended(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let Called { grpc_type, grpc_service, grpc_method } = self.called;
        let handled = Handled { grpc_type, grpc_service, grpc_method, grpc_code: go_name(self.code) };
        self.app.metrics.handled.get_or_create(&handled).inc();
    }
}

/// The codes as Go's library names them in this metric.
fn go_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}
