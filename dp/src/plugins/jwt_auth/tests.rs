use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{hmac, signature};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Builder;
use serde_json::json;

use super::*;
use crate::context::tests::{NOW, with_snapshot};
use crate::plugin::State;
use crate::plugin::auth::CONSUMER_USERNAME;
use crate::plugins::tests::{check_consumer, compile, decided, refused};
use crate::snapshot::Snapshot;

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

const SECRET: &str = "a secret";

fn token(algorithm: &str, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| token::BASE64_URL.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": algorithm, "typ": "JWT"})), part(claims));
    let signature = token::BASE64_URL.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn hs(algorithm: hmac::Algorithm, secret: &[u8]) -> Sign {
    let key = hmac::Key::new(algorithm, secret);
    Box::new(move |text| hmac::sign(&key, text).as_ref().to_vec())
}

fn hs256(claims: &Value) -> String {
    token("HS256", claims, hs(hmac::HMAC_SHA256, SECRET.as_bytes()))
}

fn snapshot(consumers: &[(&str, Value)]) -> Arc<Snapshot> {
    let put = |(name, config): &(&str, Value)| {
        let plugins = if config.is_null() { json!({}) } else { json!({"jwt-auth": config}) };
        crate::compile::tests::put("consumers", name, 1, &json!({"username": name, "plugins": plugins}))
    };
    crate::compile::tests::snapshot(consumers.iter().map(put).collect())
}

fn get(uri: &str) -> Builder {
    http::Request::get(uri).header("host", "h")
}

fn bearer(token: &str) -> Builder {
    get("/").header(AUTHORIZATION, format!("Bearer {token}"))
}

/// Who is let in, or the text of the refusal; and the request that goes on.
fn ask(snapshot: &Snapshot, config: &Value, head: Builder) -> (Result<String, String>, String) {
    let plugin = compile::<JwtAuth>(config.clone(), &State::default()).unwrap();
    with_snapshot(head, snapshot, |context| {
        let answer = decided(plugin.rewrite(context));
        let parts = &context.request.parts;
        let text = |name: &str| parts.headers.get(name).map_or("", |value| value.to_str().unwrap());
        let left = format!("{}|{}|{}", parts.uri, text("authorization"), text("cookie"));
        let outcome = match answer {
            None => Ok(parts.headers[CONSUMER_USERNAME].to_str().unwrap().to_owned()),
            Some(answer) => {
                assert_eq!(answer.status, 401);
                assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer realm=\"jwt\"");
                let body: Value = serde_json::from_slice(&answer.body).unwrap();
                Err(body["message"].as_str().unwrap().to_owned())
            }
        };
        (outcome, left)
    })
}

