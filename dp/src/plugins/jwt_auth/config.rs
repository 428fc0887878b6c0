//! The configuration of jwt-auth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::token::Algorithm;
use crate::plugin::auth::{Anonymous, Realm};

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
pub(super) struct ConsumerConfig {
    /// what the token's claim must be; unique among all consumers
    #[schemars(length(min = 1))]
    #[expect(dead_code, reason = "it gives the schema; requests find the key in the index")]
    key: String,
    /// the secret of the algorithms that begin with HS
    #[schemars(length(min = 1))]
    pub(super) secret: Option<String>,
    /// how tokens are signed
    #[serde(default)]
    pub(super) algorithm: Algorithm,
    /// seconds for which a token is to be valid; for those who make tokens
    #[serde(default = "ConsumerConfig::exp")]
    #[schemars(range(min = 1))]
    #[expect(dead_code, reason = "it gives the schema; the gateway makes no tokens")]
    exp: i64,
    /// whether the secret is written in base64
    #[serde(default)]
    pub(super) base64_secret: bool,
    /// seconds by which clocks may differ
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub(super) lifetime_grace_period: u64,
    /// Its schema depends on the algorithm.
    #[serde(default)]
    #[schemars(skip)]
    pub(super) public_key: Value,
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

// === impl ConsumerConfig ===

impl ConsumerConfig {
    fn exp() -> i64 {
        86400
    }

    /// Its schema: which key there must be depends on the algorithm.
    pub(super) fn schema() -> Value {
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
        schema
    }
}
