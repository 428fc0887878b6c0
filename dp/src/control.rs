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
use serde_json::{Map, Value, json};

use crate::plugin;
use crate::resource::Document;
use crate::snapshot::Snapshot;
use crate::sync::ServerInfo;
use crate::upstream::dns::Dns;

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
}

// === impl Control ===

impl Control {
    fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return answer(StatusCode::METHOD_NOT_ALLOWED, &json!({"error_msg": "only GET"}));
        }
        let snapshot = self.snapshot.load_full();
        let path = request.uri().path();
        if let Some(rest) = path.strip_prefix("/v1/healthcheck") {
            let (status, body) = health::answer(&snapshot, &self.dns, rest);
            let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
            return if status == StatusCode::OK && accept.contains("text/html") {
                health::page(&body)
            } else {
                answer(status, &body)
            };
        }
        let found = match path {
            "/v1/routes" => Some(list(snapshot.routes.values().into_iter().map(|route| &*route.document))),
            "/v1/services" => Some(list(snapshot.services.values().into_iter().map(|service| &*service.document))),
            "/v1/upstreams" => Some(list(snapshot.upstreams.values().into_iter().map(|upstream| &*upstream.document))),
            "/v1/schema" => Some(schema()),
            "/v1/server_info" => Some(self.server_info.describe()),
            _ => None,
        };
        if let Some(body) = found {
            return answer(StatusCode::OK, &body);
        }
        let one = path.strip_prefix("/v1/").and_then(|rest| rest.split_once('/'));
        let Some((kind @ ("route" | "service" | "upstream"), id)) = one else {
            return answer(StatusCode::NOT_FOUND, &json!({"error_msg": "not found"}));
        };
        match snapshot.document(&format!("{kind}s"), id) {
            Some(document) => answer(StatusCode::OK, &item(document)),
            None => answer(StatusCode::NOT_FOUND, &json!({"error_msg": format!("{kind}[{id}] not found")})),
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

fn list<'d>(documents: impl Iterator<Item = &'d Document>) -> Value {
    documents.map(item).collect()
}

fn item(document: &Document) -> Value {
    // Only documents that could be read are in a snapshot.
    let value: Value = serde_json::from_slice(&document.value).unwrap_or_default();
    json!({
        "key": &*document.key,
        "value": value,
        "createdIndex": document.create_revision,
        "modifiedIndex": document.mod_revision,
        "clean_handlers": {},
        "update_count": 0,
    })
}

fn schema() -> Value {
    let plugins: Map<String, Value> = match plugin::contract() {
        Value::Object(plugins) => plugins,
        _ => Map::new(),
    };
    json!({ "plugins": plugins })
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
