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

/// Fields of an entry with their values: `$name` stands for a variable, anything else for itself.
#[derive(Debug)]
pub struct Format(Vec<(String, Field)>);

#[derive(Debug)]
enum Field {
    Text(Value),
    Var(Var),
    Late(Late),
    RequestBody,
    Nested(Format),
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
    bodies: Vec<Vec<String>>,
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
                Some("request_body") => Field::RequestBody,
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
                Field::RequestBody => {
                    draft.bodies.push(here());
                    continue;
                }
                Field::Nested(format) => Value::Object(format.fill(context, &here(), draft)),
            };
            out.insert(name.clone(), value);
        }
        out
    }

    /// Whether it asks for the request's body.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        self.0.iter().any(|(_, field)| match field {
            Field::RequestBody => true,
            Field::Nested(format) => format.wants_body(),
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
        let target = request.target();
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
            "route_id": context.route.map_or("no-matched", |route| &*route.id),
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
    pub fn finish(mut self, summary: &Summary, request_body: Option<&str>) -> Value {
        for (path, late) in &self.late {
            if let Some(value) = late.read(summary) {
                put(&mut self.entry, path.iter().map(String::as_str), value);
            }
        }
        for path in self.bodies.iter().filter(|_| request_body.is_some()) {
            put(&mut self.entry, path.iter().map(String::as_str), json!(request_body));
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::attempts::Earlier;
    use crate::context::tests::with_context;

    fn summary() -> Summary {
        Summary {
            latency: Duration::from_millis(12),
            upstream_latency: Some(Duration::from_millis(10)),
            received: 3,
            sent: 5,
            node: None,
            last_attempt: None,
            earlier: Earlier::default(),
        }
    }

    #[test]
    fn the_own_form_has_the_fields_of_apisix() {
        let head = http::Request::post("/a?x=1&x=2&y=3").header("host", "H:9080").header("x-a", "1").header("x-a", "2");
        with_context(head, |context| {
            let (parts, ()) = http::Response::builder().status(201).header("x-r", "r").body(()).unwrap().into_parts();
            let entry = Draft::full(context, &parts).finish(&summary(), None);
            assert_eq!(
                entry["request"],
                json!({"url": "http://h:9080/a?x=1&x=2&y=3", "uri": "/a?x=1&x=2&y=3", "method": "POST", "size": 3,
                       "headers": {"host": "H:9080", "x-a": ["1", "2"]}, "querystring": {"x": ["1", "2"], "y": "3"}})
            );
            assert_eq!(entry["response"], json!({"status": 201, "headers": {"x-r": "r"}, "size": 5}));
            assert_eq!((&entry["route_id"], &entry["service_id"]), (&json!("no-matched"), &json!("h")));
            assert_eq!(entry["client_ip"], "192.0.2.7");
            assert_eq!((&entry["latency"], &entry["upstream_latency"]), (&json!(12.0), &json!(10.0)));
            assert_eq!(entry["apisix_latency"], 2.0);
            assert!(entry.get("upstream").is_none());
        });
    }

    #[test]
    fn a_format_has_the_fields_of_one_s_choice() {
        let format = json!({"host": "$host", "fixed": "x", "n": 1, "none": "$arg_none", "time": "$request_time",
            "status": "$status", "body": "$request_body", "in": {"a": "$arg_a", "sent": "$bytes_sent"}});
        let format = Format::compile(format.as_object().unwrap());
        with_context(http::Request::get("/?a=1").header("host", "h"), |context| {
            context.status = Some(http::StatusCode::OK);
            let entry = format.draft(context).finish(&summary(), Some("b"));
            let expected = json!({"host": "h", "fixed": "x", "n": 1, "time": 0.012, "status": 200, "body": "b",
                "in": {"a": "1", "sent": 5}});
            assert_eq!(entry, expected);
        });
    }
}
