//! jwt-auth: the caller shows a signed token in a header, a query argument or a cookie; a claim of it names the consumer,
//! whose key must have signed it.
//!
//! ```json
//! {"jwt-auth": {"key_claim_name": "iss", "hide_credentials": true}}
//! ```
//! On the consumer: `{"jwt-auth": {"key": "jack", "secret": "…"}}`.

use std::sync::Arc;

use base64::Engine as _;
use http::HeaderValue;
use http::header::{COOKIE, HeaderName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::auth::{self, Anonymous, BASE64, Guard, Realm};
use crate::plugin::{Error, Flow, Phase, Phases, Plugin, Proof, Scope};
use crate::resource::Credential;

mod token;

use token::{Algorithm, Key, Token};

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// header that holds the token, with or without `Bearer` before it; asked first
    pub header: String,
    /// query argument that holds the token; asked second
    pub query: String,
    /// cookie that holds the token; asked last
    pub cookie: String,
    /// take the token out of the request before the upstream sees it
    pub hide_credentials: bool,
    /// claim that names the consumer
    #[schemars(length(min = 1))]
    pub key_claim_name: String,
    /// keep the claims of a valid token for later plugins
    pub store_in_ctx: bool,
    /// realm of the WWW-Authenticate header of a refusal
    pub realm: Realm,
    /// consumer that requests without a valid token are taken for, instead of being refused
    pub anonymous_consumer: Option<Anonymous>,
    /// claims that must be there and hold; without any, both are checked where they are there
    #[schemars(extend("uniqueItems" = true))]
    pub claims_to_verify: Option<Vec<Claim>>,
}

/// A claim on time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Claim {
    /// The token ends then.
    Exp,
    /// The token begins then.
    Nbf,
}

/// Configuration on a consumer or credential.
#[derive(Deserialize, JsonSchema)]
struct ConsumerConfig {
    /// what the token's claim must be; unique among all consumers
    #[schemars(length(min = 1))]
    #[expect(dead_code, reason = "it gives the schema; requests find the key in the index")]
    key: String,
    /// the secret of the algorithms that begin with HS
    #[schemars(length(min = 1))]
    secret: Option<String>,
    /// how tokens are signed
    #[serde(default)]
    algorithm: Algorithm,
    /// seconds for which a token is to be valid; for those who make tokens
    #[serde(default = "ConsumerConfig::exp")]
    #[schemars(range(min = 1))]
    #[expect(dead_code, reason = "it gives the schema; the gateway makes no tokens")]
    exp: i64,
    /// whether the secret is written in base64
    #[serde(default)]
    base64_secret: bool,
    /// seconds by which clocks may differ
    #[serde(default)]
    #[schemars(range(min = 0))]
    lifetime_grace_period: u32,
    /// Its schema depends on the algorithm.
    #[serde(default)]
    #[schemars(skip)]
    public_key: Value,
}

/// The compiled form.
#[derive(Debug)]
pub struct JwtAuth {
    header: Option<HeaderName>,
    query: String,
    cookie: String,
    hide: bool,
    claim: String,
    store: bool,
    required: Vec<Claim>,
    guard: Guard,
}

/// What requests of a consumer are checked against.
struct Signer {
    key: Key,
    leeway: f64,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            header: "authorization".to_owned(),
            query: "jwt".to_owned(),
            cookie: "jwt".to_owned(),
            hide_credentials: false,
            key_claim_name: "key".to_owned(),
            store_in_ctx: false,
            realm: Realm::new("jwt"),
            anonymous_consumer: None,
            claims_to_verify: None,
        }
    }
}

impl ConsumerConfig {
    fn exp() -> i64 {
        86400
    }
}

// === impl JwtAuth ===

impl Plugin for JwtAuth {
    const NAME: &'static str = "jwt-auth";
    const PRIORITY: i64 = 2510;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;
    const IDENTITY: Option<&'static str> = Some("key");
    const ENCRYPT_FIELDS: &'static [&'static str] = &["secret"];

    type Config = Config;

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        Ok(Self {
            // A name that no header can have is never found, as in APISIX.
            header: HeaderName::try_from(config.header).ok(),
            query: config.query,
            cookie: config.cookie,
            hide: config.hide_credentials,
            claim: config.key_claim_name,
            store: config.store_in_ctx,
            required: config.claims_to_verify.unwrap_or_default(),
            guard: Guard::compile("Bearer", &config.realm, config.anonymous_consumer)?,
        })
    }

    fn compile_consumer(config: &Value) -> Result<Proof, Error> {
        let config = ConsumerConfig::deserialize(config)?;
        let secret = match &config.secret {
            Some(text) if config.base64_secret => Some(BASE64.decode(text).ok()),
            Some(text) => Some(Some(text.clone().into_bytes())),
            None if config.base64_secret => Some(None),
            None => None,
        };
        let unreadable = || Error::Refused("base64_secret required but the secret is not in base64 format".to_owned());
        let secret = secret.map(|secret| secret.ok_or_else(unreadable)).transpose()?;
        let key = Key::compile(config.algorithm, secret.as_deref(), config.public_key.as_str())?;
        Ok(Some(Arc::new(Signer { key, leeway: f64::from(config.lifetime_grace_period) })))
    }

    fn consumer_schema() -> Option<Value> {
        let mut schema = crate::plugin::schema_of::<ConsumerConfig>();
        let (secret, public): (Vec<Algorithm>, Vec<_>) =
            Algorithm::ALL.into_iter().partition(|algorithm| algorithm.has_secret());
        schema["dependencies"] = json!({"algorithm": {"oneOf": [
            {"properties": {"algorithm": {"enum": secret}}, "required": ["secret"]},
            {
                "properties": {
                    "public_key": {
                        "type": "string",
                        "minLength": 1,
                        "description": "the key of the other algorithms, as PEM",
                    },
                    "algorithm": {"enum": public},
                },
                "required": ["public_key"],
            },
        ]}});
        Some(schema)
    }
}

