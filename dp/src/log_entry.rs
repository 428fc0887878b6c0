//! An entry about one request, for loggers: APISIX's own form, or fields of one's choice.

use http::response::Parts;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::plugin::Summary;
use crate::uri;
use crate::vars::{BuiltIn, Var};

/// Formats deeper than this are cut off, as in APISIX.
const DEPTH: usize = 5;
/// What stands for the route of a request that has none.
const NO_ROUTE: &str = "no-matched";

/// Fields of an entry with their values: `$name` stands for a variable, anything else for itself.
#[derive(Debug)]
pub struct Format(Vec<(String, Field)>);

#[derive(Debug)]
enum Field {
    Text(Value),
    Var(Var),
    Late(Late),
    Body(Side),
    Nested(Format),
}

/// Whose body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client's.
    Request,
    /// What the client gets.
    Response,
}

/// Bodies as far as they are kept.
#[derive(Debug, Default)]
pub struct Bodies {
    /// `None` for a request without one, too.
    pub request: Option<String>,
    /// `None` when nobody asked for it.
    pub response: Option<String>,
}

/// What is known when the response is over.
#[derive(Debug, Clone, Copy)]
enum Late {
    BytesSent,
    RequestLength,
    RequestTime,
    UpstreamResponseTime,
    UpstreamAddr,
    Latency,
    UpstreamLatency,
    GatewayLatency,
}

/// An entry that waits for the end of its response.
#[derive(Debug)]
pub struct Draft {
    entry: Value,
    late: Vec<(Vec<String>, Late)>,
    bodies: Vec<(Vec<String>, Side)>,
}

// === impl Format ===

impl Format {
    /// Of a `log_format`.
    #[must_use]
    pub fn compile(format: &Map<String, Value>) -> Self {
        Self::compile_to(format, DEPTH)
    }

    fn compile_to(format: &Map<String, Value>, depth: usize) -> Self {
        let field = |value: &Value| match value {
            Value::Object(_) if depth <= 1 => Field::Text(json!({})),
            Value::Object(nested) => Field::Nested(Self::compile_to(nested, depth - 1)),
            Value::String(text) => match text.strip_prefix('$') {
                Some("request_body") => Field::Body(Side::Request),
                Some("resp_body") => Field::Body(Side::Response),
                Some(name) => Late::parse(name).map_or_else(|| Field::Var(Var::parse(name)), Field::Late),
                None => Field::Text(value.clone()),
            },
            other => Field::Text(other.clone()),
        };
        Self(format.iter().map(|(name, value)| (name.clone(), field(value))).collect())
    }

    fn fill(&self, context: &Context<'_>, path: &[String], draft: &mut Draft) -> Map<String, Value> {
        let mut out = Map::new();
        for (name, field) in &self.0 {
            let here = || path.iter().chain([name]).cloned().collect();
            let value = match field {
                Field::Text(value) => value.clone(),
                Field::Var(var) => match read(var, context) {
                    Some(value) => value,
                    None => continue,
                },
                Field::Late(late) => {
                    draft.late.push((here(), *late));
                    continue;
                }
                Field::Body(side) => {
                    draft.bodies.push((here(), *side));
                    continue;
                }
                Field::Nested(format) => Value::Object(format.fill(context, &here(), draft)),
            };
            out.insert(name.clone(), value);
        }
        out
    }

    /// Whether it asks for this body.
    #[must_use]
    pub fn wants_body(&self, of: Side) -> bool {
        self.0.iter().any(|(_, field)| match field {
            Field::Body(side) => *side == of,
            Field::Nested(format) => format.wants_body(of),
            _ => false,
        })
    }

    /// An entry of these fields, with the ids of route and service.
    #[must_use]
    pub fn draft(&self, context: &Context<'_>) -> Draft {
        let mut draft = Draft { entry: Value::Null, late: Vec::new(), bodies: Vec::new() };
        let mut entry = self.fill(context, &[], &mut draft);
        if let Some(route) = context.route {
            entry.insert("route_id".to_owned(), json!(*route.id));
            if let Some(service) = &route.service_id {
                entry.insert("service_id".to_owned(), json!(**service));
            }
        }
        entry.entry("route_id").or_insert_with(|| json!(NO_ROUTE));
        draft.entry = Value::Object(entry);
        draft
    }
}

// === impl Late ===

