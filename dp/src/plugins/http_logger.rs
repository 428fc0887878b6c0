//! http-logger: sends an entry about each request to a log server, many at a time.
//!
//! ```json
//! {"http-logger": {"uri": "http://logs.example/in", "batch_max_size": 200, "include_req_body": true}}
//! ```

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::response::Parts;
use http::{Method, Request, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::batch::{self, Batch};
use crate::context::Context;
use crate::expr::Expr;
use crate::http_client::{Client, Options, Trust};
use crate::log_entry::{Draft, Format};
use crate::plugin::{BodyFilter, Error, Flow, Logger, Phase, Phases, Plugin, Scope, Summary};

/// Bytes of a log server's answer that are read for the gateway's own log.
const ANSWER: usize = 64 * 1024;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// address of the log server
    #[schemars(regex(pattern = r"^[^\/]+:\/\/([\da-zA-Z.-]+|\[[\da-fA-F:]+\])(:\d+)?"))]
    pub uri: String,
    /// value of the Authorization header
    pub auth_header: Option<String>,
    /// seconds that the server may take
    #[serde(default = "Config::timeout")]
    #[schemars(range(min = 1))]
    pub timeout: u64,
    /// fields of an entry instead of the usual ones; $name stands for a variable
    pub log_format: Option<Map<String, Value>>,
    /// fields besides the usual ones
    pub log_format_extra: Option<Map<String, Value>>,
    /// whether an entry has the request's body
    #[serde(default)]
    pub include_req_body: bool,
    /// only for requests that meet this expression
    #[schemars(length(min = 1))]
    pub include_req_body_expr: Option<Vec<Vec<Value>>>,
    /// bytes of it
    #[serde(default = "Config::body_bytes")]
    #[schemars(range(min = 1))]
    pub max_req_body_bytes: u64,
    /// whether an entry has the response's body
    #[serde(default)]
    pub include_resp_body: bool,
    /// only for responses that meet this expression
    #[schemars(length(min = 1))]
    pub include_resp_body_expr: Option<Vec<Vec<Value>>>,
    /// bytes of it
    #[serde(default = "Config::body_bytes")]
    #[schemars(range(min = 1))]
    pub max_resp_body_bytes: u64,
    /// a JSON list, or an entry a line
    #[serde(default)]
    pub concat_method: Concat,
    /// whether the server's certificate is verified
    #[serde(default)]
    pub ssl_verify: bool,
    /// see [`batch::Settings`]
    #[serde(flatten)]
    pub batch: batch::Settings,
}

/// How entries stand in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Concat {
    /// As a list; a single one when a batch has one entry only.
    #[default]
    Json,
    /// One a line.
    NewLine,
}

/// Metadata: for all configurations that say nothing themselves.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Metadata {
    /// fields of an entry instead of the usual ones
    log_format: Option<Map<String, Value>>,
    /// fields besides the usual ones
    log_format_extra: Option<Map<String, Value>>,
    /// entries that may wait to be sent
    #[schemars(range(min = 1))]
    max_pending_entries: Option<u64>,
}

/// The compiled form.
#[derive(Debug)]
pub struct HttpLogger {
    shape: Shape,
    request_body: Option<Capture>,
    response_body: Option<Capture>,
    /// `None` without a background to send in.
    batch: Option<Arc<Batch<Value>>>,
}

#[derive(Debug)]
enum Shape {
    Full(Option<Format>),
    Own(Format),
}

/// Which bodies, and how much of them.
#[derive(Debug)]
struct Capture {
    only: Option<Expr>,
    limit: usize,
}

/// Bytes of a body as they have passed.
pub type Captured = Rc<RefCell<BytesMut>>;

struct Copying {
    copy: Captured,
    limit: usize,
}

struct Pending {
    draft: Draft,
    batch: Arc<Batch<Value>>,
    request_body: Option<Captured>,
    /// Whether the usual form has the request's body too.
    in_request: bool,
    response_body: Option<Captured>,
}

/// Where batches go.
struct Server {
    uri: Uri,
    authorization: Option<HeaderValue>,
    concat: Concat,
    single: bool,
    client: Client,
    options: Options,
}

