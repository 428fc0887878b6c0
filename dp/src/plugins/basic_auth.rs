//! basic-auth: the caller shows a username and a password; the username names the consumer.
//!
//! ```json
//! {"basic-auth": {"hide_credentials": true}}
//! ```
//! On the consumer: `{"basic-auth": {"username": "jack", "password": "secret"}}`.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use http::header::AUTHORIZATION;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::context::Context;
use crate::plugin::auth::{self, Anonymous, BASE64, Guard, Realm};
use crate::plugin::{Error, Flow, Phase, Phases, Plugin, Proof, Scope};
use crate::resource::Credential;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// take the Authorization header out of the request before the upstream sees it
    pub hide_credentials: bool,
    /// realm of the WWW-Authenticate header of a refusal
    pub realm: Realm,
    /// consumer that requests without valid credentials are taken for, instead of being refused
    pub anonymous_consumer: Option<Anonymous>,
}

/// Configuration on a consumer or credential.
#[derive(Deserialize, JsonSchema)]
struct ConsumerConfig {
    /// the username; unique among all consumers
    #[expect(dead_code, reason = "it gives the schema; requests find the username in the index")]
    username: String,
    /// the password
    password: String,
}

/// The compiled form.
#[derive(Debug)]
pub struct BasicAuth {
    hide: bool,
    guard: Guard,
}

/// What a consumer's requests are checked against.
struct Password(Box<str>);

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self { hide_credentials: false, realm: Realm::new("basic"), anonymous_consumer: None }
    }
}

// === impl BasicAuth ===

impl Plugin for BasicAuth {
    const NAME: &'static str = "basic-auth";
    const PRIORITY: i64 = 2520;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;
    const IDENTITY: Option<&'static str> = Some("username");
    const ENCRYPT_FIELDS: &'static [&'static str] = &["password"];

    type Config = Config;

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let guard = Guard::compile("Basic", &config.realm, config.anonymous_consumer)?;
        Ok(Self { hide: config.hide_credentials, guard })
    }

    fn compile_consumer(config: &Value) -> Result<Proof, Error> {
        Ok(Some(Arc::new(Password(ConsumerConfig::deserialize(config)?.password.into()))))
    }

    fn consumer_schema() -> Option<Value> {
        Some(crate::plugin::schema_of::<ConsumerConfig>())
    }
}

impl Phases for BasicAuth {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let found = find(context);
        if self.hide && (found.is_ok() || self.guard.is_open()) {
            context.request.parts.headers.remove(AUTHORIZATION);
        }
        match found {
            Ok(credential) => {
                auth::attach(context, credential);
                Flow::Continue
            }
            Err(message) => self.guard.without_consumer(context, message),
        }
    }
}

fn find(context: &Context<'_>) -> Result<Arc<Credential>, &'static str> {
    const INVALID: &str = "Invalid authorization in request";
    let header = auth::only_header(&context.request.parts.headers, &AUTHORIZATION);
    let header = header.ok_or("Missing authorization in request")?.ok_or(INVALID)?;
    let encoded = header.to_str().ok().and_then(credentials).ok_or(INVALID)?;
    // What follows the padding is not read.
    let encoded = encoded.split('=').next().unwrap_or_default();
    // Most credentials are short: no allocation for them.
    let (mut short, mut long) = ([0; 256], Vec::new());
    let buffer = if encoded.len() <= short.len() {
        &mut short[..]
    } else {
        long.resize(encoded.len(), 0);
        &mut long[..]
    };
    let length = BASE64.decode_slice(encoded, buffer).map_err(|_| INVALID)?;
    let decoded = std::str::from_utf8(&buffer[..length]).map_err(|_| INVALID)?;
    let (username, password) = decoded.split_once(':').ok_or(INVALID)?;
    check(context, username, password)
        // APISIX drops white space, such as the line feed of `echo user:password | base64`.
        .or_else(|| match (without_space(username), without_space(password)) {
            (Cow::Borrowed(_), Cow::Borrowed(_)) => None,
            (username, password) => check(context, &username, &password),
        })
        .ok_or("Invalid user authorization")
}

/// What follows the scheme.
fn credentials(header: &str) -> Option<&str> {
    let (scheme, rest) = header.split_once([' ', '\t'])?;
    (scheme.eq_ignore_ascii_case("basic") && !rest.is_empty()).then_some(rest)
}

fn check(context: &Context<'_>, username: &str, password: &str) -> Option<Arc<Credential>> {
    let credential = context.snapshot.credential(BasicAuth::NAME, username)?;
    let expected = credential.proof::<Password>()?;
    auth::same(expected.0.as_bytes(), password.as_bytes()).then_some(credential)
}

fn without_space(text: &str) -> Cow<'_, str> {
    let is_space = |c: char| c.is_ascii_whitespace() || c == '\u{b}';
    if text.contains(is_space) { text.replace(is_space, "").into() } else { text.into() }
}

#[cfg(test)]
mod tests;
