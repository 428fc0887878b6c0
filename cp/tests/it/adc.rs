//! The enterprise face, and the calls that the real ADC makes to it, one after the other.

use serde_json::{Value, json};

mod apisix;

use crate::plane::{ADMIN_KEY, Answer, Plane, VIEWER_KEY, send};

/// A request of ADC to 7443.
async fn call(plane: &Plane, method: &str, path: &str, body: Value) -> Answer {
    let request = plane.dashboard(method, path).header("x-api-key", ADMIN_KEY);
    send(if body.is_null() { request } else { request.json(&body) }).await
}

/// The same, below `/apisix/admin` and in the default group; it must succeed.
async fn ee(plane: &Plane, method: &str, path: &str, body: Value) -> Value {
    let separator = if path.contains('?') { '&' } else { '?' };
    let path = format!("/apisix/admin/{path}{separator}gateway_group_id=default");
    let answer = call(plane, method, &path, body).await;
    assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text);
    answer.json()
}

/// Everything that a dump reads.
async fn dump(plane: &Plane) -> Vec<Value> {
    let mut read = Vec::new();
    for path in ["services", "consumers", "ssls", "global_rules", "plugin_metadata"] {
        read.push(ee(plane, "GET", path, Value::Null).await);
    }
    for service in read[0]["list"].as_array().unwrap().clone() {
        let id = service["id"].as_str().unwrap();
        let routes = if service["type"] == "stream" { "stream_routes" } else { "routes" };
        read.push(ee(plane, "GET", &format!("services/{id}/upstreams"), Value::Null).await);
        read.push(ee(plane, "GET", &format!("{routes}?service_id={id}"), Value::Null).await);
    }
    for consumer in read[1]["list"].as_array().unwrap().clone() {
        let name = consumer["username"].as_str().unwrap();
        read.push(ee(plane, "GET", &format!("consumers/{name}/credentials"), Value::Null).await);
    }
    read
}

