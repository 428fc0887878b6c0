//! key-auth: the caller shows a key in a header or a query argument; the key names the consumer.
//!
//! ```json
//! {"key-auth": {"header": "apikey", "query": "apikey", "hide_credentials": true}}
//! ```
//! On the consumer: `{"key-auth": {"key": "secret"}}`.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::resource::Credential;
use crate::uri;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// header that holds the key; asked first
    pub header: String,
    /// query argument that holds the key
    pub query: String,
    /// realm of the WWW-Authenticate header of a refusal
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[ -!#-[\]-~]+$"))]
    pub realm: String,
    /// take the key out of the request before the upstream sees it
    pub hide_credentials: bool,
    /// consumer that requests without a valid key are taken for, instead of being refused
    #[schemars(length(min = 1))]
    pub anonymous_consumer: Option<String>,
}

/// Configuration on a consumer or credential.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "it gives the schema and checks the shape; requests find the key in the index")]
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
    challenge: HeaderValue,
    anonymous: Option<String>,
}

enum Missing {
    Key,
    Consumer,
}

const CONSUMER_USERNAME: HeaderName = HeaderName::from_static("x-consumer-username");
const CREDENTIAL_IDENTIFIER: HeaderName = HeaderName::from_static("x-credential-identifier");
const CONSUMER_CUSTOM_ID: HeaderName = HeaderName::from_static("x-consumer-custom-id");

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            header: "apikey".to_owned(),
            query: "apikey".to_owned(),
            realm: "key".to_owned(),
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
        let printable = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        if config.realm.is_empty() || config.realm.len() > 128 || !config.realm.chars().all(printable) {
            return Err(Error::Refused("property \"realm\" validation failed: not a valid realm".to_owned()));
        }
        if config.anonymous_consumer.as_deref() == Some("") {
            return Err(Error::Refused("property \"anonymous_consumer\" validation failed: too short".to_owned()));
        }
        let challenge = HeaderValue::try_from(format!("apikey realm=\"{}\"", config.realm));
        Ok(Self {
            // A name that no header can have is never found, as in APISIX.
            header: HeaderName::try_from(config.header).ok(),
            query: config.query,
            hide: config.hide_credentials,
            challenge: challenge.map_err(|e| Error::Refused(e.to_string()))?,
            anonymous: config.anonymous_consumer,
        })
    }

    fn check_consumer(config: &Value) -> Result<(), Error> {
        ConsumerConfig::deserialize(config)?;
        Ok(())
    }

    fn consumer_schema() -> Option<Value> {
        Some(crate::plugin::schema_of::<ConsumerConfig>())
    }
}

impl Phases for KeyAuth {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        match self.find(context) {
            Ok(credential) => {
                attach(context, credential);
                Flow::Continue
            }
            Err(missing) => self.without_consumer(context, &missing),
        }
    }
}

impl KeyAuth {
    fn find(&self, context: &mut Context<'_>) -> Result<Arc<Credential>, Missing> {
        let request = &context.request;
        let from_header = self.header.as_ref().and_then(|name| request.parts.headers.get(name));
        let key = match from_header {
            Some(value) => Cow::Borrowed(value.to_str().map_err(|_| Missing::Consumer)?),
            None => request.arg(&self.query).ok_or(Missing::Key)?,
        };
        let credential = context.snapshot.credential(Self::NAME, &key).ok_or(Missing::Consumer)?;
        if self.hide {
            if from_header.is_some() {
                self.hide_header(context);
            } else {
                self.hide_query(context);
            }
        }
        Ok(credential)
    }

    fn without_consumer<'a>(&self, context: &mut Context<'_>, missing: &Missing) -> Flow<'a> {
        let Some(anonymous) = &self.anonymous else {
            return self.refuse(match missing {
                Missing::Key => "Missing API key in request",
                Missing::Consumer => "Invalid API key in request",
            });
        };
        if self.hide {
            self.hide_header(context);
            self.hide_query(context);
        }
        match context.snapshot.consumer(anonymous) {
            Some(consumer) => {
                attach(context, Arc::new(Credential { consumer, id: None }));
                Flow::Continue
            }
            None => {
                tracing::warn!(consumer.name = anonymous, "the anonymous consumer does not exist");
                self.refuse("Invalid user authorization")
            }
        }
    }

    fn refuse<'a>(&self, message: &str) -> Flow<'a> {
        let mut answer = Answer::json(StatusCode::UNAUTHORIZED, &json!({ "message": message }));
        answer.headers.insert(WWW_AUTHENTICATE, self.challenge.clone());
        Flow::Respond(answer)
    }

    fn hide_header(&self, context: &mut Context<'_>) {
        if let Some(name) = &self.header {
            context.request.parts.headers.remove(name);
        }
    }

    fn hide_query(&self, context: &mut Context<'_>) {
        let Some(query) = context.request.query() else { return };
        let kept = uri::without_argument(query, &self.query);
        if kept != query {
            context.request.set_query(&kept);
        }
    }
}

/// The upstream learns who calls; whatever the client itself said of that is removed.
fn attach(context: &mut Context<'_>, credential: Arc<Credential>) {
    let headers = &mut context.request.parts.headers;
    set_or_remove(headers, CONSUMER_USERNAME, Some(&credential.consumer.username));
    set_or_remove(headers, CREDENTIAL_IDENTIFIER, credential.id.as_deref());
    set_or_remove(headers, CONSUMER_CUSTOM_ID, credential.consumer.custom_id.as_deref());
    context.credential = Some(credential);
}

fn set_or_remove(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    match value.and_then(|text| HeaderValue::from_str(text).ok()) {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    }
}

#[cfg(test)]
mod tests;
