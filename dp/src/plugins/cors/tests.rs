use http::request::Builder;
use serde_json::{Value, json};

use super::*;
use crate::context::tests::with_context;
use crate::plugin::State;
use crate::plugins::tests::{compile, decided, filtered};

fn get(origin: &str) -> Builder {
    http::Request::get("/").header("host", "h").header("origin", origin)
}

/// Headers of the response, of those that the plugin sets.
fn headers(config: Value, head: Builder) -> Vec<String> {
    let plugin = compile::<Cors>(config, &State::default()).unwrap();
    with_context(head, |context| {
        assert!(decided(plugin.rewrite(context)).is_none());
        let headers = filtered(&plugin, context, http::Response::new(())).headers;
        let mut all: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        all.sort();
        all
    })
}

const DEFAULT: [&str; 4] = [
    "access-control-allow-headers: *",
    "access-control-allow-methods: *",
    "access-control-allow-origin: *",
    "access-control-max-age: 5",
];

#[test]
fn origins_are_allowed_or_not() {
    let origin = |config: Value, origin: &str| {
        let all = headers(config, get(origin));
        all.iter().find_map(|h| h.strip_prefix("access-control-allow-origin: ")).map(str::to_owned)
    };
    let cases = [
        (json!({}), "https://a.example", Some("*")),
        (json!({"allow_origins": "**"}), "https://a.example", Some("https://a.example")),
        (json!({"allow_origins": "null"}), "null", Some("null")),
        (json!({"allow_origins": "https://a.example"}), "https://a.example", Some("https://a.example")),
        (json!({"allow_origins": "https://a.example"}), "https://b.example", None),
        (json!({"allow_origins": "null"}), "https://a.example", None),
        (
            json!({"allow_origins": "https://a.example,https://b.example"}),
            "https://b.example",
            Some("https://b.example"),
        ),
        (json!({"allow_origins": "https://a.example,https://b.example"}), "https://c.example", None),
        (json!({"allow_origins_by_regex": [".*\\.test\\.com$"]}), "https://a.test.com", Some("https://a.test.com")),
        (json!({"allow_origins_by_regex": [".*\\.test\\.com$"]}), "https://a.test.org", None),
        (
            json!({"allow_origins": "https://a.example", "allow_origins_by_regex": ["x"]}),
            "https://a.example",
            Some("https://a.example"),
        ),
    ];
    for (config, asked, expected) in cases {
        assert_eq!(origin(config.clone(), asked).as_deref(), expected, "{config} {asked}");
    }
}

#[test]
fn all_options_are_said() {
    assert_eq!(headers(json!({}), get("https://a.example")), DEFAULT);
    let config = json!({
        "allow_origins": "**", "allow_methods": "**", "allow_headers": "**", "expose_headers": "x-a,x-b",
        "max_age": -1, "allow_credential": true, "timing_allow_origins": "**",
    });
    let head = get("https://a.example").header("access-control-request-headers", "x-custom");
    let expected = [
        "access-control-allow-credentials: true",
        "access-control-allow-headers: x-custom",
        "access-control-allow-methods: GET,POST,PUT,DELETE,PATCH,HEAD,OPTIONS,CONNECT,TRACE",
        "access-control-allow-origin: https://a.example",
        "access-control-expose-headers: x-a,x-b",
        "access-control-max-age: -1",
        "timing-allow-origin: https://a.example",
        "vary: Origin",
    ];
    assert_eq!(headers(config, head), expected);
}

#[test]
fn lists_of_the_metadata_come_first() {
    let metadata = json!({"allow_origins": {"one": "https://a.example", "two": "https://b.example,https://c.example"}});
    let allowed = |config: Value, origin: &'static str| {
        let scope = Scope {
            resource: "routes/1",
            config: &config,
            metadata: Some(&metadata),
            certificates: None,
            state: &State::default(),
        };
        let plugin = Cors::compile(serde_json::from_value(config.clone()).unwrap(), &scope).unwrap();
        let allowed = plugin.allow(Some(&HeaderValue::from_static(origin)));
        allowed.map(|value| value.to_str().unwrap().to_owned())
    };
    let cases = [
        (json!({"allow_origins_by_metadata": ["one", "none"]}), "https://a.example", Some("https://a.example")),
        (json!({"allow_origins_by_metadata": ["one"]}), "https://c.example", None),
        (json!({"allow_origins_by_metadata": ["one", "two"]}), "https://c.example", Some("https://c.example")),
        (
            json!({"allow_origins_by_metadata": ["one"], "allow_origins": "https://d.example"}),
            "https://d.example",
            Some("https://d.example"),
        ),
    ];
    for (config, origin, expected) in cases {
        assert_eq!(allowed(config.clone(), origin).as_deref(), expected, "{config} {origin}");
    }
}

#[test]
fn a_preflight_is_answered_here() {
    let plugin = compile::<Cors>(json!({}), &State::default()).unwrap();
    let head = http::Request::options("/").header("host", "h").header("origin", "https://a.example");
    with_context(head, |context| {
        let answer = decided(plugin.rewrite(context)).unwrap();
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    });
}

#[test]
fn nonsense_is_refused() {
    let cases = [
        json!({"allow_origins": "a.example"}),
        json!({"allow_origins": "*", "allow_credential": true}),
        json!({"allow_origins": "https://a.example", "allow_methods": "*", "allow_credential": true}),
        json!({"allow_origins_by_regex": ["("]}),
        json!({"max_age": "5"}),
        json!({"allow_headers": "a\nb"}),
    ];
    for config in cases {
        assert!(compile::<Cors>(config.clone(), &State::default()).is_err(), "{config}");
    }
}
