//! The configuration of limit-count.

use http::header::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::plugin::amount::{Amount, Bound};
use crate::plugin::limit_key::{Key, KeyType};
use crate::plugin::{Error, redis};

/// Configuration on routes, services and consumers.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// how many requests pass in a window: a number, or a text with variables
    pub count: Option<Amount>,
    /// length of a window in seconds: a number, or a text with variables
    pub time_window: Option<Amount>,
    /// several limits; a request must keep all whose key it has
    pub rules: Option<Vec<Rule>>,
    /// configurations of one group share their counters; they must be equal
    pub group: Option<String>,
    /// what is counted by: a variable, a text with variables, or a constant, as key_type says; without a value it
    /// is the client's address
    #[serde(default = "Config::key")]
    pub key: String,
    /// what the key is
    #[serde(default)]
    pub key_type: CountedBy,
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
    /// let requests pass when they cannot be counted, or when no limit can be found for them
    #[serde(default)]
    pub allow_degradation: bool,
    /// whether answers say how much is left
    #[serde(default = "Config::show")]
    pub show_limit_quota_header: bool,
    /// how a window moves
    #[serde(default)]
    pub window_type: WindowType,
    /// seconds between two reports to Redis; -1 asks Redis for each request
    #[serde(default = "Config::sync_interval")]
    pub sync_interval: f64,
}

/// One of several limits.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Rule {
    /// how many requests pass in a window: a number, or a text with variables
    pub count: Amount,
    /// length of a window in seconds: a number, or a text with variables
    pub time_window: Amount,
    /// what is counted by: a text with variables
    pub key: String,
    /// what its headers are told apart by; without it, its place among the rules
    pub header_prefix: Option<String>,
}

/// Metadata: names of the headers that say how much is left.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Metadata {
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
    /// Windows follow each other by the clock; of the one before, the part counts that the present one has still to go.
    Sliding,
}

/// What `key` is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
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
    /// In one Redis server.
    Redis,
    /// In a cluster of them.
    RedisCluster,
    /// In the server that sentinels name.
    RedisSentinel,
}

/// One limit, compiled.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) count: Bound,
    /// In seconds.
    pub(super) window: Bound,
    pub(super) key: Key,
    pub(super) names: Names,
}

/// Names of the headers.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) limit: HeaderName,
    pub(super) remaining: HeaderName,
    pub(super) reset: HeaderName,
}

/// Redis is asked for each request.
const NO_DELAY: f64 = -1.0;

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

    fn sync_interval() -> f64 {
        NO_DELAY
    }

    /// What the schema cannot say.
    pub(super) fn check(&self) -> Result<(), Error> {
        let refused = |text: &str| Err(Error::Refused(text.to_owned()));
        if self.rules.is_some() && (self.count.is_some() || self.time_window.is_some()) {
            return refused("count/time_window and rules cannot be specified at the same time");
        }
        if self.rules.is_some() && self.group.is_some() {
            return refused("group and rules cannot be specified at the same time");
        }
        if self.sync_interval != NO_DELAY && self.policy != Policy::Local {
            return refused("sync_interval is not supported: Redis is asked for each request");
        }
        let mut keys = std::collections::HashSet::new();
        for rule in self.rules.iter().flatten() {
            if !keys.insert(&rule.key) {
                return Err(Error::Refused(format!("duplicate key '{}' in rules", rule.key)));
            }
        }
        Ok(())
    }

    /// The limits, and whether they are rules.
    pub(super) fn limits(&mut self, metadata: Option<&Value>) -> Result<(Vec<Limit>, bool), Error> {
        let metadata = metadata.map(Metadata::deserialize).transpose()?.unwrap_or_default();
        if let Some(rules) = self.rules.take() {
            let limits = rules.into_iter().zip(1..).map(|(rule, place): (Rule, u64)| {
                let prefix = rule.header_prefix.unwrap_or_else(|| place.to_string());
                Ok(Limit {
                    count: Bound::compile(rule.count),
                    window: Bound::compile(rule.time_window),
                    key: Key::compile(&rule.key, KeyType::VarCombination),
                    names: Names::compile(&metadata, Some(&prefix))?,
                })
            });
            return Ok((limits.collect::<Result<_, Error>>()?, true));
        }
        let (Some(count), Some(window)) = (self.count.take(), self.time_window.take()) else {
            return Err(Error::Refused("count and time_window, or rules, are required".to_owned()));
        };
        let key = match self.key_type {
            CountedBy::Var => Key::compile(&self.key, KeyType::Var),
            CountedBy::VarCombination => Key::compile(&self.key, KeyType::VarCombination),
            CountedBy::Constant => Key::Constant(self.key.as_str().into()),
        };
        let names = Names::compile(&metadata, None)?;
        Ok((vec![Limit { count: Bound::compile(count), window: Bound::compile(window), key, names }], false))
    }

    /// Conditions across fields.
    pub(super) fn refine(schema: &mut Value) {
        for properties in ["/properties", "/properties/rules/items/properties"] {
            let Some(properties) = schema.pointer_mut(properties) else { continue };
            Amount::refine(properties, "count", 1);
            Amount::refine(properties, "time_window", 1);
        }
        schema["oneOf"] = json!([{"required": ["count", "time_window"]}, {"required": ["rules"]}]);
        let kinds = [redis::Kind::One, redis::Kind::Cluster, redis::Kind::Sentinel];
        redis::refine(schema, &kinds, &Value::Null);
    }
}

// === impl Policy ===

impl Policy {
    /// The Redis servers that it means, if it means any.
    pub(super) fn redis(self) -> Option<redis::Kind> {
        match self {
            Self::Local => None,
            Self::Redis => Some(redis::Kind::One),
            Self::RedisCluster => Some(redis::Kind::Cluster),
            Self::RedisSentinel => Some(redis::Kind::Sentinel),
        }
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
    /// A rule's headers have its prefix before `RateLimit-`.
    fn compile(metadata: &Metadata, prefix: Option<&str>) -> Result<Self, Error> {
        let name = |text: &str| {
            let text = match prefix {
                Some(prefix) => text.replacen("RateLimit-", &format!("{prefix}-RateLimit-"), 1),
                None => text.to_owned(),
            };
            HeaderName::try_from(&text).map_err(|_| Error::Refused(format!("{text:?} cannot name a header")))
        };
        Ok(Self {
            limit: name(&metadata.limit_header)?,
            remaining: name(&metadata.remaining_header)?,
            reset: name(&metadata.reset_header)?,
        })
    }
}
