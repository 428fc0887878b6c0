//! Secrets of the configuration show in no answer of the API; who is shown them by a face leaves a trace.

use std::sync::Arc;
use std::time::Duration;

use portolan_rt::clock::{Clock, ManualClock, SystemClock};
use serde_json::{Value, json};

use crate::plane::{ADMIN_KEY, Plane, VIEWER_KEY, config, send};

const SECRET: &str = "a-key-that-nobody-may-see";

#[tokio::test(flavor = "multi_thread")]
async fn masked_in_every_answer() {
    let plane = Plane::new().await;
    let first = plane.head().await;
    let body = |desc: &str| json!({"username": "ann", "desc": desc, "plugins": {"key-auth": {"key": SECRET}}});
    plane.expect("PUT", "/apisix/admin/consumers", body("a"), 201).await;
    plane.expect("PUT", "/apisix/admin/consumers", body("b"), 200).await;
    let put = plane.head().await;
    let (certificate, key) = crate::certificates::pair("a.com");
    let inside = key.lines().nth(1).unwrap();
    let tls = json!({"client_cert": certificate, "client_key": key});
    let upstream = json!({"nodes": {}, "tls": tls});
    plane.expect("PUT", "/apisix/admin/upstreams/u", upstream.clone(), 201).await;
    plane.expect("PUT", "/apisix/admin/services/s", json!({ "upstream": upstream }), 201).await;
    let ssl = json!({"sni": "a.com", "cert": certificate, "key": key, "certs": [certificate], "keys": [key]});
    plane.expect("PUT", "/apisix/admin/ssls/1", ssl, 201).await;
    let vault = json!({"uri": "http://v", "prefix": "kv", "token": SECRET});
    plane.expect("PUT", "/apisix/admin/secrets/vault/v", vault, 201).await;
    let credential = json!({"plugins": {"key-auth": {"key": format!("{SECRET}-2")}}});
    plane.expect("PUT", "/apisix/admin/consumers/ann/credentials/c", credential, 201).await;
    let answers = [
        plane.expect("GET", "/api/groups/default/resources/consumers", Value::Null, 200).await,
        plane.expect("GET", "/api/groups/default/resources/consumers/ann", Value::Null, 200).await,
        plane.expect("GET", "/api/groups/default/resources/upstreams", Value::Null, 200).await,
        plane.expect("GET", "/api/groups/default/resources/services", Value::Null, 200).await,
        plane.expect("GET", "/api/groups/default/resources/ssls", Value::Null, 200).await,
        plane.expect("GET", "/api/groups/default/resources/secrets", Value::Null, 200).await,
        plane.expect("GET", "/api/groups/default/resources/credentials", Value::Null, 200).await,
        plane.expect("GET", "/api/history/consumers/ann", Value::Null, 200).await,
        plane.expect("GET", "/api/audit/events?limit=100", Value::Null, 200).await,
        plane.expect("GET", &format!("/api/audit/events/{put}"), Value::Null, 200).await,
        plane.expect("POST", "/api/rollback", json!({"to": first}), 200).await,
        plane.expect("POST", "/api/rollback", json!({"to": first, "dry_run": false}), 200).await,
        plane.expect("POST", "/api/rollback", json!({"to": put, "dry_run": false}), 200).await,
    ];
    for answer in &answers {
        let text = answer.to_string();
        assert!(!text.contains(SECRET) && !text.contains(inside), "{answer}");
    }
    assert_eq!(answers[1]["value"]["plugins"]["key-auth"]["key"], "******");
    assert_eq!(answers[7]["versions"].as_array().unwrap().len(), 2);
    // The rollback put the real one back.
    let item = plane.expect("GET", "/apisix/admin/consumers/ann", Value::Null, 200).await;
    assert_eq!(item["value"]["plugins"]["key-auth"]["key"], SECRET);
    let metrics = send(reqwest::Client::new().get(format!("{}/metrics", plane.at.status))).await;
    assert!(metrics.text.contains("portolan_cp_revision") && !metrics.text.contains(SECRET));
}

/// Those who write back what they read get secrets in clear: the first time in an hour is an event, before the answer.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_shown_secrets_leaves_a_trace() {
    let (dir, clock) = (Arc::new(tempfile::tempdir().unwrap()), Arc::new(ManualClock::new(SystemClock.now_micros())));
    let plane = Plane::with(dir.clone(), config(dir.path()), clock.clone()).await;
    let (cert, key) = crate::certificates::pair("a.com");
    let (name, password) = ("$secret://vault/1/a/name", "$env://PASSWORD");
    for (path, body) in [
        ("routes/r", json!({"uri": "/a", "plugins": {"cors": {}}})),
        ("ssls/1", json!({"sni": "a.com", "cert": cert, "key": key})),
        (
            "consumers/bob",
            json!({"username": "bob", "plugins": {"basic-auth": {"username": name, "password": password}}}),
        ),
        ("consumers/ann", json!({"username": "ann", "plugins": {"key-auth": {"key": SECRET}}})),
    ] {
        plane.expect("PUT", &format!("/apisix/admin/{path}"), body, 201).await;
    }
    let read = async |key: &str, face: &str, path: &str| {
        let path = format!("/apisix/admin/{path}");
        let request = if face == "9180" { plane.request("GET", &path) } else { plane.dashboard("GET", &path) };
        let answer = send(request.header("x-api-key", key)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.text.contains(SECRET)
    };
    for (later, key, face, path, shown, events) in [
        // Nothing secret, withheld from everybody, or kept elsewhere.
        (0, ADMIN_KEY, "9180", "routes", false, 0),
        (0, ADMIN_KEY, "9180", "ssls/1", false, 0),
        (0, ADMIN_KEY, "9180", "consumers/bob", false, 0),
        (0, ADMIN_KEY, "7443", "ssls", false, 0),
        (0, ADMIN_KEY, "9180", "consumers", true, 1),
        (0, ADMIN_KEY, "9180", "consumers/ann", true, 0),
        (0, ADMIN_KEY, "7443", "consumers", true, 0),
        // Somebody else.
        (0, VIEWER_KEY, "7443", "consumers", false, 0),
        (0, VIEWER_KEY, "9180", "consumers/ann", true, 1),
        (3599, ADMIN_KEY, "7443", "consumers/ann", true, 0),
        (1, ADMIN_KEY, "7443", "routes?service_id=none", false, 0),
        (0, ADMIN_KEY, "7443", "consumers/ann", true, 1),
        (0, ADMIN_KEY, "7443", "consumers", true, 0),
    ] {
        clock.advance(Duration::from_secs(later));
        let head = plane.head().await;
        let what = format!("{key} {face} {path}");
        assert_eq!((read(key, face, path).await, plane.head().await - head), (shown, events), "{what}");
        if events == 1 {
            let event = &plane.events(1).await[0];
            assert_eq!((&event["action"], &event["outcome"]), (&json!("secrets.read"), &json!("success")), "{what}");
            let actor = if key == ADMIN_KEY { "ci" } else { "eye" };
            assert_eq!(
                (&event["actor"]["id"], &event["gateway_group_id"]),
                (&json!(actor), &json!("default")),
                "{what}"
            );
        }
    }
}
