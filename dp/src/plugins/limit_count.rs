//! limit-count: so many requests per time window and key; more are refused.
//!
//! ```json
//! {"limit-count": {"count": 2, "time_window": 60, "key": "remote_addr", "rejected_code": 429}}
//! ```
//! Windows are fixed: one begins with the first request of a key. Counters are this instance's own (`local`).

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::vars::{Template, Var};

mod counters;

use counters::Counters;

/// Configuration on routes, services and consumers.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// how many requests pass in a window
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub count: i64,
    /// length of a window in seconds
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub time_window: i64,
    /// configurations of one group share their counters; they must be equal
    pub group: Option<String>,
    /// what is counted by: a variable, a text with variables, or a constant, as key_type says; without a value it
    /// is the client's address
    #[serde(default = "Config::key")]
    pub key: String,
    /// what the key is
    #[serde(default)]
    pub key_type: KeyType,
    /// status of a refusal
    #[serde(default = "Config::rejected_code")]
    #[schemars(range(min = 200, max = 599))]
    pub rejected_code: u16,
    /// text of a refusal
    #[schemars(length(min = 1))]
    pub rejected_msg: Option<String>,
    /// where counters are kept
    #[serde(default)]
    pub policy: Policy,
    /// let requests pass when they cannot be counted
    #[serde(default)]
    pub allow_degradation: bool,
    /// whether answers say how much is left
    #[serde(default = "Config::show")]
    pub show_limit_quota_header: bool,
    /// how a window moves
    #[serde(default)]
    pub window_type: WindowType,
}

/// Metadata: names of the headers that say how much is left.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
struct Metadata {
    /// header that holds the limit
    limit_header: String,
    /// header that holds how many requests are left
    remaining_header: String,
    /// header that holds the seconds to the end of the window
    reset_header: String,
}

/// How a window moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WindowType {
    /// It begins with the first request of a key.
    #[default]
    Fixed,
}

/// What `key` is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// Name of a variable.
    #[default]
    Var,
    /// Text with variables.
    VarCombination,
    /// The key itself.
    Constant,
}

/// Where counters are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// In this instance.
    #[default]
    Local,
}

/// The compiled form.
#[derive(Debug)]
pub struct LimitCount {
    count: u64,
    window_micros: i64,
    key: Key,
    counters: Arc<Counters>,
    rejected: Answer,
    show: bool,
    limit: HeaderValue,
    names: Names,
}

/// Names of the headers.
#[derive(Debug)]
struct Names {
    limit: HeaderName,
    remaining: HeaderName,
    reset: HeaderName,
}

#[derive(Debug)]
enum Key {
    Var(Var),
    Combination(Template),
    Constant(String),
}

/// Settings of APISIX that would change what is counted, and are not there yet. Ignored, they would let requests pass
/// that somebody wanted to be refused.
const MISSING: [&str; 2] = ["rules", "sync_interval"];

// === impl Config ===

impl Config {
    fn key() -> String {
        "remote_addr".to_owned()
    }

    fn rejected_code() -> u16 {
        503
    }

    fn show() -> bool {
        true
    }
}

// === impl Metadata ===

impl Default for Metadata {
    fn default() -> Self {
        let name = |what: &str| format!("X-RateLimit-{what}");
        Self { limit_header: name("Limit"), remaining_header: name("Remaining"), reset_header: name("Reset") }
    }
}

// === impl Names ===

impl Names {
    fn compile(metadata: Option<&Value>) -> Result<Self, Error> {
        let metadata = metadata.map(Metadata::deserialize).transpose()?.unwrap_or_default();
        let name = |text: &str| {
            HeaderName::try_from(text).map_err(|_| Error::Refused(format!("metadata: {text:?} cannot name a header")))
        };
        Ok(Self {
            limit: name(&metadata.limit_header)?,
            remaining: name(&metadata.remaining_header)?,
            reset: name(&metadata.reset_header)?,
        })
    }
}

// === impl LimitCount ===