fn upstream() -> Value {
    json!({"nodes": [{"host": "127.0.0.1", "port": 80, "weight": 1}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn ping_diff_sync_and_an_empty_second_diff() {
    let plane = Plane::new().await;
    // ping, and what each command asks first
    assert_eq!(call(&plane, "GET", "/api/gateway_groups", Value::Null).await.status, 200);
    let groups = call(&plane, "GET", "/api/gateway_groups?search=default&name=default", Value::Null).await.json();
    assert_eq!(groups["list"][0]["id"], "default");
    assert_eq!(call(&plane, "GET", "/api/version", Value::Null).await.json(), json!({"value": "3.10.1"}));
    let schemas = call(&plane, "GET", "/api/schema/core", Value::Null).await.json();
    for (pointer, default) in [
        ("/route/properties/priority", json!(0)),
        ("/route/properties/timeout/properties/connect", json!(60)),
        ("/service/properties/strip_path_prefix", json!(true)),
        ("/service/properties/upstream/properties/pass_host", json!("pass")),
        ("/service/properties/upstream/properties/keepalive_pool/properties/size", json!(320)),
        ("/stream_service/properties/upstream/properties/scheme", json!("tcp")),
    ] {
        assert_eq!(schemas["value"].pointer(&format!("{pointer}/default")), Some(&default), "{pointer}");
    }
    let empty = dump(&plane).await;
    assert_eq!(empty[0], json!({"total": 0, "list": []}));
    assert_eq!(empty[4], json!({"value": {}}));

    // sync: creates in ADC's order
    let head = plane.head().await;
    let service = json!({"service_id": "s", "name": "svc", "labels": {"managed-by": "adc"}, "upstream": upstream(),
        "plugins": {}, "hosts": ["a.example"], "strip_path_prefix": true, "type": "http"});
    let route = json!({"route_id": "r", "service_id": "s", "name": "route", "methods": ["GET"], "paths": ["/x"],
        "plugins": {}, "priority": 0, "timeout": {"connect": 60, "send": 60, "read": 60}});
    let credential = json!({"id": "c", "name": "key", "plugins": {"key-auth": {"key": "k"}}});
    let puts = [
        ("services/s", service.clone()),
        ("routes/r", route),
        ("consumers/jack", json!({"username": "jack", "plugins": {}})),
        ("services/s/upstreams/u", {
            let mut upstream = upstream();
            upstream["name"] = json!("canary");
            upstream
        }),
        ("global_rules/cors", json!({"plugins": {"cors": {}}})),
        ("consumers/jack/credentials/c", credential),
    ];
    for (path, body) in &puts {
        let answer = call(&plane, "PUT", &format!("/apisix/admin/{path}?gateway_group_id=default"), body.clone()).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text);
    }
    assert_eq!(plane.head().await, head + 6, "one event each");
    let actions: Vec<Value> = plane.events(6).await.iter().map(|event| event["action"].clone()).collect();
    assert_eq!(
        json!(actions),
        json!([
            "credential.create",
            "global_rule.create",
            "upstream.create",
            "consumer.create",
            "route.create",
            "service.create"
        ])
    );
    // The upstream of a service stands where clients of the APISIX face put it.
    plane.expect("GET", "/apisix/admin/upstreams/s", Value::Null, 200).await;
    let dumped = dump(&plane).await;
    let shown = &dumped[0]["list"][0];
    assert_eq!((&shown["type"], &shown["strip_path_prefix"]), (&json!("http"), &json!(true)));
    let node = json!({"host": "127.0.0.1", "port": 80, "weight": 1, "priority": 0});
    assert_eq!(shown["upstream"]["nodes"], json!([node]));
    for (field, default) in [("pass_host", json!("pass")), ("scheme", json!("http")), ("retry_timeout", json!(0))] {
        assert_eq!(shown["upstream"][field], default, "{field}");
    }
    let [upstreams, routes, credentials] = &dumped[5..] else { panic!("{dumped:?}") };
    assert_eq!((&upstreams["list"][0]["id"], upstreams["list"][0].get("labels")), (&json!("u"), None));
    assert_eq!((&routes["list"][0]["paths"], &routes["list"][0]["service_id"]), (&json!(["/x"]), &json!("s")));
    assert_eq!(credentials["list"][0]["plugins"], json!({"key-auth": {"key": "k"}}));

    // The same again changes nothing.
    let head = plane.head().await;
    for (path, body) in &puts {
        ee(&plane, "PUT", path, body.clone()).await;
    }
    assert_eq!((dump(&plane).await, plane.head().await), (dumped, head));
    // What the APISIX face and data planes see is APISIX's.
    let stored = plane.expect("GET", "/apisix/admin/routes/r", Value::Null, 200).await;
    assert_eq!((&stored["value"]["uris"], stored["value"].get("paths")), (&json!(["/x"]), None));

    let filtered = ee(&plane, "GET", "services?labels[managed-by]=adc", Value::Null).await;
    assert_eq!(filtered["total"], 1);
    let filtered = ee(&plane, "GET", "services?labels[managed-by]=hand", Value::Null).await;
    assert_eq!(filtered["total"], 0);

    // sync: deletes; what belongs to a parent goes with it
    let head = plane.head().await;
    for path in ["services/s", "consumers/jack", "global_rules/cors"] {
        ee(&plane, "DELETE", path, Value::Null).await;
    }
    assert_eq!((dump(&plane).await, plane.head().await), (empty, head + 3));
    plane.expect("GET", "/apisix/admin/routes/r", Value::Null, 404).await;
    plane.expect("GET", "/apisix/admin/upstreams/u", Value::Null, 404).await;
}

/// Clients fill in what the schemas say and compare: whatever is filled in beyond that is a difference for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_filled_in_is_what_the_schemas_say() {
    let plane = Plane::new().await;
    let schemas = call(&plane, "GET", "/api/schema/core", Value::Null).await.json();
    let pair = |scheme: &str| {
        let mut upstream = upstream();
        upstream["scheme"] = json!(scheme);
        json!({"name": "n", "upstream": upstream})
    };
    for (path, schema, said) in [
        ("services/http", "service", pair("http")),
        ("services/tcp", "stream_service", pair("tcp")),
        ("services/udp", "stream_service", pair("udp")),
        ("services/http/upstreams/u", "upstream", upstream()),
        ("routes/r", "route", json!({"service_id": "http", "paths": ["/"]})),
        ("stream_routes/r", "stream_route", json!({"service_id": "tcp", "server_port": 9100})),
        ("consumers/jack", "consumer", json!({"username": "jack"})),
        ("consumers/jack/credentials/c", "consumer_credential", json!({"plugins": {"key-auth": {"key": "k"}}})),
    ] {
        let shown = ee(&plane, "PUT", path, said.clone()).await;
        beyond(&shown["value"], &said, &schemas["value"][schema], path);
    }
}

/// What `shown` has and `said` had not must be the schema's default.
fn beyond(shown: &Value, said: &Value, schema: &Value, place: &str) {
    const OWN: [&str; 4] = ["id", "type", "create_time", "update_time"];
    for (name, value) in shown.as_object().unwrap() {
        let (schema, place) = (&schema["properties"][name], format!("{place}/{name}"));
        match (value, said.get(name)) {
            (Value::Object(_), Some(said)) if schema.get("properties").is_some() => beyond(value, said, schema, &place),
            (Value::Array(items), Some(Value::Array(said))) if schema["items"].get("properties").is_some() => {
                items.iter().zip(said).for_each(|(item, said)| beyond(item, said, &schema["items"], &place));
            }
            (value, Some(said)) => assert_eq!(value, said, "{place}"),
            (_, None) if OWN.contains(&name.as_str()) && schema.get("default").is_none() => {}
            (value, None) => assert_eq!(Some(value), schema.get("default"), "{place}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn validate() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    let path = "/apisix/admin/configs/validate?gateway_group_id=default";
    let state = |route: Value| {
        json!({"routes": [route], "services": [{"service_id": "s", "name": "s"}], "consumers": [], "ssls": [],
            "global_rules": [], "stream_routes": [], "plugin_metadata": []})
    };
    let right = state(json!({"route_id": "r", "service_id": "elsewhere", "name": "r", "paths": ["/"]}));
    assert_eq!(call(&plane, "POST", path, right).await.status, 200);
    let mut wrong = state(json!({"route_id": "r", "service_id": "s", "paths": ["/"], "plugins": {"nope": {}}}));
    // ADC names neither.
    wrong["global_rules"] = json!([{"plugins": {"cors": {}}}]);
    let answer = call(&plane, "POST", path, wrong).await;
    let error = json!({"resource_type": "routes", "resource_id": "r", "index": 0, "error": "unknown plugin [nope]"});
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json(), json!({"error_msg": "Configuration validation failed", "errors": [error]}));
    assert_eq!(plane.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_enterprise_face() {
    let plane = Plane::new().await;
    ee(&plane, "PUT", "services/s", json!({"name": "s"})).await;
    for (method, path, body, status, text) in [
        ("PUT", "services/t", json!({"path_prefix": 1}), 400, "Error at \"/path_prefix\": value must be a string"),
        ("PUT", "services/t", json!({"path_prefix": "v1"}), 400, "Error at \"/path_prefix\": must be a path"),
        ("PUT", "services/none/upstreams/u", upstream(), 404, "service none not found"),
        ("DELETE", "services/s/upstreams/u", Value::Null, 404, "Key not found"),
        ("PATCH", "services/none", json!({"name": "x"}), 404, "Key not found"),
        ("POST", "services", json!({"id": "s", "name": "s"}), 409, "service s exists already"),
        ("POST", "services", json!("s"), 400, "must be an object"),
        ("POST", "consumers", json!({"plugins": {}}), 400, "property \"username\" is required"),
        ("PUT", "services/t", json!({"service_id": "u"}), 400, "wrong service id"),
        ("PUT", "routes/r", json!({"paths": ["/"]}), 400, "a route belongs to a service"),
        ("PUT", "routes/r", json!({"paths": ["/"], "service_id": "none"}), 400, "failed to fetch service info"),
        ("PUT", "routes/r", json!({"paths": ["/"], "service_id": "s", "plugins": {"nope": {}}}), 400, "nope"),
        ("PUT", "global_rules/cors", json!({"plugins": {"key-auth": {}}}), 400, "plugins must hold cors"),
        ("PUT", "consumers/x/credentials/c", json!({"plugins": {"key-auth": {"key": "k"}}}), 404, "consumer not found"),
        ("DELETE", "routes/none", Value::Null, 404, "Key not found"),
    ] {
        let head = plane.head().await;
        let answer = call(&plane, method, &format!("/apisix/admin/{path}"), body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert!(
            answer.text.contains(text) || answer.json()["error_msg"].as_str().unwrap().contains(text),
            "{}",
            answer.text
        );
        assert_eq!(plane.head().await, head + 1, "{path}");
        assert_eq!(plane.events(1).await[0]["outcome"], "refused", "{path}");
    }
    for (method, path, status, allow) in [
        ("GET", "nonsense", 404, ""),
        ("GET", "services/none", 404, ""),
        ("GET", "services/none/upstreams", 404, ""),
        ("GET", "consumers/none/credentials", 404, ""),
        ("GET", "services?gateway_group_id=none", 404, ""),
        ("POST", "services/s", 405, "GET, HEAD, PUT, PATCH, DELETE"),
        ("POST", "plugin_metadata", 405, "GET, HEAD"),
        ("PUT", "services", 405, "GET, HEAD, POST"),
        ("GET", "configs/validate", 405, "POST"),
        ("PUT", "services?gateway_group_id=none", 405, "GET, HEAD, POST"),
    ] {
        let answer = call(&plane, method, &format!("/apisix/admin/{path}"), Value::Null).await;
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}: {}", answer.text);
    }
    let viewer = plane.dashboard("DELETE", "/apisix/admin/services/s").header("x-api-key", VIEWER_KEY);
    assert_eq!(send(viewer).await.status, 403);
    assert_eq!(send(plane.dashboard("GET", "/apisix/admin/services")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_groups_key_needs_no_group_in_the_enterprise_face() {
    let plane = Plane::new().await;
    plane.expect("POST", "/api/gateway_groups", json!({"name": "prod"}), 201).await;
    let key = plane.expect("PUT", "/api/gateway_groups/prod/admin_key", Value::Null, 200).await;
    let key = key["value"]["key"].as_str().unwrap();
    let put = plane.dashboard("PUT", "/apisix/admin/services/s").header("x-api-key", key);
    assert_eq!(send(put.json(&json!({"name": "s"}))).await.status, 201);
    assert_eq!(plane.events(1).await[0]["gateway_group_id"], "prod");
    assert_eq!(ee(&plane, "GET", "services", Value::Null).await["total"], 0);
}
