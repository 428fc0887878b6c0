//! response-rewrite: changes status, headers and body of a response.
//!
//! ```json
//! {"response-rewrite": {"status_code": 200, "headers": {"set": {"X-Server": "$balancer_ip"}},
//!                       "filters": [{"regex": "internal\\.example", "scope": "global", "replace": "example.com"}]}}
//! ```

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, HeaderName};
use http::response::Parts;
use portolan_model::pattern::Case;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::context::Context;
use crate::expr::Expr;
use crate::plugin::fields::{self, Fields, Map};
use crate::plugin::{BodyFilter, Error, Phase, Phases, Plugin, Scope, announce_changed_body};
use crate::substitute::Substitution;

mod decode;

use decode::Decoder;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// headers to set; or headers to add ("Name: value"), to set and to remove
    pub headers: Option<Value>,
    /// new body
    pub body: Option<String>,
    /// whether body is base64
    #[serde(default)]
    pub body_base64: bool,
    /// new status
    #[schemars(range(min = 200, max = 598))]
    pub status_code: Option<u16>,
    /// expression; only responses that meet it are changed
    pub vars: Option<Vec<Value>>,
    /// substitutions in the body, one after the other
    #[schemars(length(min = 1))]
    pub filters: Option<Vec<Filter>>,
    /// bytes of a body that substitutions look at; what comes after them passes unchanged
    #[serde(default = "Config::max_resp_body_size")]
    #[schemars(range(min = 1))]
    pub max_resp_body_size: u64,
}

/// A substitution.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Filter {
    /// what is replaced
    #[schemars(length(min = 1))]
    pub regex: String,
    /// whether the first match or all are replaced
    #[serde(default)]
    pub scope: Scale,
    /// what takes its place; $1 stands for a group
    pub replace: String,
    /// i, s, m, x as in PCRE; j and o are accepted and mean nothing
    #[serde(default = "Filter::options")]
    pub options: String,
}

/// How often a substitution is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// For the first match.
    #[default]
    Once,
    /// For all matches.
    Global,
}

/// `headers` in its long form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Changes {
    add: Vec<String>,
    set: Map,
    remove: Vec<String>,
}

/// The compiled form.
#[derive(Debug)]
pub struct ResponseRewrite {
    status: Option<StatusCode>,
    add: Fields,
    set: Fields,
    remove: Vec<HeaderName>,
    body: Option<Bytes>,
    substitutions: Option<Arc<[(Substitution, Scale)]>>,
    limit: usize,
    vars: Option<Expr>,
}

/// What response-rewrite found out of a response in the header filter.
#[derive(Debug, Default)]
pub struct Matched {
    /// Whether it is changed at all.
    changed: bool,
    /// How the body that comes is read, when substitutions are made in it.
    decoder: Option<Decoder>,
}

/// The configured body in place of the upstream's.
struct Fixed(Bytes);

/// A body in which substitutions are made.
struct Substituted {
    decoder: Decoder,
    substitutions: Arc<[(Substitution, Scale)]>,
    held: Vec<u8>,
    limit: usize,
    /// Whether more came than is looked at.
    over: bool,
}

// === impl Config ===

impl Config {
    fn max_resp_body_size() -> u64 {
        64 << 20
    }
}

impl Filter {
    fn options() -> String {
        "jo".to_owned()
    }

    fn compile(&self) -> Result<(Substitution, Scale), Error> {
        let refused = |reason: String| Error::Refused(format!("regex \"{}\" validation failed: {reason}", self.regex));
        let mut flags = String::new();
        for option in self.options.chars() {
            match option {
                's' | 'm' | 'x' => flags.push(option),
                // The engine compiles once, knows no JIT and reads bytes unless the pattern asks for more.
                'i' | 'j' | 'o' | 'u' | 'U' | 'd' => {}
                other => return Err(refused(format!("unknown flag \"{other}\""))),
            }
        }
        let case = if self.options.contains('i') { Case::Insensitive } else { Case::Sensitive };
        let pattern = if flags.is_empty() { self.regex.clone() } else { format!("(?{flags}){}", self.regex) };
        let substitution = Substitution::compile(&pattern, &self.replace, case).map_err(|e| refused(e.to_string()))?;
        Ok((substitution, self.scope))
    }
}

// === impl ResponseRewrite ===

