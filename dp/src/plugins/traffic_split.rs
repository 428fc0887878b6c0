//! traffic-split: sends parts of a route's requests to other upstreams, by weight and by rule.
//!
//! ```json
//! {"traffic-split": {"rules": [{"match": [{"vars": [["http_x_canary", "==", "1"]]}],
//!                               "weighted_upstreams": [{"upstream_id": "canary", "weight": 1}, {"weight": 9}]}]}}
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use portolan_model as model;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::expr::Expr;
use crate::layer4::Client;
use crate::layer4::plugin::{Preread, Session, StreamPlugin, Verdict};
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::resource::Target;
use crate::upstream::{Place, Upstream};

/// The turns of one round; above this the weights are rounded.
const TURNS: u64 = 10_000;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// the first that a request meets is used
    pub rules: Option<Vec<Rule>>,
}

/// Whose requests go where.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Rule {
    /// expressions of which a request must meet one; without it all requests do
    #[serde(rename = "match")]
    pub matches: Option<Vec<Match>>,
    /// where they go
    #[serde(default = "Rule::own")]
    #[schemars(length(min = 1))]
    pub weighted_upstreams: Vec<Weighted>,
}

/// A condition.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Match {
    /// expression as in a route's vars
    pub vars: Option<Vec<Value>>,
}

/// A place with its share.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Weighted {
    /// id of an upstream
    pub upstream_id: Option<Value>,
    /// an upstream; without it and without upstream_id the route's own
    pub upstream: Option<Value>,
    /// share
    #[serde(default = "Weighted::one")]
    #[schemars(range(min = 0))]
    pub weight: u64,
}

/// The compiled form.
#[derive(Debug)]
pub struct TrafficSplit {
    rules: Vec<Split>,
}

#[derive(Debug)]
struct Split {
    /// One of these holds; `None`: all requests.
    any: Option<Vec<Expr>>,
    places: Vec<To>,
    /// Places by turn, well mixed.
    turns: Vec<usize>,
    next: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum To {
    Own,
    Upstream(Arc<Upstream>),
    Named(Box<str>),
}

// === impl Config ===

impl Rule {
    fn own() -> Vec<Weighted> {
        vec![Weighted { upstream_id: None, upstream: None, weight: 1 }]
    }
}

impl Weighted {
    fn one() -> u64 {
        1
    }
}

// === impl TrafficSplit ===

impl Plugin for TrafficSplit {
    const NAME: &'static str = "traffic-split";
    const PRIORITY: i64 = 966;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        let rule = &mut schema["properties"]["rules"]["items"]["properties"];
        rule["weighted_upstreams"]["default"] = json!([{"weight": 1}]);
        rule["weighted_upstreams"]["maxItems"] = json!(20);
        let place = &mut rule["weighted_upstreams"]["items"]["properties"];
        let upstream = model::check::schema_document(model::Kind::Upstream);
        place["upstream_id"] = upstream["properties"]["id"].clone();
        place["upstream"] = upstream.clone();
    }

    fn compile(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let rules = config.rules.into_iter().flatten().enumerate();
        Ok(Self { rules: rules.map(|(at, rule)| Split::compile(&rule, at, scope)).collect::<Result<_, _>>()? })
    }
}

impl Phases for TrafficSplit {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let Some(split) = self.rules.iter().find(|split| split.takes(context)) else { return Flow::Continue };
        match split.next() {
            Some(To::Upstream(upstream)) => context.upstream = Some(upstream.clone()),
            Some(To::Named(id)) => match context.snapshot.upstreams.get(id.as_bytes()) {
                Some(named) => context.upstream = Some(named.upstream.clone()),
                None => {
                    tracing::error!(upstream.id = &**id, "traffic-split: the upstream does not exist");
                    return Flow::Respond(Answer::plain(StatusCode::INTERNAL_SERVER_ERROR));
                }
            },
            Some(To::Own) | None => {}
        }
        Flow::Continue
    }
}

impl StreamPlugin for TrafficSplit {
    const NAME: &'static str = <Self as Plugin>::NAME;
    const PRIORITY: i64 = <Self as Plugin>::PRIORITY;
    const VERSION: f64 = <Self as Plugin>::VERSION;

