//! api-breaker: when an upstream has answered with errors several times, it is left alone for a while.
//!
//! ```json
//! {"api-breaker": {"break_response_code": 502, "unhealthy": {"http_statuses": [500, 503], "failures": 3}}}
//! ```
//! It is open for 2 seconds at first, then for 4, 8 … up to `max_breaker_sec`, until enough healthy answers have come.
//! Counted apart for each host and path, on this instance.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::StatusCode;
use http::response::Parts;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::plugin::fields::Fields;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};

/// Paths that are remembered; past it the ones whose time is over go, and further ones are not counted.
const PATHS: usize = 10_000;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// status of the answer while the upstream is left alone
    #[schemars(range(min = 200, max = 599))]
    pub break_response_code: u16,
    /// body of that answer
    pub break_response_body: Option<String>,
    /// headers of that answer, when it has a body; values may hold variables
    pub break_response_headers: Option<Vec<Header>>,
    /// longest time in seconds for which the upstream is left alone
    #[serde(default = "Config::max_breaker_sec")]
    #[schemars(range(min = 3))]
    pub max_breaker_sec: i64,
    /// when an upstream counts as ill
    #[serde(default)]
    pub unhealthy: Unhealthy,
    /// when it counts as well again
    #[serde(default)]
    pub healthy: Healthy,
}

/// A header.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Header {
    /// name
    #[schemars(length(min = 1))]
    pub key: String,
    /// value
    #[schemars(length(min = 1))]
    pub value: String,
}

/// When an upstream counts as ill.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Unhealthy {
    /// statuses of an ill upstream
    #[schemars(length(min = 1), inner(range(min = 500, max = 599)), extend("uniqueItems" = true))]
    pub http_statuses: Vec<u16>,
    /// how many of them
    #[schemars(range(min = 1))]
    pub failures: u64,
}

/// When an upstream counts as well again.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Healthy {
    /// statuses of a well upstream
    #[schemars(length(min = 1), inner(range(min = 200, max = 499)), extend("uniqueItems" = true))]
    pub http_statuses: Vec<u16>,
    /// how many of them, one after the other
    #[schemars(range(min = 1))]
    pub successes: u64,
}

/// The compiled form.
#[derive(Debug)]
pub struct ApiBreaker {
    broken: Answer,
    headers: Fields,
    max_micros: i64,
    unhealthy: Unhealthy,
    healthy: Healthy,
    paths: Arc<Paths>,
}

/// What is known of the paths that have failed.
#[derive(Debug, Default)]
struct Paths {
    /// As many as `by_key` has, so that nobody takes the lock while all is well.
    count: AtomicUsize,
    by_key: Mutex<HashMap<Box<str>, Count>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    failures: u64,
    successes: u64,
    /// When the last number of failures was full, in microseconds; 0 for never.
    tripped: i64,
    seen: i64,
}

// === impl Config ===

impl Config {
    fn max_breaker_sec() -> i64 {
        300
    }
}

impl Default for Unhealthy {
    fn default() -> Self {
        Self { http_statuses: vec![500], failures: 3 }
    }
}

impl Default for Healthy {
    fn default() -> Self {
        Self { http_statuses: vec![200], successes: 3 }
    }
}

// === impl ApiBreaker ===

impl Plugin for ApiBreaker {
    const NAME: &'static str = "api-breaker";
    const PRIORITY: i64 = 1005;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS.and(Phase::HEADER_FILTER);

    type Config = Config;

    fn compile(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let status = StatusCode::from_u16(config.break_response_code);
        let status = status.map_err(|_| Error::Refused("break_response_code must be from 200 to 599".to_owned()))?;
        let mut broken = Answer::empty(status);
        let mut headers = Fields::default();
        if let Some(body) = config.break_response_body {
            broken.body = Bytes::from(body);
            let pairs = config.break_response_headers.iter().flatten();
            headers = Fields::compile(pairs.map(|header| (header.key.as_str(), header.value.clone())))?;
        }
        Ok(Self {
            broken,
            headers,
            max_micros: config.max_breaker_sec.saturating_mul(1_000_000),
            unhealthy: config.unhealthy,
            healthy: config.healthy,
            paths: scope.state.get(&format!("api-breaker {} {}", scope.resource, scope.config), Paths::default),
        })
    }
}

impl Phases for ApiBreaker {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        if self.paths.count.load(Ordering::Relaxed) == 0 {
            return Flow::Continue;
        }
        let known = self.paths.by_key.lock().get(key(context).as_str()).copied();
        let open = known.is_some_and(|count| self.is_open(&count, context.now_micros));
        if !open {
            return Flow::Continue;
        }
        let mut answer = self.broken.clone();
        self.headers.add(context, &mut answer.headers);
        Flow::Respond(answer)
    }

    /// The upstream's status is known now; the end of the body says no more.
    fn header_filter(&self, context: &mut Context<'_>, _response: &mut Parts) {
        let Some(status) = context.upstream_status.map(|status| status.as_u16()) else { return };
        if self.unhealthy.http_statuses.contains(&status) {
            self.failed(&key(context), context.now_micros);
        } else if self.healthy.http_statuses.contains(&status) && self.paths.count.load(Ordering::Relaxed) > 0 {
            self.succeeded(&key(context), context.now_micros);
        }
    }
}

