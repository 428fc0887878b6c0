//! What the pages on APISIX's Admin API say and no other table here holds yet, in the order of the list in [`super`].

use serde_json::{Value, json};

use super::{error, run, upstream};
use crate::plane::{ADMIN_KEY, Plane, VIEWER_KEY, send};

/// Section 1: transport, credentials, and the order of the first checks.
#[tokio::test(flavor = "multi_thread")]
async fn transport_and_the_order_of_checks() {
    let plane = Plane::new().await;
    let answer = send(plane.request("TRACE", "/apisix/admin/routes").header("x-api-key", ADMIN_KEY)).await;
    assert_eq!(answer.status, 405);
    assert!(answer.text.contains("405 Not Allowed") && answer.header("content-type").starts_with("text/html"));
    assert_eq!(answer.header("allow"), "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS");
    let answer = plane.call("POST", "/apisix/admin/consumers", json!({})).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, PUT, DELETE"));
    // A viewer only gets.
    for (method, path) in [
        ("POST", "/apisix/admin/schema/validate/routes"),
        ("POST", "/apisix/admin/configs/validate"),
        ("PUT", "/apisix/admin/plugins/reload"),
        ("HEAD", "/apisix/admin/configs"),
    ] {
        let answer = send(plane.request(method, path).header("x-api-key", VIEWER_KEY)).await;
        assert_eq!(answer.status, 401, "{method} {path}");
        if method != "HEAD" {
            assert_eq!(answer.json()["description"], "invalid method for role viewer", "{method} {path}");
        }
    }
    // Each of these is wrong in several ways; the first that is looked at is told.
    let largest = "x".repeat(1_572_865);
    for (method, path, key, body, status, text) in [
        ("PUT", "/nothing/1?ttl=x", "wrong", "{bad", 401, "failed to check token"),
        ("PUT", "/nothing/1?ttl=x", ADMIN_KEY, "{bad", 404, "Unsupported resource type: nothing"),
        ("PUT", "/routes/1?ttl=x", ADMIN_KEY, largest.as_str(), 400, "invalid request body: request size"),
        ("PUT", "/routes/1?ttl=x", ADMIN_KEY, "{bad", 400, "invalid request body: Expected"),
        ("PUT", "/routes/1?ttl=x", ADMIN_KEY, "{}", 400, "invalid argument ttl: should be a number"),
        ("GET", "/routes/1?ttl=x", ADMIN_KEY, "", 400, "invalid argument ttl: should be a number"),
        ("POST", "/consumers?ttl=x", ADMIN_KEY, "{}", 400, "invalid argument ttl: should be a number"),
        ("POST", "/consumers", ADMIN_KEY, "", 405, "not supported `POST` method for consumer"),
        ("PUT", "/routes", ADMIN_KEY, "", 400, "missing configurations"),
        ("PUT", "/routes", ADMIN_KEY, r#"{"create_time":1}"#, 400, "missing route id"),
        ("PUT", "/routes/1", ADMIN_KEY, r#"{"create_time":1,"uri":1}"#, 400, "the property is forbidden:  create_time"),
        ("PUT", "/routes/1", ADMIN_KEY, r#"{"uri":1,"upstream_id":"zz"}"#, 400, "invalid configuration: property"),
    ] {
        let request = plane.request(method, &format!("/apisix/admin{path}")).header("x-api-key", key);
        let answer = send(request.body(body.to_owned())).await;
        let told = answer.json()["error_msg"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.status, status, "{method} {path}: {told}");
        assert!(told.starts_with(text), "{method} {path}: {told}");
    }
}

/// Section 2: what each resource does not take.
#[tokio::test(flavor = "multi_thread")]
async fn methods_that_a_resource_does_not_know() {
    let plane = Plane::new().await;
    let mut cases = Vec::new();
    for (kind, noun, methods) in [
        ("protos", "proto", "PATCH"),
        ("stream_routes", "stream route", "PATCH"),
        ("consumers", "consumer", "POST PATCH"),
        ("consumers/jack/credentials", "credential", "POST PATCH"),
        ("global_rules", "global rule", "POST"),
        ("plugin_configs", "plugin config", "POST"),
        ("consumer_groups", "consumer group", "POST"),
        ("plugin_metadata", "plugin_metadata", "POST PATCH"),
        ("secrets/vault", "secret", "POST"),
    ] {
        for method in methods.split(' ') {
            let text = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
            let said = error(&format!("not supported `{method}` method for {noun}"));
            cases.push((method, text(format!("/{kind}/x")), json!({}), 405, said));
        }
    }
    // What is no resource knows GET only, each by its own words.
    for (method, path) in [("PUT", "/schema/route"), ("DELETE", "/plugins/cors"), ("POST", "/plugins/list")] {
        cases.push((method, path, Value::Null, 404, error("not found")));
    }
    run(&plane, cases).await;
}

/// Section 3: envelopes, and what lists hold.
#[tokio::test(flavor = "multi_thread")]
async fn envelopes_and_lists() {
    let plane = Plane::new().await;
    for i in 0..12 {
        let body = json!({"name": format!("n{}", i % 2), "labels": {"a": "b"}});
        plane.expect("PUT", &format!("/apisix/admin/services/s{i:02}"), body, 201).await;
    }
    plane.expect("PUT", "/apisix/admin/upstreams/7", upstream(), 201).await;
    plane.expect("PUT", "/apisix/admin/routes/1", json!({"uri": "/a", "upstream_id": 7}), 201).await;
    plane.expect("PUT", "/apisix/admin/routes/2", json!({"uri": "/a", "upstream_id": "7"}), 201).await;
    for (path, total, first) in [
        // What the filters leave is counted, then paged.
        ("/services?name=n1&page=1&page_size=10", 6, Some("s01")),
        ("/services?name=n1&label=a&page=2&page_size=10", 6, None),
        // Exact, and a number is no text.
        ("/routes?filter=upstream_id%3D7", 1, Some("2")),
        // Of several values the last one counts.
        ("/routes?filter=upstream_id%3D8%26upstream_id%3D7", 1, Some("2")),
        ("/routes?filter=upstream_id%3D7%26upstream_id%3D8", 0, None),
        ("/routes?filter=service_id%3D7", 0, None),
        ("/protos", 0, None),
    ] {
        let list = plane.expect("GET", &format!("/apisix/admin{path}"), Value::Null, 200).await;
        assert_eq!(list["total"], total, "{path}: {list}");
        assert_eq!(list["list"].pointer("/0/value/id").and_then(Value::as_str), first, "{path}: {list}");
        assert!(list["list"].is_array());
    }
    let patched = plane.call("PATCH", "/apisix/admin/services/s00", json!({"desc": "d"})).await;
    let (answer, fields) =
        (patched.json(), |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    assert_eq!((patched.status, fields(&answer)), (200, vec!["key".to_owned(), "value".to_owned()]));
    let metadata = plane.expect("PUT", "/apisix/admin/plugin_metadata/cors", json!({}), 201).await;
    assert_eq!(metadata["value"], json!({"id": "cors"}), "without times");
    // A key that shall not stay: for POST and PATCH as well.
    for (method, path, status) in [("POST", "/services?ttl=600", 201), ("PATCH", "/services/s01?ttl=600", 200)] {
        let answer = plane.expect(method, &format!("/apisix/admin{path}"), json!({"name": "x"}), status).await;
        let event = plane.events(1).await.remove(0);
        assert_eq!(event["changes"][0]["key"], answer["key"]);
    }
    // What lives by a lease is no part of an export.
    let export = plane.expect("GET", "/api/export", Value::Null, 200).await;
    assert_eq!(export["services"].as_array().unwrap().len(), 11, "s01 and the posted one are not there");
}

/// Section 4: what is said of wrong documents, kind by kind.
#[tokio::test(flavor = "multi_thread")]
async fn words_of_refusals() {
    let plane = Plane::new().await;
    let invalid = |text: &str| error(&format!("invalid configuration: {text}"));
    let route = |more: Value| {
        let mut route = json!({"uri": "/a", "upstream": upstream()});
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    let count = "failed to check the configuration of plugin limit-count err: ";
    let set = |more: Value| ("PUT", "/routes/1", route(more), 400);
    let cases = vec![
        (set(json!({"host": "a", "hosts": ["b"]})), error("only one of host or hosts is allowed")),
        (
            set(json!({"remote_addr": "1.1.1.1", "remote_addrs": ["1.1.1.2"]})),
            error("only one of remote_addr or remote_addrs is allowed"),
        ),
        (set(json!({"script": "return {}  ", "plugins": {}})), Value::Null),
        (
            set(json!({"vars": [["arg_a", "nope", 1]]})),
            error("failed to validate the 'vars' expression: invalid operator 'nope'"),
        ),
        (
            set(json!({"filter_func": "function() return true end"})),
            error("failed to load 'filter_func' string: Lua is not supported"),
        ),
        (set(json!({"status": 2})), invalid("property \"status\" validation failed: matches none of the enum values")),
        (set(json!({"create_time": 0})), error("the property is forbidden:  create_time")),
        (("PUT", "/routes/1", json!({"uri": "/a"}), 400), Value::Null),
        (("PUT", "/services/1", json!({"plugins": {"limit-count": {}}}), 400), Value::Null),
        (("PUT", "/consumers", json!({"username": "a b"}), 400), Value::Null),
        (
            ("PUT", "/consumers", json!({"username": "a", "plugins": {"key-auth": {}}}), 400),
            error(
                "invalid plugins configuration: failed to check the configuration of plugin key-auth err: property \
                 \"key\" is required",
            ),
        ),
        (
            ("PUT", "/upstreams/1", json!({"type": "roundrobin"}), 400),
            invalid("value should match only one schema, but matches none"),
        ),
        (
            (
                "PUT",
                "/stream_routes/1",
                json!({"upstream": upstream(), "protocol": {"name": "redis", "superior_id": "1"}}),
                400,
            ),
            error("stream route can not set itself as superior_id"),
        ),
        (("PUT", "/secrets/foo/1", json!({}), 400), error("invalid secret manager: foo")),
        (("PUT", "/plugin_metadata/nope", json!({}), 400), error("invalid plugin name")),
        (("PATCH", "/routes/nobody", json!({}), 404), json!({"message": "Key not found"})),
        (("PATCH", "/secrets/vault", json!({}), 400), Value::Null),
    ];
    run(
        &plane,
        cases.into_iter().map(|((method, path, body, status), said)| (method, path, body, status, said)).collect(),
    )
    .await;
    let answer = plane.call("PUT", "/apisix/admin/services/1", json!({"plugins": {"limit-count": {"count": 0}}})).await;
    assert!(answer.json()["error_msg"].as_str().unwrap().starts_with(count), "{}", answer.text);
    let answer = plane.call("PUT", "/apisix/admin/routes/1", json!({"uri": "/a"})).await;
    let text = "invalid configuration: object matches none of the required: [\"plugins\",\"uri\"] or ";
    assert!(answer.json()["error_msg"].as_str().unwrap().starts_with(text), "{}", answer.text);
    let without_sni = json!({"cert": "x".repeat(128), "key": "x".repeat(128)});
    run(&plane, vec![("PUT", "/ssls/1", without_sni, 400, invalid("then clause did not match"))]).await;
}

/// Section 4, deleting: who is still using what.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_still_using_it() {
    let plane = Plane::new().await;
    let split =
        |upstream: &str| json!({"traffic-split": {"rules": [{"weighted_upstreams": [{"upstream_id": upstream}]}]}});
    plane.expect("PUT", "/apisix/admin/upstreams/u", upstream(), 201).await;
    let users = [
        ("routes/x", json!({"uri": "/a", "plugins": split("u")}), "plugin in route"),
        ("services/x", json!({"plugins": split("u")}), "plugin in service"),
        ("plugin_configs/x", json!({"plugins": split("u")}), "plugin in plugin_config"),
        ("consumer_groups/x", json!({"plugins": split("u")}), "plugin in consumer_group"),
        ("global_rules/x", json!({"plugins": split("u")}), "plugin in global_rules"),
        ("consumers/x", json!({"username": "x", "plugins": split("u")}), "plugin in consumer"),
        ("routes/x", json!({"uri": "/a", "upstream_id": "u"}), "route"),
        ("services/x", json!({"upstream_id": "u"}), "service"),
        ("stream_routes/x", json!({"upstream_id": "u"}), "stream_route"),
    ];
    for (path, body, user) in users {
        let path = format!("/apisix/admin/{path}");
        let made = plane.call("PUT", &path, body).await;
        assert!(made.status < 300, "{path}: {}", made.text);
        let said = error(&format!("can not delete this upstream, {user} [x] is still using it now"));
        run(&plane, vec![("DELETE", "/upstreams/u", Value::Null, 400, said)]).await;
        plane.expect("DELETE", &path, Value::Null, 200).await;
    }
    plane.expect("PUT", "/apisix/admin/routes/x", json!({"uri": "/a", "upstream_id": "u"}), 201).await;
    for force in ["false", "1", "TRUE", ""] {
        let answer = plane.call("DELETE", &format!("/apisix/admin/upstreams/u?force={force}"), Value::Null).await;
        assert_eq!(answer.status, 400, "force={force}");
    }
    plane.expect("DELETE", "/apisix/admin/upstreams/u?force=true", Value::Null, 200).await;
}

/// Section 5: the bounds that the schemas set.
#[tokio::test(flavor = "multi_thread")]
async fn bounds() {
    let plane = Plane::new().await;
    let long = |length: usize| "x".repeat(length);
    let node = |more: Value| {
        let mut node = json!({"host": "a", "port": 1, "weight": 1});
        node.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"nodes": [node]})
    };
    let nodes = |more: Value| {
        let mut document = upstream();
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document
    };
    let active = |more: Value| {
        let mut check = json!({"http_path": "/h"});
        check.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        nodes(json!({"checks": {"active": check}}))
    };
    let route = |more: Value| {
        let mut document = json!({"uri": "/a", "plugins": {}});
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document
    };
    let timeout = |connect: Value| json!({"timeout": {"connect": connect, "send": 1, "read": 1}});
    for (resource, good, document) in [
        ("routes", true, route(json!({"id": long(64)}))),
        ("routes", false, route(json!({"id": long(65)}))),
        ("routes", false, route(json!({"id": "a b"}))),
        ("routes", true, route(json!({"id": 1}))),
        ("routes", false, route(json!({"id": 0}))),
        ("routes", true, route(json!({"name": long(256), "desc": long(256)}))),
        ("routes", false, route(json!({"name": long(257)}))),
        ("routes", false, route(json!({"name": ""}))),
        ("routes", false, route(json!({"desc": long(257)}))),
        ("routes", true, route(json!({"labels": {"a": "b"}}))),
        ("routes", false, route(json!({"labels": {"a": "b c"}}))),
        ("routes", false, route(json!({"labels": {"a": ""}}))),
        ("routes", false, route(json!({"uri": long(4097)}))),
        ("routes", false, json!({"uri": "/a", "uris": ["/b"], "plugins": {}})),
        ("routes", true, route(json!({"host": "*.a.com"}))),
        ("routes", true, route(json!({"hosts": ["*", "a.com:80", "[::1]"]}))),
        ("routes", false, route(json!({"host": "a*.com"}))),
        ("routes", true, route(json!({"remote_addrs": ["10.0.0.0/8", "::1"]}))),
        ("routes", false, route(json!({"remote_addr": "10.0.0.0/33"}))),
        ("routes", true, route(json!({"methods": ["GET", "PURGE", "TRACE", "CONNECT"]}))),
        ("routes", false, route(json!({"methods": ["get"]}))),
        ("routes", true, route(json!({"priority": -5}))),
        ("routes", false, route(json!({"priority": 1.5}))),
        ("routes", true, route(timeout(json!(0.5)))),
        ("routes", false, route(timeout(json!(0)))),
        ("routes", false, route(json!({"timeout": {"connect": 1}}))),
        ("routes", false, route(json!({"status": 2}))),
        ("routes", false, route(json!({"script": "return {}  "}))),
        ("services", true, json!({})),
        ("services", false, json!({"hosts": []})),
        ("services", false, json!({"uri": "/a"})),
        ("stream_routes", true, json!({"server_port": 65535})),
        ("stream_routes", false, json!({"server_port": 65536})),
        ("stream_routes", false, json!({"protocol": {}})),
        ("upstreams", true, node(json!({"priority": -1, "metadata": {"a": 1}}))),
        ("upstreams", false, node(json!({"port": 65536}))),
        ("upstreams", false, node(json!({"weight": -1}))),
        ("upstreams", false, json!({"service_name": "a"})),
        ("upstreams", true, json!({"service_name": "a", "discovery_type": "dns"})),
        ("upstreams", false, nodes(json!({"hash_on": "nope"}))),
        ("upstreams", false, nodes(json!({"scheme": "ftp"}))),
        ("upstreams", false, nodes(json!({"pass_host": "nope"}))),
        ("upstreams", false, nodes(json!({"retries": -1}))),
        ("upstreams", false, nodes(json!({"keepalive_pool": {"size": 0}}))),
        ("upstreams", true, active(json!({"type": "tcp", "timeout": 0.5, "healthy": {"http_statuses": [200]}}))),
        ("upstreams", false, active(json!({"type": "nope"}))),
        ("upstreams", false, active(json!({"healthy": {"interval": 0}}))),
        ("upstreams", false, active(json!({"healthy": {"http_statuses": [199]}}))),
        ("upstreams", false, nodes(json!({"checks": {"passive": {}}}))),
        ("upstreams", false, nodes(json!({"tls": {"client_cert": long(128)}}))),
        ("consumers", false, json!({})),
        ("consumers", true, json!({"username": "a-B_9"})),
        ("consumers", false, json!({"username": "a.b"})),
        ("credentials", false, json!({"plugins": {"key-auth": {}, "basic-auth": {}}})),
        ("ssls", true, json!({"type": "client", "cert": long(128), "key": long(128)})),
        ("ssls", false, json!({"cert": long(128), "key": long(128)})),
        ("ssls", false, json!({"sni": "a.com", "cert": long(127), "key": long(128)})),
        ("ssls", false, json!({"sni": "a.com", "cert": long(128), "key": long(128), "ssl_protocols": ["SSLv3"]})),
        ("global_rules", false, json!({})),
        ("plugin_configs", false, json!({})),
        ("consumer_groups", false, json!({})),
        ("protos", true, json!({"content": long(1_048_576)})),
        ("protos", false, json!({"content": long(1_048_577)})),
        ("secrets", true, json!({"uri": "http://v", "prefix": "p", "token": "t", "namespace": "n"})),
        ("secrets", true, json!({"access_key_id": "a", "secret_access_key": "b", "region": "r"})),
        ("secrets", false, json!({"uri": "http://v", "prefix": "p"})),
    ] {
        let path = format!("/apisix/admin/schema/validate/{resource}");
        let answer = plane.call("POST", &path, document.clone()).await;
        let shown: String = document.to_string().chars().take(200).collect();
        assert_eq!(answer.status, if good { 200 } else { 400 }, "{resource} {shown}: {}", answer.text);
        assert_eq!(answer.text.is_empty(), good, "{resource} {shown}");
    }
}

/// Section 6: plugins and schemas.
#[tokio::test(flavor = "multi_thread")]
async fn helpers() {
    let plane = Plane::new().await;
    let get = async |path: &str| plane.call("GET", &format!("/apisix/admin{path}"), Value::Null).await;
    let other = get("/plugins/list?subsystem=x").await;
    assert_eq!((other.status, other.text.as_str()), (400, "invalid subsystem passed"));
    let all = get("/plugins?all=true").await.json();
    for (name, facts) in all.as_object().unwrap() {
        for (fact, what) in facts.as_object().unwrap() {
            let right = match fact.as_str() {
                "version" => what.is_f64(),
                "priority" => what.is_i64(),
                "schema" | "consumer_schema" | "metadata_schema" => what.is_object(),
                "type" | "scope" => what.is_string(),
                _ => false,
            };
            assert!(right, "{name}: {fact} {what}");
        }
        assert!(facts["schema"].is_object() && facts["priority"].is_i64() && facts["version"].is_f64(), "{name}");
    }
    assert_eq!(all["key-auth"]["consumer_schema"], get("/plugins/key-auth?schema_type=consumer").await.json());
    let stream = get("/plugins?all=true&subsystem=stream").await.json();
    let names = get("/plugins/list?subsystem=stream").await.json();
    let mut listed: Vec<_> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    listed.sort();
    assert_eq!(
        stream
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>(),
        listed
    );
    for (name, facts) in stream.as_object().unwrap() {
        assert_eq!(facts["schema"], get(&format!("/plugins/{name}?subsystem=stream")).await.json());
    }
    for name in ["upstream_hash_vars_schema", "upstream_hash_header_schema"] {
        assert_eq!(get(&format!("/schema/{name}")).await.json()["type"], "string");
    }
    run(
        &plane,
        vec![
            ("GET", "/plugins", Value::Null, 404, error("plugin not found in subsystem http")),
            ("GET", "/schema/validate/routes", Value::Null, 400, error("not found schema: validate")),
            ("POST", "/schema/validate/routes", Value::Null, 400, error("wrong type: expected object, got nil")),
            ("POST", "/schema/validate/routes", json!([1]), 400, error("wrong type: expected object, got table")),
            ("GET", "/configs/validate", Value::Null, 404, error("Unsupported resource type: configs")),
            (
                "POST",
                "/configs/validate",
                json!({"routes": [{"id": "1", "uri": 1, "plugins": {}}, {"id": "1", "uri": "/a", "plugins": {"nope": {}}}]}),
                400,
                json!({"error_msg": "Configuration validation failed", "errors": [
                    {"resource_type": "routes", "resource_id": "1", "index": 0, "error":
                        "invalid configuration: property \"uri\" validation failed: wrong type: expected string, got number"},
                    {"resource_type": "routes", "resource_id": "1", "index": 1, "error": "unknown plugin [nope]"},
                    {"resource_type": "routes", "resource_id": "1", "index": 1, "error": "found duplicate id 1 in routes"},
                ]}),
            ),
        ],
    )
    .await;
    for method in ["POST", "DELETE", "PATCH", "GET"] {
        let text = format!("please use PUT method to reload the plugins, {method} method is not allowed.");
        let path = "/plugins/reload";
        run(&plane, vec![(method, path, Value::Null, 405, error(&text))]).await;
    }
}
