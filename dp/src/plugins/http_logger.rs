//! http-logger: sends an entry about each request to a log server, many at a time.
//!
//! ```json
//! {"http-logger": {"uri": "http://logs.example/in", "batch_max_size": 200, "include_req_body": true}}
//! ```

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::response::Parts;
use http::{Method, Request, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::batch::{self, Batch};
use crate::context::Context;
use crate::http_client::{Client, Options, Trust};
use crate::log_entry::{Bodies, Draft, Format, Side};
use crate::plugin::{BodyFilter, Error, Flow, Logger, Phase, Phases, Plugin, Scope, Summary};

mod capture;

pub use capture::Kept;
use capture::{Captured, Copying, Which};

/// Bytes of a log server's answer that are read, so that its connection can be used again.
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
    request_body: Option<Which>,
    response_body: Option<Which>,
    request_limit: usize,
    response_limit: usize,
    /// `None` without a background to send in.
    batch: Option<Arc<Batch<Value>>>,
}

#[derive(Debug)]
enum Shape {
    Full(Option<Format>),
    Own(Format),
}

struct Pending {
    draft: Draft,
    batch: Arc<Batch<Value>>,
    kept: Kept,
    /// Whether the usual form has the response's body.
    in_response: bool,
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
        let request_body = Which::compile(config.include_req_body_expr.as_ref(), "include_req_body_expr")?;
        let response_body = Which::compile(config.include_resp_body_expr.as_ref(), "include_resp_body_expr")?;
        let in_request = config.include_req_body && matches!(shape, Shape::Full(_));
        let in_response =
            config.include_resp_body && (matches!(shape, Shape::Full(_)) || shape.wants_body(Side::Response));
        let bytes = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        let pending = bytes(metadata.max_pending_entries.unwrap_or(8192));
        Ok(Self {
            request_body: Some(request_body).filter(|_| in_request),
            response_body: Some(response_body).filter(|_| in_response),
            request_limit: bytes(config.max_req_body_bytes),
            response_limit: bytes(config.max_resp_body_bytes),
            batch: start(&config, pending, scope)?,
            shape,
        })
    }
}

impl Phases for HttpLogger {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let in_request = self.request_body.as_ref().is_some_and(|which| which.takes(context));
        if in_request || self.shape.wants_body(Side::Request) {
            let copy = context.body.copy(self.request_limit);
            let kept = self.kept(context);
            (kept.request, kept.in_request) = (Some(copy), in_request);
        }
        Flow::Continue
    }

    fn body_filter(&self, context: &mut Context<'_>, response: &mut Parts) -> Option<Box<dyn BodyFilter>> {
        self.response_body.as_ref().filter(|which| which.takes(context))?;
        let copy = Captured::default();
        self.kept(context).response = Some(copy.clone());
        // The plugin gzip announces first, and may compress after this filter.
        let encoding = response.headers.get(CONTENT_ENCODING).filter(|_| !context.plugins.gzip);
        Some(Box::new(Copying::new(copy, self.response_limit, encoding)))
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
        let kept = std::mem::take(self.kept(context));
        Some(Box::new(Pending { draft, batch, kept, in_response: matches!(self.shape, Shape::Full(_)) }))
    }
}

impl HttpLogger {
    fn kept<'c>(&self, context: &'c mut Context<'_>) -> &'c mut Kept {
        let owner = std::ptr::from_ref(self).addr();
        let all = &mut context.plugins.http_logger;
        let at = all.iter().position(|kept| kept.owner == owner).unwrap_or_else(|| {
            all.push(Kept { owner, ..Kept::default() });
            all.len() - 1
        });
        &mut all[at]
    }
}

// === impl Shape ===

impl Shape {
    /// Whether a field stands for this body.
    fn wants_body(&self, of: Side) -> bool {
        match self {
            Self::Full(extra) => extra.as_ref().is_some_and(|extra| extra.wants_body(of)),
            Self::Own(format) => format.wants_body(of),
        }
    }
}

// === impl Pending ===

impl Logger for Pending {
    fn log(self: Box<Self>, summary: &Summary) {
        let Self { mut draft, batch, kept, in_response } = *self;
        let text = |body: Captured| String::from_utf8_lossy(&body.borrow()).into_owned();
        let bodies = Bodies {
            request: kept.request.map(text).filter(|body| !body.is_empty()),
            response: kept.response.map(text),
        };
        if let Some(body) = bodies.request.as_ref().filter(|_| kept.in_request) {
            draft.set(&["request", "body"], json!(body));
        }
        if let Some(body) = bodies.response.as_ref().filter(|_| in_response) {
            draft.set(&["response", "body"], json!(body));
        }
        batch.push(draft.finish(summary, &bodies));
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
        let answered = self.client.open(request, &self.options).await.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error}: {source}")
        })?;
        let status = answered.status();
        // What it says besides changes nothing: the batch is there.
        if let Err(error) = answered.into_body().collect(ANSWER).await {
            tracing::debug!(%error, "the log server's answer cannot be read");
        }
        if status.as_u16() >= 400 { Err(format!("the log server answered {status}")) } else { Ok(()) }
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
                "failed to validate the 'include_resp_body_expr' expression",
            ),
            (
                json!({"uri": "http://a/", "include_req_body_expr": [["a", "??", "1"]]}),
                "failed to validate the 'include_req_body_expr' expression",
            ),
        ]);
    }
}
