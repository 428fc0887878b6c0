//! The whole configuration as one document: section 6 of the list in [`super`], "standalone".

use serde_json::{Value, json};

use super::upstream;
use crate::plane::{ADMIN_KEY, Answer, Plane, VIEWER_KEY, send};

async fn put(plane: &Plane, digest: &str, document: Value) -> Answer {
    plane.with_headers("PUT", "/apisix/admin/configs", &[("x-digest", digest)], document).await
}

async fn get(plane: &Plane) -> Answer {
    plane.call("GET", "/apisix/admin/configs", Value::Null).await
}

/// The ids of a list.
fn ids(answer: &Answer, list: &str) -> Vec<String> {
    let id = |item: &Value| item.get("id").or_else(|| item.get("username")).unwrap().as_str().unwrap().to_owned();
    answer.json()[list].as_array().into_iter().flatten().map(id).collect()
}

fn route(id: &str) -> Value {
    json!({"id": id, "uri": format!("/{id}"), "upstream": upstream(), "modifiedIndex": 7})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_one_event() {
    let plane = Plane::new().await;
    let start = get(&plane).await;
    assert_eq!(start.status, 200);
    assert_eq!(start.json()["routes_conf_version"], 0);
    assert_eq!(start.json()["plugins_conf_version"], 0);
    assert_eq!((start.json().get("routes"), start.header("x-digest")), (None, ""));

    let head = plane.head().await;
    let whole = json!({
        "routes": [route("r1"), {"id": "r2", "uri": "/b", "service_id": "s"}],
        "services": [{"id": "s", "upstream_id": "u"}],
        "upstreams": [{"id": "u", "nodes": {"127.0.0.1:1": 1}}],
        "consumers": [{"username": "jack"}, {"id": "jack/credentials/c1", "plugins": {"key-auth": {"key": "k"}}}],
        "global_rules": [{"id": "g", "plugins": {"cors": {}}}],
        "plugin_metadata": [{"id": "cors", "allow_origins": {"a": "http://a"}}],
        "secrets": [{"id": "vault/v1", "uri": "http://v", "prefix": "kv", "token": "t"}],
        "routes_conf_version": 5,
    });
    let answer = put(&plane, "d1", whole.clone()).await;
    assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    assert_eq!(answer.header("x-digest"), "d1");
    assert!(answer.header("x-last-modified").parse::<i64>().unwrap() > 1_700_000_000);
    assert_eq!(plane.head().await, head + 1);
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["actor"]["id"]), (&json!("group.apply"), &json!("ci")));
    assert_eq!(event["changes"].as_array().unwrap().len(), 10, "nine resources, and the facts of the document");
    let item = plane.expect("GET", "/apisix/admin/routes/r1", Value::Null, 200).await;
    assert_eq!(item["createdIndex"], head + 1);

    // The same digest says that nothing is new, and so nothing is read.
    let same = put(&plane, "d1", json!({"routes": 5})).await;
    assert_eq!((same.status, plane.head().await), (204, head + 1));

    let now = get(&plane).await;
    assert_eq!(now.header("x-digest"), "d1");
    assert_eq!(now.header("x-last-modified"), answer.header("x-last-modified"));
    assert_eq!(ids(&now, "routes"), ["r1", "r2"]);
    assert_eq!(ids(&now, "consumers"), ["jack", "jack/credentials/c1"]);
    assert_eq!(ids(&now, "secrets"), ["vault/v1"]);
    assert_eq!(
        now.json()["plugin_metadata"][0],
        json!({"id": "cors", "allow_origins": {"a": "http://a"}}),
        "nothing that a client could take for a setting"
    );
    assert_eq!(now.json()["routes_conf_version"], 5);
    assert_eq!(now.json()["services_conf_version"], 1, "one more than before where none is given");
    let mut first = now.json()["routes"][0].clone();
    assert_eq!(first["modifiedIndex"], head + 1);
    first["modifiedIndex"] = json!(7);
    let mut expected = route("r1");
    expected["id"] = json!("r1");
    assert_eq!(first, expected, "as it was sent, without times");
    // It is an export of everything: that leaves a trace.
    assert_eq!(plane.events(1).await[0]["action"], "group.export");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_named_goes_unless_its_list_is_of_the_same_version() {
    let plane = Plane::new().await;
    let first = json!({"routes": [route("r1")], "upstreams": [{"id": "u", "nodes": {"127.0.0.1:1": 1}}],
        "routes_conf_version": 3, "upstreams_conf_version": 3});
    assert_eq!(put(&plane, "d1", first).await.status, 202);
    // The list of the routes keeps its version: it stays, whatever is sent.
    let second = json!({"routes": [route("r2")], "routes_conf_version": 3, "upstreams_conf_version": 4});
    assert_eq!(put(&plane, "d2", second).await.status, 202);
    let now = get(&plane).await;
    assert_eq!((ids(&now, "routes"), ids(&now, "upstreams")), (vec!["r1".to_owned()], vec![]));
    // Without a version everything is new.
    assert_eq!(put(&plane, "d3", json!({"routes": [route("r3")]})).await.status, 202);
    let now = get(&plane).await;
    assert_eq!((ids(&now, "routes"), &now.json()["routes_conf_version"]), (vec!["r3".to_owned()], &json!(4)));
    let late = put(&plane, "d4", json!({"routes_conf_version": 2})).await;
    let text = json!({"error_msg": "routes_conf_version must be greater than or equal to (4)"});
    assert_eq!((late.status, late.json()), (400, text));
    assert_eq!(plane.events(1).await[0]["outcome"], "refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_worth_nothing_once_somebody_else_has_changed_something() {
    let plane = Plane::new().await;
    let document = json!({"routes": [route("r1"), route("r2")]});
    let marked = async || get(&plane).await.header("x-digest").to_owned();
    for (method, path) in [("PUT", "/routes/r3"), ("DELETE", "/routes/r1"), ("PUT", "/routes/r2")] {
        assert_eq!(put(&plane, "d", document.clone()).await.status, 202, "{method} {path}");
        assert_eq!(put(&plane, "d", document.clone()).await.status, 204);
        assert_eq!(marked().await, "d");
        let mut body = route("r");
        body.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "modifiedIndex");
        let body = if method == "PUT" { body } else { Value::Null };
        assert!(plane.call(method, &format!("/apisix/admin{path}"), body).await.status < 300);
        assert_eq!(marked().await, "", "{method} {path}");
        let head = plane.with_headers("HEAD", "/apisix/admin/configs", &[], Value::Null).await;
        assert_eq!((head.status, head.header("x-digest")), (200, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_changes_nothing() {
    let plane = Plane::new().await;
    assert_eq!(put(&plane, "d", json!({"routes": [route("r1")]})).await.status, 202);
    let error = |text: &str| json!({ "error_msg": text });
    let no_digest = plane.call("PUT", "/apisix/admin/configs", json!({})).await;
    assert_eq!((no_digest.status, no_digest.json()), (400, error("missing digest header")));
    let empty = put(&plane, "", json!({"routes": [route("r2")]})).await;
    assert_eq!((empty.status, empty.json()), (400, error("missing digest header")));
    for (document, text) in [
        (json!(null), "invalid request body: empty request body"),
        (json!({"routes_conf_version": "x"}), "routes_conf_version must be a number"),
        (
            json!({"routes": [{"id": "r1", "uri": 1}]}),
            "invalid configuration: property \"uri\" validation failed: wrong type: expected string, got number",
        ),
        (json!({"routes": [route("a"), route("a")]}), "found duplicate id a in routes"),
        (json!({"routes": {"a": route("a")}}), "routes must be a list"),
        (json!({"routes": "a"}), "routes must be a list"),
        (json!({"routes": [{"uri": "/a", "plugins": {}}]}), "missing route id"),
        (
            json!({"routes": [{"id": "a", "uri": "/a", "service_id": "zz"}]}),
            "failed to fetch service info by service id [zz], response code: 404",
        ),
    ] {
        let head = plane.head().await;
        let answer = put(&plane, "other", document.clone()).await;
        assert_eq!((answer.status, answer.json()), (400, error(text)), "{document}");
        assert_eq!(plane.head().await, head + 1, "{document}");
        assert_eq!(plane.events(1).await[0]["outcome"], "refused", "{document}");
    }
    assert_eq!(ids(&get(&plane).await, "routes"), ["r1"]);
    for method in ["POST", "DELETE", "PATCH"] {
        let answer = plane.call(method, "/apisix/admin/configs", Value::Null).await;
        assert_eq!((answer.status, answer.json()), (404, error("Unsupported resource type: configs")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_yaml_and_for_viewers() {
    let plane = Plane::new().await;
    let request = |method: &str, key: &str| plane.request(method, "/apisix/admin/configs").header("x-api-key", key);
    let yaml = "consumers:\n  - username: jack\n    plugins: {key-auth: {key: s3cret}}\n";
    let sent = request("PUT", ADMIN_KEY).header("x-digest", "y").header("content-type", "application/yaml").body(yaml);
    assert_eq!(send(sent).await.status, 202);
    let shown = send(request("GET", ADMIN_KEY).header("accept", "application/yaml")).await;
    assert_eq!(shown.header("content-type"), "application/yaml");
    assert!(shown.text.contains("username: jack") && shown.text.contains("key: s3cret"), "{}", shown.text);
    let head = plane.head().await;
    let masked = send(request("GET", VIEWER_KEY)).await;
    assert_eq!(masked.json()["consumers"][0]["plugins"]["key-auth"]["key"], "******");
    assert_eq!(plane.head().await, head, "nothing secret was given away");
    assert_eq!(send(request("PUT", VIEWER_KEY).body("{}")).await.status, 401);
    assert_eq!(send(plane.request("HEAD", "/apisix/admin/configs")).await.status, 401);
}
