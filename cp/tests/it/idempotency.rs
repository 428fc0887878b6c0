//! `Idempotency-Key` and `If-Match`.

use std::sync::Arc;

use portolan_cp::config::Key;
use portolan_rt::clock::SystemClock;
use serde_json::{Value, json};

use crate::plane::{PASSWORD, Plane, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_its_first_answer() {
    let plane = Plane::new().await;
    let key = [("idempotency-key", "k1")];
    let body = json!({"nodes": {"127.0.0.1:80": 1}});
    let first = plane.with_headers("POST", "/apisix/admin/upstreams", &key, body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let head = plane.head().await;
    let again = plane.with_headers("POST", "/apisix/admin/upstreams", &key, body.clone()).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(plane.head().await, head, "nothing new was written");

    let other = json!({"nodes": {"127.0.0.1:81": 1}});
    for (path, body) in [("/apisix/admin/upstreams", other), ("/apisix/admin/upstreams?ttl=9", body.clone())] {
        let answer = plane.with_headers("POST", path, &key, body).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text);
    }
    assert_eq!(plane.head().await, head);
    // Somebody else's key is another one.
    let request = plane.request("POST", "/apisix/admin/upstreams").header("idempotency-key", "k1");
    let answer = send(request.header("x-api-key", crate::plane::VIEWER_KEY).body(body.to_string())).await;
    assert_eq!(answer.status, 401);
}

/// A key of the configuration, a user and a gateway group may all have the same name.
#[tokio::test(flavor = "multi_thread")]
async fn callers_of_one_name_do_not_answer_for_each_other() {
    const NAMED_AS_USER: &str = "key-named-as-the-user";
    const NAMED_AS_GROUP: &str = "key-named-as-the-group";
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let mut settings = crate::plane::config(dir.path());
    for (name, key) in [("root", NAMED_AS_USER), ("default-admin", NAMED_AS_GROUP)] {
        let named = Key { name: name.into(), key: Some(key.into()), ..settings.admin.keys[0].clone() };
        settings.admin.keys.push(named);
    }
    let plane = Plane::with(dir, settings, Arc::new(SystemClock)).await;
    let of_group = plane.expect("PUT", "/api/gateway_groups/default/admin_key", Value::Null, 200).await;
    let of_group = of_group["value"]["key"].as_str().unwrap();
    let login = plane.dashboard("POST", "/api/login").json(&json!({"username": "root", "password": PASSWORD}));
    let login = send(login).await;
    let session = login.header("set-cookie").split(';').next().unwrap();
    let token = plane.dashboard("POST", "/api/tokens").header("cookie", session).json(&json!({"name": "t"}));
    let token = send(token).await.json();
    let of_user = token["value"]["token"].as_str().unwrap();

    let mut made = Vec::new();
    for key in [NAMED_AS_USER, of_user, NAMED_AS_GROUP, of_group] {
        let post = || {
            let request = plane.request("POST", "/apisix/admin/upstreams").header("x-api-key", key);
            send(request.header("idempotency-key", "k").json(&json!({"nodes": {}})))
        };
        let (first, again) = (post().await, post().await);
        assert_eq!(first.status, 201, "{}", first.text);
        assert_eq!((again.status, &again.text), (201, &first.text));
        assert!(!made.contains(&first.text), "the answer of another caller: {}", first.text);
        made.push(first.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_repeated_too() {
    let plane = Plane::new().await;
    let key = [("idempotency-key", "r")];
    let route = json!({"uri": "/", "upstream_id": "u"});
    let put = || plane.with_headers("PUT", "/apisix/admin/routes/1", &key, route.clone());
    let first = put().await;
    assert_eq!(first.status, 400, "{}", first.text);
    plane.expect("PUT", "/apisix/admin/upstreams/u", json!({"nodes": {}}), 201).await;
    let again = put().await;
    assert_eq!((again.status, again.text), (400, first.text));
}

#[tokio::test(flavor = "multi_thread")]
async fn api_requests_can_be_repeated_as_well() {
    let plane = Plane::new().await;
    let csr = crate::certificates::csr();
    for (method, path, body) in [
        ("POST", "/api/gateway_groups", json!({"name": "prod"})),
        ("POST", "/api/certificates", json!({"kind": "admin", "name": "ops", "csr": csr})),
        ("POST", "/api/invites", json!({"username": "eve", "password": "a long password"})),
        ("POST", "/api/apply", json!({"services": [{"name": "s"}]})),
        ("POST", "/api/rollback", json!({"to": 2, "dry_run": false})),
        ("DELETE", "/api/gateway_groups/prod", Value::Null),
    ] {
        let key = [("idempotency-key", path)];
        let first = plane.with_headers(method, path, &key, body.clone()).await;
        assert!(first.status < 300, "{path}: {}", first.text);
        let head = plane.head().await;
        let again = plane.with_headers(method, path, &key, body.clone()).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
        assert_eq!(plane.head().await, head, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_none() {
    let plane = Plane::new().await;
    let long = "x".repeat(129);
    for key in ["", long.as_str()] {
        let answer =
            plane.with_headers("PUT", "/apisix/admin/services/1", &[("idempotency-key", key)], json!({})).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    let answer = plane.with_headers("GET", "/api/status", &[("idempotency-key", "")], Value::Null).await;
    assert_eq!(answer.status, 200, "a read needs none and minds none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_something_else_than_was_seen_is_refused() {
    let plane = Plane::new().await;
    let path = "/apisix/admin/services/1";
    let change = |method: &'static str, revision: String, body: Value| {
        let plane = &plane;
        async move { plane.with_headers(method, path, &[("if-match", &revision)], body).await }
    };
    let body = |name: &str| json!({"name": name});
    assert_eq!(change("PUT", "*".into(), body("a")).await.status, 412, "there is none");
    assert_eq!(change("PUT", "0".into(), body("a")).await.status, 201);
    assert_eq!(change("PUT", "0".into(), body("b")).await.status, 412);
    let seen = plane.expect("GET", path, Value::Null, 200).await["modifiedIndex"].as_i64().unwrap();
    for (method, value) in [("PUT", body("b")), ("PATCH", body("b")), ("DELETE", Value::Null)] {
        let answer = change(method, (seen - 1).to_string(), value).await;
        let text = format!("modifiedIndex is {seen}, not {}", seen - 1);
        assert_eq!((answer.status, answer.json()), (412, json!({"error_msg": text})), "{method}");
        let event = &plane.events(1).await[0];
        assert_eq!((&event["outcome"], &event["error"]["status"]), (&json!("refused"), &json!(412)));
    }
    assert_eq!(change("PATCH", format!("\"{seen}\""), body("b")).await.status, 200);
    assert_eq!(change("PUT", "*".into(), body("c")).await.status, 200);
    let seen = plane.expect("GET", path, Value::Null, 200).await["modifiedIndex"].to_string();
    assert_eq!(change("DELETE", seen, Value::Null).await.status, 200);
    for wrong in ["x", "-1", "1.5", "\"1"] {
        assert_eq!(change("PUT", wrong.into(), body("d")).await.status, 400, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_whole_group_only_its_own_changes_count() {
    let plane = Plane::new().await;
    plane.expect("PUT", "/apisix/admin/services/1", json!({"name": "a"}), 201).await;
    let seen = plane.head().await;
    plane.expect("POST", "/api/gateway_groups", json!({"name": "prod"}), 201).await;
    plane.expect("PUT", "/apisix/admin/services/1?gateway_group_id=prod", json!({"name": "a"}), 201).await;
    let call = |path: &'static str, revision: i64, body: Value| {
        let plane = &plane;
        async move { plane.with_headers("POST", path, &[("if-match", &revision.to_string())], body).await }
    };
    let state = |name: &str| json!({"services": [{"id": "1", "name": name}]});
    let answer = call("/api/apply", seen, state("b")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let now = plane.head().await;
    for (path, body) in [("/api/apply", state("c")), ("/api/rollback", json!({"to": 2, "dry_run": false}))] {
        let answer = call(path, seen, body.clone()).await;
        assert_eq!(answer.status, 412, "{path}: {}", answer.text);
        assert_eq!(call(path, now + 100, body).await.status, 412, "{path}");
    }
    let seen = plane.head().await;
    assert_eq!(call("/api/rollback", seen, json!({"to": 2, "dry_run": false})).await.status, 200);
}
