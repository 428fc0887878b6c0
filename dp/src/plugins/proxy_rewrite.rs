//! proxy-rewrite: changes path, host, method and headers of the request that the upstream gets.
//!
//! ```json
//! {"proxy-rewrite": {"regex_uri": ["^/v1/(.*)$", "/$1"], "host": "inner.example",
//!                    "headers": {"set": {"X-Api": "v1"}, "remove": ["Cookie"]}}}
//! ```

use std::borrow::Cow;

use http::header::HeaderName;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode};
use portolan_model::pattern::Case;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::fields::{self, Fields, Map, Text};
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::substitute::Substitution;
use crate::uri;
use crate::vars::{Template, Var};

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("minProperties" = 1))]
pub struct Config {
    /// new path, with or without a query; may hold variables
    #[schemars(length(min = 1, max = 4096), regex(pattern = r"^\/.*"))]
    pub uri: Option<String>,
    /// pairs of a regular expression on the path and what takes its place; the first that matches is used, and none when
    /// uri is set
    #[schemars(length(min = 2))]
    pub regex_uri: Option<Vec<String>>,
    /// host that the upstream sees where the client's would be passed on
    #[schemars(regex(pattern = r"^[0-9a-zA-Z-.]+(:\d{1,5})?$"))]
    pub host: Option<String>,
    /// new method
    pub method: Option<MethodName>,
    /// headers to set; or headers to add, to set and to remove
    pub headers: Option<Value>,
    /// take the path as the client wrote it, neither decoded nor normalised; the upstream may read it otherwise than the
    /// router did
    #[serde(default)]
    pub use_real_request_uri_unsafe: bool,
}

/// The methods of APISIX.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum MethodName {
    Get,
    Post,
    Put,
    Head,
    Delete,
    Options,
    Mkcol,
    Copy,
    Move,
    Propfind,
    Lock,
    Unlock,
    Patch,
    Trace,
}

/// `headers` in its long form.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Changes {
    add: Map<OneOrMany>,
    set: Map<OneOrMany>,
    remove: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Text),
    Many(Vec<Text>),
}

/// The compiled form.
#[derive(Debug)]
pub struct ProxyRewrite {
    path: Path,
    /// See [`Config::use_real_request_uri_unsafe`].
    raw: bool,
    host: Option<HeaderValue>,
    method: Option<Method>,
    add: Fields,
    set: Fields,
    /// Headers that `set` has several values for: the old ones go first.
    replaced: Vec<HeaderName>,
    remove: Vec<HeaderName>,
}

#[derive(Debug)]
enum Path {
    /// As the client wrote it, unless it must be written anew.
    Same,
    Template(Template),
    Regex(Vec<Substitution>),
}

/// A path that cannot be sent to an upstream.
struct Unsendable;

// === impl ProxyRewrite ===

impl Plugin for ProxyRewrite {
    const NAME: &'static str = "proxy-rewrite";
    const PRIORITY: i64 = 1008;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        let one = json!([{"type": "string"}, {"type": "number"}]);
        let many = json!({"type": "array", "minItems": 1, "items": {"oneOf": one}});
        let values = json!({"^[^:]+$": {"oneOf": [one[0], one[1], many]}});
        let group = json!({"type": "object", "minProperties": 1, "patternProperties": values});
        let names = json!({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[^:]+$"}});
        schema["properties"]["headers"] = json!({
            "description": "headers to set; or headers to add, to set and to remove",
            "oneOf": [
                {"type": "object", "minProperties": 1, "additionalProperties": false,
                 "properties": {"add": group, "set": group, "remove": names}},
                {"type": "object", "minProperties": 1, "patternProperties": {"^[^:]+$": {"oneOf": one}}},
            ],
        });
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let changes = config.headers.as_ref().map(changes).transpose()?.unwrap_or_default();
        let set = pairs(&changes.set);
        let replaced = set.iter().map(|(name, _)| fields::name(name)).collect::<Result<_, _>>()?;
        let remove = changes.remove.iter().map(|name| fields::name(name)).collect::<Result<_, _>>()?;
        let host = config.host.map(HeaderValue::try_from).transpose();
        Ok(Self {
            path: Path::compile(config.uri.as_deref(), config.regex_uri.as_deref())?,
            raw: config.use_real_request_uri_unsafe,
            host: host.map_err(|_| Error::Refused("host cannot be a header".to_owned()))?,
            method: config.method.map(MethodName::method),
            add: Fields::compile(pairs(&changes.add))?,
            set: Fields::compile(set)?,
            replaced,
            remove,
        })
    }
}

impl Phases for ProxyRewrite {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        if let Err(Unsendable) = self.rewrite_path(context) {
            return Flow::Respond(Answer::plain(StatusCode::BAD_REQUEST));
        }
        if let Some(host) = &self.host {
            context.upstream_host = Some(host.clone());
        }
        self.rewrite_headers(context);
        if let Some(method) = &self.method {
            context.request.parts.method = method.clone();
        }
        Flow::Continue
    }
}

