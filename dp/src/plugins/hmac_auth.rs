//! hmac-auth: the caller signs what it asks for with a secret that it shares with the gateway, and shows the signature in
//! the Authorization header.
//!
//! ```json
//! {"hmac-auth": {"signed_headers": ["date", "@request-target"], "validate_request_body": true}}
//! ```
//! On the consumer: `{"hmac-auth": {"key_id": "jack", "secret_key": "…"}}`.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use http::header::{AUTHORIZATION, DATE, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::Context;
use crate::plugin::auth::{self, Anonymous, BASE64, Guard, Realm};
use crate::plugin::{Error, Flow, Phase, Phases, Plugin, Proof, Scope};
use crate::resource::Credential;

mod signature;

use signature::Signature;

const DIGEST: HeaderName = HeaderName::from_static("digest");
const REFUSAL: &str = "client request can't be validated";

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// algorithms that callers may sign with
    #[schemars(length(min = 1))]
    pub allowed_algorithms: Vec<Algorithm>,
    /// seconds by which the Date header may differ from the gateway's clock
    #[schemars(range(min = 1))]
    pub clock_skew: u64,
    /// headers that the signature must be of
    #[schemars(inner(length(min = 1, max = 50)))]
    pub signed_headers: Vec<String>,
    /// compare the body with the Digest header
    pub validate_request_body: bool,
    /// bytes of a body that is compared; larger ones are refused
    #[schemars(range(min = 1))]
    pub max_req_body_size: u64,
    /// take the Authorization header out of the request before the upstream sees it
    pub hide_credentials: bool,
    /// realm of the WWW-Authenticate header of a refusal
    pub realm: Realm,
    /// consumer that requests without a valid signature are taken for, instead of being refused
    pub anonymous_consumer: Option<Anonymous>,
}

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum Algorithm {
    /// With SHA-1.
    #[serde(rename = "hmac-sha1")]
    Sha1,
    /// With SHA-256.
    #[serde(rename = "hmac-sha256")]
    Sha256,
    /// With SHA-512.
    #[serde(rename = "hmac-sha512")]
    Sha512,
}

/// Configuration on a consumer or credential.
#[derive(Deserialize, JsonSchema)]
struct ConsumerConfig {
    /// name of the secret; unique among all consumers
    #[schemars(length(min = 1, max = 256))]
    #[expect(dead_code, reason = "it gives the schema; requests find the name in the index")]
    key_id: String,
    /// the secret
    #[schemars(length(min = 1, max = 256))]
    secret_key: String,
}

/// The compiled form.
#[derive(Debug)]
pub struct HmacAuth {
    algorithms: Vec<Algorithm>,
    clock_skew: u64,
    signed_headers: Vec<String>,
    validate_body: bool,
    body_limit: u64,
    hide: bool,
    guard: Guard,
}

/// What requests of a consumer are checked against: its secret, by algorithm.
struct Keys([hmac::Key; 3]);

/// Why a request is refused: what the caller reads, and what the log says beyond that.
struct Refusal {
    message: &'static str,
    reason: &'static str,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_algorithms: Algorithm::ALL.to_vec(),
            clock_skew: 300,
            signed_headers: vec!["date".to_owned()],
            validate_request_body: false,
            max_req_body_size: 64 << 20,
            hide_credentials: false,
            realm: Realm::new("hmac"),
            anonymous_consumer: None,
        }
    }
}

// === impl Algorithm ===

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    fn parse(name: &str) -> Option<Self> {
        Self::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name)).ok()
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

// === impl Keys ===

impl Keys {
    fn of(&self, algorithm: Algorithm) -> &hmac::Key {
        match algorithm {
            Algorithm::Sha1 => &self.0[0],
            Algorithm::Sha256 => &self.0[1],
            Algorithm::Sha512 => &self.0[2],
        }
    }
}

// === impl Refusal ===

impl From<&'static str> for Refusal {
    fn from(reason: &'static str) -> Self {
        Self { message: REFUSAL, reason }
    }
}

// === impl HmacAuth ===

