//! Plugins, schemas, and checks that change nothing.

use serde_json::{Value, json};

use super::{error, run, upstream};
use crate::plane::{ADMIN_KEY, Plane, send};

#[tokio::test(flavor = "multi_thread")]
async fn plugins_and_schemas() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    let not_a_plugin = |subsystem: &str| error(&format!("plugin not found in subsystem {subsystem}"));
    run(
        &plane,
        vec![
            ("GET", "/plugins/list?subsystem=http", Value::Null, 200, Value::Null),
            ("GET", "/plugins/list?subsystem=stream", Value::Null, 200, Value::Null),
            ("GET", "/plugins/list?subsystem=x", Value::Null, 400, Value::Null),
            ("GET", "/plugins/key-auth", Value::Null, 200, Value::Null),
            ("GET", "/plugins/nope", Value::Null, 404, not_a_plugin("http")),
            ("GET", "/plugins/cors?subsystem=stream", Value::Null, 404, not_a_plugin("stream")),
            ("GET", "/plugins/cors?subsystem=x", Value::Null, 400, error("unsupported subsystem: x")),
            ("GET", "/plugins/cors?schema_type=consumer", Value::Null, 400, error("not found schema")),
            ("GET", "/schema/plugins/nope", Value::Null, 404, not_a_plugin("http")),
            ("GET", "/schema/nope", Value::Null, 400, error("not found schema: nope")),
            ("PUT", "/plugins/reload", Value::Null, 200, Value::Null),
            (
                "GET",
                "/plugins/reload",
                Value::Null,
                405,
                error("please use PUT method to reload the plugins, GET method is not allowed."),
            ),
            ("POST", "/schema/validate/nope", json!({}), 404, error("Unsupported resource type: nope")),
            ("POST", "/schema/validate/routes", json!({"uri": "/a", "upstream": upstream()}), 200, Value::Null),
            // The schema only, no plugins and no references.
            ("POST", "/schema/validate/routes", json!({"uri": "/a", "plugins": {"nope": {}}}), 200, Value::Null),
            (
                "POST",
                "/schema/validate/routes",
                json!({"uri": 1, "plugins": {}}),
                400,
                error("property \"uri\" validation failed: wrong type: expected string, got number"),
            ),
        ],
    )
    .await;
    let names = plane.expect("GET", "/apisix/admin/plugins/list", Value::Null, 200).await;
    let names: Vec<&str> = names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let place = |name| names.iter().position(|known| *known == name);
    assert!(place("cors") < place("key-auth") && place("key-auth") < place("limit-count"), "{names:?}");
    let consumer = plane.expect("GET", "/apisix/admin/plugins/key-auth?schema_type=consumer", Value::Null, 200).await;
    assert_eq!(consumer["required"], json!(["key"]));
    let schema = plane.expect("GET", "/apisix/admin/schema/plugins/key-auth", Value::Null, 200).await;
    assert_eq!(schema, plane.expect("GET", "/apisix/admin/plugins/key-auth", Value::Null, 200).await);
    let all = plane.expect("GET", "/apisix/admin/plugins?all=true", Value::Null, 200).await;
    assert_eq!((&all["key-auth"]["type"], &all["key-auth"]["priority"]), (&json!("auth"), &json!(2500)));
    assert_eq!(all["key-auth"]["schema"], schema);
    for name in [
        "route",
        "service",
        "upstream",
        "consumer",
        "credential",
        "ssl",
        "proto",
        "stream_route",
        "global_rule",
        "plugin_config",
        "consumer_group",
        "plugins",
    ] {
        assert!(plane.expect("GET", &format!("/apisix/admin/schema/{name}"), Value::Null, 200).await.is_object());
    }
    assert_eq!(plane.call("PUT", "/apisix/admin/plugins/reload", Value::Null).await.text, "done");
    assert_eq!(plane.head().await, head, "nothing changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_configurations() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    let failed = |errors: Value| json!({"error_msg": "Configuration validation failed", "errors": errors});
    let wrong = |kind: &str, id: Value, index: usize, text: &str| json!({"resource_type": kind, "resource_id": id, "index": index, "error": text});
    let route = |id: &str| json!({"id": id, "uri": "/a", "upstream_id": "nobody-looks"});
    run(
        &plane,
        vec![
            ("POST", "/configs/validate", json!({}), 200, json!({})),
            ("POST", "/configs/validate", Value::Null, 400, error("invalid request body: empty request body")),
            (
                "POST",
                "/configs/validate",
                json!({
                    "routes": [route("1"), route("2")],
                    "consumers": [{"username": "jack"},
                        {"id": "jack/credentials/c1", "plugins": {"key-auth": {"key": "k"}}}],
                    "secrets": [{"id": "vault/v1", "uri": "http://v", "prefix": "kv", "token": "t"}],
                    "plugin_metadata": [{"id": "cors", "allow_origins": {"a": "http://a"}}],
                    "global_rules": [{"id": "g", "plugins": {"cors": {}}}],
                    "routes_conf_version": 3,
                }),
                200,
                json!({}),
            ),
            (
                "POST",
                "/configs/validate",
                json!({
                    "routes": [route("1"), {"id": "1", "uri": "/b", "plugins": {"nope": {}}}],
                    "consumers": [{"username": "jack"}, {"username": "jack"},
                        {"id": "jack/credentials/c1", "plugins": {"cors": {}}}],
                    "secrets": [{"uri": "http://v"}],
                    "plugin_metadata": [{"id": "nope"}],
                    "ssls_conf_version": "x",
                }),
                400,
                failed(json!([
                    wrong("secrets", json!(""), 0, "invalid secret id: nil"),
                    wrong("plugin_metadata", json!("nope"), 0, "invalid plugin name"),
                    {"resource_type": "ssls", "error": "ssls_conf_version must be a number, got string"},
                    wrong("consumers", json!("jack"), 1, "found duplicate username jack in consumers"),
                    wrong("consumers", json!("jack/credentials/c1"), 2,
                        "only supports auth type plugins in consumer credential"),
                    wrong("routes", json!("1"), 1, "unknown plugin [nope]"),
                    wrong("routes", json!("1"), 1, "found duplicate id 1 in routes"),
                ])),
            ),
        ],
    )
    .await;
    let yaml = |body: &'static str| {
        let request = plane.request("POST", "/apisix/admin/configs/validate").header("x-api-key", ADMIN_KEY);
        send(request.header("content-type", "application/yaml").body(body))
    };
    assert_eq!(yaml("routes:\n  - id: 1\n    uri: /a\n    plugins: {}\n").await.text, "{}\n");
    assert_eq!(yaml("- a\n").await.json(), error("invalid request body: invalid yaml request body"));
    assert_eq!(yaml("routes:\n  - id: 1\n").await.status, 400);
    assert_eq!(plane.head().await, head);
}
