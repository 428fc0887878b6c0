//! What is asked without a word of etcd's: `/version`, `/health`, and gRPC's health service. Open to every peer: they tell
//! nothing but that we are there.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use portolan_etcd_proto::health::health_check_response::ServingStatus;
use portolan_etcd_proto::health::health_server::Health;
use portolan_etcd_proto::health::{HealthCheckRequest, HealthCheckResponse};
use serde_json::json;
use tonic::{Request, Response, Status};

use crate::app::App;

/// The etcd that this service is like, also in its JSON dialect.
pub(crate) const ETCD_VERSION: &str = "3.5.33";
const CLUSTER_VERSION: &str = "3.5.0";

/// `GET /version`.
pub(crate) async fn version() -> impl IntoResponse {
    Json(json!({ "etcdserver": ETCD_VERSION, "etcdcluster": CLUSTER_VERSION }))
}

/// `GET /health`: whether the log answers.
pub(crate) async fn health(State(app): State<Arc<App>>) -> impl IntoResponse {
    match app.store.linearizable().await {
        Ok(_) => (StatusCode::OK, Json(json!({ "health": "true", "reason": "" }))),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not healthy");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "health": "false", "reason": "RAFT NO LEADER" })))
        }
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
