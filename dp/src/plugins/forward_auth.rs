//! forward-auth: asks another server whether a request may pass.
//!
//! ```json
//! {"forward-auth": {"uri": "http://auth.example/check", "request_headers": ["Authorization"],
//!                   "upstream_headers": ["X-User"], "client_headers": ["Location"]}}
//! ```

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http_client::{Client, Keepalive, Options, Trust};
use crate::plugin::fields::{self, Fields, Map};
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::uri;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// address of the server that is asked
    pub uri: String,
    /// let requests pass when it cannot be asked
    #[serde(default)]
    pub allow_degradation: bool,
    /// status of the answer when it cannot be asked
    #[serde(default = "Config::status_on_error")]
    #[schemars(range(min = 200, max = 599))]
    pub status_on_error: u16,
    /// whether its certificate is verified
    #[serde(default = "Config::yes")]
    pub ssl_verify: bool,
    /// method of the question; POST carries the request's body
    #[serde(default)]
    pub request_method: Question,
    /// headers of the request that it gets
    #[serde(default)]
    pub request_headers: Vec<String>,
    /// further headers that it gets; values may hold variables
    #[schemars(extend("minProperties" = 1))]
    pub extra_headers: Option<Map<String>>,
    /// headers of its answer that the upstream gets in place of the client's
    #[serde(default)]
    pub upstream_headers: Vec<String>,
    /// headers of its answer that the client gets with a refusal
    #[serde(default)]
    pub client_headers: Vec<String>,
    /// milliseconds that it may take
    #[serde(default = "Config::timeout")]
    #[schemars(range(min = 1, max = 60000))]
    pub timeout: u64,
    /// whether connections to it are kept
    #[serde(default = "Config::yes")]
    pub keepalive: bool,
    /// milliseconds for which an idle connection is kept
    #[serde(default = "Config::keepalive_timeout")]
    #[schemars(range(min = 1000))]
    pub keepalive_timeout: u64,
    /// how many idle connections are kept, per worker
    #[serde(default = "Config::keepalive_pool")]
    #[schemars(range(min = 1))]
    pub keepalive_pool: u64,
    /// bytes of a body that is sent along with POST; larger ones are refused
    #[serde(default = "Config::max_req_body_size")]
    #[schemars(range(min = 1))]
    pub max_req_body_size: u64,
}

/// Method of the question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Question {
    /// Without the request's body.
    #[default]
    Get,
    /// With it.
    Post,
}

/// The compiled form.
#[derive(Debug)]
pub struct ForwardAuth {
    uri: Uri,
    client: Option<Client>,
    options: Options,
    question: Question,
    asked_with: Vec<HeaderName>,
    extra: Fields,
    for_upstream: Vec<HeaderName>,
    for_client: Vec<HeaderName>,
    body_limit: u64,
    degrade: bool,
    status_on_error: StatusCode,
}

// === impl Config ===

impl Config {
    fn status_on_error() -> u16 {
        403
    }

    fn yes() -> bool {
        true
    }

    fn timeout() -> u64 {
        3000
    }

    fn keepalive_timeout() -> u64 {
        60_000
    }

    fn keepalive_pool() -> u64 {
        5
    }

    fn max_req_body_size() -> u64 {
        64 << 20
    }
}

// === impl ForwardAuth ===

impl Plugin for ForwardAuth {
    const NAME: &'static str = "forward-auth";
    const PRIORITY: i64 = 2002;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS;

    type Config = Config;

    fn compile(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let uri: Uri = config.uri.parse().map_err(|_| Error::Refused(format!("{:?} is no address", config.uri)))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(Error::Refused(format!("{:?} is not the address of an HTTP server", config.uri)));
        }
        let names = |names: &[String]| names.iter().map(|name| fields::name(name)).collect::<Result<_, _>>();
        let extra = config.extra_headers.unwrap_or_default();
        let status = StatusCode::from_u16(config.status_on_error);
        let bound = Duration::from_millis(config.timeout);
        let keepalive = Keepalive {
            size: usize::try_from(config.keepalive_pool).unwrap_or(usize::MAX),
            idle: Duration::from_millis(config.keepalive_timeout),
        };
        Ok(Self {
            uri,
            client: scope.state.surroundings().client.clone(),
            options: Options {
                connect: bound,
                read: bound,
                trust: if config.ssl_verify { Trust::Usual } else { Trust::Anyone },
                keepalive: config.keepalive.then_some(keepalive),
                ..Options::default()
            },
            question: config.request_method,
            asked_with: names(&config.request_headers)?,
            extra: Fields::compile(extra.iter().map(|(name, value)| (name.as_str(), value.clone())))?,
            for_upstream: names(&config.upstream_headers)?,
            for_client: names(&config.client_headers)?,
            body_limit: config.max_req_body_size,
            degrade: config.allow_degradation,
            status_on_error: status
                .map_err(|_| Error::Refused("status_on_error must be from 200 to 599".to_owned()))?,
        })
    }
}

