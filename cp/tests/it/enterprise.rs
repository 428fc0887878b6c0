//! What the enterprise face does beyond what ADC asks of it.

use portolan_model::plugins::Catalog;
use serde_json::{Value, json};

use crate::plane::{ADMIN_KEY, Answer, Plane, VIEWER_KEY, send};

/// A request to 7443 with more headers.
async fn with(plane: &Plane, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
    let mut request = plane.dashboard(method, &format!("/apisix/admin/{path}")).header("x-api-key", ADMIN_KEY);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(if body.is_null() { request } else { request.json(&body) }).await
}

async fn call(plane: &Plane, method: &str, path: &str, body: Value) -> Answer {
    with(plane, method, path, &[], body).await
}

async fn expect(plane: &Plane, method: &str, path: &str, body: Value, status: u16) -> Value {
    let answer = call(plane, method, path, body).await;
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
    answer.json()
}

fn upstream() -> Value {
    json!({"nodes": [{"host": "127.0.0.1", "port": 80, "weight": 1}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn post_makes_what_is_new_and_patch_changes_a_part() {
    let plane = Plane::new().await;
    let made = expect(&plane, "POST", "services", json!({"name": "svc", "upstream": upstream()}), 201).await;
    let id = made["value"]["id"].as_str().unwrap().to_owned();
    let event = &plane.events(1).await[0];
    assert_eq!(
        (&event["action"], &event["resource"]),
        (&json!("service.create"), &json!({"kind": "service", "id": id}))
    );
    assert_eq!(event["changes"].as_array().unwrap().len(), 2, "with its upstream");
    for (collection, body, named) in [
        ("routes", json!({"route_id": "r", "service_id": id, "paths": ["/"]}), "r"),
        ("consumers", json!({"username": "jack"}), "jack"),
        ("consumers/jack/credentials", json!({"id": "c", "plugins": {"key-auth": {"key": "k"}}}), "c"),
        ("global_rules", json!({"plugins": {"cors": {}}}), "cors"),
        (&format!("services/{id}/upstreams"), json!({"id": "u", "name": "canary", "nodes": []}), "u"),
    ] {
        let made = expect(&plane, "POST", collection, body.clone(), 201).await;
        let id = made["value"].get("id").unwrap_or(&made["value"]["username"]);
        assert_eq!(id, named, "{collection}");
        let head = plane.head().await;
        expect(&plane, "POST", collection, body, 409).await;
        assert_eq!(plane.head().await, head + 1, "{collection}: refused, with an event");
    }

    let path = format!("services/{id}");
    let patched = expect(&plane, "PATCH", &path, json!({"desc": "d", "upstream": {"retries": 2}}), 200).await;
    let value = &patched["value"];
    assert_eq!(
        (&value["name"], &value["desc"], &value["upstream"]["retries"]),
        (&json!("svc"), &json!("d"), &json!(2))
    );
    assert_eq!(value["upstream"]["nodes"][0]["host"], "127.0.0.1", "what is not named stays");
    let patched = expect(&plane, "PATCH", &path, json!({"desc": null}), 200).await;
    assert_eq!(patched["value"].get("desc"), None);
    // Defaults that are shown are not stored by it.
    let stored = plane.expect("GET", &format!("/apisix/admin/upstreams/{id}"), Value::Null, 200).await;
    assert_eq!((stored["value"].get("scheme"), &stored["value"]["retries"]), (None, &json!(2)));
    expect(&plane, "PATCH", "routes/r", json!({"paths": ["/a", "/b"]}), 200).await;
    let stored = plane.expect("GET", "/apisix/admin/routes/r", Value::Null, 200).await;
    assert_eq!((&stored["value"]["uris"], &stored["value"]["service_id"]), (&json!(["/a", "/b"]), &json!(id)));
    expect(&plane, "PATCH", "routes/r", json!({"paths": 1}), 400).await;
    expect(&plane, "PATCH", "consumers/jack/credentials/c", json!({"desc": "d"}), 200).await;
    let credential = expect(&plane, "GET", "consumers/jack/credentials/c", Value::Null, 200).await;
    assert_eq!(
        (&credential["value"]["desc"], &credential["value"]["plugins"]["key-auth"]["key"]),
        (&json!("d"), &json!("k"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn if_match_takes_the_tag_that_answers_have() {
    let plane = Plane::new().await;
    let made = call(&plane, "PUT", "services/s", json!({"name": "a"})).await;
    let tag = made.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", plane.head().await));
    assert_eq!(call(&plane, "GET", "services/s", Value::Null).await.header("etag"), tag);
    let changed = with(&plane, "PUT", "services/s", &[("if-match", &tag)], json!({"name": "b"})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    for (method, body) in [("PUT", json!({"name": "c"})), ("PATCH", json!({"name": "c"})), ("DELETE", Value::Null)] {
        let head = plane.head().await;
        let refused = with(&plane, method, "services/s", &[("if-match", &tag)], body).await;
        assert_eq!((refused.status, plane.head().await), (412, head + 1), "{method}: {}", refused.text);
    }
    assert_eq!(with(&plane, "PUT", "services/t", &[("if-match", "*")], json!({"name": "t"})).await.status, 412);
    assert_eq!(with(&plane, "PUT", "services/t", &[("if-match", "0")], json!({"name": "t"})).await.status, 201);
    assert_eq!(with(&plane, "PUT", "services/t", &[("if-match", "x")], json!({"name": "t"})).await.status, 400);
    let tag = changed.header("etag").to_owned();
    assert_eq!(with(&plane, "DELETE", "services/s", &[("if-match", &tag)], Value::Null).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_post_names_what_was_made_the_first_time() {
    let plane = Plane::new().await;
    let key = [("idempotency-key", "k")];
    let first = with(&plane, "POST", "services", &key, json!({"name": "s"})).await;
    let head = plane.head().await;
    let again = with(&plane, "POST", "services", &key, json!({"name": "s"})).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(plane.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstreams_of_a_service_are_its_own() {
    let plane = Plane::new().await;
    for service in ["a", "b"] {
        expect(&plane, "PUT", &format!("services/{service}"), json!({"name": service, "upstream": upstream()}), 201)
            .await;
    }
    expect(&plane, "PUT", "services/a/upstreams/u", upstream(), 201).await;
    plane.expect("PUT", "/apisix/admin/upstreams/free", json!({"nodes": {}}), 201).await;
    for id in ["u", "free", "a"] {
        let path = format!("services/b/upstreams/{id}");
        for (method, body, status) in [
            ("GET", Value::Null, 404),
            ("PUT", upstream(), 409),
            ("PATCH", json!({"desc": "x"}), 404),
            ("DELETE", Value::Null, 404),
        ] {
            expect(&plane, method, &path, body, status).await;
        }
    }
    let list = expect(&plane, "GET", "services/b/upstreams", Value::Null, 200).await;
    assert_eq!(list["total"], 0);
    expect(&plane, "DELETE", "services/a/upstreams/a", Value::Null, 400).await;
    expect(&plane, "DELETE", "services/a/upstreams/u", Value::Null, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_export_secrets_sees_none() {
    let plane = Plane::new().await;
    expect(&plane, "PUT", "consumers/jack", json!({"username": "jack"}), 201).await;
    let credential = json!({"plugins": {"key-auth": {"key": "s3cret"}}});
    expect(&plane, "PUT", "consumers/jack/credentials/c", credential, 201).await;
    for path in ["consumers/jack/credentials", "consumers/jack/credentials/c"] {
        let request = plane.dashboard("GET", &format!("/apisix/admin/{path}"));
        let seen = send(request.header("x-api-key", VIEWER_KEY)).await;
        assert!(seen.status == 200 && seen.text.contains("******") && !seen.text.contains("s3cret"), "{}", seen.text);
        assert!(call(&plane, "GET", path, Value::Null).await.text.contains("s3cret"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prefix_of_a_service_stands_before_the_paths_of_its_routes() {
    let plane = Plane::new().await;
    let service = |prefix: Value, strip: bool| json!({"name": "s", "path_prefix": prefix, "strip_path_prefix": strip});
    expect(&plane, "PUT", "services/s", service(json!("/v1"), false), 201).await;
    expect(&plane, "PUT", "routes/r", json!({"service_id": "s", "paths": ["/a", "/b/*"]}), 201).await;
    let uris = async || plane.expect("GET", "/apisix/admin/routes/r", Value::Null, 200).await["value"]["uris"].clone();
    assert_eq!(uris().await, json!(["/v1/a", "/v1/b/*"]));
    let shown = expect(&plane, "GET", "routes/r", Value::Null, 200).await;
    assert_eq!(shown["value"]["paths"], json!(["/a", "/b/*"]));
    let shown = expect(&plane, "GET", "services/s", Value::Null, 200).await;
    let value = &shown["value"];
    assert_eq!((&value["path_prefix"], &value["strip_path_prefix"]), (&json!("/v1"), &json!(false)));
    assert_eq!(value.get("labels"), None);
    let head = plane.head().await;
    expect(&plane, "PUT", "services/s", service(json!("/v1"), false), 200).await;
    expect(&plane, "PUT", "routes/r", json!({"service_id": "s", "paths": ["/a", "/b/*"]}), 200).await;
    assert_eq!(plane.head().await, head, "the same again changes nothing");

    // The routes move along, in the same event.
    expect(&plane, "PATCH", "services/s", json!({"path_prefix": "/v2"}), 200).await;
    assert_eq!(plane.head().await, head + 1);
    assert_eq!(uris().await, json!(["/v2/a", "/v2/b/*"]));
    expect(&plane, "PATCH", "routes/r", json!({"desc": "d"}), 200).await;
    assert_eq!(uris().await, json!(["/v2/a", "/v2/b/*"]));
    expect(&plane, "PUT", "services/s", json!({"name": "s", "strip_path_prefix": false}), 200).await;
    assert_eq!(uris().await, json!(["/a", "/b/*"]));
    // A whole state in ADC's format says the same.
    let state = json!({"services": [{"id": "s", "name": "s", "path_prefix": "/v3", "strip_path_prefix": false,
        "routes": [{"id": "r", "name": "r", "uris": ["/a"]}]}]});
    plane.expect("POST", "/api/apply", state, 200).await;
    assert_eq!(uris().await, json!(["/v3/a"]));
    let exported = plane.expect("GET", "/api/export", Value::Null, 200).await;
    let service = &exported["services"][0];
    assert_eq!((&service["path_prefix"], &service["routes"][0]["uris"]), (&json!("/v3"), &json!(["/a"])));
    assert_eq!(plane.expect("POST", "/api/apply", exported, 200).await["changes"], json!([]));

    // Taking it off is a plugin's work.
    let answer = call(&plane, "PATCH", "services/s", json!({"strip_path_prefix": true})).await;
    if Catalog::built_in().get("proxy-rewrite").is_none() {
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains("proxy-rewrite"), "{}", answer.text);
        return;
    }
    assert_eq!(answer.status, 200, "{}", answer.text);
    let stored = plane.expect("GET", "/apisix/admin/routes/r", Value::Null, 200).await;
    assert_eq!(stored["value"]["plugins"], json!({"proxy-rewrite": {"regex_uri": ["^/v3/?", "/"]}}));
    let shown = expect(&plane, "GET", "routes/r", Value::Null, 200).await;
    assert_eq!((&shown["value"]["paths"], shown["value"].get("plugins")), (&json!(["/a"]), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_descriptions_may_be_long() {
    let plane = Plane::new().await;
    let long = "n".repeat(65_536);
    let service = json!({"name": long, "desc": long});
    let stored = expect(&plane, "PUT", "services/s", service.clone(), 201).await;
    assert_eq!((&stored["value"]["name"], &stored["value"]["desc"]), (&service["name"], &service["desc"]));
    let refused = expect(&plane, "PUT", "services/t", json!({"name": format!("{long}n")}), 400).await;
    assert_eq!(refused["error_msg"], "Error at \"/name\": maximum string length is 65536");
}