// === impl Config ===

impl Config {
    fn timeout() -> u64 {
        3
    }

    fn body_bytes() -> u64 {
        512 * 1024
    }
}

// === impl HttpLogger ===

impl Plugin for HttpLogger {
    const NAME: &'static str = "http-logger";
    const PRIORITY: i64 = 410;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS.and(Phase::BODY_FILTER).and(Phase::LOG);
    const ENCRYPT_FIELDS: &'static [&'static str] = &["auth_header"];

    type Config = Config;

    fn metadata_schema() -> Option<Value> {
        Some(crate::plugin::schema_of::<Metadata>())
    }

    fn refine_schema(schema: &mut Value) {
        schema["properties"]["name"]["default"] = json!("http logger");
    }

    fn compile(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let metadata = scope.metadata.map(Metadata::deserialize).transpose()?.unwrap_or_default();
        let format = config.log_format.as_ref().or(metadata.log_format.as_ref().filter(|format| !format.is_empty()));
        let extra = config.log_format_extra.as_ref().or(metadata.log_format_extra.as_ref());
        let shape = match format {
            Some(format) => Shape::Own(Format::compile(format)),
            None => Shape::Full(extra.map(Format::compile)),
        };
        let capture = |wanted: bool, expr: Option<&Vec<Vec<Value>>>, limit: u64| {
            wanted.then(|| Capture::compile(expr, limit)).transpose()
        };
        let asks_for_body = matches!(&shape, Shape::Own(format) if format.wants_body());
        let request_expr = config.include_req_body_expr.as_ref().filter(|_| !asks_for_body);
        let wants_request_body = config.include_req_body || asks_for_body;
        let pending = usize::try_from(metadata.max_pending_entries.unwrap_or(8192)).unwrap_or(usize::MAX);
        Ok(Self {
            request_body: capture(wants_request_body, request_expr, config.max_req_body_bytes)?,
            response_body: capture(
                config.include_resp_body && matches!(shape, Shape::Full(_)),
                config.include_resp_body_expr.as_ref(),
                config.max_resp_body_bytes,
            )?,
            batch: start(&config, pending, scope)?,
            shape,
        })
    }
}

impl Phases for HttpLogger {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        if let Some(capture) = self.request_body.as_ref().filter(|capture| capture.takes(context)) {
            context.plugins.http_logger_request = Some(context.body.copy(capture.limit));
        }
        Flow::Continue
    }

    fn body_filter(&self, context: &mut Context<'_>, _response: &mut Parts) -> Option<Box<dyn BodyFilter>> {
        let capture = self.response_body.as_ref().filter(|capture| capture.takes(context))?;
        let copy = Captured::default();
        context.plugins.http_logger_response = Some(copy.clone());
        Some(Box::new(Copying { copy, limit: capture.limit }))
    }

    fn logger(&self, context: &mut Context<'_>, response: &Parts) -> Option<Box<dyn Logger>> {
        let batch = self.batch.clone()?;
        let draft = match &self.shape {
            Shape::Own(format) => format.draft(context),
            Shape::Full(extra) => {
                let draft = Draft::full(context, response);
                match extra {
                    Some(extra) => draft.with(extra, context),
                    None => draft,
                }
            }
        };
        let request_body = context.plugins.http_logger_request.take();
        let response_body = context.plugins.http_logger_response.take();
        let in_request = matches!(self.shape, Shape::Full(_));
        Some(Box::new(Pending { draft, batch, request_body, in_request, response_body }))
    }
}

// === impl Pending ===

impl Logger for Pending {
    fn log(self: Box<Self>, summary: &Summary) {
        let Self { mut draft, batch, request_body, in_request, response_body } = *self;
        let text = |body: Captured| String::from_utf8_lossy(&body.borrow()).into_owned();
        let request_body = request_body.map(text);
        if let Some(body) = request_body.as_ref().filter(|_| in_request) {
            draft.set(&["request", "body"], json!(body));
        }
        if let Some(body) = response_body {
            draft.set(&["response", "body"], json!(text(body)));
        }
        batch.push(draft.finish(summary, request_body.as_deref()));
    }
}

