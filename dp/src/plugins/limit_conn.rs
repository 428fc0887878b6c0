//! limit-conn: so many requests of a key at the same time. More of them wait, as many as `burst` says; the rest is
//! refused.
//!
//! ```json
//! {"limit-conn": {"conn": 10, "burst": 5, "default_conn_delay": 0.1, "key": "remote_addr"}}
//! ```
//! A request counts until the last byte of its response, or until the client has gone. Counted on this instance.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::response::Parts;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::context::Context;
use crate::plugin::amount::{Amount, Bound};
use crate::plugin::limit_key::{Key, KeyType, Policy};
use crate::plugin::{Answer, Error, Flow, Logger, Phase, Phases, Plugin, Scope, Summary, redis};
use crate::resource::seconds;

mod places;
mod stream;

pub use places::Place;

use places::{Entered, Places, Shared};

/// Shorter waits are not worth a timer.
const SHORTEST: Duration = Duration::from_millis(1);

/// Configuration on routes, services and consumers.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// requests at the same time that pass at once: a number, or a text with variables
    pub conn: Option<Amount>,
    /// how many more may wait
    pub burst: Option<Amount>,
    /// seconds that they wait
    pub default_conn_delay: f64,
    /// wait as long as that says, however long responses take; here it is always so
    #[serde(default)]
    pub only_use_default_delay: bool,
    /// what is counted by: a variable or a text with variables, as key_type says; without a value it is the client's
    /// address
    pub key: Option<String>,
    /// what the key is
    #[serde(default)]
    pub key_type: KeyType,
    /// where counters are kept
    #[serde(default)]
    pub policy: Policy,
    /// status of a refusal
    #[serde(default = "Config::rejected_code")]
    #[schemars(range(min = 200, max = 599))]
    pub rejected_code: u16,
    /// text of a refusal
    #[schemars(length(min = 1))]
    pub rejected_msg: Option<String>,
    /// let requests pass for which no limit can be found, or that cannot be counted, instead of answering 500
    #[serde(default)]
    pub allow_degradation: bool,
    /// several limits; a request must keep all whose key it has
    pub rules: Option<Vec<Rule>>,
}

/// One of several limits.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Rule {
    /// requests at the same time that pass at once: a number, or a text with variables
    pub conn: Amount,
    /// how many more may wait
    pub burst: Amount,
    /// what is counted by: a text with variables
    pub key: String,
}

/// What else there is to say when places are in Redis.
#[derive(Debug, Deserialize, JsonSchema)]
struct InRedis {
    /// seconds after which a request no longer counts, should its gateway have died
    #[serde(default = "InRedis::key_ttl")]
    key_ttl: i64,
}

/// The compiled form.
#[derive(Debug)]
pub struct LimitConn {
    limits: Vec<Limit>,
    /// Whether a limit whose key has no value is passed over; else the client's address takes its place.
    several: bool,
    delay: f64,
    refusal: Answer,
    degrade: bool,
    places: Places,
}

#[derive(Debug)]
struct Limit {
    conn: Bound,
    burst: Bound,
    key: Key,
}

/// A limit as it is for one request.
struct Wanted {
    key: Box<str>,
    conn: u64,
    burst: u64,
}

/// Keeps the places to the end of the response.
struct UntilTheEnd(Vec<Place>);

// === impl Config ===

impl Config {
    fn rejected_code() -> u16 {
        503
    }

    fn limits(&mut self) -> Option<Vec<Limit>> {
        if let Some(rules) = self.rules.take() {
            let limit = |rule: Rule| Limit {
                conn: Bound::compile(rule.conn),
                burst: Bound::compile(rule.burst),
                key: Key::compile(&rule.key, KeyType::VarCombination),
            };
            return Some(rules.into_iter().map(limit).collect());
        }
        Some(vec![Limit {
            conn: Bound::compile(self.conn.take()?),
            burst: Bound::compile(self.burst.take()?),
            key: Key::compile(self.key.as_deref()?, self.key_type),
        }])
    }
}

// === impl InRedis ===

impl InRedis {
    fn key_ttl() -> i64 {
        3600
    }
}

// === impl LimitConn ===

