//! All services on one port: gRPC by path, the JSON gateway, and what plain HTTP clients ask.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, post};
use http::{HeaderValue, StatusCode, header};
use portolan_etcd_proto::etcdserverpb::auth_server::AuthServer;
use portolan_etcd_proto::etcdserverpb::cluster_server::ClusterServer;
use portolan_etcd_proto::etcdserverpb::kv_server::KvServer;
use portolan_etcd_proto::etcdserverpb::lease_server::LeaseServer;
use portolan_etcd_proto::etcdserverpb::maintenance_server::MaintenanceServer;
use portolan_etcd_proto::health::health_server::HealthServer;
use portolan_rt::serve::Connection;
use tonic::Status;
use tonic::service::Routes;

use crate::app::{App, MAX_MESSAGE_BYTES, Shim};
use crate::gateway::{self, Gateway, plain};
use crate::{auth, cluster, denial, errors, health, kv, lease, maintenance, metrics, reflection, watch};

/// The URL by which the client reached us; in the extensions of each request.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint(pub(crate) String);

/// The service, to be served over mutual TLS by `rt::serve`. It reads `rt::serve::Connection` from each request's extensions.
pub fn router(shim: Shim) -> Router {
    let supervisor = shim.supervisor.clone();
    let app = Arc::new(App::new(shim));
    app.heart.beat(&app, &supervisor);
    denial::watch(&app, &supervisor);
    let watching = app.clone();
    let routes = Routes::default()
        .add_service(KvServer::new(kv::Service(app.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(LeaseServer::new(lease::Service(app.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(ClusterServer::new(cluster::Service(app.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(
            MaintenanceServer::new(maintenance::Service(app.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES),
        )
        .add_service(AuthServer::new(auth::Service(app.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(HealthServer::new(health::Service(app.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES));
    let services = reflection::with(routes)
        .route(watch::PATH, post(move |request: Request| watch::serve(watching.clone(), request)))
        .layer(middleware::map_response(reword))
        .layer(middleware::from_fn_with_state(app.clone(), metrics::count));
    let gateway = Gateway { services: services.clone(), app: app.clone() };
    let json = any(gateway::serve).with_state(gateway);
    services
        .route("/v3/", json.clone())
        .route("/v3/{*path}", json.clone())
        .route("/v3beta/{*path}", json)
        .merge(health::routes(app))
        .fallback(unknown)
        .method_not_allowed_fallback(|| async { plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n") })
        .layer(middleware::from_fn(note_endpoint))
        .layer(middleware::from_fn(gateway::cors))
}

async fn note_endpoint(mut request: Request, next: Next) -> Response {
    let host = || request.headers().get(header::HOST)?.to_str().ok();
    let authority = request.uri().authority().map(|authority| authority.as_str()).or_else(host);
    if let Some(authority) = authority {
        let tls = request.extensions().get::<Connection>().is_some_and(|connection| connection.tls.is_some());
        let endpoint = format!("{}://{authority}", if tls { "https" } else { "http" });
        request.extensions_mut().insert(Endpoint(endpoint));
    }
    next.run(request).await
}

/// Puts the errors that tonic finds before we see the request into etcd's words.
async fn reword(response: Response) -> Response {
    if response.headers().get(Status::GRPC_STATUS).is_none() {
        return response;
    }
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    let reworded = errors::received(status.clone());
    if reworded.message() == status.message() { response } else { reworded.into_http::<axum::body::Body>() }
}

/// No such path. gRPC clients get the status that a gRPC server gives, others a plain 404.
async fn unknown(request: Request) -> Response {
    let grpc = |value: &HeaderValue| value.as_bytes().starts_with(b"application/grpc");
    if !request.headers().get(header::CONTENT_TYPE).is_some_and(grpc) {
        gateway::drain(request.into_body()).await;
        return plain(StatusCode::NOT_FOUND, "404 page not found\n");
    }
    let service = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
    Status::unimplemented(format!("unknown service {service}")).into_http::<axum::body::Body>()
}
