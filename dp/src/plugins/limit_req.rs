//! limit-req: so many requests per second and key. More of them wait, as many as `burst` says; the rest is refused.
//!
//! ```json
//! {"limit-req": {"rate": 10, "burst": 5, "key": "remote_addr", "rejected_code": 429}}
//! ```
//! A bucket that leaks: each request fills it by one, and it loses `rate` a second. This instance's own, or one in Redis.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::context::Context;
use crate::plugin::limit_key::{Key, KeyType, Policy};
use crate::plugin::redis::{self, Client, Failure, Script};
use crate::plugin::sharded::Sharded;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::resource::seconds;

/// Shorter waits are not worth a timer.
const SHORTEST: Duration = Duration::from_millis(1);

/// A year: what Redis is asked to keep at most, in milliseconds.
const LONGEST: f64 = 31_536_000_000.0;

/// The bucket in Redis, by the clock of Redis; in microseconds and millionths of a request.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]
         local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
         local known = redis.call('HMGET', KEYS[1], 'excess', 'last')
         local excess = 0
         if known[1] and known[2] then
           excess = math.max(known[1] - rate * math.abs(now - known[2]) + 1000000, 0)
           if excess > burst then return {0, 0} end
         end
         redis.call('HSET', KEYS[1], 'excess', string.format('%.0f', excess), 'last', string.format('%.0f', now))
         redis.call('PEXPIRE', KEYS[1], ARGV[3])
         return {1, math.floor(excess)}",
    )
});

/// Configuration on routes, services and consumers.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// requests per second that pass at once
    pub rate: f64,
    /// how many more may wait
    pub burst: f64,
    /// what is counted by: a variable or a text with variables, as key_type says; without a value it is the client's
    /// address
    pub key: String,
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
    /// let those who may wait pass at once
    #[serde(default)]
    pub nodelay: bool,
    /// let requests pass when they cannot be counted
    #[serde(default)]
    pub allow_degradation: bool,
}

/// The compiled form.
#[derive(Debug)]
pub struct LimitReq {
    rate: f64,
    burst: f64,
    key: Key,
    nodelay: bool,
    refusal: Answer,
    degrade: bool,
    buckets: Buckets,
}

#[derive(Debug)]
enum Buckets {
    Here(Arc<Sharded<Bucket>>),
    Redis { client: Arc<Client>, prefix: String },
}

/// What a key has left behind.
#[derive(Debug, Default)]
struct Bucket {
    /// Requests above the rate at the time of the last one.
    excess: f64,
    /// When that was, in microseconds; unset before the first.
    last: Option<i64>,
}

// === impl Config ===

impl Config {
    fn rejected_code() -> u16 {
        503
    }
}

// === impl LimitReq ===

impl Plugin for LimitReq {
    const NAME: &'static str = "limit-req";
    const PRIORITY: i64 = 1001;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS;
    const ENCRYPT_FIELDS: &'static [&'static str] = &["redis_password"];

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        schema["properties"]["rate"]["exclusiveMinimum"] = json!(0);
        schema["properties"]["burst"]["minimum"] = json!(0);
        redis::refine(schema, &[redis::Kind::One, redis::Kind::Cluster], &Value::Null);
    }

    fn compile(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let status = StatusCode::from_u16(config.rejected_code);
        let status = status.map_err(|_| Error::Refused("rejected_code must be from 200 to 599".to_owned()))?;
        if config.rate <= 0.0 || config.burst < 0.0 {
            return Err(Error::Refused("rate must be above 0, and burst not below".to_owned()));
        }
        Ok(Self {
            rate: config.rate,
            burst: config.burst,
            key: Key::compile(&config.key, config.key_type),
            nodelay: config.nodelay,
            refusal: match config.rejected_msg {
                Some(message) => Answer::json(status, &json!({"error_msg": message})),
                None => Answer::empty(status),
            },
            degrade: config.allow_degradation,
            buckets: match config.policy.redis() {
                None => {
                    let key = format!("limit-req {} {}", scope.resource, scope.config);
                    Buckets::Here(scope.state.get(&key, Sharded::default))
                }
                Some(kind) => {
                    Buckets::Redis { client: redis::client(kind, scope)?, prefix: redis::counters(Self::NAME, scope) }
                }
            },
        })
    }
}

impl Phases for LimitReq {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let key = self.key.read_or_address(context);
        let delay = match &self.buckets {
            Buckets::Here(buckets) => self.take(buckets, &key, context.now_micros),
            Buckets::Redis { client, prefix } => {
                let key = format!("{prefix}{key}");
                return Flow::Wait(Box::pin(async move {
                    match self.take_redis(client, &key).await {
                        Ok(Some(delay)) if !self.nodelay && delay >= SHORTEST => sleep(delay).await,
                        Ok(None) => return Flow::Respond(self.refusal.clone()),
                        Err(_) if !self.degrade => {
                            return Flow::Respond(Answer::empty(StatusCode::INTERNAL_SERVER_ERROR));
                        }
                        _ => {}
                    }
                    Flow::Continue
                }));
            }
        };
        match delay {
            None => Flow::Respond(self.refusal.clone()),
            Some(delay) if delay < SHORTEST || self.nodelay => Flow::Continue,
            Some(delay) => Flow::Wait(Box::pin(async move {
                sleep(delay).await;
                Flow::Continue
            })),
        }
    }
}

