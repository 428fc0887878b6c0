//! cors: says to browsers which other origins may use the answers.
//!
//! ```json
//! {"cors": {"allow_origins": "https://a.example,https://b.example", "allow_methods": "GET,POST",
//!           "allow_headers": "content-type", "allow_credential": true, "max_age": 600}}
//! ```

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::response::Parts;
use http::{HeaderMap, Method, StatusCode};
use portolan_model::pattern::{Case, Pattern};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};

const ORIGINS: &str = r"^(\*|\*\*|null|\w+://[^,]+(,\w+://[^,]+)*)$";
const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");
const ALL_METHODS: &str = "GET,POST,PUT,DELETE,PATCH,HEAD,OPTIONS,CONNECT,TRACE";

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// origins that may use the answers, separated by commas; `*` for all when no credentials are allowed, `**`
    /// for all by echoing the request's origin
    #[schemars(regex(pattern = r"^(\*|\*\*|null|\w+://[^,]+(,\w+://[^,]+)*)$"))]
    pub allow_origins: String,
    /// methods that may be used, separated by commas; `*` and `**` as for origins
    pub allow_methods: String,
    /// request headers that may be used, separated by commas; `*` as for origins, `**` for what the preflight asks
    pub allow_headers: String,
    /// response headers that scripts may read, separated by commas; without it none
    pub expose_headers: Option<String>,
    /// seconds for which a browser may keep the answer of a preflight; -1 for none
    pub max_age: i64,
    /// whether cookies and other credentials may be sent; excludes `*` in the other options
    pub allow_credential: bool,
    /// regular expressions for origins that may use the answers; asked instead of allow_origins
    #[schemars(length(min = 1), inner(length(min = 1, max = 4096)), extend("uniqueItems" = true))]
    pub allow_origins_by_regex: Option<Vec<String>>,
    /// names of lists of origins in the plugin's metadata; asked before allow_origins
    #[schemars(length(min = 1), inner(length(min = 1, max = 4096)), extend("uniqueItems" = true))]
    pub allow_origins_by_metadata: Option<Vec<String>>,
    /// origins that may read timing information, as allow_origins
    #[schemars(regex(pattern = r"^(\*|\*\*|null|\w+://[^,]+(,\w+://[^,]+)*)$"))]
    pub timing_allow_origins: Option<String>,
    /// regular expressions for origins that may read timing information; asked instead of timing_allow_origins
    #[schemars(length(min = 1), inner(length(min = 1, max = 4096)), extend("uniqueItems" = true))]
    pub timing_allow_origins_by_regex: Option<Vec<String>>,
}

/// The compiled form.
#[derive(Debug)]
pub struct Cors {
    /// Asked first.
    metadata: Vec<Origins>,
    /// `None`: only the metadata's lists are asked.
    origins: Option<Origins>,
    timing: Option<Origins>,
    /// Answers differ by origin, which caches must know.
    vary: bool,
    methods: HeaderValue,
    /// `None`: what the preflight asks for.
    headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
    max_age: HeaderValue,
    credential: bool,
}

#[derive(Debug)]
enum Origins {
    /// The same for all: `*`, `null` or one origin.
    Fixed(HeaderValue),
    /// Whatever asks.
    Echo,
    List(Vec<HeaderValue>),
    Regex(Vec<Pattern>),
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        let all = || "*".to_owned();
        Self {
            allow_origins: all(),
            allow_methods: all(),
            allow_headers: all(),
            expose_headers: None,
            max_age: 5,
            allow_credential: false,
            allow_origins_by_regex: None,
            allow_origins_by_metadata: None,
            timing_allow_origins: None,
            timing_allow_origins_by_regex: None,
        }
    }
}

// === impl Cors ===

impl Plugin for Cors {
    const NAME: &'static str = "cors";
    const PRIORITY: i64 = 4000;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE.and(Phase::HEADER_FILTER);

    type Config = Config;

    fn metadata_schema() -> Option<Value> {
        let list = json!({"type": "string", "pattern": ORIGINS});
        let lists = json!({"type": "object", "description": "lists of origins by name", "additionalProperties": list});
        Some(json!({"type": "object", "properties": {"allow_origins": lists}}))
    }

    fn refine_schema(schema: &mut Value) {
        // That `*` and credentials exclude each other, no keyword says.
        schema["format"] = json!("cors-credentials");
        for name in ["allow_origins_by_regex", "timing_allow_origins_by_regex"] {
            schema["properties"][name]["items"]["format"] = json!("regex");
        }
    }

