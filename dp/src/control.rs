//! The control port: what this instance has in memory, read-only, in the shapes of APISIX's control API.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use portolan_model::Kind;
use portolan_model::check::schema_document;
use serde_json::{Map, Value, json};

use crate::discovery::Discovery;
use crate::layer4;
use crate::plugin;
use crate::snapshot::Snapshot;
use crate::sync::ServerInfo;
use crate::upstream::dns::Dns;

mod dump;
mod health;

/// Answers control requests.
#[derive(Debug, Clone)]
pub struct Control {
    /// The current configuration.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Names of nodes.
    pub dns: Dns,
    /// Who this data plane is.
    pub server_info: ServerInfo,
    /// Registries of nodes.
    pub discovery: Discovery,
}

// === impl Control ===

impl Control {
    fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        match (request.method(), path) {
            (&Method::GET | &Method::HEAD, _) => self.show(path, request),
            // APISIX frees memory and reads its plugins anew; here memory is freed as it goes, and plugins are part of the program.
            (&Method::POST, "/v1/gc") => text(StatusCode::OK, ""),
            (&Method::PUT, "/v1/plugins/reload") => text(StatusCode::OK, "done"),
            _ => answer(StatusCode::METHOD_NOT_ALLOWED, &json!({"error_msg": "only GET"})),
        }
    }

    fn show<B>(&self, path: &str, request: &Request<B>) -> Response<Full<Bytes>> {
        let snapshot = self.snapshot.load_full();
        if let Some(rest) = path.strip_prefix("/v1/healthcheck") {
            let (status, body) = health::answer(&snapshot, &self.dns, rest);
            let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
            return if status == StatusCode::OK && accept.contains("text/html") {
                health::page(&body)
            } else {
                answer(status, &body)
            };
        }
        if let Some(shown) = path.strip_prefix("/v1/discovery/").and_then(|rest| self.discovery.show(rest)) {
            return json_text(shown.status, &shown.body);
        }
        let found = match path.strip_prefix("/v1/") {
            Some("schema") => Some(Ok(schema())),
            Some("server_info") => Some(Ok(self.server_info.describe())),
            Some(rest) => dump::answer(&snapshot, rest),
            None => None,
        };
        match found.unwrap_or_else(|| Err("not found".to_owned())) {
            Ok(body) => answer(StatusCode::OK, &body),
            Err(error) => answer(StatusCode::NOT_FOUND, &json!({ "error_msg": error })),
        }
    }
}

impl<B> tower::Service<Request<B>> for Control {
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

/// Schemas of the resources and of the plugins.
fn schema() -> Value {
    const MAIN: [(&str, Kind); 10] = [
        ("consumer", Kind::Consumer),
        ("consumer_group", Kind::ConsumerGroup),
        ("global_rule", Kind::GlobalRule),
        ("plugin_config", Kind::PluginConfig),
        ("proto", Kind::Proto),
        ("route", Kind::Route),
        ("service", Kind::Service),
        ("ssl", Kind::Ssl),
        ("stream_route", Kind::StreamRoute),
        ("upstream", Kind::Upstream),
    ];
    let main: Map<String, Value> =
        MAIN.iter().map(|(name, kind)| ((*name).to_owned(), schema_document(*kind).clone())).collect();
    json!({ "main": main, "plugins": plugin::contract(), "stream_plugins": layer4::plugin::contract() })
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    json_text(status, &body.to_string())
}

fn json_text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = text(status, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_owned()));
    *response.status_mut() = status;
    response
}
