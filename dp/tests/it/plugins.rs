use portolan_testkit::Upstream;
use portolan_testkit::upstream::Reply;
use serde_json::{Value, json};

use crate::harness::{Gateway, text};

async fn gateway(plugins: Value) -> (Gateway, crate::harness::Instance, Upstream) {
    let (gateway, files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    let route = json!({"uri": "/*", "plugins": plugins, "upstream": {"nodes": {upstream.node(): 1}}});
    gateway.put("routes/1", route).await;
    (gateway, files, upstream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_known_by_its_key_and_brings_its_plugins() {
    let (gateway, _files, _upstream) =
        gateway(json!({"key-auth": {"hide_credentials": true}, "limit-count": {"count": 100, "time_window": 60}}))
            .await;
    let limited =
        json!({"key-auth": {"key": "jack-key"}, "limit-count": {"count": 1, "time_window": 60, "rejected_code": 429}});
    gateway.put("consumers/jack", json!({"username": "jack", "plugins": limited})).await;
    gateway.put("consumers/rose", json!({"username": "rose"})).await;
    gateway
        .put("consumers/rose/credentials/c1", json!({"id": "c1", "plugins": {"key-auth": {"key": "rose-key"}}}))
        .await;
    let client = reqwest::Client::new();
    let ask = |key: &'static str| client.get(gateway.http()).header("apikey", key).send();
    assert_eq!(text(&gateway.http()).await, (401, "{\"message\":\"Missing API key in request\"}".into()));
    assert_eq!(ask("nobody").await.unwrap().text().await.unwrap(), "{\"message\":\"Invalid API key in request\"}");
    let rose = ask("rose-key").await.unwrap();
    assert_eq!(rose.headers()["x-ratelimit-limit"], "100");
    let seen: Value = rose.json().await.unwrap();
    assert_eq!(seen["headers"]["x-consumer-username"], json!(["rose"]));
    assert_eq!(seen["headers"]["x-credential-identifier"], json!(["c1"]));
    assert!(seen["headers"].get("apikey").is_none());
    let jack = ask("jack-key").await.unwrap();
    assert_eq!((jack.status().as_u16(), jack.headers()["x-ratelimit-limit"].to_str().unwrap()), (200, "1"));
    let refused = ask("jack-key").await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["x-ratelimit-remaining"].to_str().unwrap()), (429, "0"));
    assert_eq!(ask("rose-key").await.unwrap().status(), 200);
    let revision = gateway.space.delete("consumers/jack").await;
    gateway.applied(revision).await;
    assert_eq!(ask("jack-key").await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_their_counters() {
    let (gateway, _files, _upstream) =
        gateway(json!({"limit-count": {"count": 20, "time_window": 600, "rejected_code": 429}})).await;
    let mut passed = 0;
    for _ in 0..40 {
        // A connection each, so that both workers get some.
        passed += usize::from(text(&gateway.http()).await.0 == 200);
    }
    assert_eq!(passed, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_speaks_before_authentication_and_on_refusals() {
    let (gateway, _files, upstream) =
        gateway(json!({"cors": {"allow_origins": "https://a.example"}, "key-auth": {}})).await;
    let client = reqwest::Client::new();
    let preflight = client.request(http::Method::OPTIONS, gateway.http()).header("origin", "https://a.example").send();
    let preflight = preflight.await.unwrap();
    assert_eq!(preflight.status(), 200);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "https://a.example");
    let refused = client.get(gateway.http()).header("origin", "https://a.example").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://a.example");
    assert_eq!(refused.headers()["vary"], "Origin");
    assert_eq!(upstream.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn meta_filters_disables_and_rewords() {
    let (gateway, _files, _upstream) = gateway(json!({
        "key-auth": {"_meta": {"filter": [["arg_guard", "==", "1"]], "error_response": {"said": "no"}}},
        "limit-count": {"count": 1, "time_window": 600, "_meta": {"disable": true}},
    }))
    .await;
    for _ in 0..3 {
        assert_eq!(text(&gateway.http()).await.0, 200);
    }
    assert_eq!(text(&format!("{}/?guard=1", gateway.http())).await, (401, "{\"said\":\"no\"}".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_cannot_be_reached_open_the_breaker() {
    let (gateway, _files) = Gateway::new().await;
    let breaker = json!({"break_response_code": 599, "unhealthy": {"http_statuses": [502], "failures": 2}});
    let route =
        json!({"uri": "/*", "plugins": {"api-breaker": breaker}, "upstream": {"nodes": {crate::raw::closed(): 1}}});
    gateway.put("routes/1", route).await;
    let ask = async || {
        let response = reqwest::get(gateway.http()).await.unwrap();
        let status = response.headers().get("x-apisix-upstream-status").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), status)
    };
    let failed = (502, Some("502".to_owned()));
    assert_eq!([ask().await, ask().await, ask().await], [failed.clone(), failed, (599, None)]);
}