impl Plugin for ResponseRewrite {
    const NAME: &'static str = "response-rewrite";
    const PRIORITY: i64 = 899;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::HEADER_FILTER.and(Phase::BODY_FILTER);

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        let values = json!({"^[^:]+$": {"oneOf": [{"type": "string"}, {"type": "number"}]}});
        let map = json!({"type": "object", "minProperties": 1, "patternProperties": values});
        let texts =
            |pattern: &str| json!({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": pattern}});
        schema["properties"]["headers"] = json!({
            "description": "headers to set; or headers to add (\"Name: value\"), to set and to remove",
            "anyOf": [
                map,
                {"type": "object", "properties": {
                    "add": texts("^[^:]+:[^:]*[^/]$"), "set": map, "remove": texts("^[^:]+$"),
                }},
            ],
        });
        schema["dependencies"] = json!({
            "body": {"not": {"required": ["filters"]}},
            "filters": {"not": {"required": ["body"]}},
        });
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let changes = config.headers.as_ref().map(Changes::read).transpose()?.unwrap_or_default();
        let add = changes.add.iter().map(|line| split(line)).collect::<Result<Vec<_>, _>>()?;
        let remove = changes.remove.iter().map(|name| fields::name(name)).collect::<Result<_, _>>()?;
        let invalid = || Error::Refused("invalid base64 content".to_owned());
        let body = match (config.body, config.body_base64) {
            (None, true) => return Err(invalid()),
            (Some(text), true) if text.is_empty() => return Err(invalid()),
            (Some(text), true) => Some(STANDARD.decode(text).map_err(|_| invalid())?.into()),
            (text, false) => text.map(Bytes::from),
        };
        let vars = config.vars.map(|vars| Expr::compile(&Value::Array(vars))).transpose();
        let filters = config.filters.map(|filters| filters.iter().map(Filter::compile).collect());
        Ok(Self {
            // The schema has seen it.
            status: config.status_code.and_then(|code| StatusCode::from_u16(code).ok()),
            add: Fields::compile(add)?,
            set: Fields::of(&changes.set)?,
            remove,
            body,
            substitutions: filters.transpose()?,
            limit: usize::try_from(config.max_resp_body_size).unwrap_or(usize::MAX),
            vars: vars.map_err(|e| Error::Refused(format!("failed to validate the 'vars' expression: {e}")))?,
        })
    }
}

impl Phases for ResponseRewrite {
    fn header_filter(&self, context: &mut Context<'_>, response: &mut Parts) {
        let changed = self.vars.as_ref().is_none_or(|vars| vars.holds(context));
        context.plugins.response_rewrite = Matched { changed, decoder: None };
        if !changed {
            return;
        }
        if let Some(status) = self.status {
            response.status = status;
        }
        if self.body.is_some() {
            announce_changed_body(&mut response.headers);
        } else if self.substitutions.is_some() {
            match Decoder::of(response.headers.get(CONTENT_ENCODING)) {
                Some(decoder) => {
                    announce_changed_body(&mut response.headers);
                    context.plugins.response_rewrite.decoder = Some(decoder);
                }
                None => {
                    tracing::warn!("response-rewrite: the body is compressed in a way that is not known; it passes")
                }
            }
        }
        self.add.add(context, &mut response.headers);
        self.set.set(context, &mut response.headers);
        for name in &self.remove {
            response.headers.remove(name);
        }
    }

    fn body_filter(&self, context: &mut Context<'_>, _response: &mut Parts) -> Option<Box<dyn BodyFilter>> {
        let Matched { changed, decoder } = std::mem::take(&mut context.plugins.response_rewrite);
        if let Some(body) = self.body.as_ref().filter(|_| changed) {
            return Some(Box::new(Fixed(body.clone())));
        }
        let (decoder, substitutions) = (decoder?, self.substitutions.clone()?);
        Some(Box::new(Substituted { decoder, substitutions, held: Vec::new(), limit: self.limit, over: false }))
    }
}

// === impl Changes ===

impl Changes {
    /// The long form of `headers`, also of the short one, which sets.
    fn read(headers: &Value) -> Result<Self, Error> {
        let long = ["add", "set", "remove"]
            .iter()
            .any(|name| headers.get(name).is_some_and(|v| v.is_object() || v.is_array()));
        if long {
            return Ok(Self::deserialize(headers)?);
        }
        Ok(Self { set: Map::deserialize(headers)?, ..Self::default() })
    }
}

// === impl Fixed ===

impl BodyFilter for Fixed {
    fn piece(&mut self, _piece: Bytes) -> Bytes {
        Bytes::new()
    }

    fn end(&mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }
}

// === impl Substituted ===

impl BodyFilter for Substituted {
    fn piece(&mut self, piece: Bytes) -> Bytes {
        let plain = self.decoder.piece(piece);
        if self.over {
            return plain;
        }
        self.held.extend_from_slice(&plain);
        if self.held.len() <= self.limit {
            return Bytes::new();
        }
        tracing::warn!(
            limit = self.limit,
            "response-rewrite: the body is larger than its filters look at; its rest passes"
        );
        self.over = true;
        let rest = self.held.split_off(self.limit);
        let mut out = self.replaced();
        out.extend_from_slice(&rest);
        out.into()
    }

    fn end(&mut self) -> Bytes {
        let last = self.decoder.end();
        if self.over {
            return last;
        }
        self.held.extend_from_slice(&last);
        self.replaced().into()
    }
}

impl Substituted {
    fn replaced(&mut self) -> Vec<u8> {
        self.substitutions.iter().fold(std::mem::take(&mut self.held), |body, (substitution, scale)| {
            let replaced = match scale {
                Scale::Once => substitution.first(&body),
                Scale::Global => substitution.all(&body),
            };
            replaced.unwrap_or(body)
        })
    }
}

/// `Name: value`.
fn split(line: &str) -> Result<(&str, String), Error> {
    let (name, value) = line
        .split_once(':')
        .filter(|(name, value)| !name.trim().is_empty() && !value.contains(':'))
        .ok_or_else(|| Error::Refused(format!("{line:?} is not a header as \"Name: value\"")))?;
    Ok((name.trim(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests;