impl LimitReq {
    /// How long a request of this key waits, or none when it is refused.
    fn take(&self, buckets: &Sharded<Bucket>, key: &str, now: i64) -> Option<Duration> {
        // Also when the clock was set back: time has passed all the same.
        let leaked = |last: i64| self.rate * (now.abs_diff(last) as f64) / 1e6;
        let over = |bucket: &Bucket| bucket.last.is_none_or(|last| leaked(last) > bucket.excess + 1.0);
        buckets.with(key, over, |bucket| {
            let excess = bucket.last.map_or(0.0, |last| (bucket.excess - leaked(last) + 1.0).max(0.0));
            if excess > self.burst {
                return None;
            }
            *bucket = Bucket { excess, last: Some(now) };
            Some(seconds(excess / self.rate))
        })
    }

    /// The same in Redis.
    async fn take_redis(&self, client: &Client, key: &str) -> Result<Option<Duration>, Failure> {
        // An empty bucket says nothing: by then it can be forgotten.
        let emptied = (((self.burst + 1.0) / self.rate * 1000.0).ceil() + 1000.0).min(LONGEST);
        let arguments = [self.rate.to_string(), (self.burst * 1e6).to_string(), emptied.to_string()];
        let [taken, excess] = client.run(&TAKE, key, &arguments).await?;
        Ok((taken == 1).then(|| seconds(excess as f64 / 1e6 / self.rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, refused};

    #[test]
    fn requests_above_the_rate_wait_or_are_refused() {
        let config = json!({"rate": 2, "burst": 1.5, "key": "remote_addr"});
        let plugin = compile::<LimitReq>(config, &State::default()).unwrap();
        let Buckets::Here(buckets) = &plugin.buckets else { panic!("not on this instance") };
        let millis = |millis| Some(Duration::from_millis(millis));
        let steps = [
            // key, milliseconds, wait
            ("a", 0, millis(0)),
            ("a", 0, millis(500)),
            ("a", 0, None),
            ("b", 0, millis(0)),
            ("a", 250, millis(750)),
            ("a", 300, None),
            ("a", 1250, millis(250)),
            ("a", 9000, millis(0)),
            // The clock was set back.
            ("a", 8500, millis(0)),
        ];
        for (at, (key, now, wait)) in steps.into_iter().enumerate() {
            assert_eq!(plugin.take(buckets, key, now * 1000), wait, "step {at}");
        }
    }

    #[tokio::test]
    async fn waiting_requests_go_on_in_the_end() {
        let state = State::default();
        let plugin = compile::<LimitReq>(json!({"rate": 20, "burst": 1, "key": "arg_k"}), &state).unwrap();
        let snapshot = crate::snapshot::Snapshot::default();
        let request = || crate::request::tests::request(http::Request::get("/?k=1").header("host", "h"));
        assert!(matches!(plugin.access(&mut Context::new(request(), &snapshot, 1)), Flow::Continue));
        let began = tokio::time::Instant::now();
        let mut context = Context::new(request(), &snapshot, 1);
        let Flow::Wait(waiting) = plugin.access(&mut context) else { panic!("it does not wait") };
        assert!(matches!(waiting.await, Flow::Continue));
        assert!(began.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn keys_are_counted_apart_and_the_refusal_is_the_one_configured() {
        let config = json!({"rate": 0.1, "burst": 1, "nodelay": true, "key": "$arg_a-$arg_b", "key_type": "var_combination",
            "rejected_code": 429, "rejected_msg": "slow"});
        let plugin = compile::<LimitReq>(config, &State::default()).unwrap();
        let ask = |target: &str| {
            with_context(http::Request::get(target).header("host", "h"), |context| {
                decided(plugin.access(context)).map(|answer| (answer.status.as_u16(), answer.body))
            })
        };
        for target in ["/?a=1", "/?a=2", "/"] {
            assert_eq!(ask(target), None, "{target}");
            assert_eq!(ask(target), None, "{target}");
            assert_eq!(ask(target), Some((429, r#"{"error_msg":"slow"}"#.into())), "{target}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<LimitReq>(&[
            (json!({}), ""),
            (json!({"rate": 1, "burst": 1}), "property \"key\" is required"),
            (json!({"rate": 0, "burst": 1, "key": "a"}), "property \"rate\""),
            (json!({"rate": 1, "burst": -1, "key": "a"}), "property \"burst\""),
            (json!({"rate": 1, "burst": 0, "key": "a", "policy": "redis"}), "then clause did not match"),
            (json!({"rate": 1, "burst": 0, "key": "a", "policy": "redis-sentinel"}), "property \"policy\""),
            (json!({"rate": 1, "burst": 0, "key": "a", "key_type": "constant"}), "property \"key_type\""),
            (json!({"rate": 1, "burst": 0, "key": "a", "rejected_code": 600}), "property \"rejected_code\""),
        ]);
    }
}