impl ProxyRewrite {
    fn rewrite_path(&self, context: &mut Context<'_>) -> Result<(), Unsendable> {
        let target = match &self.path {
            // As it came, or as another plugin has left it.
            Path::Same => return Ok(()),
            Path::Template(template) => {
                // A question mark of a value begins no query.
                let escaped = |var: &Var| Some(Cow::Owned(var.read(context)?.replace('?', "%3F")));
                let (path, _) = template.render_with(&escaped);
                self.target(&path, path.find('?'), context)
            }
            Path::Regex(substitutions) => {
                let from = if self.raw { raw_target(context) } else { context.request.path() };
                let found = substitutions.iter().find_map(|one| Some((one, one.captures(from.as_bytes())?)));
                let Some((substitution, captures)) = found else { return Ok(()) };
                let text = |group: regex::bytes::Match<'_>| String::from_utf8_lossy(group.as_bytes()).into();
                let captures = captures.iter().map(|group| group.map(text)).collect();
                let replaced = substitution.first(from.as_bytes()).unwrap_or_default();
                let path = String::from_utf8_lossy(&replaced).into_owned();
                // A question mark of the decoded path is one of its letters; one of the replacement begins a query.
                let query = path.find('?').filter(|_| !from.contains('?'));
                let target = self.target(&path, query, context);
                context.plugins.captures = captures;
                target
            }
        };
        context.upstream_target = Some(target?);
        Ok(())
    }

    fn target(&self, path: &str, query_at: Option<usize>, context: &Context<'_>) -> Result<PathAndQuery, Unsendable> {
        let whole = if self.raw {
            let query = match &self.path {
                Path::Template(_) => raw_target(context).split_once('?').map(|(_, query)| query),
                _ => None,
            };
            joined(path, path.contains('?'), query)
        } else {
            let (path, query) = path.split_at(query_at.unwrap_or(path.len()));
            let path = uri::encode(path) + &uri::encode_controls(query);
            joined(&path, query_at.is_some(), context.request.query())
        };
        // Upstreams read a target from its slash on.
        whole.parse().ok().filter(|_| whole.starts_with('/')).ok_or(Unsendable)
    }

    fn rewrite_headers(&self, context: &mut Context<'_>) {
        let added: Vec<_> = self.add.render(context).map(|(name, value)| (name.clone(), value)).collect();
        for (name, value) in added {
            context.request.parts.headers.append(name, value);
        }
        let set: Vec<_> = self.set.render(context).map(|(name, value)| (name.clone(), value)).collect();
        for name in self.replaced.iter().chain(&self.remove) {
            context.request.parts.headers.remove(name);
        }
        for (name, value) in set {
            if !self.remove.contains(&name) {
                context.request.parts.headers.append(name, value);
            }
        }
    }
}

// === impl Path ===

impl Path {
    fn compile(uri: Option<&str>, regex_uri: Option<&[String]>) -> Result<Self, Error> {
        if let Some(uri) = uri {
            return Ok(Self::Template(Template::parse(uri)));
        }
        let Some(pairs) = regex_uri else { return Ok(Self::Same) };
        if pairs.len() % 2 != 0 {
            return Err(Error::Refused("The length of regex_uri should be an even number".to_owned()));
        }
        let compile = |pair: &[String]| {
            Substitution::compile(&pair[0], &pair[1], Case::Sensitive)
                .map_err(|e| Error::Refused(format!("invalid regex_uri({}, {}): {e}", pair[0], pair[1])))
        };
        pairs.chunks_exact(2).map(compile).collect::<Result<_, _>>().map(Self::Regex)
    }
}

// === impl MethodName ===

impl MethodName {
    fn method(self) -> Method {
        let name: &[u8] = match self {
            Self::Get => b"GET",
            Self::Post => b"POST",
            Self::Put => b"PUT",
            Self::Head => b"HEAD",
            Self::Delete => b"DELETE",
            Self::Options => b"OPTIONS",
            Self::Mkcol => b"MKCOL",
            Self::Copy => b"COPY",
            Self::Move => b"MOVE",
            Self::Propfind => b"PROPFIND",
            Self::Lock => b"LOCK",
            Self::Unlock => b"UNLOCK",
            Self::Patch => b"PATCH",
            Self::Trace => b"TRACE",
        };
        Method::from_bytes(name).expect("these are tokens")
    }
}

/// The long form of `headers`, also of the short one, which sets.
fn changes(headers: &Value) -> Result<Changes, Error> {
    let long =
        ["add", "set", "remove"].iter().any(|name| headers.get(name).is_some_and(|v| v.is_object() || v.is_array()));
    if long {
        return Ok(Changes::deserialize(headers)?);
    }
    Ok(Changes { set: Map::deserialize(headers)?, ..Changes::default() })
}

fn pairs(map: &Map<OneOrMany>) -> Vec<(&str, String)> {
    let values = |value: &OneOrMany| match value {
        OneOrMany::One(text) => vec![text.to_string()],
        OneOrMany::Many(texts) => texts.iter().map(Text::to_string).collect(),
    };
    map.iter().flat_map(|(name, value)| values(value).into_iter().map(move |text| (name.as_str(), text))).collect()
}

fn raw_target<'c>(context: &'c Context<'_>) -> &'c str {
    context.request.parts.uri.path_and_query().map_or("/", PathAndQuery::as_str)
}

fn joined(path: &str, has_query: bool, query: Option<&str>) -> String {
    match query {
        None => path.to_owned(),
        Some(query) => format!("{path}{}{query}", if has_query { '&' } else { '?' }),
    }
}

#[cfg(test)]
mod tests;