impl Plugin for HmacAuth {
    const NAME: &'static str = "hmac-auth";
    const PRIORITY: i64 = 2530;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;
    const IDENTITY: Option<&'static str> = Some("key_id");
    const ENCRYPT_FIELDS: &'static [&'static str] = &["secret_key"];

    type Config = Config;

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        Ok(Self {
            algorithms: config.allowed_algorithms,
            clock_skew: config.clock_skew,
            signed_headers: config.signed_headers,
            validate_body: config.validate_request_body,
            body_limit: config.max_req_body_size,
            hide: config.hide_credentials,
            guard: Guard::compile("hmac", &config.realm, config.anonymous_consumer)?,
        })
    }

    fn compile_consumer(config: &Value) -> Result<Proof, Error> {
        let config = ConsumerConfig::deserialize(config)?;
        let secret = config.secret_key.as_bytes();
        Ok(Some(Arc::new(Keys(Algorithm::ALL.map(|algorithm| hmac::Key::new(algorithm.hmac(), secret))))))
    }

    fn consumer_schema() -> Option<Value> {
        Some(crate::plugin::schema_of::<ConsumerConfig>())
    }
}

impl Phases for HmacAuth {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        match self.find(context) {
            Ok(credential) if self.validate_body => Flow::Wait(Box::pin(async move {
                let body = match context.hold_body_up_to(self.body_limit).await {
                    Ok(body) => body,
                    Err(answer) => return Flow::Respond(answer),
                };
                let checked = check_digest(context, &body).map(|()| credential);
                self.finish(context, checked)
            })),
            found => self.finish(context, found),
        }
    }
}

impl HmacAuth {
    /// Whose signature it is. The body is not looked at.
    fn find(&self, context: &Context<'_>) -> Result<Arc<Credential>, Refusal> {
        let header = auth::only_header(&context.request.parts.headers, &AUTHORIZATION).ok_or(Refusal {
            message: "client request can't be validated: missing Authorization header",
            reason: "no Authorization header",
        })?;
        let header = header.ok_or("several Authorization headers")?;
        let header = header.to_str().ok().and_then(|text| text.strip_prefix("Signature")).ok_or(Refusal {
            message: "client request can't be validated: Authorization header does not start with 'Signature'",
            reason: "another scheme",
        })?;
        let shown = Signature::parse(header);
        let (Some(key_id), Some(signature)) = (shown.key_id, shown.signature) else {
            return Err("keyId or signature missing".into());
        };
        let algorithm = shown.algorithm.ok_or("algorithm missing")?;
        let credential = context.snapshot.credential(Self::NAME, key_id).ok_or("Invalid key_id")?;
        let algorithm = Algorithm::parse(algorithm).filter(|algorithm| self.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or("Invalid algorithm")?;
        self.check_clock(context)?;
        if !self.signed_headers.iter().all(|name| shown.headers.contains(&name.as_str())) {
            return Err("a header that must be signed is not".into());
        }
        let signature = BASE64.decode(signature).map_err(|_| "Invalid signature")?;
        let text = signature::text(&context.request, key_id, &shown.headers).ok_or("a signed header stands twice")?;
        let keys = credential.proof::<Keys>().ok_or("Invalid key_id")?;
        hmac::verify(keys.of(algorithm), &text, &signature).map_err(|_| "Invalid signature")?;
        Ok(credential)
    }

    fn check_clock(&self, context: &Context<'_>) -> Result<(), &'static str> {
        let date = context.request.header(&DATE).ok_or("Date header missing")?;
        let date = httpdate::parse_http_date(date).map_err(|_| "Invalid GMT format time")?;
        let date = date.duration_since(UNIX_EPOCH).map_err(|_| "Invalid GMT format time")?.as_secs();
        let now = u64::try_from(context.now_micros / 1_000_000).unwrap_or_default();
        if now.abs_diff(date) > self.clock_skew { Err("Clock skew exceeded") } else { Ok(()) }
    }

    fn finish<'a>(&self, context: &mut Context<'_>, found: Result<Arc<Credential>, Refusal>) -> Flow<'a> {
        if self.hide && (found.is_ok() || self.guard.is_open()) {
            context.request.parts.headers.remove(AUTHORIZATION);
        }
        match found {
            Ok(credential) => {
                auth::attach(context, credential);
                Flow::Continue
            }
            Err(Refusal { message, reason }) => {
                tracing::debug!(reason, "hmac-auth: the signature is not accepted");
                self.guard.without_consumer(context, message)
            }
        }
    }
}

fn check_digest(context: &Context<'_>, body: &[u8]) -> Result<(), Refusal> {
    let expected = format!("SHA-256={}", BASE64.encode(digest::digest(&digest::SHA256, body)));
    let shown = context.request.parts.headers.get(DIGEST).map(HeaderValue::as_bytes);
    if shown == Some(expected.as_bytes()) { Ok(()) } else { Err("Invalid digest".into()) }
}

#[cfg(test)]
mod tests;