impl ApiBreaker {
    fn is_open(&self, count: &Count, now: i64) -> bool {
        // 2^30 seconds is longer than any limit.
        let times = (count.failures / self.unhealthy.failures).clamp(1, 30);
        let open = (1_000_000_i64 << times).min(self.max_micros);
        count.tripped != 0 && now - count.tripped <= open && now - count.tripped < self.max_micros
    }

    fn failed(&self, key: &str, now: i64) {
        let mut paths = self.paths.by_key.lock();
        if paths.len() >= PATHS && !paths.contains_key(key) {
            paths.retain(|_, count| now - count.seen < self.max_micros);
            if paths.len() >= PATHS {
                return;
            }
        }
        let count = paths.entry(key.into()).or_default();
        count.failures += 1;
        count.successes = 0;
        count.seen = now;
        if count.failures.is_multiple_of(self.unhealthy.failures) {
            count.tripped = now;
        }
        self.paths.count.store(paths.len(), Ordering::Relaxed);
    }

    fn succeeded(&self, key: &str, now: i64) {
        let mut paths = self.paths.by_key.lock();
        let Some(count) = paths.get_mut(key) else { return };
        count.successes += 1;
        count.seen = now;
        if count.successes >= self.healthy.successes {
            paths.remove(key);
            self.paths.count.store(paths.len(), Ordering::Relaxed);
        }
    }
}

fn key(context: &Context<'_>) -> String {
    format!("{}{}", context.request.host(), context.request.path())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::context::tests::{NOW, with_context};
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, filtered, refused};

    /// Asks at this second; the upstream, when it is asked, answers this. Gives the status that the client sees.
    fn ask(plugin: &ApiBreaker, path: &str, second: i64, upstream: u16) -> u16 {
        with_context(http::Request::get(path).header("host", "h"), |context| {
            context.now_micros = NOW + second * 1_000_000;
            if let Some(answer) = decided(plugin.access(context)) {
                return answer.status.as_u16();
            }
            context.upstream_status = StatusCode::from_u16(upstream).ok();
            let response = http::Response::builder().status(upstream).body(()).unwrap();
            filtered(plugin, context, response).status.as_u16()
        })
    }

    #[test]
    fn it_opens_for_longer_each_time_and_closes_when_the_upstream_is_well() {
        let config = json!({"break_response_code": 599, "unhealthy": {"http_statuses": [500, 503], "failures": 2},
            "healthy": {"http_statuses": [200, 206], "successes": 2}, "max_breaker_sec": 10});
        let plugin = compile::<ApiBreaker>(config, &State::default()).unwrap();
        let steps = [
            // second, upstream, seen
            (0, 500, 500),
            (1, 503, 503),
            // Open for 2 seconds.
            (2, 200, 599),
            (3, 200, 599),
            (4, 500, 500),
            (5, 500, 500),
            // Open for 4 seconds.
            (9, 200, 599),
            (10, 200, 200),
            // An answer that is neither does not count.
            (10, 404, 404),
            (10, 500, 500),
            (10, 206, 206),
            (10, 200, 200),
            // Well again: counting begins anew.
            (11, 500, 500),
            (11, 200, 200),
            (11, 500, 500),
            (12, 200, 599),
        ];
        for (at, (second, upstream, seen)) in steps.into_iter().enumerate() {
            assert_eq!(ask(&plugin, "/a", second, upstream), seen, "step {at}");
        }
        assert_eq!(ask(&plugin, "/b", 12, 200), 200, "another path");
    }

    #[test]
    fn it_is_never_open_for_longer_than_the_maximum() {
        let config = json!({"break_response_code": 599, "unhealthy": {"failures": 1}, "max_breaker_sec": 3});
        let plugin = compile::<ApiBreaker>(config, &State::default()).unwrap();
        for round in 0..40 {
            assert_eq!(ask(&plugin, "/a", round * 10, 500), 500);
            assert_eq!(ask(&plugin, "/a", round * 10 + 2, 200), 599);
        }
        assert_eq!(ask(&plugin, "/a", 393, 200), 200);
    }

    #[test]
    fn the_answer_has_its_headers_with_a_body_only() {
        let headers = json!([{"key": "x-h", "value": "$host"}]);
        for (body, shown) in [(json!("gone"), Some("h")), (json!(null), None)] {
            let mut config =
                json!({"break_response_code": 502, "break_response_headers": headers, "unhealthy": {"failures": 1}});
            if body.is_string() {
                config["break_response_body"] = body;
            }
            let plugin = compile::<ApiBreaker>(config, &State::default()).unwrap();
            ask(&plugin, "/a", 0, 500);
            with_context(http::Request::get("/a").header("host", "h"), |context| {
                let answer = decided(plugin.access(context)).unwrap();
                assert_eq!(answer.headers.get("x-h").map(|value| value.to_str().unwrap()), shown);
            });
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<ApiBreaker>(&[
            (json!({}), "property \"break_response_code\" is required"),
            (json!({"break_response_code": 600}), "property \"break_response_code\""),
            (json!({"break_response_code": 500, "max_breaker_sec": 2}), "property \"max_breaker_sec\""),
            (json!({"break_response_code": 500, "unhealthy": {"http_statuses": [200]}}), "property \"unhealthy\""),
            (json!({"break_response_code": 500, "unhealthy": {"http_statuses": [500, 500]}}), "property \"unhealthy\""),
            (json!({"break_response_code": 500, "healthy": {"successes": 0}}), "property \"healthy\""),
            (
                json!({"break_response_code": 500, "break_response_headers": [{"key": "a"}]}),
                "property \"break_response_headers\"",
            ),
        ]);
    }
}
