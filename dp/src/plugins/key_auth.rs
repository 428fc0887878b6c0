//! key-auth: the caller shows a key in a header or a query argument; the key names the consumer.
//!
//! ```json
//! {"key-auth": {"header": "apikey", "query": "apikey", "hide_credentials": true}}
//! ```
//! On the consumer: `{"key-auth": {"key": "secret"}}`.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::context::Context;
use crate::plugin::auth::{self, Anonymous, Guard, Realm};
use crate::plugin::{Error, Flow, Phase, Phases, Plugin, Proof, Scope};
use crate::resource::Credential;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// header that holds the key; asked first
    pub header: String,
    /// query argument that holds the key
    pub query: String,
    /// realm of the WWW-Authenticate header of a refusal
    pub realm: Realm,
    /// take the key out of the request before the upstream sees it
    pub hide_credentials: bool,
    /// consumer that requests without a valid key are taken for, instead of being refused
    pub anonymous_consumer: Option<Anonymous>,
}

/// Configuration on a consumer or credential.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it gives the schema; requests find the key in the index")]
struct ConsumerConfig {
    /// the key; unique among all consumers
    key: String,
}

/// The compiled form.
#[derive(Debug)]
pub struct KeyAuth {
    header: Option<HeaderName>,
    query: String,
    hide: bool,
    guard: Guard,
}

enum Missing {
    Key,
    Consumer,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            header: "apikey".to_owned(),
            query: "apikey".to_owned(),
            realm: Realm::new("key"),
            hide_credentials: false,
            anonymous_consumer: None,
        }
    }
}

// === impl KeyAuth ===

impl Plugin for KeyAuth {
    const NAME: &'static str = "key-auth";
    const PRIORITY: i64 = 2500;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;
    const IDENTITY: Option<&'static str> = Some("key");
    const ENCRYPT_FIELDS: &'static [&'static str] = &["key"];

    type Config = Config;

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        Ok(Self {
            // A name that no header can have is never found, as in APISIX.
            header: HeaderName::try_from(config.header).ok(),
            query: config.query,
            hide: config.hide_credentials,
            guard: Guard::compile("apikey", &config.realm, config.anonymous_consumer)?,
        })
    }

    fn compile_consumer(_config: &Value) -> Result<Proof, Error> {
        Ok(None)
    }

    fn consumer_schema() -> Option<Value> {
        Some(crate::plugin::schema_of::<ConsumerConfig>())
    }
}

impl Phases for KeyAuth {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        match self.find(context) {
            Ok(credential) => {
                auth::attach(context, credential);
                Flow::Continue
            }
            Err(missing) => self.without_consumer(context, &missing),
        }
    }
}

impl KeyAuth {
    fn find(&self, context: &mut Context<'_>) -> Result<Arc<Credential>, Missing> {
        let request = &context.request;
        let from_header = self.header.as_ref().and_then(|name| auth::only_header(&request.parts.headers, name));
        let key = match from_header {
            Some(value) => Cow::Borrowed(value.and_then(|value| value.to_str().ok()).ok_or(Missing::Consumer)?),
            None => auth::only_argument(request, &self.query).ok_or(Missing::Key)?.ok_or(Missing::Consumer)?,
        };
        let credential = context.snapshot.credential(Self::NAME, &key).ok_or(Missing::Consumer)?;
        if self.hide {
            if from_header.is_some() {
                self.hide_header(context);
            } else {
                auth::hide_argument(context, &self.query);
            }
        }
        Ok(credential)
    }

    fn without_consumer<'a>(&self, context: &mut Context<'_>, missing: &Missing) -> Flow<'a> {
        if self.hide && self.guard.is_open() {
            self.hide_header(context);
            auth::hide_argument(context, &self.query);
        }
        self.guard.without_consumer(
            context,
            match missing {
                Missing::Key => "Missing API key in request",
                Missing::Consumer => "Invalid API key in request",
            },
        )
    }

    fn hide_header(&self, context: &mut Context<'_>) {
        if let Some(name) = &self.header {
            context.request.parts.headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests;
