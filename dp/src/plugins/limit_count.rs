//! limit-count: so many requests per time window and key; more are refused.
//!
//! ```json
//! {"limit-count": {"count": 2, "time_window": 60, "key": "remote_addr", "rejected_code": 429}}
//! ```
//! Windows are fixed (one begins with the first request of a key) or slide; counters are this instance's own (`local`)
//! or in Redis.

use std::borrow::Cow;
use std::sync::Arc;

use http::StatusCode;
use http::header::HeaderValue;
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope, redis};

mod config;
mod counters;
mod shared;
mod sliding;
mod taken;

pub use config::{Config, CountedBy, Policy, Rule, WindowType};

use config::{Limit, Metadata};
use counters::Counters;
use shared::Shared;
use taken::Taken;

/// The compiled form.
#[derive(Debug)]
pub struct LimitCount {
    limits: Vec<Limit>,
    /// Whether a limit whose key has no value is passed over; else the client's address takes its place.
    several: bool,
    counting: Counting,
    rejected: Answer,
    degrade: bool,
    show: bool,
}

/// Where and how requests are counted.
#[derive(Debug)]
enum Counting {
    Fixed(Arc<Counters>),
    Sliding(Arc<sliding::Counters>),
    Redis(Shared),
}

/// A limit as it is for one request.
struct Wanted<'c> {
    /// Its counter.
    key: Cow<'c, str>,
    count: u64,
    window_micros: i64,
}

/// The limits of a request cannot be found: a variable is no number.
struct Unknown;

// === impl LimitCount ===

impl Plugin for LimitCount {
    const NAME: &'static str = "limit-count";
    const PRIORITY: i64 = 1002;
    const VERSION: f64 = 0.5;
    const PHASES: Phase = Phase::ACCESS;
    const ENCRYPT_FIELDS: &'static [&'static str] = &["redis_password", "sentinel_password"];

    type Config = Config;

    fn metadata_schema() -> Option<Value> {
        Some(crate::plugin::schema_of::<Metadata>())
    }

    fn refine_schema(schema: &mut Value) {
        Config::refine(schema);
    }

    fn compile(mut config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        config.check()?;
        let rejected_code = StatusCode::from_u16(config.rejected_code)
            .ok()
            .filter(|code| (200..600).contains(&code.as_u16()))
            .ok_or_else(|| Error::Refused("rejected_code must be from 200 to 599".to_owned()))?;
        let rejected = match &config.rejected_msg {
            Some(message) => Answer::json(rejected_code, &json!({ "error_msg": message })),
            None => Answer::empty(rejected_code),
        };
        let counting = Counting::compile(&config, scope)?;
        let (limits, several) = config.limits(scope.metadata)?;
        Ok(Self {
            limits,
            several,
            counting,
            rejected,
            degrade: config.allow_degradation,
            show: config.show_limit_quota_header,
        })
    }
}

impl Phases for LimitCount {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        match &self.counting {
            Counting::Redis(shared) => Flow::Wait(Box::pin(self.take_shared(shared, context))),
            Counting::Fixed(counters) => self
                .take_here(context, |wanted, now| counters.take(&wanted.key, wanted.count, wanted.window_micros, now)),
            Counting::Sliding(counters) => self.take_here(context, |wanted, now| {
                sliding::take(counters, &wanted.key, wanted.count, wanted.window_micros, now)
            }),
        }
    }
}