impl Plugin for LimitCount {
    const NAME: &'static str = "limit-count";
    const PRIORITY: i64 = 1002;
    const VERSION: f64 = 0.5;
    const PHASES: Phase = Phase::ACCESS;

    type Config = Config;

    fn metadata_schema() -> Option<Value> {
        Some(crate::plugin::schema_of::<Metadata>())
    }

    fn refine_schema(schema: &mut Value) {
        for name in MISSING {
            schema["properties"][name] = Value::Bool(false);
        }
    }

    fn compile(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        if let Some(name) = MISSING.into_iter().find(|name| scope.config.get(name).is_some()) {
            return Err(Error::Refused(format!("{name} is not supported")));
        }
        let positive = |name: &str, value: i64| {
            u64::try_from(value)
                .ok()
                .filter(|n| *n > 0)
                .ok_or_else(|| Error::Refused(format!("{name} must be above 0")))
        };
        let count = positive("count", config.count)?;
        positive("time_window", config.time_window)?;
        let rejected_code = StatusCode::from_u16(config.rejected_code)
            .ok()
            .filter(|code| (200..600).contains(&code.as_u16()))
            .ok_or_else(|| Error::Refused("rejected_code must be from 200 to 599".to_owned()))?;
        // A window's length is part of a counter's identity: after a change, old ends would mean something else.
        let identity = match &config.group {
            Some(group) => format!("limit-count group {group} {} {}", config.count, config.time_window),
            None => format!("limit-count {} {}", scope.resource, scope.config),
        };
        let key = match config.key_type {
            KeyType::Var => Key::Var(Var::parse(&config.key)),
            KeyType::VarCombination => Key::Combination(Template::parse(&config.key)),
            KeyType::Constant => Key::Constant(config.key),
        };
        let rejected = match &config.rejected_msg {
            Some(message) => Answer::json(rejected_code, &json!({ "error_msg": message })),
            None => Answer::empty(rejected_code),
        };
        Ok(Self {
            count,
            window_micros: config.time_window.saturating_mul(1_000_000),
            key,
            counters: scope.state.get(&identity, Counters::default),
            rejected,
            show: config.show_limit_quota_header,
            limit: HeaderValue::from(count),
            names: Names::compile(scope.metadata)?,
        })
    }
}

impl Phases for LimitCount {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let now = context.now_micros;
        let taken = self.counters.take(&self.key(context), self.count, self.window_micros, now);
        // Hundredths of a second, as APISIX shows them.
        let reset = taken.reset_micros / 10_000;
        if taken.allowed {
            if self.show {
                context.set_response_header(self.names.limit.clone(), self.limit.clone());
                context.set_response_header(self.names.remaining.clone(), HeaderValue::from(taken.remaining));
                context.set_response_header(self.names.reset.clone(), hundredths(reset));
            }
            return Flow::Continue;
        }
        let mut answer = self.rejected.clone();
        if self.show {
            self.show(&mut answer.headers, reset);
        }
        Flow::Respond(answer)
    }
}

impl LimitCount {
    fn show(&self, headers: &mut HeaderMap, reset: i64) {
        headers.insert(self.names.limit.clone(), self.limit.clone());
        headers.insert(self.names.remaining.clone(), HeaderValue::from(0));
        headers.insert(self.names.reset.clone(), hundredths(reset));
    }

    fn key<'c>(&'c self, context: &'c Context<'_>) -> Cow<'c, str> {
        let value = match &self.key {
            Key::Var(var) => var.read(context),
            Key::Combination(template) => {
                let (text, resolved) = template.render(context);
                (resolved > 0).then_some(Cow::Owned(text))
            }
            Key::Constant(text) => Some(Cow::Borrowed(text.as_str())),
        };
        value.unwrap_or(Cow::Borrowed(&context.request.connection.remote_ip))
    }
}

fn hundredths(value: i64) -> HeaderValue {
    let text = match (value / 100, value % 100) {
        (whole, 0) => whole.to_string(),
        (whole, part) if part % 10 == 0 => format!("{whole}.{}", part / 10),
        (whole, part) => format!("{whole}.{part:02}"),
    };
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests;
