//! Global rules, plugin configs and consumer groups.

use portolan_testkit::Upstream;
use portolan_testkit::upstream::Reply;
use serde_json::json;

use crate::harness::{Gateway, text};

#[tokio::test(flavor = "multi_thread")]
async fn global_rules_see_every_request_also_those_without_a_route() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    let route = json!({"uri": "/here", "upstream": {"nodes": {upstream.node(): 1}}});
    gateway.put("routes/1", route).await;
    gateway
        .put("global_rules/1", json!({"id": "1", "plugins": {"cors": {"allow_origins": "https://a.example"}}}))
        .await;
    let limit = json!({"count": 3, "time_window": 600, "rejected_code": 429, "key": "all", "key_type": "constant"});
    gateway.put("global_rules/2", json!({"id": "2", "plugins": {"limit-count": limit}})).await;
    let client = reqwest::Client::new();
    for (path, status) in [("here", 200), ("nowhere", 404), ("here", 200), ("nowhere", 429), ("here", 429)] {
        let request = client.get(format!("{}/{path}", gateway.http())).header("origin", "https://a.example");
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(response.headers()["access-control-allow-origin"], "https://a.example", "{path}");
    }
    let revision = gateway.space.delete("global_rules/2").await;
    gateway.applied(revision).await;
    assert_eq!(text(&format!("{}/here", gateway.http())).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_configs_and_consumer_groups_take_part() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    let route = json!({"uri": "/*", "plugin_config_id": "p", "upstream": {"nodes": {upstream.node(): 1}}});
    gateway.put("routes/1", route).await;
    assert_eq!(text(&gateway.http()).await.0, 503);
    gateway.put("plugin_configs/p", json!({"id": "p", "plugins": {"key-auth": {}}})).await;
    assert_eq!(text(&gateway.http()).await.0, 401);
    let consumer = json!({"username": "jack", "group_id": "g", "plugins": {"key-auth": {"key": "k"}}});
    gateway.put("consumers/jack", consumer).await;
    let client = reqwest::Client::new();
    let ask = || client.get(gateway.http()).header("apikey", "k").send();
    assert_eq!(ask().await.unwrap().status(), 503);
    let limit = json!({"count": 1, "time_window": 600, "rejected_code": 429});
    gateway.put("consumer_groups/g", json!({"id": "g", "plugins": {"limit-count": limit}})).await;
    assert_eq!(ask().await.unwrap().status(), 200);
    assert_eq!(ask().await.unwrap().status(), 429);
}
