//! What is asked without a word of etcd's: `/version`, `/health`, `/livez`, `/readyz`, and gRPC's health service. Open to every
//! peer: they tell nothing but that we are there.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use portolan_etcd_proto::health::health_check_response::ServingStatus;
use portolan_etcd_proto::health::health_server::Health;
use portolan_etcd_proto::health::{HealthCheckRequest, HealthCheckResponse};
use serde_json::json;
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::gateway::plain;
use crate::{errors, metrics};

/// The etcd that this service is like, also in its JSON dialect.
pub(crate) const ETCD_VERSION: &str = "3.5.33";
pub(crate) const CLUSTER_VERSION: &str = "3.5.0";

/// A thing that `/livez` or `/readyz` looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    /// The log is whole. A process whose log is not stops by itself.
    DataCorruption,
    /// Memory can be read; it always can.
    SerializableRead,
    /// The database answers.
    LinearizableRead,
}

/// What of it lives, and what is ready.
const LIVE: &[Check] = &[Check::SerializableRead];
const READY: &[Check] = &[Check::DataCorruption, Check::SerializableRead, Check::LinearizableRead];

type Pairs = Query<Vec<(String, String)>>;

/// The paths of this file.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let live = |State(app): State<Arc<App>>, Query(query): Pairs| async move { checked(&app, LIVE, &query).await };
    let ready = |State(app): State<Arc<App>>, Query(query): Pairs| async move { checked(&app, READY, &query).await };
    Router::new()
        .route("/version", get(version))
        .route("/health", get(health))
        .route("/livez", get(live))
        .route("/livez/{check}", get(|app, check, query| one(app, LIVE, check, query)))
        .route("/readyz", get(ready))
        .route("/readyz/{check}", get(|app, check, query| one(app, READY, check, query)))
        .route("/metrics", get(metrics::serve))
        .with_state(app)
}

/// `GET /version`.
async fn version() -> impl IntoResponse {
    Json(json!({ "etcdserver": ETCD_VERSION, "etcdcluster": CLUSTER_VERSION }))
}

/// `GET /health`: whether the log answers; with `?serializable=true` whether this process does.
async fn health(State(app): State<Arc<App>>, Query(query): Pairs) -> impl IntoResponse {
    let serializable = query.iter().any(|(name, value)| name == "serializable" && value == "true");
    let answer = if serializable { Ok(0) } else { app.store.linearizable().await };
    match answer {
        Ok(_) => (StatusCode::OK, Json(json!({ "health": "true", "reason": "" }))),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not healthy");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "health": "false", "reason": "RAFT NO LEADER" })))
        }
    }
}

/// One check alone.
async fn one(
    State(app): State<Arc<App>>,
    checks: &[Check],
    Path(name): Path<String>,
    Query(query): Pairs,
) -> HttpResponse {
    match checks.iter().find(|check| check.name() == name) {
        Some(check) => checked(&app, &[*check], &query).await,
        None => plain(StatusCode::NOT_FOUND, "404 page not found\n"),
    }
}

async fn checked(app: &App, checks: &[Check], query: &[(String, String)]) -> HttpResponse {
    let excluded = |check: &Check| query.iter().any(|(name, value)| name == "exclude" && value == check.name());
    let mut lines = String::new();
    let mut status = StatusCode::OK;
    for check in checks.iter().filter(|check| !excluded(check)) {
        match check.run(app).await {
            Ok(()) => lines.push_str(&format!("[+]{} ok\n", check.name())),
            Err(error) => {
                lines.push_str(&format!("[-]{} failed: {error}\n", check.name()));
                status = StatusCode::SERVICE_UNAVAILABLE;
            }
        }
    }
    if status == StatusCode::OK {
        if !query.iter().any(|(name, _)| name == "verbose") {
            lines.clear();
        }
        lines.push_str("ok\n");
    } else {
        lines.push('\n');
    }
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, lines).into_response()
}

// === impl Check ===

impl Check {
    fn name(self) -> &'static str {
        match self {
            Self::DataCorruption => "data_corruption",
            Self::SerializableRead => "serializable_read",
            Self::LinearizableRead => "linearizable_read",
        }
    }

    async fn run(self, app: &App) -> Result<(), &'static str> {
        if self != Self::LinearizableRead {
            return Ok(());
        }
        app.store.linearizable().await.map(drop).map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            errors::NO_LEADER.1
        })
    }
}

/// The gRPC service.
pub(crate) struct Service(pub(crate) Arc<App>);

// === impl Service ===

#[tonic::async_trait]
impl Health for Service {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if !request.into_inner().service.is_empty() {
            return Err(Status::not_found("unknown service"));
        }
        let status = match self.0.store.linearizable().await {
            Ok(_) => ServingStatus::Serving,
            Err(_) => ServingStatus::NotServing,
        };
        Ok(Response::new(HealthCheckResponse { status: status.into() }))
    }
}
