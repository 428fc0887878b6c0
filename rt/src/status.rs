//! The status port: `/status` says that the process lives, `/status/ready` that it can do its work.
//!
//! ```text
//! GET /status        200 {"status":"ok"}
//! GET /status/ready  200 {"status":"ok","components":{"config":{"state":"ready"}},"source":"snapshot"}
//!                    503 {"status":"error","error":"config is starting",…}
//! ```

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use parking_lot::RwLock;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::shutdown::Shutdown;

#[cfg(test)]
mod tests;

/// How a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not there yet.
    Starting,
    /// Does its work.
    Ready,
    /// Does its work with something missing; the process stays ready.
    Degraded,
    /// Cannot do its work.
    Failed,
}

/// All that the status port says. Clones are the same board; it is also a service for
/// [`crate::serve::Server`] and for `axum::Router::fallback_service`.
#[derive(Debug, Clone)]
pub struct Board {
    shutdown: Shutdown,
    content: Arc<RwLock<Content>>,
}

/// One component's line on the board. Clones are the same line.
#[derive(Debug, Clone)]
pub struct Component {
    name: Arc<str>,
    content: Arc<RwLock<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    components: BTreeMap<Arc<str>, Line>,
    facts: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    state: State,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

// === impl Board ===

impl Board {
    /// An empty board, which is ready until `shutdown` begins.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { shutdown, content: Arc::default() }
    }

    /// A new line, in state [`State::Starting`]. The process is not ready before all lines are.
    pub fn component(&self, name: impl Into<Arc<str>>) -> Component {
        let component = Component { name: name.into(), content: self.content.clone() };
        component.set(State::Starting, "");
        component
    }

    /// Puts a field of its own beside the components, such as `"source": "snapshot"`. Replaces the field
    /// of that name; `status`, `error` and `components` are the board's and cannot be replaced.
    pub fn fact(&self, name: &str, value: impl Into<Value>) {
        self.content.write().facts.insert(name.to_owned(), value.into());
    }

    /// Whether `/status/ready` answers 200.
    pub fn is_ready(&self) -> bool {
        self.obstacle().is_none()
    }

    /// The answer of `/status`: whoever gets it knows that the process lives.
    pub fn live(&self) -> Response<Full<Bytes>> {
        answer(StatusCode::OK, &json!({"status": "ok"}))
    }

    /// The answer of `/status/ready`.
    pub fn ready(&self) -> Response<Full<Bytes>> {
        let obstacle = self.obstacle();
        let mut body = Map::new();
        let status = match &obstacle {
            None => StatusCode::OK,
            Some(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        body.insert("status".into(), if obstacle.is_none() { "ok" } else { "error" }.into());
        body.extend(obstacle.map(|text| ("error".to_owned(), Value::from(text))));
        let content = self.content.read();
        body.insert("components".into(), json!(content.components));
        for (name, value) in &content.facts {
            body.entry(name.clone()).or_insert_with(|| value.clone());
        }
        answer(status, &Value::Object(body))
    }

    /// The answer to any request on the status port.
    pub fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let known = matches!(request.uri().path(), "/status" | "/status/ready");
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/status") => self.live(),
            (&Method::GET | &Method::HEAD, "/status/ready") => self.ready(),
            _ if known => answer(StatusCode::METHOD_NOT_ALLOWED, &json!({"error_msg": "only GET"})),
            _ => answer(StatusCode::NOT_FOUND, &json!({"error_msg": "not found"})),
        }
    }

    /// Why the process is not ready.
    fn obstacle(&self) -> Option<String> {
        if self.shutdown.is_soft() {
            return Some("shutting down".to_owned());
        }
        let content = self.content.read();
        content.components.iter().find_map(|(name, line)| match line.state {
            State::Ready | State::Degraded => None,
            State::Starting => Some(format!("{name} is starting")),
            State::Failed => Some(format!("{name} has failed")),
        })
    }
}

impl<B> tower::Service<Request<B>> for Board {
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

// === impl Component ===

impl Component {
    /// Sets state and detail. The detail is for people; it must hold no secret, since the port asks for
    /// no credentials.
    pub fn set(&self, state: State, detail: impl Into<String>) {
        let line = Line { state, detail: detail.into() };
        self.content.write().components.insert(self.name.clone(), line);
    }

    /// Does its work.
    pub fn ready(&self) {
        self.set(State::Ready, "");
    }

    /// Does its work, but something is missing.
    pub fn degraded(&self, detail: impl Into<String>) {
        self.set(State::Degraded, detail);
    }

    /// Cannot do its work.
    pub fn failed(&self, detail: impl Into<String>) {
        self.set(State::Failed, detail);
    }
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
