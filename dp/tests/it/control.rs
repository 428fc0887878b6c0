//! The control port, beside what APISIX answers there.

use serde_json::json;

use crate::harness::{Gateway, get_json, text};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_resource_is_shown_alone_and_in_its_list() {
    let (gateway, _files) = Gateway::new().await;
    let nodes = json!({"127.0.0.1:80": 1});
    let documents = [
        ("upstream", "upstreams", json!({"nodes": nodes, "type": "roundrobin"})),
        ("service", "services", json!({"hosts": ["a.example"]})),
        ("plugin_config", "plugin_configs", json!({"plugins": {"echo": {"body": "y"}}})),
        ("route", "routes", json!({"uri": "/a", "plugins": {}})),
        (
            "stream_route",
            "stream_routes",
            json!({"server_port": 9, "upstream": {"nodes": nodes, "type": "roundrobin"}}),
        ),
        ("global_rule", "global_rules", json!({"plugins": {"prometheus": {}}})),
        ("consumer_group", "consumer_groups", json!({"plugins": {"echo": {"body": "x"}}})),
    ];
    let control = gateway.announced.control_api.clone();
    for (_, all, _) in &documents {
        assert_eq!(get_json(&format!("{control}/v1/{all}")).await, json!({}), "{all}");
    }
    for (one, all, document) in documents {
        gateway.put(&format!("{all}/x1"), document.clone()).await;
        let alone = get_json(&format!("{control}/v1/{one}/x1")).await;
        assert_eq!(alone["value"], document, "{one}");
        assert_eq!(alone["key"], format!("{}{all}/x1", gateway.space.prefix));
        assert!(alone["createdIndex"].as_i64() > Some(0) && alone["modifiedIndex"].as_i64() > Some(0), "{alone}");
        assert_eq!(get_json(&format!("{control}/v1/{all}")).await, json!([alone]));
        let missing = format!(r#"{{"error_msg":"{one}[x2] not found"}}"#);
        assert_eq!(text(&format!("{control}/v1/{one}/x2")).await, (404, missing));
    }
    let plugins = json!({"key-auth": {"key": "very-secret"}});
    gateway.put("consumers/jack", json!({"username": "jack", "plugins": plugins})).await;
    let (status, body) = text(&format!("{control}/v1/consumers")).await;
    assert!(status == 200 && body.contains("jack") && !body.contains("very-secret"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_schemas_and_commands_are_as_apisix_has_them() {
    let (gateway, _files) = Gateway::new().await;
    let control = gateway.announced.control_api.clone();
    assert_eq!(get_json(&format!("{control}/v1/plugin_metadatas")).await, json!({}));
    let limit = json!({"id": "limit-count", "limit_header": "X-Limit"});
    gateway.put("plugin_metadata/limit-count", limit.clone()).await;
    assert_eq!(get_json(&format!("{control}/v1/plugin_metadatas")).await, json!([limit]));
    assert_eq!(get_json(&format!("{control}/v1/plugin_metadata/limit-count")).await, limit);
    let missing = r#"{"error_msg":"plugin metadata[cors] not found"}"#;
    assert_eq!(text(&format!("{control}/v1/plugin_metadata/cors")).await, (404, missing.to_owned()));
    let revision = gateway.space.delete("plugin_metadata/limit-count").await;
    gateway.applied(revision).await;
    assert_eq!(get_json(&format!("{control}/v1/plugin_metadatas")).await, json!({}));

    let schema = get_json(&format!("{control}/v1/schema")).await;
    assert_eq!(schema["main"]["route"]["type"], "object");
    assert_eq!(schema["plugins"]["limit-count"]["priority"], 1002);
    assert!(schema["stream_plugins"].is_object());

    let client = reqwest::Client::new();
    let command = async |method: http::Method, path: &str| {
        let response = client.request(method, format!("{control}{path}")).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(command(http::Method::POST, "/v1/gc").await, (200, String::new()));
    assert_eq!(command(http::Method::PUT, "/v1/plugins/reload").await, (200, "done".to_owned()));
    assert_eq!(command(http::Method::DELETE, "/v1/routes").await.0, 405);
    assert_eq!(text(&format!("{control}/v1/nothing")).await.0, 404);
}