impl Phases for ForwardAuth {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        Flow::Wait(Box::pin(async move {
            match self.ask(context).await {
                Ok(answered) if answered.status().as_u16() < 300 => {
                    self.pass(context, answered.headers());
                    Flow::Continue
                }
                Ok(answered) => Flow::Respond(self.refuse(answered)),
                Err(Some(answer)) => Flow::Respond(answer),
                Err(None) if self.degrade => Flow::Continue,
                Err(None) => Flow::Respond(Answer::empty(self.status_on_error)),
            }
        }))
    }
}

impl ForwardAuth {
    /// The other server's answer; or that of the gateway, when there is one already.
    async fn ask(&self, context: &mut Context<'_>) -> Result<Response<Bytes>, Option<Answer>> {
        let body = match self.question {
            Question::Get => Bytes::new(),
            Question::Post => context.hold_body_up_to(self.body_limit).await.map_err(Some)?,
        };
        let mut request = Request::new(body);
        *request.uri_mut() = self.uri.clone();
        *request.method_mut() = if self.question == Question::Post { Method::POST } else { Method::GET };
        self.set_headers(context, request.headers_mut());
        let Some(client) = &self.client else { return Err(None) };
        client.request(request, &self.options).await.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::warn!(uri = %self.uri, %error, source, "forward-auth: the server cannot be asked");
            None
        })
    }

    fn set_headers(&self, context: &Context<'_>, headers: &mut HeaderMap) {
        let request = &context.request;
        let mut set = |name: HeaderName, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        set(FORWARDED_PROTO, request.connection.scheme.as_str());
        set(FORWARDED_METHOD, request.parts.method.as_str());
        set(FORWARDED_HOST, request.host());
        // The path that the route was found by, written so that it fits into a header.
        let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
        set(FORWARDED_URI, &(uri::encode(request.path()) + &query));
        set(FORWARDED_FOR, &request.connection.remote_ip);
        for (name, value) in self.extra.render(context) {
            headers.insert(name, value);
        }
        let coding = (self.question == Question::Post).then_some(&CONTENT_ENCODING);
        for name in self.asked_with.iter().chain(coding) {
            if let Some(value) = request.parts.headers.get(name).filter(|_| !headers.contains_key(name)) {
                headers.insert(name, value.clone());
            }
        }
    }

    /// What the other server says of the caller, nobody else does.
    fn pass(&self, context: &mut Context<'_>, answered: &HeaderMap) {
        let headers = &mut context.request.parts.headers;
        for name in &self.for_upstream {
            headers.remove(name);
            for value in answered.get_all(name) {
                headers.append(name, value.clone());
            }
        }
    }

    fn refuse(&self, answered: Response<Bytes>) -> Answer {
        let mut answer = Answer::empty(answered.status());
        for name in &self.for_client {
            for value in answered.headers().get_all(name) {
                answer.headers.append(name, value.clone());
            }
        }
        answer.body = answered.into_body();
        answer
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugins::tests::refused;

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<ForwardAuth>(&[
            (json!({}), "property \"uri\" is required"),
            (json!({"uri": "auth.example/check"}), "\"auth.example/check\" is"),
            (json!({"uri": "ftp://auth.example/"}), "\"ftp://auth.example/\" is not"),
            (json!({"uri": "http://a/", "request_method": "PUT"}), "property \"request_method\""),
            (json!({"uri": "http://a/", "timeout": 0}), "property \"timeout\""),
            (json!({"uri": "http://a/", "extra_headers": {}}), "property \"extra_headers\""),
            (json!({"uri": "http://a/", "status_on_error": 600}), "property \"status_on_error\""),
            (json!({"uri": "http://a/", "client_headers": ["a b"]}), "\"a b\" cannot name a header"),
        ]);
    }
}
