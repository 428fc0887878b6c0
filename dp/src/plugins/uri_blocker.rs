//! uri-blocker: refuses requests whose path and query, as they came, match a regular expression.
//!
//! ```json
//! {"uri-blocker": {"block_rules": ["root.exe", "^/admin"], "case_insensitive": true}}
//! ```

use http::StatusCode;
use portolan_model::pattern::{Case, Pattern};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// regular expressions; a request that matches one is refused
    #[schemars(inner(length(min = 1, max = 4096)), extend("uniqueItems" = true))]
    pub block_rules: Vec<String>,
    /// status of a refusal
    #[serde(default = "Config::rejected_code")]
    #[schemars(range(min = 200))]
    pub rejected_code: u16,
    /// text of a refusal
    #[schemars(length(min = 1))]
    pub rejected_msg: Option<String>,
    /// whether upper and lower case are one
    #[serde(default)]
    pub case_insensitive: bool,
}

/// The compiled form.
#[derive(Debug)]
pub struct UriBlocker {
    rules: Vec<Pattern>,
    refusal: Answer,
}

// === impl Config ===

impl Config {
    fn rejected_code() -> u16 {
        403
    }
}

// === impl UriBlocker ===

impl Plugin for UriBlocker {
    const NAME: &'static str = "uri-blocker";
    const PRIORITY: i64 = 2900;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        schema["properties"]["block_rules"]["items"]["format"] = json!("regex");
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let case = if config.case_insensitive { Case::Insensitive } else { Case::Sensitive };
        let rule = |text: &String| Pattern::compile(text, case).map_err(|e| Error::Refused(e.to_string()));
        let status = StatusCode::from_u16(config.rejected_code);
        let status = status.map_err(|_| Error::Refused("rejected_code must be below 1000".to_owned()))?;
        Ok(Self {
            rules: config.block_rules.iter().map(rule).collect::<Result<_, _>>()?,
            refusal: match config.rejected_msg {
                Some(message) => Answer::json(status, &json!({"error_msg": message})),
                None => Answer::empty(status),
            },
        })
    }
}

impl Phases for UriBlocker {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let target = context.request.normal_target();
        // No rules are put together to an expression that everything matches, as in APISIX.
        if self.rules.is_empty() || self.rules.iter().any(|rule| rule.is_match(&target)) {
            return Flow::Respond(self.refusal.clone());
        }
        Flow::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, refused};

    #[test]
    fn requests_are_refused_by_their_target() {
        let cases = [
            (json!({"block_rules": ["aa"]}), "/x?name=aa", Some((403, ""))),
            (json!({"block_rules": ["^/bb", "c+d"]}), "/accd", Some((403, ""))),
            (json!({"block_rules": ["^/bb", "c+d"]}), "/a/bb", None),
            (json!({"block_rules": ["AA"]}), "/aa", None),
            (json!({"block_rules": ["x", "AA"], "case_insensitive": true}), "/aa", Some((403, ""))),
            // However the path is written.
            (json!({"block_rules": ["^/admin"]}), "/%61dmin/x?y", Some((403, ""))),
            (json!({"block_rules": ["^/admin"]}), "//x/..//admin", Some((403, ""))),
            (json!({"block_rules": ["%2e", "//"]}), "/a%2eb//c", None),
            (json!({"block_rules": ["c=%2e"]}), "/a%2eb?c=%2e", Some((403, ""))),
            (json!({"block_rules": []}), "/aa", Some((403, ""))),
            (
                json!({"block_rules": ["a"], "rejected_code": 404, "rejected_msg": "no"}),
                "/a",
                Some((404, r#"{"error_msg":"no"}"#)),
            ),
        ];
        for (config, target, expected) in cases {
            let plugin = compile::<UriBlocker>(config.clone(), &State::default()).unwrap();
            with_context(http::Request::get(target).header("host", "h"), |context| {
                let answer = decided(plugin.rewrite(context));
                let seen =
                    answer.as_ref().map(|answer| (answer.status.as_u16(), std::str::from_utf8(&answer.body).unwrap()));
                assert_eq!(seen, expected, "{config} {target}");
            });
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<UriBlocker>(&[
            (json!({}), "property \"block_rules\" is required"),
            (json!({"block_rules": [""]}), "property \"block_rules\""),
            (json!({"block_rules": ["a", "a"]}), "property \"block_rules\""),
            (json!({"block_rules": [".+("]}), "property \"block_rules\""),
            (json!({"block_rules": ["a"], "rejected_code": 199}), "property \"rejected_code\""),
            (json!({"block_rules": ["a"], "rejected_code": 1000}), "rejected_code must be below 1000"),
            (json!({"block_rules": ["a"], "rejected_msg": ""}), "property \"rejected_msg\""),
        ]);
    }
}
