use std::sync::Arc;

use http::header::WWW_AUTHENTICATE;
use http::request::Builder;
use serde_json::json;

use super::*;
use crate::context::tests::with_snapshot;
use crate::plugin::State;
use crate::plugin::auth::{CONSUMER_CUSTOM_ID, CONSUMER_USERNAME, CREDENTIAL_IDENTIFIER};
use crate::plugins::tests::{check_consumer, compile, decided};
use crate::snapshot::Snapshot;

fn snapshot() -> Arc<Snapshot> {
    let consumer = |name: &str, value: serde_json::Value| crate::compile::tests::put("consumers", name, 1, &value);
    crate::compile::tests::snapshot(vec![
        consumer(
            "jack",
            json!({"username": "jack", "plugins": {"key-auth": {"key": "one two"}}, "labels": {"custom_id": "c-1"}}),
        ),
        consumer("nobody", json!({"username": "nobody"})),
        crate::compile::tests::put(
            "consumers",
            "jack/credentials/cred-1",
            1,
            &json!({"id": "cred-1", "plugins": {"key-auth": {"key": "second"}}}),
        ),
    ])
}

fn head(uri: &str) -> Builder {
    http::Request::get(uri)
        .header("host", "h")
        .header("x-consumer-username", "forged")
        .header("x-credential-identifier", "forged")
}

#[test]
fn requests_are_let_in_or_not() {
    let cases = [
        (json!({}), head("/"), Err("Missing API key in request")),
        (json!({}), head("/").header("apikey", "wrong"), Err("Invalid API key in request")),
        (json!({}), head("/").header("apikey", "one two"), Ok(("jack", None, "/"))),
        (json!({}), head("/").header("apikey", "second"), Ok(("jack", Some("cred-1"), "/"))),
        (json!({}), head("/?apikey=one%20two&a=1"), Ok(("jack", None, "/?apikey=one%20two&a=1"))),
        (json!({"header": "X-Key", "query": "key"}), head("/").header("x-key", "one two"), Ok(("jack", None, "/"))),
        (
            json!({"header": "X-Key", "query": "key"}),
            head("/?key=second"),
            Ok(("jack", Some("cred-1"), "/?key=second")),
        ),
        (json!({"hide_credentials": true}), head("/?apikey=second&a=1"), Ok(("jack", Some("cred-1"), "/?a=1"))),
        (json!({"hide_credentials": true}), head("/?a=1").header("apikey", "one two"), Ok(("jack", None, "/?a=1"))),
        (json!({"anonymous_consumer": "nobody"}), head("/"), Ok(("nobody", None, "/"))),
        (
            json!({"anonymous_consumer": "nobody", "hide_credentials": true}),
            head("/?apikey=bad&a=1").header("apikey", "bad"),
            Ok(("nobody", None, "/?a=1")),
        ),
        // The upstream may read the other one.
        (json!({}), head("/?apikey=second&apikey=x"), Err("Invalid API key in request")),
        (json!({}), head("/?apikey=second&%61pikey=second"), Err("Invalid API key in request")),
        (json!({}), head("/").header("apikey", "second").header("apikey", "x"), Err("Invalid API key in request")),
        (json!({"anonymous_consumer": "gone"}), head("/"), Err("Invalid user authorization")),
    ];
    let snapshot = snapshot();
    for (config, head, expected) in cases {
        let plugin = compile::<KeyAuth>(config.clone(), &State::default()).unwrap();
        with_snapshot(head, &snapshot, |context| {
            let answer = decided(plugin.rewrite(context));
            match expected {
                Err(message) => {
                    let answer = answer.unwrap();
                    assert_eq!(answer.status, 401, "{config}");
                    assert_eq!(answer.body, json!({ "message": message }).to_string(), "{config}");
                    assert_eq!(answer.headers[WWW_AUTHENTICATE], "apikey realm=\"key\"", "{config}");
                }
                Ok((name, id, uri)) => {
                    assert!(answer.is_none(), "{config}");
                    let headers = &context.request.parts.headers;
                    assert_eq!(headers[CONSUMER_USERNAME], name, "{config}");
                    assert_eq!(headers.get(CREDENTIAL_IDENTIFIER).map(|v| v.to_str().unwrap()), id, "{config}");
                    assert_eq!(headers.contains_key(CONSUMER_CUSTOM_ID), name == "jack", "{config}");
                    assert_eq!(context.request.parts.uri, uri, "{config}");
                    if config["hide_credentials"] == true {
                        assert!(!headers.contains_key("apikey"), "{config}");
                    }
                }
            }
        });
    }
}

#[test]
fn nonsense_is_refused() {
    for config in [json!({"header": 1}), json!({"realm": "a\"b"}), json!({"anonymous_consumer": ""})] {
        assert!(compile::<KeyAuth>(config.clone(), &State::default()).is_err(), "{config}");
    }
    for config in [json!({}), json!({"key": 1})] {
        assert!(check_consumer::<KeyAuth>(&config).is_err(), "{config}");
    }
}
