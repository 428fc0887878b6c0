//! mocking: answers in the upstream's place, with an example or with values made up from a JSON schema.
//!
//! ```json
//! {"mocking": {"response_schema": {"type": "object", "properties": {"id": {"type": "integer", "example": 7}}}}}
//! ```

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use rand::RngExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map as Object, Value, json};
use tokio::time::sleep;

use crate::context::Context;
use crate::plugin::fields::{Fields, Map};
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::vars::Template;

const MOCK_BY: HeaderName = HeaderName::from_static("x-mock-by");
const TYPES: [&str; 5] = ["application/json", "application/xml", "text/html", "text/plain", "text/xml"];
/// Schemas deeper than this are cut off: nobody writes them by hand.
const DEPTH: usize = 64;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// seconds to wait before the answer
    #[serde(default)]
    pub delay: i64,
    /// status of the answer
    #[serde(default = "Config::status")]
    #[schemars(range(min = 100))]
    pub response_status: u16,
    /// Content-Type of the answer
    #[serde(default = "Config::content_type")]
    pub content_type: String,
    /// body of the answer; may hold variables; goes before response_schema
    pub response_example: Option<String>,
    /// JSON schema that the body is made up from
    pub response_schema: Option<Object<String, Value>>,
    /// whether the answer says who made it
    #[serde(default = "Config::with_mock_header")]
    pub with_mock_header: bool,
    /// headers of the answer; values may hold variables
    #[schemars(extend("minProperties" = 1))]
    pub response_headers: Option<Map>,
}

/// The compiled form.
#[derive(Debug)]
pub struct Mocking {
    delay: Duration,
    status: StatusCode,
    headers: HeaderMap,
    more: Fields,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Example(Template),
    Json(Value),
    Xml(Value),
    /// A schema and a type that it cannot be written in.
    None,
}

// === impl Config ===

impl Config {
    fn status() -> u16 {
        200
    }

    fn content_type() -> String {
        "application/json;charset=utf8".to_owned()
    }

    fn with_mock_header() -> bool {
        true
    }
}

// === impl Mocking ===

impl Plugin for Mocking {
    const NAME: &'static str = "mocking";
    const PRIORITY: i64 = 10900;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        schema["anyOf"] = json!([{"required": ["response_example"]}, {"required": ["response_schema"]}]);
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let media = config.content_type.split(';').next().unwrap_or_default();
        if !TYPES.contains(&media) {
            return Err(Error::Refused("unsupported content type!".to_owned()));
        }
        let body = match (&config.response_example, config.response_schema) {
            (Some(example), _) => Body::Example(Template::parse(example)),
            (None, None) => return Err(Error::Refused("response_example or response_schema is required".to_owned())),
            (None, Some(schema)) => match media {
                "application/json" | "text/plain" => Body::Json(Value::Object(schema)),
                "application/xml" | "text/xml" => Body::Xml(Value::Object(schema)),
                _ => Body::None,
            },
        };
        let mut headers = HeaderMap::new();
        let content_type = HeaderValue::try_from(config.content_type);
        headers.insert(CONTENT_TYPE, content_type.map_err(|_| Error::Refused("unsupported content type!".to_owned()))?);
        if config.with_mock_header {
            headers.insert(MOCK_BY, HeaderValue::from_static(concat!("Portolan/", env!("CARGO_PKG_VERSION"))));
        }
        let status = StatusCode::from_u16(config.response_status).ok().filter(|status| status.as_u16() >= 200);
        Ok(Self {
            delay: Duration::from_secs(u64::try_from(config.delay).unwrap_or_default()),
            status: status.ok_or_else(|| Error::Refused("response_status must be from 200 to 999".to_owned()))?,
            headers,
            more: Fields::of(&config.response_headers.unwrap_or_default())?,
            body,
        })
    }
}

impl Phases for Mocking {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let answer = self.answer(context);
        if self.delay.is_zero() {
            return Flow::Respond(answer);
        }
        Flow::Wait(Box::pin(async move {
            sleep(self.delay).await;
            Flow::Respond(answer)
        }))
    }
}

impl Mocking {
    fn answer(&self, context: &Context<'_>) -> Answer {
        let mut headers = self.headers.clone();
        self.more.add(context, &mut headers);
        let resolved = |text: &str| Template::parse(text).render(context).0;
        let body = match &self.body {
            Body::Example(template) => template.render(context).0,
            Body::Json(schema) => object(schema, DEPTH, &resolved).to_string(),
            Body::Xml(schema) => xml("data", &object(schema, DEPTH, &resolved)),
            Body::None => String::new(),
        };
        Answer { status: self.status, headers, body: Bytes::from(body) }
    }
}

/// A value for a schema: its `example`, or made up. Texts are resolved one by one, so that what a client sends stays a text.
fn value(schema: &Value, depth: usize, resolved: &dyn Fn(&str) -> String) -> Value {
    let mut random = rand::rng();
    let example = &schema["example"];
    match schema["type"].as_str().map(str::to_ascii_lowercase).as_deref() {
        _ if depth == 0 => Value::Null,
        Some("array") if schema["items"].is_object() => {
            let length = random.random_range(1..=3);
            (0..length).map(|_| value(&schema["items"], depth - 1, resolved)).collect()
        }
        Some("object") => object(schema, depth - 1, resolved),
        Some("string") => match example.as_str() {
            Some(text) => json!(resolved(text)),
            None => {
                let length = random.random_range(1..=10);
                json!((0..length).map(|_| char::from(random.random_range(b'a'..=b'z'))).collect::<String>())
            }
        },
        Some("number") if example.is_number() => example.clone(),
        Some("number") => json!(random.random_range(0.0..10_000.0)),
        Some("integer") => match example.as_f64() {
            // An example with a fraction is a whole number all the same.
            Some(number) => json!(number.floor() as i64),
            None => json!(random.random_range(1..=10_000)),
        },
        Some("boolean") => json!(example.as_bool().unwrap_or_else(|| random.random())),
        _ => Value::Null,
    }
}