impl Plugin for LimitConn {
    const NAME: &'static str = "limit-conn";
    const PRIORITY: i64 = 1003;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS.and(Phase::LOG);
    const ENCRYPT_FIELDS: &'static [&'static str] = &["redis_password"];

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        for properties in ["/properties", "/properties/rules/items/properties"] {
            let Some(properties) = schema.pointer_mut(properties) else { continue };
            Amount::refine(properties, "conn", 1);
            Amount::refine(properties, "burst", 0);
        }
        schema["properties"]["default_conn_delay"]["exclusiveMinimum"] = json!(0);
        schema["oneOf"] = json!([
            {"required": ["conn", "burst", "default_conn_delay", "key"]},
            {"required": ["default_conn_delay", "rules"]},
        ]);
        let more = &crate::plugin::schema_of::<InRedis>()["properties"];
        redis::refine(schema, &[redis::Kind::One, redis::Kind::Cluster], more);
    }

    fn compile(mut config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let status = StatusCode::from_u16(config.rejected_code);
        let status = status.map_err(|_| Error::Refused("rejected_code must be from 200 to 599".to_owned()))?;
        let several = config.rules.is_some();
        let limits = config.limits();
        Ok(Self {
            limits: limits.ok_or_else(|| Error::Refused("conn, burst and key, or rules, are required".to_owned()))?,
            several,
            delay: config.default_conn_delay,
            refusal: match config.rejected_msg {
                Some(message) => Answer::json(status, &json!({"error_msg": message})),
                None => Answer::empty(status),
            },
            degrade: config.allow_degradation,
            places: match config.policy.redis() {
                None => Places::here(scope),
                Some(kind) => {
                    let life = InRedis::deserialize(scope.config)?.key_ttl;
                    if life < 1 {
                        return Err(Error::Refused("key_ttl must be above 0".to_owned()));
                    }
                    Places::redis(redis::client(kind, scope)?, redis::counters(Self::NAME, scope), life, scope)
                }
            },
        })
    }
}

impl Phases for LimitConn {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let wanted: Vec<_> = self.limits.iter().filter_map(|limit| self.resolve(limit, context)).collect();
        if wanted.is_empty() && !self.degrade {
            tracing::error!("limit-conn: no limit can be found for this request");
            return Flow::Respond(Answer::empty(StatusCode::INTERNAL_SERVER_ERROR));
        }
        let running = match &self.places {
            Places::Here(running) => running,
            Places::Redis(shared) => return Flow::Wait(Box::pin(self.enter_redis(shared, context, wanted))),
        };
        let mut delay = Duration::ZERO;
        for Wanted { key, conn, burst } in wanted {
            let entered = places::enter(running, key, conn.saturating_add(burst));
            match self.admit(context, entered, conn) {
                Some(wait) => delay += wait,
                None => return Flow::Respond(self.refusal.clone()),
            }
        }
        if delay < SHORTEST {
            return Flow::Continue;
        }
        Flow::Wait(Box::pin(async move {
            sleep(delay).await;
            Flow::Continue
        }))
    }

    fn logger(&self, context: &mut Context<'_>, _response: &Parts) -> Option<Box<dyn Logger>> {
        let places = std::mem::take(&mut context.plugins.limit_conn);
        (!places.is_empty()).then(|| Box::new(UntilTheEnd(places)) as Box<dyn Logger>)
    }
}

impl LimitConn {
    fn resolve(&self, limit: &Limit, context: &Context<'_>) -> Option<Wanted> {
        let conn = limit.conn.read(context).filter(|conn| *conn > 0)?;
        let burst = limit.burst.read(context)?;
        let key = if self.several { limit.key.read(context)? } else { limit.key.read_or_address(context) };
        Some(Wanted { key: Cow::into_owned(key).into(), conn, burst })
    }

    /// Keeps the request's place; says how long it waits in it.
    fn admit(&self, context: &mut Context<'_>, entered: Entered, conn: u64) -> Option<Duration> {
        let (place, inside) = entered?;
        context.plugins.limit_conn.push(place);
        Some(self.wait(inside, conn))
    }

    /// How long the last of those inside waits.
    fn wait(&self, inside: u64, conn: u64) -> Duration {
        let rounds = (inside - 1) / conn;
        seconds(self.delay * rounds as f64)
    }

    async fn enter_redis<'a>(
        &'a self,
        shared: &'a Arc<Shared>,
        context: &'a mut Context<'_>,
        wanted: Vec<Wanted>,
    ) -> Flow<'a> {
        let mut delay = Duration::ZERO;
        for Wanted { key, conn, burst } in wanted {
            match shared.enter(&key, conn.saturating_add(burst)).await {
                Ok(entered) => match self.admit(context, entered, conn) {
                    Some(wait) => delay += wait,
                    None => return Flow::Respond(self.refusal.clone()),
                },
                Err(_) if self.degrade => {}
                Err(_) => return Flow::Respond(Answer::empty(StatusCode::INTERNAL_SERVER_ERROR)),
            }
        }
        if delay >= SHORTEST {
            sleep(delay).await;
        }
        Flow::Continue
    }
}

// === impl UntilTheEnd ===

impl Logger for UntilTheEnd {
    fn log(self: Box<Self>, _summary: &Summary) {
        drop(self.0);
    }
}

#[cfg(test)]
mod tests;
