//! Bad input: APISIX's status and message, one refused event, and nothing else.

use portolan_testkit::install_crypto;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::gateway::Gateway;

/// The largest body that is read.
const LARGEST: usize = 1_572_864;

struct Case {
    name: &'static str,
    body: String,
    /// The message, or its beginning when it ends with `…` (the JSON parser's own words follow).
    message: &'static str,
}

fn cases() -> Vec<Case> {
    let case = |name, body: &str, message| Case { name, body: body.to_owned(), message };
    vec![
        case("no body", "", "missing configurations"),
        case("bad JSON", "{bad", "invalid request body: …"),
        case(
            "unknown field",
            r#"{"uri":"/x","foo":1,"upstream":{"type":"roundrobin","nodes":{"127.0.0.1:1":1}}}"#,
            "invalid configuration: additional properties forbidden, found foo",
        ),
        case(
            "wrong type",
            r#"{"uri":1,"upstream":{"type":"roundrobin","nodes":{"127.0.0.1:1":1}}}"#,
            r#"invalid configuration: property "uri" validation failed: wrong type: expected string, got number"#,
        ),
        case(
            "dangling upstream",
            r#"{"uri":"/x","upstream_id":"zz"}"#,
            "failed to fetch upstream info by upstream id [zz], response code: 404",
        ),
        case(
            "dangling service",
            r#"{"uri":"/x","service_id":"zz"}"#,
            "failed to fetch service info by service id [zz], response code: 404",
        ),
        case(
            "unknown plugin",
            r#"{"uri":"/x","plugins":{"nope":{}},"upstream":{"type":"roundrobin","nodes":{"127.0.0.1:1":1}}}"#,
            "unknown plugin [nope]",
        ),
        case(
            "id in body differs",
            r#"{"id":"other","uri":"/x","upstream":{"type":"roundrobin","nodes":{"127.0.0.1:1":1}}}"#,
            "wrong route id",
        ),
        Case {
            name: "oversized",
            body: format!(r#"{{"uri":"/{}"}}"#, "x".repeat(LARGEST + 1 - r#"{"uri":"/"}"#.len())),
            message: "invalid request body: request size 1572865 is greater than the maximum size 1572864 allowed",
        },
    ]
}

#[tokio::test]
async fn it_is_refused_in_apisixs_words_and_logged_once() {
    install_crypto();
    let gateway = Gateway::start(&[]).await;
    let key = gateway.up.field("admin_key");
    for case in cases() {
        let before = gateway.head().await;
        let answer = gateway.raw(Method::PUT, "/apisix/admin/routes/1", key, case.body).await.unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}: {}", case.name, answer.body);
        let message = answer.body["error_msg"].as_str().unwrap_or_else(|| panic!("{}: {}", case.name, answer.body));
        match case.message.strip_suffix('…') {
            Some(beginning) => assert!(message.starts_with(beginning), "{}: {message}", case.name),
            None => assert_eq!(message, case.message, "{}", case.name),
        }
        assert_eq!(gateway.head().await, before + 1, "{}: one event", case.name);
        let event = gateway.events("limit=1").await.remove(0);
        assert_eq!(event["outcome"], "refused", "{}: {event}", case.name);
        assert_eq!(event["error"]["status"], 400, "{}: {event}", case.name);
        assert_eq!(event["changes"], Value::Array(vec![]), "{}: {event}", case.name);
    }
    let list = gateway.admin(Method::GET, "/apisix/admin/routes", None).await;
    assert_eq!(list.body["total"], 0, "nothing was written: {}", list.body);
}

/// These are counted, and written once a minute and at the end, so that nobody can fill the log from outside.
#[tokio::test]
async fn wrong_keys_are_refused_and_logged_as_one() {
    install_crypto();
    let first = Gateway::start(&[]).await;
    for (key, description) in [("", "missing apikey"), ("wrong", "wrong apikey"), ("wrong", "wrong apikey")] {
        let answer = first.raw(Method::PUT, "/apisix/admin/routes/1", key, "{}").await.unwrap();
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.body["error_msg"], "failed to check token");
        assert_eq!(answer.body["description"], description);
    }
    let data = first.data().to_owned();
    let _dir = first.stop().await;
    let second = Gateway::start_in(&data, &[]).await;
    let events = second.events("action=auth.denied").await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["outcome"], "denied");
    assert_eq!(events[0]["source"]["ip"], "127.0.0.1");
    let message = events[0]["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("3 requests"), "{message}");
}
