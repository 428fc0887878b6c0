//! fault-injection: delays requests or answers them with a fault, all or a part of them: to try how clients bear it.
//!
//! ```json
//! {"fault-injection": {"delay": {"duration": 0.5, "percentage": 10}, "abort": {"http_status": 503, "percentage": 1}}}
//! ```

use bytes::Bytes;
use http::StatusCode;
use rand::RngExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::context::Context;
use crate::expr::Expr;
use crate::plugin::fields::{Fields, Map};
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::resource::seconds;
use crate::vars::Template;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("minProperties" = 1))]
pub struct Config {
    /// wait before the request goes on
    pub delay: Option<Delay>,
    /// answer instead of the upstream
    pub abort: Option<Abort>,
}

/// A pause.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Delay {
    /// seconds, with a fraction
    #[schemars(range(min = 0))]
    pub duration: f64,
    /// how many of a hundred requests; without it all
    #[schemars(range(min = 0, max = 100))]
    pub percentage: Option<u8>,
    /// expressions; only requests that meet one of them
    #[schemars(length(max = 20))]
    pub vars: Option<Vec<Vec<Value>>>,
}

/// A fault.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Abort {
    /// status of the answer
    #[schemars(range(min = 200))]
    pub http_status: u16,
    /// body of the answer; may hold variables
    pub body: Option<String>,
    /// headers of the answer; values may hold variables
    #[schemars(extend("minProperties" = 1))]
    pub headers: Option<Map>,
    /// how many of a hundred requests; without it all
    #[schemars(range(min = 0, max = 100))]
    pub percentage: Option<u8>,
    /// expressions; only requests that meet one of them
    #[schemars(length(max = 20))]
    pub vars: Option<Vec<Vec<Value>>>,
}

/// The compiled form.
#[derive(Debug)]
pub struct FaultInjection {
    delay: Option<(Sample, std::time::Duration)>,
    abort: Option<(Sample, Fault)>,
}

/// Which requests.
#[derive(Debug)]
struct Sample {
    percentage: u8,
    /// One of these holds; `None`: all requests.
    any: Option<Vec<Expr>>,
}

#[derive(Debug)]
struct Fault {
    status: StatusCode,
    body: Option<Template>,
    headers: Fields,
}

// === impl FaultInjection ===

impl Plugin for FaultInjection {
    const NAME: &'static str = "fault-injection";
    const PRIORITY: i64 = 11000;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;

    type Config = Config;

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let delay = config.delay.map(|delay| {
            Ok::<_, Error>((Sample::compile(delay.percentage, delay.vars.as_deref())?, seconds(delay.duration)))
        });
        let abort = config.abort.map(|abort| {
            let status = StatusCode::from_u16(abort.http_status);
            let fault = Fault {
                status: status.map_err(|_| Error::Refused("abort.http_status must be below 1000".to_owned()))?,
                body: abort.body.as_deref().map(Template::parse),
                headers: Fields::of(&abort.headers.unwrap_or_default())?,
            };
            Ok::<_, Error>((Sample::compile(abort.percentage, abort.vars.as_deref())?, fault))
        });
        Ok(Self { delay: delay.transpose()?, abort: abort.transpose()? })
    }
}

impl Phases for FaultInjection {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        match &self.delay {
            Some((sample, duration)) if sample.hits(context) => Flow::Wait(Box::pin(async move {
                sleep(*duration).await;
                self.abort(context)
            })),
            _ => self.abort(context),
        }
    }
}

impl FaultInjection {
    fn abort<'a>(&self, context: &Context<'_>) -> Flow<'a> {
        match &self.abort {
            Some((sample, fault)) if sample.hits(context) => Flow::Respond(fault.answer(context)),
            _ => Flow::Continue,
        }
    }
}

// === impl Sample ===

impl Sample {
    fn compile(percentage: Option<u8>, vars: Option<&[Vec<Value>]>) -> Result<Self, Error> {
        let expr = |rule: &Vec<Value>| {
            Expr::compile(&Value::Array(rule.clone()))
                .map_err(|e| Error::Refused(format!("failed to validate the 'vars' expression: {e}")))
        };
        let any = vars.map(|vars| vars.iter().map(expr).collect::<Result<_, _>>()).transpose()?;
        Ok(Self { percentage: percentage.unwrap_or(100), any })
    }

