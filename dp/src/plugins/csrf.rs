//! csrf: a request that changes something must repeat in a header the token that a cookie holds. Another site can make
//! a browser send the cookie, and cannot read it.
//!
//! ```json
//! {"csrf": {"key": "a secret", "expires": 7200, "name": "apisix-csrf-token"}}
//! ```

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderName, HeaderValue, SET_COOKIE};
use http::response::Parts;
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, json};

use crate::context::Context;
use crate::plugin::{Error, Flow, Phase, Phases, Plugin, Scope, auth};

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// secret that tokens are signed with
    pub key: String,
    /// seconds for which a token is good; 0 is for ever
    #[serde(default = "Config::expires")]
    pub expires: i64,
    /// name of the cookie and of the header
    #[serde(default = "Config::name")]
    pub name: String,
}

/// The compiled form.
#[derive(Debug)]
pub struct Csrf {
    key: String,
    expires: i64,
    name: String,
    header: Option<HeaderName>,
}

/// What a cookie holds, in Base64.
#[derive(Debug, Deserialize, Serialize)]
struct Token {
    random: Number,
    /// When it was made, in seconds since 1970, whatever the name says.
    expires: Number,
    sign: String,
}

// === impl Config ===

impl Config {
    fn expires() -> i64 {
        7200
    }

    fn name() -> String {
        "apisix-csrf-token".to_owned()
    }
}

// === impl Csrf ===

impl Plugin for Csrf {
    const NAME: &'static str = "csrf";
    const PRIORITY: i64 = 2980;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS.and(Phase::HEADER_FILTER);
    const ENCRYPT_FIELDS: &'static [&'static str] = &["key"];

    type Config = Config;

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        if config.name.contains(['=', ';', ',']) || HeaderValue::try_from(&config.name).is_err() {
            return Err(Error::Refused(format!("{:?} cannot name a cookie", config.name)));
        }
        let header = HeaderName::try_from(&config.name).ok();
        Ok(Self { key: config.key, expires: config.expires, name: config.name, header })
    }
}

impl Phases for Csrf {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        match self.check(context) {
            Ok(()) => Flow::Continue,
            Err(reason) => Flow::respond(StatusCode::UNAUTHORIZED, &json!({"error_msg": reason})),
        }
    }

    fn header_filter(&self, context: &mut Context<'_>, response: &mut Parts) {
        let now = context.now_micros / 1_000_000;
        let token = self.token(Number::from(rand::random::<u32>()), Number::from(now));
        let ends = u64::try_from(now.saturating_add(self.expires)).unwrap_or(0).min(LAST_DATE);
        let ends = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(ends));
        let cookie = format!("{}={token};path=/;SameSite=Lax;Expires={ends}", self.name);
        // The name was tried when it was compiled, and the rest is plain.
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers.append(SET_COOKIE, cookie);
        }
    }
}

/// The end of the year 9999, the last one that an HTTP date can say.
const LAST_DATE: u64 = 253_402_300_799;

