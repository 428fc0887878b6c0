//! The APISIX face, request by request: every statement on APISIX's Admin API that a client can see stands in a table.
//!
//! | What | Where |
//! |---|---|
//! | 1 transport, headers, credentials, order of the first checks | here, [`statements`], `admin_port.rs`, sizes and JSON in [`refusals`] |
//! | 2 resources and their methods | [`kinds`], [`writes`], [`decorations`], [`statements`], and the walk in `coverage.rs` |
//! | 3 envelopes and codes, `ttl` | [`writes`], [`statements`], 503 in `outage.rs` |
//! | 3 lists: paging and filters | [`lists`], [`statements`] |
//! | 4 checks, their order and their words | [`refusals`], [`kinds`], [`statements`], `model/src/check/tests.rs` |
//! | 4 encryption at rest | `encryption.rs`, `model/src/keyring/tests.rs` |
//! | 4 PATCH | [`writes`] |
//! | 4 DELETE and who still uses what | [`refusals`], [`statements`] |
//! | 5 schemas | [`statements`], `model/src/check/tests.rs` |
//! | 6 plugins, schemas, validation | [`helpers`], [`statements`] |
//! | 6 standalone `configs` | [`standalone`] |
//! | 7 control API | the data plane's: `dp/tests/it/control.rs`, `health.rs` |
//! | 8 layout of the keys | `etcd.rs`, `model/src/layout.rs` |
//! | 9 what is better: `If-Match`, credentials of nobody, ciphertext, races | `adc.rs`, `encryption.rs`, `idempotency.rs`, [`refusals`] |

use serde_json::{Value, json};

use crate::plane::{ADMIN_KEY, Plane, send};

mod decorations;
mod helpers;
mod kinds;
mod lists;
mod refusals;
mod standalone;
mod statements;
mod writes;

/// One request, and what must come back. `null` as the body of the answer is "not looked at".
type Case = (&'static str, &'static str, Value, u16, Value);

/// Makes the requests one after the other. Times in answers are taken out before they are compared.
async fn run(plane: &Plane, cases: Vec<Case>) {
    for (method, path, body, status, expected) in cases {
        let answer = plane.call(method, &format!("/apisix/admin{path}"), body.clone()).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text);
        let mut got = answer.json();
        without_times(&mut got);
        if !expected.is_null() {
            assert_eq!(got, expected, "{method} {path} {body}");
        }
    }
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let stamped = fields.get("create_time").is_some_and(Value::is_i64);
            assert_eq!(stamped, fields.get("update_time").is_some_and(Value::is_i64));
            fields.remove("create_time");
            fields.remove("update_time");
            fields.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

fn upstream() -> Value {
    json!({"nodes": {"127.0.0.1:1980": 1}, "type": "roundrobin"})
}

fn error(text: &str) -> Value {
    json!({ "error_msg": text })
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_frame() {
    let plane = Plane::new().await;
    let answer = plane.call("PUT", "/apisix/admin/routes/1", json!({"uri": "/a", "upstream": upstream()})).await;
    assert_eq!(answer.status, 201);
    assert!(answer.text.ends_with("}\n"));
    for (name, value) in [
        ("server", "APISIX/3.18.0"),
        ("content-type", "application/json"),
        ("x-api-version", "v3"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "*"),
        ("access-control-max-age", "3600"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let answer = send(plane.request("HEAD", "/apisix/admin")).await;
    assert_eq!((answer.status, answer.header("server")), (200, "APISIX/3.18.0"));
    let answer = send(plane.request("OPTIONS", "/apisix/admin/routes")).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    for (method, path) in
        [("GET", "/apisix/admin"), ("GET", "/foo"), ("HEAD", "/apisix/admin/routes"), ("POST", "/apisix")]
    {
        let answer = send(plane.request(method, path)).await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert!(answer.header("content-type").starts_with("text/html"), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_in_query_header_and_cookie() {
    let plane = Plane::new().await;
    let get = || plane.request("GET", "/apisix/admin/routes");
    assert_eq!(send(get().header("x-api-key", ADMIN_KEY)).await.status, 200);
    assert_eq!(send(get().bearer_auth(ADMIN_KEY)).await.status, 200);
    assert_eq!(send(get().header("cookie", format!("x-api-key={ADMIN_KEY}"))).await.status, 200);
    assert_eq!(send(plane.request("GET", &format!("/apisix/admin/routes?api_key={ADMIN_KEY}"))).await.status, 200);
    // The first one counts.
    let mixed = plane.request("GET", "/apisix/admin/routes?api_key=wrong").header("x-api-key", ADMIN_KEY);
    assert_eq!(send(mixed).await.json()["description"], "wrong apikey");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_gets_apisix_words() {
    let plane = Plane::new().await;
    let viewer =
        |method: &str| plane.request(method, "/apisix/admin/routes/1").header("x-api-key", crate::plane::VIEWER_KEY);
    assert_eq!(send(viewer("GET")).await.json(), json!({"message": "Key not found"}));
    let answer = send(viewer("DELETE")).await;
    assert_eq!(answer.status, 401);
    let text = json!({"error_msg": "failed to check token", "description": "invalid method for role viewer"});
    assert_eq!(answer.json(), text);
}