#[test]
fn tokens_are_accepted_or_not() {
    const UNVERIFIED: Result<&str, &str> = Err("failed to verify jwt");
    const INVALID: Result<&str, &str> = Err("JWT token invalid");
    let snapshot = snapshot(&[
        ("jack", json!({"key": "k", "secret": SECRET})),
        ("late", json!({"key": "late", "secret": SECRET, "lifetime_grace_period": 10})),
        ("coded", json!({"key": "coded", "secret": BASE64.encode([0, 255, 7]), "base64_secret": true})),
        ("nobody", Value::Null),
    ]);
    let now = NOW / 1_000_000;
    let good = hs256(&json!({"key": "k"}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let cases = [
        (json!({}), get("/"), Err("Missing JWT token in request")),
        (json!({}), bearer("x"), INVALID),
        (json!({}), bearer("a.b.c"), INVALID),
        (json!({}), bearer(&format!("{good}.x")), INVALID),
        (json!({}), get("/?jwt"), INVALID),
        (json!({}), bearer(&hs256(&json!({"iss": "k"}))), Err("missing user key in JWT token")),
        (json!({}), bearer(&hs256(&json!(["k"]))), Err("missing user key in JWT token")),
        (json!({}), bearer(&hs256(&json!({"key": "x"}))), Err("Invalid user key in JWT token")),
        (json!({}), bearer(&hs256(&json!({"key": 1}))), Err("Invalid user key in JWT token")),
        (json!({}), bearer(&good), Ok("jack")),
        (json!({}), get("/").header(AUTHORIZATION, &good), Ok("jack")),
        (json!({"header": "x-t"}), get("/").header("x-t", format!("bearer {good}")), Ok("jack")),
        (json!({"query": "t"}), get(&format!("/?t={good}")), Ok("jack")),
        (json!({"cookie": "t"}), get("/").header("cookie", format!("a=1; t={good}")), Ok("jack")),
        (json!({}), get("/").header("cookie", format!("jwt=x; jwt={good}")), Ok("jack")),
        (json!({}), get("/").header("cookie", format!("jwt={good}; jwt=x")), INVALID),
        (json!({}), get("/").header("cookie", format!("jwt={good}")).header("cookie", "jwt=x"), INVALID),
        (json!({"key_claim_name": "iss"}), bearer(&hs256(&json!({"iss": "k"}))), Ok("jack")),
        (json!({}), bearer(&format!("{signed}.")), UNVERIFIED),
        (json!({}), bearer(&format!("{signed}.***")), UNVERIFIED),
        (json!({}), bearer(&token("none", &json!({"key": "k"}), |_| Vec::new())), UNVERIFIED),
        (
            json!({}),
            bearer(&token("HS512", &json!({"key": "k"}), hs(hmac::HMAC_SHA256, SECRET.as_bytes()))),
            UNVERIFIED,
        ),
        (json!({}), bearer(&token("HS256", &json!({"key": "k"}), hs(hmac::HMAC_SHA256, b"other"))), UNVERIFIED),
        (
            json!({}),
            bearer(&token("HS256", &json!({"key": "coded"}), hs(hmac::HMAC_SHA256, &[0, 255, 7]))),
            Ok("coded"),
        ),
        (json!({}), bearer(&hs256(&json!({"key": "k", "exp": now}))), UNVERIFIED),
        (json!({}), bearer(&hs256(&json!({"key": "k", "exp": now + 1}))), Ok("jack")),
        (json!({}), bearer(&hs256(&json!({"key": "k", "exp": "later"}))), UNVERIFIED),
        (json!({}), bearer(&hs256(&json!({"key": "k", "nbf": now}))), UNVERIFIED),
        (json!({}), bearer(&hs256(&json!({"key": "k", "nbf": now - 1}))), Ok("jack")),
        (json!({}), bearer(&hs256(&json!({"key": "late", "exp": now - 9, "nbf": now + 9}))), Ok("late")),
        (json!({}), bearer(&hs256(&json!({"key": "late", "exp": now - 10}))), UNVERIFIED),
        (json!({"claims_to_verify": []}), bearer(&hs256(&json!({"key": "k", "exp": now}))), UNVERIFIED),
        (json!({"claims_to_verify": ["exp"]}), bearer(&good), UNVERIFIED),
        (json!({"claims_to_verify": ["nbf"]}), bearer(&hs256(&json!({"key": "k", "exp": 1, "nbf": 1}))), Ok("jack")),
        (json!({"anonymous_consumer": "nobody"}), get("/"), Ok("nobody")),
        (json!({}), bearer(&good).header(AUTHORIZATION, &good), INVALID),
        (json!({}), get(&format!("/?jwt={good}&jwt={good}")), INVALID),
        (json!({"anonymous_consumer": "gone"}), get("/"), Err("Invalid user authorization")),
    ];
    for (config, head, expected) in cases {
        let shown = format!("{config} {head:?}");
        let (outcome, _) = ask(&snapshot, &config, head);
        assert_eq!(outcome.as_deref().map_err(String::as_str), expected, "{shown}");
    }
}

#[test]
fn the_token_is_hidden_whatever_comes_of_it() {
    let snapshot = snapshot(&[("jack", json!({"key": "k", "secret": SECRET}))]);
    let good = hs256(&json!({"key": "k"}));
    for (token, outcome) in [(good.as_str(), true), ("bad", false)] {
        let cases = [
            (bearer(token), "/||"),
            (get(&format!("/?a=1&jwt={token}")), "/?a=1||"),
            (get("/").header("cookie", format!("a=1; jwt={token}; b=2")), "/||a=1; b=2"),
            (get("/").header("cookie", format!("jwt={token}")), "/||"),
            (get("/").header("cookie", format!("jwt=x; a=1; jwt={token}")), "/||a=1"),
        ];
        for (head, expected) in cases {
            let (got, left) = ask(&snapshot, &json!({"hide_credentials": true}), head);
            assert_eq!((got.is_ok(), left.as_str()), (outcome, expected));
        }
    }
}

#[test]
fn claims_are_kept_for_later_plugins_when_asked_for() {
    let snapshot = snapshot(&[("jack", json!({"key": "k", "secret": SECRET}))]);
    let claims = json!({"key": "k", "role": "admin"});
    for (config, expected) in [(json!({}), None), (json!({"store_in_ctx": true}), Some(&claims))] {
        let plugin = compile::<JwtAuth>(config, &State::default()).unwrap();
        with_snapshot(bearer(&hs256(&claims)), &snapshot, |context| {
            assert!(decided(plugin.rewrite(context)).is_none());
            assert_eq!(context.plugins.jwt_auth_claims.as_ref(), expected);
        });
    }
}

fn pem(key: &impl AsDerKey) -> String {
    let text = BASE64.encode(key.der());
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

/// Public keys of all kinds.
trait AsDerKey {
    fn der(&self) -> Vec<u8>;
}

impl<K: AsDer<PublicKeyX509Der<'static>>> AsDerKey for K {
    fn der(&self) -> Vec<u8> {
        self.as_der().unwrap().as_ref().to_vec()
    }
}

fn rsa(encoding: &'static dyn RsaEncoding) -> (String, Sign) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let sign = move |pair: &RsaKeyPair, text: &[u8]| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), text, &mut signature).unwrap();
        signature
    };
    (pem(pair.public_key()), Box::new(move |text| sign(&pair, text)))
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> (String, Sign) {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let sign = |pair: &EcdsaKeyPair, text: &[u8]| pair.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec();
    (pem(pair.public_key()), Box::new(move |text| sign(&pair, text)))
}

fn eddsa() -> (String, Sign) {
    let pair = Ed25519KeyPair::generate().unwrap();
    (pem(pair.public_key()), Box::new(move |text| signature::Signature::as_ref(&pair.sign(text)).to_vec()))
}

#[test]
fn every_algorithm_is_verified_with_its_own_key_only() {
    let keys = [
        ("RS256", rsa(&RSA_PKCS1_SHA256)),
        ("RS384", rsa(&RSA_PKCS1_SHA384)),
        ("RS512", rsa(&RSA_PKCS1_SHA512)),
        ("PS256", rsa(&RSA_PSS_SHA256)),
        ("PS384", rsa(&RSA_PSS_SHA384)),
        ("PS512", rsa(&RSA_PSS_SHA512)),
        ("ES256", ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)),
        ("ES384", ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING)),
        ("ES512", ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING)),
        ("EdDSA", eddsa()),
    ];
    let mut consumers: Vec<(&str, Value)> = keys
        .iter()
        .map(|(name, (public, _))| (*name, json!({"key": name, "algorithm": name, "public_key": public})))
        .collect();
    let secrets = [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    for (name, _) in secrets {
        consumers.push((name, json!({"key": name, "algorithm": name, "secret": SECRET})));
    }
    let snapshot = snapshot(&consumers);
    let mut signers: Vec<(&str, &Sign)> = keys.iter().map(|(name, (_, sign))| (*name, sign)).collect();
    let hmacs = secrets.map(|(name, algorithm)| (name, hs(algorithm, SECRET.as_bytes())));
    signers.extend(hmacs.iter().map(|(name, sign)| (*name, sign)));
    for (signer, sign) in &signers {
        for (consumer, _) in &signers {
            let head = bearer(&token(consumer, &json!({"key": consumer}), sign));
            let (outcome, _) = ask(&snapshot, &json!({}), head);
            assert_eq!(outcome.is_ok(), signer == consumer, "{consumer} signed by {signer}");
        }
    }
    // A public key is no secret.
    let (name, (public, _)) = &keys[0];
    let forged = token("HS256", &json!({"key": name}), hs(hmac::HMAC_SHA256, public.as_bytes()));
    assert!(ask(&snapshot, &json!({}), bearer(&forged)).0.is_err());
}