impl Csrf {
    fn check(&self, context: &Context<'_>) -> Result<(), &'static str> {
        let request = &context.request;
        if matches!(request.parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        let shown = self.header.as_ref().and_then(|name| request.parts.headers.get(name));
        let shown = shown.filter(|value| !value.is_empty()).ok_or("no csrf token in headers")?;
        let cookie = request.cookie(&self.name).ok_or("no csrf cookie")?;
        if shown.as_bytes() != cookie.as_bytes() {
            return Err("csrf token mismatch");
        }
        let now = context.now_micros / 1_000_000;
        if self.is_good(cookie, now) { Ok(()) } else { Err("Failed to verify the csrf token signature") }
    }

    fn is_good(&self, token: &str, now: i64) -> bool {
        let Ok(text) = STANDARD.decode(token) else { return false };
        let Ok(token) = serde_json::from_slice::<Token>(&text) else { return false };
        let Some(made) = token.expires.as_i64() else { return false };
        let over = self.expires > 0 && now.saturating_sub(made) > self.expires;
        let expected = self.sign(&token.random, &token.expires);
        !over && auth::same(expected.as_bytes(), token.sign.as_bytes())
    }

    fn token(&self, random: Number, expires: Number) -> String {
        let sign = self.sign(&random, &expires);
        STANDARD.encode(json!(Token { random, expires, sign }).to_string())
    }

    /// As APISIX signs, so that cookies outlive a change from one gateway to the other.
    fn sign(&self, random: &Number, expires: &Number) -> String {
        let text = format!("{{expires:{expires},random:{random},key:{}}}", self.key);
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;
    use crate::context::tests::{NOW, with_context};
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, filtered, refused};

    fn plugin(expires: i64) -> Csrf {
        compile(json!({"key": "userkey", "name": "t", "expires": expires}), &State::default()).unwrap()
    }

    fn made(seconds_ago: i64) -> String {
        plugin(1).token(Number::from(7), Number::from(NOW / 1_000_000 - seconds_ago))
    }

    #[test]
    fn requests_that_change_something_need_the_token_twice() {
        let fresh = made(0);
        let forged = compile::<Csrf>(json!({"key": "other", "name": "t"}), &State::default()).unwrap();
        let forged = forged.token(Number::from(7), Number::from(NOW / 1_000_000));
        let signature = Some("Failed to verify the csrf token signature");
        let cases = [
            ("GET", 10, None, None, None),
            ("HEAD", 10, None, None, None),
            ("OPTIONS", 10, None, None, None),
            ("POST", 10, None, Some(fresh.clone()), Some("no csrf token in headers")),
            ("POST", 10, Some(String::new()), Some(fresh.clone()), Some("no csrf token in headers")),
            ("POST", 10, Some(fresh.clone()), None, Some("no csrf cookie")),
            ("POST", 10, Some(fresh.clone()), Some(made(1)), Some("csrf token mismatch")),
            ("POST", 10, Some(fresh.clone()), Some(format!("{fresh}; t=x")), Some("csrf token mismatch")),
            ("POST", 10, Some(fresh.clone()), Some(format!("x; t={fresh}")), None),
            ("POST", 10, Some("x".to_owned()), Some("x".to_owned()), signature),
            ("POST", 10, Some(forged.clone()), Some(forged), signature),
            ("DELETE", 10, Some(made(11)), Some(made(11)), signature),
            ("POST", 10, Some(made(10)), Some(made(10)), None),
            ("POST", 0, Some(made(100)), Some(made(100)), None),
            ("PUT", 10, Some(fresh.clone()), Some(fresh), None),
        ];
        for (method, expires, header, cookie, expected) in cases {
            let mut head = http::Request::builder().method(method).uri("/").header("host", "h");
            if let Some(header) = &header {
                head = head.header("t", header);
            }
            if let Some(cookie) = &cookie {
                head = head.header(COOKIE, format!("a=b; t={cookie}"));
            }
            with_context(head, |context| {
                let answer = decided(plugin(expires).access(context));
                let expected = expected.map(|text| json!({"error_msg": text}).to_string());
                assert_eq!(
                    answer.map(|answer| answer.body),
                    expected.map(Into::into),
                    "{method} {header:?} {cookie:?}"
                );
            });
        }
    }

    #[test]
    fn every_answer_brings_a_token_that_is_good() {
        with_context(http::Request::get("/").header("host", "h"), |context| {
            let plugin = plugin(60);
            let response = http::Response::builder().header(SET_COOKIE, "own=1").body(()).unwrap();
            let head = filtered(&plugin, context, response);
            let cookies: Vec<_> =
                head.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
            let (token, rest) = cookies[1].strip_prefix("t=").unwrap().split_once(';').unwrap();
            assert!(plugin.is_good(token, NOW / 1_000_000), "{token}");
            assert_eq!(rest, "path=/;SameSite=Lax;Expires=Tue, 14 Nov 2023 22:14:20 GMT");
        });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<Csrf>(&[
            (json!({}), "property \"key\" is required"),
            (json!({"key": 1}), "property \"key\""),
            (json!({"key": "a", "expires": "x"}), "property \"expires\""),
            (json!({"key": "a", "name": "a=b"}), "\"a=b\" cannot name a cookie"),
        ]);
    }
}