impl Phases for JwtAuth {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        match self.find(context) {
            Ok(credential) => {
                auth::attach(context, credential);
                Flow::Continue
            }
            Err(message) => self.guard.without_consumer(context, message),
        }
    }
}

impl JwtAuth {
    fn find(&self, context: &mut Context<'_>) -> Result<Arc<Credential>, &'static str> {
        const UNVERIFIED: &str = "failed to verify jwt";
        let text = self.take(context).ok_or("Missing JWT token in request")?;
        let token = Token::parse(&text).ok_or("JWT token invalid")?;
        let key = match token.claims.get(&self.claim) {
            None | Some(Value::Bool(false)) => return Err("missing user key in JWT token"),
            Some(key) => key.as_str().unwrap_or_default(),
        };
        let credential = context.snapshot.credential(Self::NAME, key).ok_or("Invalid user key in JWT token")?;
        let signer = credential.proof::<Signer>().ok_or(UNVERIFIED)?;
        if !signer.key.has_signed(&token) {
            return Err(UNVERIFIED);
        }
        self.check_claims(&token.claims, context.now_micros, signer.leeway).map_err(|claim| {
            tracing::debug!(consumer.name = &*credential.consumer.username, ?claim, "jwt-auth: a claim does not hold");
            UNVERIFIED
        })?;
        if self.store {
            context.plugins.jwt_auth_claims = Some(token.claims);
        }
        Ok(credential)
    }

    /// The token. It is hidden whatever comes of it.
    fn take(&self, context: &mut Context<'_>) -> Option<String> {
        if let Some(name) = &self.header
            && let Some(value) = context.request.parts.headers.get(name)
        {
            let text = value.to_str().unwrap_or_default();
            let bearer = text.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("bearer "));
            let token = if bearer { &text[7..] } else { text }.to_owned();
            if self.hide {
                context.request.parts.headers.remove(name);
            }
            return Some(token);
        }
        if let Some(token) = context.request.arg(&self.query).map(std::borrow::Cow::into_owned) {
            if self.hide {
                auth::hide_argument(context, &self.query);
            }
            return Some(token);
        }
        let token = context.request.cookie(&self.cookie)?.to_owned();
        if self.hide {
            hide_cookie(context, &self.cookie);
        }
        Some(token)
    }

    /// Says which claim does not hold.
    fn check_claims(&self, claims: &Value, now_micros: i64, leeway: f64) -> Result<(), Claim> {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below the limit")]
        let now = now_micros.div_euclid(1_000_000) as f64;
        let asked: &[Claim] = if self.required.is_empty() { &[Claim::Exp, Claim::Nbf] } else { &self.required };
        for claim in asked {
            let value = match claim {
                Claim::Exp => claims.get("exp"),
                Claim::Nbf => claims.get("nbf"),
            };
            let holds = match (value, claim) {
                (None, _) => self.required.is_empty(),
                (Some(time), Claim::Exp) => time.as_f64().is_some_and(|time| time > now - leeway),
                (Some(time), Claim::Nbf) => time.as_f64().is_some_and(|time| time < now + leeway),
            };
            if !holds {
                return Err(*claim);
            }
        }
        Ok(())
    }
}

/// Takes a cookie out of the request.
fn hide_cookie(context: &mut Context<'_>, name: &str) {
    let headers = &mut context.request.parts.headers;
    let is_hidden = |pair: &&str| pair.trim_start().split_once('=').is_some_and(|(key, _)| key == name);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let kept: Vec<_> = lines.flat_map(|line| line.split(';')).filter(|pair| !is_hidden(pair)).map(str::trim).collect();
    let kept = HeaderValue::try_from(kept.join("; "));
    headers.remove(COOKIE);
    if let Ok(kept) = kept
        && !kept.is_empty()
    {
        headers.insert(COOKIE, kept);
    }
}

#[cfg(test)]
mod tests;