    type Checked = Config;
    type Config = Config;

    fn compile_stream(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        Self::compile(config, scope)
    }

    fn refine_stream_schema(schema: &mut Value) {
        Self::refine_schema(schema);
    }
}

impl Preread for TrafficSplit {
    fn preread(&self, session: &mut Session<'_>) -> Verdict {
        let Some(split) = self.rules.iter().find(|split| split.takes_client(session.client)) else {
            return Verdict::Pass;
        };
        session.kept.target = match split.next() {
            Some(To::Upstream(upstream)) => Some(Target::Upstream(upstream.clone())),
            Some(To::Named(id)) => Some(match session.snapshot.upstreams.get(id.as_bytes()) {
                Some(named) => Target::Upstream(named.upstream.clone()),
                None => Target::MissingUpstream(id.as_ref().into()),
            }),
            Some(To::Own) | None => None,
        };
        Verdict::Pass
    }
}

// === impl Split ===

impl Split {
    fn compile(rule: &Rule, at: usize, scope: &Scope<'_>) -> Result<Self, Error> {
        let expr = |one: &Match| {
            Expr::compile(&Value::Array(one.vars.clone().unwrap_or_default()))
                .map_err(|e| Error::Refused(format!("failed to validate the 'vars' expression: {e}")))
        };
        let any = rule.matches.as_ref().map(|all| all.iter().map(expr).collect::<Result<_, _>>()).transpose()?;
        let place =
            |(turn, one): (usize, &Weighted)| To::compile(one, &format!("{}#{at}.{turn}", scope.resource), scope);
        let places = rule.weighted_upstreams.iter().enumerate().map(place).collect::<Result<_, _>>()?;
        let weights: Vec<u64> = rule.weighted_upstreams.iter().map(|one| one.weight).collect();
        let next = scope.state.get(&format!("traffic-split {} {at}", scope.resource), AtomicUsize::default);
        Ok(Self { any, places, turns: turns(&weights), next })
    }

    fn takes(&self, context: &Context<'_>) -> bool {
        self.any.as_ref().is_none_or(|any| any.iter().any(|expr| expr.holds(context)))
    }

    fn takes_client(&self, client: &Client) -> bool {
        self.any.as_ref().is_none_or(|any| any.iter().any(|expr| expr.holds_for(client)))
    }

    /// `None` when all weights are zero.
    fn next(&self) -> Option<&To> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(self.turns.len())?;
        self.places.get(*self.turns.get(turn)?)
    }
}

// === impl To ===

impl To {
    fn compile(one: &Weighted, resource: &str, scope: &Scope<'_>) -> Result<Self, Error> {
        match (&one.upstream_id, &one.upstream) {
            (Some(Value::String(id)), _) => Ok(Self::Named(id.as_str().into())),
            (Some(id), _) => Ok(Self::Named(id.to_string().into())),
            (None, Some(document)) => {
                let document = model::Upstream::deserialize(document)?;
                let upstream = Upstream::compile(
                    &document,
                    &Place { resource, state: scope.state, certificates: scope.certificates },
                );
                Ok(Self::Upstream(Arc::new(upstream.map_err(|e| Error::Refused(e.to_string()))?)))
            }
            (None, None) => Ok(Self::Own),
        }
    }
}