fn object(schema: &Value, depth: usize, resolved: &dyn Fn(&str) -> String) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let made = properties.map(|(name, property)| (name.clone(), value(property, depth, resolved)));
    Value::Object(made.filter(|(_, value)| !value.is_null()).collect())
}

/// Lists repeat their element, as is usual.
fn xml(name: &str, value: &Value) -> String {
    let inner = match value {
        Value::Array(items) => return items.iter().map(|item| xml(name, item)).collect(),
        Value::Object(object) => object.iter().map(|(name, value)| xml(name, value)).collect(),
        Value::String(text) => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        other => other.to_string(),
    };
    format!("<{name}>{inner}</{name}>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, refused};

    fn answer(config: &Value) -> Answer {
        let plugin = compile::<Mocking>(config.clone(), &State::default()).unwrap();
        with_context(http::Request::get("/?a=1&q=%22%3Cb%3E").header("host", "h"), |context| {
            decided(plugin.access(context)).unwrap()
        })
    }

    #[test]
    fn examples_are_given_as_they_are() {
        let answered =
            answer(&json!({"response_example": "hi $arg_a", "response_status": 201, "content_type": "text/plain",
            "response_headers": {"x-a": "$host", "x-n": 1}}));
        assert_eq!((answered.status.as_u16(), &*answered.body), (201, &b"hi 1"[..]));
        assert_eq!(answered.headers[CONTENT_TYPE], "text/plain");
        assert_eq!(answered.headers["x-a"], "h");
        assert!(answered.headers[MOCK_BY].to_str().unwrap().starts_with("Portolan/"));
        let bare = answer(&json!({"response_example": "", "with_mock_header": false}));
        assert_eq!(bare.headers[CONTENT_TYPE], "application/json;charset=utf8");
        assert!(!bare.headers.contains_key(MOCK_BY));
    }

    #[test]
    fn values_are_of_their_type_or_the_example() {
        let schema = json!({"properties": {
            "s": {"type": "string"}, "se": {"type": "string", "example": "x<y"},
            "n": {"type": "number"}, "ne": {"type": "number", "example": 1.5},
            "i": {"type": "integer"}, "ie": {"type": "integer", "example": 7.9},
            "b": {"type": "boolean"}, "be": {"type": "boolean", "example": false},
            "a": {"type": "array", "items": {"type": "integer", "example": 3}}, "empty": {"type": "array"},
            "o": {"type": "object", "properties": {"k": {"type": "string", "example": "v"}}},
        }});
        let made: Value = serde_json::from_slice(&answer(&json!({"response_schema": schema})).body).unwrap();
        assert!(made["s"].as_str().is_some_and(|text| (1..=10).contains(&text.len())));
        assert!(made["n"].is_f64() && made["i"].is_i64() && made["b"].is_boolean());
        assert!(made["a"].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(|one| one == 3)));
        assert_eq!(
            (&made["se"], &made["ne"], &made["ie"], &made["be"]),
            (&json!("x<y"), &json!(1.5), &json!(7), &json!(false))
        );
        assert_eq!((made.get("empty"), &made["o"]), (None, &json!({"k": "v"})));
        let schema = json!({"properties": {"se": {"type": "string", "example": "x<y"}, "o": {"type": "object", "properties": {"n": {"type": "integer", "example": 1}}}}});
        let xml = answer(&json!({"response_schema": schema, "content_type": "text/xml"}));
        assert_eq!(xml.body, "<data><se>x&lt;y</se><o><n>1</n></o></data>");
    }

    #[test]
    fn texts_of_a_schema_may_hold_variables() {
        let example = |text: &str| json!({"properties": {"a": {"type": "string", "example": text}}});
        let cases = [
            ("$arg_a of ${host}", "application/json", r#"{"a":"1 of h"}"#),
            ("$arg_q", "text/plain; charset=utf-8", r#"{"a":"\"<b>"}"#),
            ("$arg_q", "application/xml", "<data><a>\"&lt;b&gt;</a></data>"),
            ("$arg_a", "text/html", ""),
        ];
        for (text, content_type, expected) in cases {
            let answered = answer(&json!({"response_schema": example(text), "content_type": content_type}));
            assert_eq!(answered.body, expected, "{text} {content_type}");
        }
    }

    #[test]
    fn headers_are_added_and_the_type_is_replaced() {
        let config = json!({"response_example": "", "content_type": "text/html", "response_headers":
            {"Content-Type": "image/svg+xml", "X-Mock-By": "$host", "x-n": 1.5}});
        let answered = answer(&config);
        let values =
            |name: &str| answered.headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(values("content-type"), ["image/svg+xml"]);
        assert!(values("x-mock-by").len() == 2 && values("x-mock-by")[1] == "h");
        assert_eq!(values("x-n"), ["1.5"]);
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        refused::<Mocking>(&[
            (json!({}), ""),
            (json!({"response_example": "", "content_type": "image/png"}), "unsupported content type!"),
            (json!({"response_example": "", "response_status": 99}), "property \"response_status\""),
            (json!({"response_example": "", "response_status": 101}), "response_status must be"),
            (json!({"response_example": "", "response_headers": {}}), "property \"response_headers\""),
        ]);
    }
}
