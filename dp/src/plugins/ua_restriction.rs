//! ua-restriction: lets clients in, or keeps them out, by what their User-Agent header says.
//!
//! ```json
//! {"ua-restriction": {"denylist": ["curl/.*", "(?i)bot"], "bypass_missing": true}}
//! ```

use http::StatusCode;
use http::header::USER_AGENT;
use portolan_model::pattern::{Case, Pattern};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};

/// Configuration on routes, services and consumers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// let requests pass that have no User-Agent
    pub bypass_missing: bool,
    /// regular expressions; a client that matches one is let in, and nobody else
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub allowlist: Option<Vec<String>>,
    /// regular expressions; a client that matches one is kept out
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub denylist: Option<Vec<String>>,
    /// text of a refusal
    #[schemars(length(min = 1, max = 1024))]
    pub message: String,
}

/// The compiled form.
#[derive(Debug)]
pub struct UaRestriction {
    patterns: Vec<Pattern>,
    /// Whether those that match are the ones let in.
    allow: bool,
    bypass_missing: bool,
    refusal: Answer,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self { bypass_missing: false, allowlist: None, denylist: None, message: "Not allowed".to_owned() }
    }
}

// === impl UaRestriction ===

impl Plugin for UaRestriction {
    const NAME: &'static str = "ua-restriction";
    const PRIORITY: i64 = 2999;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        for name in ["allowlist", "denylist"] {
            schema["properties"][name]["items"]["format"] = json!("regex");
        }
        schema["oneOf"] = json!([{"required": ["allowlist"]}, {"required": ["denylist"]}]);
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let allow = config.allowlist.is_some();
        let all = config.allowlist.or(config.denylist).unwrap_or_default();
        let pattern =
            |text: &String| Pattern::compile(text, Case::Sensitive).map_err(|e| Error::Refused(e.to_string()));
        Ok(Self {
            patterns: all.iter().map(pattern).collect::<Result<_, _>>()?,
            allow,
            bypass_missing: config.bypass_missing,
            refusal: Answer::json(StatusCode::FORBIDDEN, &json!({"message": config.message})),
        })
    }
}

impl Phases for UaRestriction {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let headers = &context.request.parts.headers;
        let passes = if headers.contains_key(USER_AGENT) {
            // Of several headers one that is listed decides.
            let mut all = headers.get_all(USER_AGENT).iter().map(|value| value.as_bytes().trim_ascii());
            all.any(|agent| self.patterns.iter().any(|pattern| pattern.captures(agent).is_some())) == self.allow
        } else {
            self.bypass_missing
        };
        if passes { Flow::Continue } else { Flow::Respond(self.refusal.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, refused};

    #[test]
    fn clients_pass_by_their_user_agent() {
        let cases = [
            (json!({"allowlist": ["^my-bot"]}), vec!["my-bot/2"], true),
            (json!({"allowlist": ["^my-bot", "curl"]}), vec!["xcurl"], true),
            (json!({"allowlist": ["^my-bot$"]}), vec![" my-bot "], true),
            (json!({"allowlist": ["^my-bot"]}), vec!["a my-bot"], false),
            (json!({"allowlist": ["a"]}), vec!["b", "a"], true),
            (json!({"denylist": ["(?i)BOT"]}), vec!["robot"], false),
            (json!({"denylist": ["a"]}), vec!["b", "a"], false),
            (json!({"denylist": ["a"]}), vec!["b"], true),
            (json!({"denylist": ["a"]}), vec![], false),
            (json!({"denylist": ["a"], "bypass_missing": true}), vec![], true),
            (json!({"denylist": ["a"], "bypass_missing": true}), vec![""], true),
        ];
        for (config, agents, passes) in cases {
            let plugin = compile::<UaRestriction>(config.clone(), &State::default()).unwrap();
            let head = http::Request::get("/").header("host", "h");
            let head = agents.iter().fold(head, |head, agent| head.header(USER_AGENT, *agent));
            with_context(head, |context| {
                let answer = decided(plugin.access(context));
                assert_eq!(answer.is_none(), passes, "{config} {agents:?}");
                if let Some(answer) = answer {
                    assert_eq!(answer.status, 403);
                    assert_eq!(answer.body, r#"{"message":"Not allowed"}"#);
                }
            });
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<UaRestriction>(&[
            (json!({}), ""),
            (json!({"bypass_missing": true}), ""),
            (json!({"allowlist": ["a"], "denylist": ["b"]}), ""),
            (json!({"allowlist": []}), "property \"allowlist\""),
            (json!({"allowlist": [""]}), "property \"allowlist\""),
            (json!({"denylist": ["("]}), "property \"denylist\""),
            (json!({"denylist": ["a"], "message": ""}), "property \"message\""),
        ]);
    }
}