    fn hits(&self, context: &Context<'_>) -> bool {
        self.any.as_ref().is_none_or(|any| any.iter().any(|expr| expr.holds(context)))
            && (self.percentage >= 100 || rand::rng().random_range(0..100) < self.percentage)
    }
}

// === impl Fault ===

impl Fault {
    fn answer(&self, context: &Context<'_>) -> Answer {
        let mut answer = Answer::empty(self.status);
        if let Some(body) = &self.body {
            answer.body = Bytes::from(body.render(context).0);
        }
        self.headers.set(context, &mut answer.headers);
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, refused};

    fn status(config: Value, uri: &str) -> u16 {
        let plugin = compile::<FaultInjection>(config, &State::default()).unwrap();
        with_context(http::Request::get(uri).header("host", "h"), |context| {
            decided(plugin.rewrite(context)).map_or(0, |answer| answer.status.as_u16())
        })
    }

    #[test]
    fn faults_are_for_the_requests_that_meet_an_expression() {
        let vars = json!([[["arg_name", "==", "jack"], ["arg_age", ">", 18]], [["arg_key", "==", "k"]]]);
        let cases = [
            (json!({"abort": {"http_status": 418}}), "/", 418),
            (json!({"abort": {"http_status": 418, "percentage": 0}}), "/", 0),
            (json!({"abort": {"http_status": 418, "percentage": 100}}), "/", 418),
            (json!({"abort": {"http_status": 503, "vars": vars}}), "/?name=jack", 0),
            (json!({"abort": {"http_status": 503, "vars": vars}}), "/?name=jack&age=20", 503),
            (json!({"abort": {"http_status": 503, "vars": vars}}), "/?key=k", 503),
        ];
        for (config, uri, expected) in cases {
            assert_eq!(status(config.clone(), uri), expected, "{config} {uri}");
        }
    }

    #[test]
    fn about_the_percentage_is_hit() {
        let config = json!({"abort": {"http_status": 500, "percentage": 30}});
        let hits = (0..2000).filter(|_| status(config.clone(), "/") == 500).count();
        // Ten standard deviations to either side.
        assert!((395..=805).contains(&hits), "{hits}");
    }

    #[test]
    fn the_answer_is_as_configured() {
        let config =
            json!({"abort": {"http_status": 200, "body": "hi $arg_who", "headers": {"x-a": "$remote_addr", "x-n": 7}}});
        let plugin = compile::<FaultInjection>(config, &State::default()).unwrap();
        with_context(http::Request::get("/?who=you").header("host", "h"), |context| {
            let answer = decided(plugin.rewrite(context)).unwrap();
            assert_eq!(answer.body, "hi you");
            assert_eq!(answer.headers["x-a"], "192.0.2.7");
            assert_eq!(answer.headers["x-n"], "7");
        });
    }

    #[tokio::test]
    async fn delays_come_before_faults() {
        let config = json!({"delay": {"duration": 0.05}, "abort": {"http_status": 503}});
        let plugin = compile::<FaultInjection>(config, &State::default()).unwrap();
        let snapshot = crate::snapshot::Snapshot::default();
        let request = crate::request::tests::request(http::Request::get("/").header("host", "h"));
        let mut context = Context::new(request, &snapshot, 0);
        let began = tokio::time::Instant::now();
        let Flow::Wait(waiting) = plugin.rewrite(&mut context) else { panic!("it does not wait") };
        assert!(matches!(waiting.await, Flow::Respond(answer) if answer.status == 503));
        assert!(began.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<FaultInjection>(&[
            (json!({}), ""),
            (json!({"abort": {}}), "property \"abort\""),
            (json!({"abort": {"http_status": 100}}), "property \"abort\""),
            (json!({"abort": {"http_status": 200, "percentage": 101}}), "property \"abort\""),
            (json!({"abort": {"http_status": 200, "headers": {}}}), "property \"abort\""),
            (json!({"delay": {"duration": -1}}), "property \"delay\""),
            (json!({"delay": {"duration": 1, "vars": [[["arg_a", "??", 1]]]}}), "failed to validate the 'vars'"),
        ]);
    }
}