#[test]
fn nonsense_is_refused() {
    refused::<JwtAuth>(&[
        (json!({"key_claim_name": ""}), "property \"key_claim_name\""),
        (json!({"claims_to_verify": ["iat"]}), "property \"claims_to_verify\""),
        (json!({"claims_to_verify": ["exp", "exp"]}), "property \"claims_to_verify\""),
        (json!({"anonymous_consumer": ""}), "property \"anonymous_consumer\""),
        (json!({"realm": "a\"b"}), "property \"realm\""),
    ]);
    let (public, _) = eddsa();
    let cases = [
        (json!({"secret": "s"}), false),
        (json!({"key": "", "secret": "s"}), false),
        (json!({"key": "k"}), false),
        (json!({"key": "k", "secret": ""}), false),
        (json!({"key": "k", "secret": "s", "algorithm": "none"}), false),
        (json!({"key": "k", "secret": "s", "exp": 0}), false),
        (json!({"key": "k", "secret": "s", "lifetime_grace_period": -1}), false),
        (json!({"key": "k", "secret": "s", "base64_secret": true}), false),
        (json!({"key": "k", "secret": "s", "algorithm": "EdDSA"}), false),
        (json!({"key": "k", "public_key": "s", "algorithm": "EdDSA"}), false),
        (json!({"key": "k", "public_key": public, "algorithm": "RS256"}), false),
        (json!({"key": "k", "public_key": public, "algorithm": "EdDSA"}), true),
        (json!({"key": "k", "public_key": 1, "secret": "s"}), true),
    ];
    for (config, accepted) in cases {
        assert_eq!(check_consumer::<JwtAuth>(&config).is_ok(), accepted, "{config}");
    }
}
