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