impl LimitCount {
    /// A limit as it is for this request; none when it is not for this request.
    fn resolve<'c>(&'c self, place: usize, context: &'c Context<'_>) -> Result<Option<Wanted<'c>>, Unknown> {
        let limit = &self.limits[place];
        let key = if self.several {
            // Rules count apart, also where their keys come to the same.
            let Some(key) = limit.key.read(context) else { return Ok(None) };
            Cow::Owned(format!("{place}:{key}"))
        } else {
            limit.key.read_or_address(context)
        };
        let count = limit.count.read(context).filter(|count| *count > 0).ok_or(Unknown)?;
        let window = limit.window.read(context).filter(|seconds| *seconds > 0).ok_or(Unknown)?;
        let window_micros = i64::try_from(window).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        Ok(Some(Wanted { key, count, window_micros }))
    }

    /// Whether all limits are known: else none of them counts the request.
    fn known(&self, context: &Context<'_>) -> bool {
        (0..self.limits.len()).all(|place| self.resolve(place, context).is_ok())
    }

    fn take_here<'a>(&self, context: &mut Context<'_>, take: impl Fn(Wanted<'_>, i64) -> Taken) -> Flow<'a> {
        if self.several && !self.known(context) {
            return self.unknown();
        }
        let now = context.now_micros;
        let mut counted = false;
        for place in 0..self.limits.len() {
            let (count, taken) = match self.resolve(place, context) {
                Ok(Some(wanted)) => (wanted.count, take(wanted, now)),
                Ok(None) => continue,
                Err(Unknown) => return self.unknown(),
            };
            counted = true;
            if let Some(answer) = self.show(context, place, count, taken) {
                return Flow::Respond(answer);
            }
        }
        if counted { Flow::Continue } else { self.unknown() }
    }

    /// What becomes of a request without a limit.
    fn unknown<'a>(&self) -> Flow<'a> {
        if self.degrade {
            return Flow::Continue;
        }
        tracing::error!("limit-count: no limit can be found for this request");
        Flow::Respond(Answer::empty(StatusCode::INTERNAL_SERVER_ERROR))
    }

    async fn take_shared<'a>(&self, shared: &Shared, context: &mut Context<'_>) -> Flow<'a> {
        if self.several && !self.known(context) {
            return self.unknown();
        }
        let mut counted = false;
        for place in 0..self.limits.len() {
            let (count, taken) = match self.resolve(place, context) {
                Ok(Some(wanted)) => (wanted.count, shared.take(&wanted.key, wanted.count, wanted.window_micros).await),
                Ok(None) => continue,
                Err(Unknown) => return self.unknown(),
            };
            counted = true;
            match taken {
                Ok(taken) => {
                    if let Some(answer) = self.show(context, place, count, taken) {
                        return Flow::Respond(answer);
                    }
                }
                Err(_) if self.degrade => {}
                Err(_) => {
                    let body = json!({"error_msg": "failed to limit count"});
                    return Flow::respond(StatusCode::INTERNAL_SERVER_ERROR, &body);
                }
            }
        }
        if counted { Flow::Continue } else { self.unknown() }
    }

    /// Says in the response what is left; the answer when there is nothing.
    fn show(&self, context: &mut Context<'_>, place: usize, count: u64, taken: Taken) -> Option<Answer> {
        if self.show {
            let names = &self.limits[place].names;
            context.set_response_header(names.limit.clone(), HeaderValue::from(count));
            context.set_response_header(names.remaining.clone(), HeaderValue::from(taken.remaining));
            context.set_response_header(names.reset.clone(), taken.reset());
        }
        (!taken.allowed).then(|| self.rejected.clone())
    }
}

// === impl Counting ===

impl Counting {
    fn compile(config: &Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let group = config.group.as_deref();
        if let Some(kind) = config.policy.redis() {
            let window = config.window_type;
            let prefix = match (group, window) {
                // As APISIX names them: its data planes and ours may share a group.
                (Some(group), WindowType::Fixed) => format!("plugin-limit-count:v1:{group}:"),
                (Some(group), WindowType::Sliding) => format!("limit-count:group:{group}:"),
                (None, _) => redis::counters(LimitCount::NAME, scope),
            };
            return Ok(Self::Redis(Shared { client: redis::client(kind, scope)?, prefix, window }));
        }
        let identity = match group {
            // After a change old windows would mean something else.
            Some(group) => format!("limit-count group {group} {:?} {:?}", config.count, config.time_window),
            None => format!("limit-count {} {}", scope.resource, scope.config),
        };
        Ok(match config.window_type {
            WindowType::Fixed => Self::Fixed(scope.state.get(&identity, Counters::default)),
            WindowType::Sliding => {
                Self::Sliding(scope.state.get(&format!("{identity} sliding"), sliding::Counters::default))
            }
        })
    }
}

#[cfg(test)]
mod tests;