    fn compile(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let star = |option: Option<&str>| option == Some("*");
        let stars = [
            Some(config.allow_origins.as_str()),
            Some(&config.allow_methods),
            Some(&config.allow_headers),
            config.expose_headers.as_deref(),
            config.timing_allow_origins.as_deref(),
        ];
        if config.allow_credential && stars.into_iter().any(star) {
            let text = "you can not set '*' for other option when 'allow_credential' is true";
            return Err(Error::Refused(text.to_owned()));
        }
        let timing = match (&config.timing_allow_origins_by_regex, &config.timing_allow_origins) {
            (None, None) => None,
            (regex, list) => Some(Origins::compile(list.as_deref().unwrap_or("*"), regex.as_deref())?),
        };
        let mut metadata = Vec::new();
        for name in config.allow_origins_by_metadata.iter().flatten() {
            let lists = scope.metadata.and_then(|metadata| metadata.get("allow_origins"));
            if let Some(list) = lists.and_then(|lists| lists.get(name)).and_then(Value::as_str) {
                metadata.push(Origins::compile(list, None)?);
            }
        }
        let origins = Origins::compile(&config.allow_origins, config.allow_origins_by_regex.as_deref())?;
        // With lists of the metadata `*` is the default and means nothing, as in APISIX.
        let asked = config.allow_origins_by_metadata.is_none() || config.allow_origins != "*";
        let methods = if config.allow_methods == "**" { ALL_METHODS } else { &config.allow_methods };
        Ok(Self {
            metadata,
            origins: asked.then_some(origins),
            timing,
            vary: config.allow_origins != "*",
            methods: value(methods)?,
            headers: if config.allow_headers == "**" { None } else { Some(value(&config.allow_headers)?) },
            expose: config.expose_headers.filter(|text| !text.is_empty()).map(|text| value(&text)).transpose()?,
            max_age: HeaderValue::from(config.max_age),
            credential: config.allow_credential,
        })
    }
}

impl Phases for Cors {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        context.plugins.cors_origin = context.request.parts.headers.get(ORIGIN).cloned();
        if context.request.parts.method == Method::OPTIONS {
            return Flow::Respond(Answer::empty(StatusCode::OK));
        }
        Flow::Continue
    }

    fn header_filter(&self, context: &mut Context<'_>, response: &mut Parts) {
        let headers = &mut response.headers;
        let origin = context.plugins.cors_origin.as_ref();
        if self.vary {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(allowed) = self.allow(origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            self.set_headers(context, headers);
        }
        let timing = self.timing.as_ref().and_then(|timing| timing.allow(origin));
        if let Some(allowed) = timing.filter(|allowed| *allowed == "*" || origin == Some(allowed)) {
            headers.insert(TIMING_ALLOW_ORIGIN, allowed);
        }
    }
}

impl Cors {
    fn allow(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        // A single origin is named to itself only.
        let allows = |allowed: &HeaderValue| *allowed == "*" || origin == Some(allowed);
        let listed = self.metadata.iter().any(|list| list.allow(origin).is_some_and(|allowed| allows(&allowed)));
        if listed { origin.cloned() } else { self.origins.as_ref()?.allow(origin).filter(allows) }
    }

    fn set_headers(&self, context: &Context<'_>, headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        if let Some(expose) = &self.expose {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
        let asked = || context.request.parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        match self.headers.as_ref().or_else(asked) {
            Some(allowed) => drop(headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed.clone())),
            None => drop(headers.remove(ACCESS_CONTROL_ALLOW_HEADERS)),
        }
        if self.credential {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

// === impl Origins ===

impl Origins {
    fn compile(list: &str, regexes: Option<&[String]>) -> Result<Self, Error> {
        let pattern = regex::Regex::new(ORIGINS).map_err(|e| Error::Refused(e.to_string()))?;
        if !pattern.is_match(list) {
            return Err(Error::Refused(format!("origins {list:?} do not match {ORIGINS}")));
        }
        if let Some(regexes) = regexes {
            let patterns = regexes.iter().map(|regex| Pattern::compile(regex, Case::Sensitive));
            let patterns = patterns.collect::<Result<_, _>>().map_err(|e| Error::Refused(e.to_string()))?;
            return Ok(Self::Regex(patterns));
        }
        Ok(match list {
            "**" => Self::Echo,
            list if list.contains(',') => Self::List(list.split(',').map(value).collect::<Result<_, _>>()?),
            one => Self::Fixed(value(one)?),
        })
    }

    /// What the header says for this origin; none when the origin is not allowed.
    fn allow(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Echo => Some(origin.cloned().unwrap_or_else(|| HeaderValue::from_static("*"))),
            Self::List(list) => origin.filter(|origin| list.contains(origin)).cloned(),
            Self::Regex(patterns) => {
                let matches = |text: &str| patterns.iter().any(|pattern| pattern.is_match(text));
                origin.filter(|origin| origin.to_str().is_ok_and(matches)).cloned()
            }
        }
    }
}

fn value(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text).map_err(|_| Error::Refused(format!("{text:?} cannot be a header value")))
}

#[cfg(test)]
mod tests;
