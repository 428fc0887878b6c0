//! jwt-auth: the caller shows a signed token in a header, a query argument or a cookie; a claim of it names the consumer,
//! whose key must have signed it.
//!
//! ```json
//! {"jwt-auth": {"key_claim_name": "iss", "hide_credentials": true}}
//! ```
//! On the consumer: `{"jwt-auth": {"key": "jack", "secret": "…"}}`.

use std::sync::Arc;

use base64::Engine as _;
use http::header::HeaderName;
use serde::Deserialize as _;
use serde_json::Value;

use crate::context::Context;
use crate::plugin::auth::{self, BASE64, Guard};
use crate::plugin::{Error, Flow, Phase, Phases, Plugin, Proof, Scope};
use crate::resource::Credential;

mod config;
mod place;
mod token;

pub use config::{Claim, Config};

use config::ConsumerConfig;
use place::Places;
use token::{Key, Token};

/// The compiled form.
#[derive(Debug)]
pub struct JwtAuth {
    places: Places,
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
            places: Places {
                header: HeaderName::try_from(config.header).ok(),
                query: config.query,
                cookie: config.cookie,
                hide: config.hide_credentials,
            },
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
        Ok(Some(Arc::new(Signer { key, leeway: config.lifetime_grace_period as f64 })))
    }

    fn consumer_schema() -> Option<Value> {
        Some(ConsumerConfig::schema())
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
        let text = self.places.take(context).ok_or("Missing JWT token in request")?;
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

#[cfg(test)]
mod tests;
