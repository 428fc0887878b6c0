//! referer-restriction: lets requests pass, or not, by the host in their Referer header.
//!
//! ```json
//! {"referer-restriction": {"whitelist": ["example.com", "*.example.org"], "bypass_missing": true}}
//! ```

use std::collections::HashSet;

use http::StatusCode;
use http::header::REFERER;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};

/// Configuration on routes, services and consumers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// let requests pass whose Referer is missing or names no host
    pub bypass_missing: bool,
    /// hosts whose links are followed, and no others; a star in front stands for anything
    #[schemars(length(min = 1), inner(regex(pattern = r"^(\*|\*?[A-Za-z0-9._:\[\]-]+)$")))]
    pub whitelist: Option<Vec<String>>,
    /// hosts whose links are not followed
    #[schemars(length(min = 1), inner(regex(pattern = r"^(\*|\*?[A-Za-z0-9._:\[\]-]+)$")))]
    pub blacklist: Option<Vec<String>>,
    /// text of a refusal
    #[schemars(length(min = 1, max = 1024))]
    pub message: String,
}

/// The compiled form.
#[derive(Debug)]
pub struct RefererRestriction {
    hosts: HashSet<String>,
    suffixes: Vec<String>,
    /// Whether the hosts that are listed are the ones let in.
    inside: bool,
    bypass_missing: bool,
    refusal: Answer,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        let message = "Your referer host is not allowed".to_owned();
        Self { bypass_missing: false, whitelist: None, blacklist: None, message }
    }
}

// === impl RefererRestriction ===

impl Plugin for RefererRestriction {
    const NAME: &'static str = "referer-restriction";
    const PRIORITY: i64 = 2990;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        schema["oneOf"] = json!([{"required": ["whitelist"]}, {"required": ["blacklist"]}]);
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let inside = config.whitelist.is_some();
        let mut hosts = HashSet::new();
        let mut suffixes = Vec::new();
        for host in config.whitelist.or(config.blacklist).unwrap_or_default() {
            let host = host.to_ascii_lowercase();
            match host.strip_prefix('*') {
                Some(suffix) => suffixes.push(suffix.to_owned()),
                None => drop(hosts.insert(host)),
            }
        }
        let refusal = Answer::json(StatusCode::FORBIDDEN, &json!({"message": config.message}));
        Ok(Self { hosts, suffixes, inside, bypass_missing: config.bypass_missing, refusal })
    }
}

impl Phases for RefererRestriction {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let referer = context.request.header_joined(&REFERER);
        let passes = match referer.as_deref().and_then(host) {
            Some(host) => self.lists(&host.to_ascii_lowercase()) == self.inside,
            None => self.bypass_missing,
        };
        if passes { Flow::Continue } else { Flow::Respond(self.refusal.clone()) }
    }
}

impl RefererRestriction {
    fn lists(&self, host: &str) -> bool {
        self.hosts.contains(host) || self.suffixes.iter().any(|suffix| host.ends_with(suffix))
    }
}

/// The host of an address, whose scheme may be missing.
fn host(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("https:").or_else(|| address.strip_prefix("http:")).unwrap_or(address);
    let authority = rest.strip_prefix("//")?;
    let end = match authority.starts_with('[') {
        true => authority.find(']')? + 1,
        false => authority.find(['/', '?', ':', '[', ']']).unwrap_or(authority.len()),
    };
    Some(&authority[..end]).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, refused};

    #[test]
    fn requests_pass_by_the_host_they_come_from() {
        let white = json!({"whitelist": ["a.example", "*.b.example", "[::1]"]});
        let black = json!({"blacklist": ["a.example", "*.b.example"]});
        let open = json!({"blacklist": ["*"], "bypass_missing": true});
        let cases = [
            (&white, Some("http://a.example"), true),
            (&white, Some("https://a.example:8443/x?y"), true),
            (&white, Some("//a.example/x"), true),
            (&white, Some("http://A.Example/"), true),
            (&white, Some("http://x.b.example?q"), true),
            (&white, Some("http://[::1]:80/"), true),
            (&white, Some("http://b.example/"), false),
            (&white, Some("http://other/?http://a.example"), false),
            (&white, Some("http://a.example@other/"), false),
            (&white, Some("a.example"), false),
            (&white, Some("http://"), false),
            (&white, None, false),
            (&black, Some("http://a.example/"), false),
            (&black, Some("http://x.b.example/"), false),
            (&black, Some("http://other/"), true),
            (&black, None, false),
            (&open, None, true),
            (&open, Some("nonsense"), true),
            (&open, Some("http://other/"), false),
        ];
        for (config, referer, passes) in cases {
            let plugin = compile::<RefererRestriction>(config.clone(), &State::default()).unwrap();
            let head = http::Request::get("/").header("host", "h");
            let head = referer.into_iter().fold(head, |head, referer| head.header(REFERER, referer));
            with_context(head, |context| {
                let answer = decided(plugin.access(context));
                assert_eq!(answer.is_none(), passes, "{config} {referer:?}");
                if let Some(answer) = answer {
                    assert_eq!(answer.status, 403);
                    assert_eq!(answer.body, r#"{"message":"Your referer host is not allowed"}"#);
                }
            });
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<RefererRestriction>(&[
            (json!({}), ""),
            (json!({"whitelist": ["a"], "blacklist": ["a"]}), ""),
            (json!({"whitelist": []}), "property \"whitelist\""),
            (json!({"blacklist": ["a/b"]}), "property \"blacklist\""),
            (json!({"blacklist": ["a.*"]}), "property \"blacklist\""),
            (json!({"blacklist": ["a"], "message": ""}), "property \"message\""),
        ]);
    }
}