// === impl Copying ===

impl BodyFilter for Copying {
    fn piece(&mut self, piece: Bytes) -> Bytes {
        let mut copy = self.copy.borrow_mut();
        let left = self.limit.saturating_sub(copy.len()).min(piece.len());
        copy.extend_from_slice(&piece[..left]);
        piece
    }

    fn keeps_body(&self) -> bool {
        true
    }
}

// === impl Capture ===

impl Capture {
    fn compile(only: Option<&Vec<Vec<Value>>>, limit: u64) -> Result<Self, Error> {
        let only = only.map(|rules| Expr::compile(&json!(rules))).transpose();
        let only = only.map_err(|e| Error::Refused(format!("failed to validate the expression of a body: {e}")))?;
        Ok(Self { only, limit: usize::try_from(limit).unwrap_or(usize::MAX) })
    }

    fn takes(&self, context: &Context<'_>) -> bool {
        self.only.as_ref().is_none_or(|only| only.holds(context))
    }
}

/// The batch of this configuration; workers and later snapshots share it.
fn start(config: &Config, pending: usize, scope: &Scope<'_>) -> Result<Option<Arc<Batch<Value>>>, Error> {
    let wrong = || Error::Refused(format!("{:?} is not the address of an HTTP server", config.uri));
    let uri: Uri = config.uri.parse().map_err(|_| wrong())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong());
    }
    let authorization = config.auth_header.as_deref().map(HeaderValue::try_from).transpose();
    let authorization = authorization.map_err(|_| Error::Refused("auth_header cannot be a header".to_owned()))?;
    let around = scope.state.surroundings();
    let (Some(client), Some(background)) = (around.client.clone(), &around.background) else { return Ok(None) };
    let bound = Duration::from_secs(config.timeout);
    let options = Options {
        connect: bound,
        read: bound,
        trust: if config.ssl_verify { Trust::Usual } else { Trust::Anyone },
        max_body: ANSWER,
        ..Options::default()
    };
    let single = config.batch.batch_max_size == 1;
    let server = Arc::new(Server { uri, authorization, concat: config.concat_method, single, client, options });
    let make = || {
        let send: batch::Delivery<Value> = Box::new(move |entries| {
            let server = server.clone();
            Box::pin(async move { server.send(&entries).await })
        });
        let mut settings = config.batch.clone();
        if settings.name.is_empty() {
            settings.name = "http logger".to_owned();
        }
        Batch::start(settings, pending, background, send)
    };
    let key = format!("http-logger {} {} {pending}", scope.resource, scope.config);
    Ok(Some(scope.state.get(&key, make)))
}

// === impl Server ===

impl Server {
    async fn send(&self, entries: &[Value]) -> Result<(), String> {
        let lines = || entries.iter().map(Value::to_string).collect::<Vec<_>>();
        let body = match (self.concat, entries) {
            (_, [entry]) if self.single => entry.to_string(),
            (Concat::Json, _) => format!("[{}]", lines().join(",")),
            (Concat::NewLine, _) => lines().join("\n"),
        };
        let kind = if self.concat == Concat::Json { "application/json" } else { "text/plain" };
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let answered = self.client.request(request, &self.options).await.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error}: {source}")
        })?;
        if answered.status().as_u16() >= 400 {
            return Err(format!("the log server answered {}", answered.status()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::tests::refused;

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<HttpLogger>(&[
            (json!({}), "property \"uri\" is required"),
            (json!({"uri": "logs.example"}), "property \"uri\""),
            (json!({"uri": "ftp://logs.example/"}), "\"ftp://logs.example/\" is not"),
            (json!({"uri": "http://a/", "batch_max_size": 0}), "property \"batch_max_size\""),
            (json!({"uri": "http://a/", "concat_method": "xml"}), "property \"concat_method\""),
            (json!({"uri": "http://a/", "include_req_body_expr": []}), "property \"include_req_body_expr\""),
            (
                json!({"uri": "http://a/", "include_resp_body": true, "include_resp_body_expr": [["a", "??", "1"]]}),
                "failed to validate the expression",
            ),
        ]);
    }
}
