//! echo: puts text before or after the response's body, or in its place: to look at what plugins do.
//!
//! ```json
//! {"echo": {"before_body": "<!-- staging -->", "headers": {"X-Env": "staging"}}}
//! ```

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::fields::{Fields, Map};
use crate::plugin::{BodyFilter, Error, Phase, Phases, Plugin, Scope, announce_changed_body};

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("minProperties" = 1))]
pub struct Config {
    /// text before the body
    pub before_body: Option<String>,
    /// text in place of the upstream's body
    pub body: Option<String>,
    /// text after the body
    pub after_body: Option<String>,
    /// headers of the response
    #[schemars(extend("minProperties" = 1))]
    pub headers: Option<Map>,
}

/// The compiled form.
#[derive(Debug)]
pub struct Echo {
    texts: Arc<Texts>,
    headers: Fields,
}

#[derive(Debug)]
struct Texts {
    before: Bytes,
    body: Option<Bytes>,
    after: Bytes,
}

/// One response's body.
struct Echoed {
    texts: Arc<Texts>,
    begun: bool,
}

// === impl Echo ===

impl Plugin for Echo {
    const NAME: &'static str = "echo";
    const PRIORITY: i64 = 412;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::HEADER_FILTER.and(Phase::BODY_FILTER);

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        let required = |name: &str| json!({"required": [name]});
        schema["anyOf"] = Value::Array(["before_body", "body", "after_body"].map(required).to_vec());
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let texts = Texts {
            before: config.before_body.unwrap_or_default().into(),
            body: config.body.map(Bytes::from),
            after: config.after_body.unwrap_or_default().into(),
        };
        Ok(Self { texts: Arc::new(texts), headers: Fields::literal(&config.headers.unwrap_or_default())? })
    }
}

impl Phases for Echo {
    fn header_filter(&self, context: &mut Context<'_>, response: &mut Parts) {
        announce_changed_body(&mut response.headers);
        self.headers.set(context, &mut response.headers);
    }

    fn body_filter(&self, _context: &mut Context<'_>, _response: &mut Parts) -> Option<Box<dyn BodyFilter>> {
        Some(Box::new(Echoed { texts: self.texts.clone(), begun: false }))
    }
}

// === impl Echoed ===

impl BodyFilter for Echoed {
    fn piece(&mut self, piece: Bytes) -> Bytes {
        if self.texts.body.is_some() || piece.is_empty() {
            return Bytes::new();
        }
        if std::mem::replace(&mut self.begun, true) || self.texts.before.is_empty() {
            return piece;
        }
        let mut both = BytesMut::from(&*self.texts.before);
        both.extend_from_slice(&piece);
        both.freeze()
    }

    fn end(&mut self) -> Bytes {
        let mut rest = BytesMut::new();
        if !self.begun {
            rest.extend_from_slice(&self.texts.before);
        }
        rest.extend_from_slice(self.texts.body.as_deref().unwrap_or_default());
        rest.extend_from_slice(&self.texts.after);
        rest.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{body_of, compile, filtered, refused};

    #[test]
    fn texts_stand_around_or_in_place_of_the_body() {
        let cases = [
            (json!({"before_body": "<"}), "<abc"),
            (json!({"after_body": ">"}), "abc>"),
            (json!({"before_body": "<", "after_body": ">"}), "<abc>"),
            (json!({"body": "x"}), "x"),
            (json!({"body": "x", "before_body": "<", "after_body": ">"}), "<x>"),
            (json!({"body": ""}), ""),
        ];
        for (config, expected) in cases {
            let plugin = compile::<Echo>(config.clone(), &State::default()).unwrap();
            assert_eq!(body_of(&plugin, http::Response::new(()), &["a", "", "bc"]), expected, "{config}");
            let empty = expected.replace("abc", "");
            assert_eq!(body_of(&plugin, http::Response::new(()), &[]), empty, "{config}");
        }
    }

    #[test]
    fn headers_are_set_and_those_of_the_old_body_go() {
        let config = json!({"body": "x", "headers": {"x-env": "$arg_env\\$", "x-n": 1, "x-e": ""}});
        let plugin = compile::<Echo>(config, &State::default()).unwrap();
        let response =
            http::Response::builder().header("content-length", "3").header("etag", "\"1\"").header("x-n", "9");
        let response = response.header("content-encoding", "gzip").header("last-modified", "x");
        with_context(http::Request::get("/?env=t").header("host", "h"), |context| {
            let head = filtered(&plugin, context, response.body(()).unwrap());
            let mut shown: Vec<_> = head.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
            shown.sort();
            assert_eq!(shown, ["x-env: $arg_env\\$", "x-n: 1"]);
        });
    }

    #[test]
    fn without_a_text_it_is_refused() {
        refused::<Echo>(&[
            (json!({}), ""),
            (json!({"headers": {"a": "b"}}), ""),
            (json!({"body": "x", "headers": {}}), "property \"headers\""),
            (json!({"body": "x", "headers": {"a b": "c"}}), "\"a b\" cannot name a header"),
        ]);
    }
}
