use http::header::WWW_AUTHENTICATE;
use serde_json::json;

use super::*;
use crate::context::tests::with_snapshot;
use crate::plugin::State;
use crate::plugin::auth::CONSUMER_USERNAME;
use crate::plugins::tests::{check_consumer, compile, decided, refused};

fn header(decoded: &str) -> String {
    format!("Basic {}", BASE64.encode(decoded))
}

#[test]
fn requests_are_let_in_or_not() {
    let put = crate::compile::tests::put;
    let basic = json!({"basic-auth": {"username": "jack", "password": "a:b c"}});
    let second = json!({"id": "two", "plugins": {"basic-auth": {"username": "jack2", "password": "x"}}});
    let snapshot = crate::compile::tests::snapshot(vec![
        put("consumers", "jack", 1, &json!({"username": "jack", "plugins": basic})),
        put("consumers", "nobody", 1, &json!({"username": "nobody"})),
        put("consumers", "jack/credentials/two", 1, &second),
    ]);
    let open = json!({"anonymous_consumer": "nobody", "hide_credentials": true});
    let cases = [
        (json!({}), None, Err("Missing authorization in request")),
        (json!({}), Some("Bearer abc".to_owned()), Err("Invalid authorization in request")),
        (json!({}), Some("Basic".to_owned()), Err("Invalid authorization in request")),
        (json!({}), Some("Basic !!!".to_owned()), Err("Invalid authorization in request")),
        (json!({}), Some(header("jack")), Err("Invalid authorization in request")),
        (json!({}), Some(header("other:a:b c")), Err("Invalid user authorization")),
        (json!({}), Some(header("jack:a:b")), Err("Invalid user authorization")),
        (json!({}), Some(header("jack:a:b c")), Ok("jack")),
        (json!({}), Some(header("jack:a:b c").replacen("Basic", "bAsIc", 1)), Ok("jack")),
        (json!({}), Some(header("jack2:x\n")), Ok("jack")),
        (json!({}), Some(header(&format!("jack:{}", "y".repeat(1000)))), Err("Invalid user authorization")),
        (json!({"hide_credentials": true}), Some(header("jack2:x")), Ok("jack")),
        (open.clone(), None, Ok("nobody")),
        (open, Some(header("jack2:wrong")), Ok("nobody")),
        (json!({"anonymous_consumer": "gone"}), None, Err("Invalid user authorization")),
    ];
    for (config, shown, expected) in cases {
        let plugin = compile::<BasicAuth>(config.clone(), &State::default()).unwrap();
        let mut head = http::Request::get("/").header("host", "h").header(CONSUMER_USERNAME, "forged");
        if let Some(shown) = &shown {
            head = head.header(AUTHORIZATION, shown);
        }
        with_snapshot(head, &snapshot, |context| {
            let answer = decided(plugin.rewrite(context));
            match expected {
                Err(message) => {
                    let answer = answer.unwrap();
                    assert_eq!(answer.status, 401, "{config} {shown:?}");
                    assert_eq!(answer.body, json!({ "message": message }).to_string(), "{config} {shown:?}");
                    assert_eq!(answer.headers[WWW_AUTHENTICATE], "Basic realm=\"basic\"");
                }
                Ok(name) => {
                    assert!(answer.is_none(), "{config} {shown:?}");
                    let headers = &context.request.parts.headers;
                    assert_eq!(headers[CONSUMER_USERNAME], name, "{config} {shown:?}");
                    let hidden = config["hide_credentials"] == true;
                    assert_eq!(headers.contains_key(AUTHORIZATION), !hidden && shown.is_some(), "{config} {shown:?}");
                }
            }
        });
    }
}

#[test]
fn two_headers_are_none() {
    let basic = json!({"username": "jack", "plugins": {"basic-auth": {"username": "jack", "password": "x"}}});
    let snapshot = crate::compile::tests::snapshot(vec![crate::compile::tests::put("consumers", "jack", 1, &basic)]);
    let plugin = compile::<BasicAuth>(json!({}), &State::default()).unwrap();
    let head = http::Request::get("/").header("host", "h").header(AUTHORIZATION, header("jack:x"));
    with_snapshot(head.header(AUTHORIZATION, header("root:y")), &snapshot, |context| {
        let answer = decided(plugin.rewrite(context)).unwrap();
        assert_eq!(answer.body, r#"{"message":"Invalid authorization in request"}"#);
    });
}

#[test]
fn nonsense_is_refused() {
    refused::<BasicAuth>(&[
        (json!({"realm": "a\"b"}), "property \"realm\" validation failed"),
        (json!({"hide_credentials": 1}), "property \"hide_credentials\" validation failed"),
        (json!({"anonymous_consumer": ""}), "property \"anonymous_consumer\" validation failed"),
    ]);
    for config in [json!({}), json!({"username": "u"}), json!({"username": "u", "password": 1})] {
        assert!(check_consumer::<BasicAuth>(&config).is_err(), "{config}");
    }
    assert_eq!(check_consumer::<BasicAuth>(&json!({"username": "u", "password": "", "mine": 1})), Ok(()));
}
