//! Secrets of the configuration show in no answer of the API.

use serde_json::{Value, json};

use crate::plane::{Plane, send};

const SECRET: &str = "a-key-that-nobody-may-see";

#[tokio::test(flavor = "multi_thread")]
async fn masked_in_every_answer() {
    let plane = Plane::new().await;
    let first = plane.head().await;
    let body = |desc: &str| json!({"username": "ann", "desc": desc, "plugins": {"key-auth": {"key": SECRET}}});
    plane.expect("PUT", "/apisix/admin/consumers", body("a"), 201).await;
    plane.expect("PUT", "/apisix/admin/consumers", body("b"), 200).await;
    let put = plane.head().await;
    let upstream = json!({"nodes": {}, "tls": {"client_cert": "x".repeat(128), "client_key": SECRET.repeat(6)}});
    plane.call("PUT", "/apisix/admin/upstreams/u", upstream).await;
    let answers = [
        plane.expect("GET", "/api/groups/default/resources/consumers", Value::Null, 200).await,
        plane.expect("GET", "/api/groups/default/resources/consumers/ann", Value::Null, 200).await,
        plane.expect("GET", "/api/groups/default/resources/upstreams", Value::Null, 200).await,
        plane.expect("GET", "/api/history/consumers/ann", Value::Null, 200).await,
        plane.expect("GET", "/api/audit/events?limit=100", Value::Null, 200).await,
        plane.expect("GET", &format!("/api/audit/events/{put}"), Value::Null, 200).await,
        plane.expect("POST", "/api/rollback", json!({"to": first}), 200).await,
        plane.expect("POST", "/api/rollback", json!({"to": first, "dry_run": false}), 200).await,
        plane.expect("POST", "/api/rollback", json!({"to": put, "dry_run": false}), 200).await,
    ];
    for answer in &answers {
        assert!(!answer.to_string().contains(SECRET), "{answer}");
    }
    assert_eq!(answers[1]["value"]["plugins"]["key-auth"]["key"], "******");
    assert_eq!(answers[3]["versions"].as_array().unwrap().len(), 2);
    // The rollback put the real one back.
    let item = plane.expect("GET", "/apisix/admin/consumers/ann", Value::Null, 200).await;
    assert_eq!(item["value"]["plugins"]["key-auth"]["key"], SECRET);
    let metrics = send(reqwest::Client::new().get(format!("{}/metrics", plane.at.status))).await;
    assert!(metrics.text.contains("portolan_cp_revision") && !metrics.text.contains(SECRET));
}