impl Late {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "bytes_sent" | "body_bytes_sent" => Self::BytesSent,
            "request_length" => Self::RequestLength,
            "request_time" => Self::RequestTime,
            "upstream_response_time" => Self::UpstreamResponseTime,
            "upstream_addr" => Self::UpstreamAddr,
            _ => return None,
        })
    }

    fn read(self, summary: &Summary) -> Option<Value> {
        let milliseconds = |duration: std::time::Duration| json!(duration.as_secs_f64() * 1000.0);
        Some(match self {
            Self::BytesSent => json!(summary.sent),
            Self::RequestLength => json!(summary.received),
            Self::RequestTime => json!(summary.latency.as_secs_f64()),
            Self::UpstreamResponseTime if summary.earlier.is_empty() => {
                json!(summary.last_attempt?.whole.as_secs_f64())
            }
            Self::UpstreamResponseTime => json!(summary.attempts()?),
            Self::UpstreamAddr => json!(summary.nodes()?),
            Self::Latency => milliseconds(summary.latency),
            Self::UpstreamLatency => milliseconds(summary.upstream_latency?),
            Self::GatewayLatency => {
                milliseconds(summary.latency.saturating_sub(summary.upstream_latency.unwrap_or_default()))
            }
        })
    }
}

// === impl Draft ===

impl Draft {
    /// APISIX's own form.
    #[must_use]
    pub fn full(context: &Context<'_>, response: &Parts) -> Self {
        let request = &context.request;
        let target = request.normal_target();
        let scheme = request.connection.scheme.as_str();
        let port = request.connection.local.port();
        let service = match context.route {
            Some(route) => route.service_id.as_deref().unwrap_or_default(),
            None => request.host(),
        };
        let mut entry = json!({
            "request": {
                "url": format!("{scheme}://{}:{port}{target}", request.host()),
                "uri": target,
                "method": request.parts.method.as_str(),
                "headers": headers(&request.parts.headers),
                "querystring": uri::object(request.query().unwrap_or_default()),
            },
            "response": {"status": response.status.as_u16(), "headers": headers(&response.headers)},
            "server": {"hostname": BuiltIn::Hostname.read(context), "version": env!("CARGO_PKG_VERSION")},
            "service_id": service,
            "route_id": context.route.map_or(NO_ROUTE, |route| &*route.id),
            "client_ip": *request.connection.remote_ip,
            "start_time": context.now_micros / 1000,
        });
        if let Some(credential) = &context.credential {
            entry["consumer"] = json!({"username": *credential.consumer.username});
        }
        let path = |path: &[&str]| path.iter().map(|&name| name.to_owned()).collect();
        let late = [
            (path(&["request", "size"]), Late::RequestLength),
            (path(&["response", "size"]), Late::BytesSent),
            (path(&["upstream"]), Late::UpstreamAddr),
            (path(&["latency"]), Late::Latency),
            (path(&["upstream_latency"]), Late::UpstreamLatency),
            (path(&["apisix_latency"]), Late::GatewayLatency),
        ];
        Self { entry, late: late.into(), bodies: Vec::new() }
    }

    /// With more fields; what is there already stays.
    #[must_use]
    pub fn with(mut self, extra: &Format, context: &Context<'_>) -> Self {
        let more = extra.fill(context, &[], &mut self);
        if let Some(entry) = self.entry.as_object_mut() {
            for (name, value) in more {
                entry.entry(name).or_insert(value);
            }
        }
        self
    }

    /// Puts a field in, by its path.
    pub fn set(&mut self, path: &[&str], value: Value) {
        put(&mut self.entry, path.iter().copied(), value);
    }

    /// The entry, now that the response is over.
    #[must_use]
    pub fn finish(mut self, summary: &Summary, bodies: &Bodies) -> Value {
        for (path, late) in &self.late {
            if let Some(value) = late.read(summary) {
                put(&mut self.entry, path.iter().map(String::as_str), value);
            }
        }
        for (path, side) in &self.bodies {
            let body = match side {
                Side::Request => bodies.request.as_deref(),
                Side::Response => Some(bodies.response.as_deref().unwrap_or_default()),
            };
            if let Some(body) = body {
                put(&mut self.entry, path.iter().map(String::as_str), json!(body));
            }
        }
        self.entry
    }
}

fn put<'p>(entry: &mut Value, path: impl Iterator<Item = &'p str>, value: Value) {
    *path.fold(entry, |place, name| &mut place[name]) = value;
}

/// Numbers as numbers, where APISIX's variables are some.
fn read(var: &Var, context: &Context<'_>) -> Option<Value> {
    let text = var.read(context)?;
    match var {
        Var::BuiltIn(BuiltIn::Status | BuiltIn::UpstreamStatus | BuiltIn::ServerPort | BuiltIn::RemotePort) => {
            text.parse::<u16>().ok().map(Value::from)
        }
        _ => Some(json!(text)),
    }
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let text = |value: &HeaderValue| Value::from(String::from_utf8_lossy(value.as_bytes()));
    uri::grouped(headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))))
}

#[cfg(test)]
mod tests;