/// Whose turn it is, round after round: smooth weighted round robin, laid out once.
fn turns(weights: &[u64]) -> Vec<usize> {
    let divisor = weights.iter().fold(0, |all, weight| gcd(all, *weight)).max(1);
    let mut weights: Vec<u64> = weights.iter().map(|weight| weight / divisor).collect();
    let total = weights.iter().map(|weight| u128::from(*weight)).sum::<u128>();
    if total > u128::from(TURNS) {
        for weight in weights.iter_mut().filter(|weight| **weight > 0) {
            let share = u128::from(*weight) * u128::from(TURNS) / total;
            // Nobody who has a share loses it.
            *weight = u64::try_from(share).unwrap_or(TURNS).max(1);
        }
    }
    let total: u64 = weights.iter().sum();
    let mut current = vec![0_i64; weights.len()];
    let turn = |_| {
        for (current, weight) in current.iter_mut().zip(&weights) {
            *current += i64::try_from(*weight).unwrap_or(i64::MAX);
        }
        let best = (0..current.len()).rev().max_by_key(|at| current[*at]).unwrap_or_default();
        current[best] -= i64::try_from(total).unwrap_or(i64::MAX);
        best
    };
    (0..total).map(turn).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, refused};

    /// How often each port was chosen in so many requests; `own` stands for the route's upstream.
    fn shares(config: &Value, uri: &str, count: usize) -> Vec<(String, usize)> {
        let plugin = compile::<TrafficSplit>(config.clone(), &State::default()).unwrap();
        let mut shares = std::collections::BTreeMap::new();
        for _ in 0..count {
            with_context(http::Request::get(uri).header("host", "h"), |context| {
                let answer = decided(plugin.access(context));
                let port = context.upstream.as_ref().map(|upstream| upstream.nodes[0].port.to_string());
                let shown = answer.map(|answer| answer.status.as_u16().to_string()).or(port);
                *shares.entry(shown.unwrap_or_else(|| "own".to_owned())).or_insert(0) += 1;
            });
        }
        shares.into_iter().collect()
    }

    fn node(port: u16) -> Value {
        json!({"type": "roundrobin", "nodes": {format!("127.0.0.1:{port}"): 1}})
    }

    #[test]
    fn requests_are_shared_out_by_weight() {
        let two = json!({"rules": [{"weighted_upstreams": [{"upstream": node(81), "weight": 3}, {"weight": 1}]}]});
        let large = json!({"rules": [{"weighted_upstreams": [{"upstream": node(81), "weight": 3_000_000_000_u64}, {"upstream": node(82), "weight": 1_000_000_001}]}]});
        let matched = json!({"rules": [
            {"match": [{"vars": [["arg_a", "==", "1"]]}, {"vars": [["arg_b", "==", "1"]]}], "weighted_upstreams": [{"upstream": node(81)}]},
            {"match": [{"vars": [["arg_c", "==", "1"]]}], "weighted_upstreams": [{"upstream": node(82)}]},
        ]});
        type Shares<'s> = &'s [(&'s str, usize)];
        let cases: [(&Value, &str, Shares<'_>); 7] = [
            (&two, "/", &[("81", 75), ("own", 25)]),
            (&large, "/", &[("81", 75), ("82", 25)]),
            (&matched, "/?a=1", &[("81", 100)]),
            (&matched, "/?b=1", &[("81", 100)]),
            (&matched, "/?c=1", &[("82", 100)]),
            (&matched, "/", &[("own", 100)]),
            (&json!({"rules": [{"weighted_upstreams": [{"upstream_id": "gone", "weight": 1}]}]}), "/", &[("500", 100)]),
        ];
        for (config, uri, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
            assert_eq!(shares(config, uri, 100), expected, "{config} {uri}");
        }
        for config in [
            json!({}),
            json!({"rules": []}),
            json!({"rules": [{}]}),
            json!({"rules": [{"weighted_upstreams": [{"weight": 0, "upstream": node(1)}]}]}),
        ] {
            assert_eq!(shares(&config, "/", 3), [("own".to_owned(), 3)], "{config}");
        }
    }

    #[test]
    fn turns_are_well_mixed() {
        assert_eq!(turns(&[2, 1]), [0, 1, 0]);
        assert_eq!(turns(&[4, 2, 0]), [0, 1, 0]);
        assert_eq!(turns(&[0, 0]), [0_usize; 0]);
        assert_eq!(turns(&[u64::MAX, 1]).iter().filter(|turn| **turn == 1).count(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<TrafficSplit>(&[
            (json!({"rules": [{"weighted_upstreams": []}]}), "property \"rules\""),
            (json!({"rules": [{"weighted_upstreams": [{"weight": -1}]}]}), "property \"rules\""),
            (json!({"rules": [{"weighted_upstreams": [{"upstream": {"nodes": {"a:1": -1}}}]}]}), "property \"rules\""),
            (json!({"rules": [{"match": [{"vars": [["a", "??", 1]]}]}]}), "failed to validate the 'vars' expression"),
        ]);
    }
}
