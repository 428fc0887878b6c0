//! What is refused: status, text, and the event that says so.

use serde_json::{Value, json};

use super::{error, run, upstream};
use crate::plane::{ADMIN_KEY, Plane, send};

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_are_wrong() {
    let plane = Plane::new().await;
    let invalid = |text: &str| error(&format!("invalid configuration: {text}"));
    let head = plane.head().await;
    let cases = vec![
        ("PUT", "/routes/1", Value::Null, 400, error("missing configurations")),
        ("PUT", "/routes", json!({"uri": "/a"}), 400, error("missing route id")),
        ("PUT", "/routes/1", json!({"uri": "/a", "id": "2"}), 400, error("wrong route id")),
        (
            "PUT",
            "/routes/1",
            json!({"uri": "/a", "create_time": 1}),
            400,
            error("the property is forbidden:  create_time"),
        ),
        (
            "PUT",
            "/routes/1",
            json!({"uri": "/a", "upstream": {"update_time": 1}}),
            400,
            error("the property is forbidden:  upstream.update_time"),
        ),
        (
            "PUT",
            "/routes/1",
            json!({"uri": "/a", "plugins": {"create_time": 1}}),
            400,
            error("the property is forbidden:  plugins.create_time"),
        ),
        (
            "PUT",
            "/routes/1",
            json!({"uri": 1, "upstream": upstream()}),
            400,
            invalid("property \"uri\" validation failed: wrong type: expected string, got number"),
        ),
        (
            "PUT",
            "/routes/1",
            json!({"uri": "/a", "upstream": upstream(), "foo": 1}),
            400,
            invalid("additional properties forbidden, found foo"),
        ),
        (
            "PUT",
            "/routes/1",
            json!({"uri": "/a", "host": "a", "hosts": ["b"]}),
            400,
            error("only one of host or hosts is allowed"),
        ),
        ("PUT", "/routes/1", json!({"uri": "/a", "plugins": {"nope": {}}}), 400, error("unknown plugin [nope]")),
        (
            "PUT",
            "/routes/1",
            json!({"uri": "/a", "upstream_id": "zz"}),
            400,
            error("failed to fetch upstream info by upstream id [zz], response code: 404"),
        ),
        (
            "PUT",
            "/routes/1",
            json!({"uri": "/a", "service_id": 5}),
            400,
            error("failed to fetch service info by service id [5], response code: 404"),
        ),
        // References come before plugins.
        (
            "PUT",
            "/routes/1",
            json!({"uri": "/a", "service_id": "zz", "plugins": {"nope": {}}}),
            400,
            error("failed to fetch service info by service id [zz], response code: 404"),
        ),
        ("PUT", "/routes/a%20b", json!({"uri": "/a", "upstream": upstream()}), 400, Value::Null),
        (
            "PUT",
            "/services/1",
            json!({"upstream_id": "zz"}),
            400,
            error("failed to fetch upstream info by upstream id [zz], response code: 404"),
        ),
        (
            "POST",
            "/routes",
            json!({"uri": "/a", "upstream_id": "zz"}),
            400,
            error("failed to fetch upstream info by upstream id [zz], response code: 404"),
        ),
        (
            "PUT",
            "/consumers",
            json!({"username": "a", "group_id": "g"}),
            400,
            error("failed to fetch consumer group info by consumer group id [g], response code: 404"),
        ),
        ("DELETE", "/routes", Value::Null, 400, error("missing route id")),
    ];
    let count = i64::try_from(cases.len()).unwrap();
    run(&plane, cases).await;
    assert_eq!(plane.head().await, head + count, "one event for each");
    for event in plane.events(usize::try_from(count).unwrap()).await {
        assert_eq!((&event["outcome"], &event["error"]["status"]), (&json!("refused"), &json!(400)), "{event}");
        assert_eq!(event["actor"]["id"], "ci");
        assert_eq!(event["changes"], json!([]));
    }
    let list = plane.expect("GET", "/apisix/admin/routes", Value::Null, 200).await;
    assert_eq!(list, json!({"total": 0, "list": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_far_too_long_is_refused_like_any_other() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    let path = format!("/apisix/admin/routes/{}", "%01".repeat(8_000));
    for (method, body, status) in
        [("PUT", json!({"uri": "/a", "upstream": upstream()}), 400), ("DELETE", Value::Null, 404)]
    {
        let answer = plane.call(method, &path, body).await;
        assert_eq!(answer.status, status, "{}", answer.text.len());
    }
    assert_eq!(plane.head().await, head + 2);
    assert_eq!(plane.events(1).await[0]["resource"]["id"].as_str().unwrap().len(), 256);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json() {
    let plane = Plane::new().await;
    let put = |body: &str| {
        plane.request("PUT", "/apisix/admin/routes/1").header("x-api-key", ADMIN_KEY).body(body.to_owned())
    };
    let head = plane.head().await;
    let answer = send(put("{bad")).await;
    let text = "invalid request body: Expected object key string but found invalid token at character 2";
    assert_eq!((answer.status, answer.json()), (400, json!({"error_msg": text, "req_body": "{bad"})));
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["outcome"]), (&json!("route.update"), &json!("refused")));
    assert_eq!(event["error"], json!({"status": 400, "message": text}));
    assert_eq!(event["resource"], json!({"kind": "route", "id": "1"}));
    assert_eq!(plane.head().await, head + 1);
    for body in ["1", "\"x\"", "[]", "[1]", "null", "true"] {
        let answer = send(put(body)).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
    }
    // A read with a bad body is refused too, but it is no event.
    let head = plane.head().await;
    let answer = send(plane.request("GET", "/apisix/admin/routes").header("x-api-key", ADMIN_KEY).body("{bad")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(plane.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_large() {
    let plane = Plane::new().await;
    let largest = 1_572_864;
    let put = |size: usize| {
        let desc = "x".repeat(size - r#"{"desc":""}"#.len());
        let body = format!(r#"{{"desc":"{desc}"}}"#);
        assert_eq!(body.len(), size);
        plane.request("PUT", "/apisix/admin/services/1").header("x-api-key", ADMIN_KEY).body(body)
    };
    let answer = send(put(largest)).await;
    assert!(answer.text.contains("invalid configuration"), "{}", answer.text);
    for size in [largest + 1, 3 * largest] {
        let head = plane.head().await;
        let answer = send(put(size)).await;
        let text =
            format!("invalid request body: request size {size} is greater than the maximum size 1572864 allowed");
        assert_eq!((answer.status, answer.json()), (400, error(&text)));
        assert_eq!(plane.head().await, head + 1);
        assert_eq!(plane.events(1).await[0]["error"]["message"], text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_and_methods_that_there_are_not() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    run(
        &plane,
        vec![
            ("GET", "/nothing", Value::Null, 404, error("Unsupported resource type: nothing")),
            ("PUT", "/route/1", json!({}), 404, error("Unsupported resource type: route")),
            ("GET", "/", Value::Null, 404, error("Unsupported resource type: ")),
            ("GET", "/credentials", Value::Null, 404, error("Unsupported resource type: credentials")),
        ],
    )
    .await;
    assert_eq!(plane.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_stays() {
    let plane = Plane::new().await;
    let gone = |key: &str| json!({"key": key, "deleted": "1"});
    run(
        &plane,
        vec![
            ("PUT", "/upstreams/1", upstream(), 201, Value::Null),
            ("PUT", "/services/s", json!({"upstream_id": 1}), 201, Value::Null),
            ("PUT", "/routes/r1", json!({"uri": "/a", "service_id": "s"}), 201, Value::Null),
            ("PUT", "/routes/r2", json!({"uri": "/b", "upstream_id": "1"}), 201, Value::Null),
            (
                "DELETE",
                "/services/s",
                Value::Null,
                400,
                error("can not delete this service directly, route [r1] is still using it now"),
            ),
            (
                "DELETE",
                "/upstreams/1",
                Value::Null,
                400,
                error("can not delete this upstream, route [r2] is still using it now"),
            ),
            ("DELETE", "/routes/r2", Value::Null, 200, gone("/apisix/routes/r2")),
            (
                "DELETE",
                "/upstreams/1",
                Value::Null,
                400,
                error("can not delete this upstream, service [s] is still using it now"),
            ),
            ("DELETE", "/upstreams/1?force=true", Value::Null, 200, gone("/apisix/upstreams/1")),
            ("DELETE", "/routes/r1", Value::Null, 200, gone("/apisix/routes/r1")),
            ("DELETE", "/services/s", Value::Null, 200, gone("/apisix/services/s")),
            ("DELETE", "/services/nobody", Value::Null, 404, json!({"message": "Key not found"})),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consumers_do_not_share_a_key() {
    let plane = Plane::new().await;
    let with = |name: &str, key: &str| json!({"username": name, "plugins": {"key-auth": {"key": key}}});
    run(
        &plane,
        vec![
            ("PUT", "/consumers", with("ann", "a-key"), 201, Value::Null),
            (
                "PUT",
                "/consumers",
                with("bob", "a-key"),
                400,
                error("duplicate key of plugin key-auth found with consumer: ann"),
            ),
            ("PUT", "/consumers", with("bob", "b-key"), 201, Value::Null),
            (
                "PUT",
                "/consumers",
                with("ann", "b-key"),
                400,
                error("duplicate key of plugin key-auth found with consumer: bob"),
            ),
            ("PUT", "/consumers", with("ann", "a-key"), 200, Value::Null),
        ],
    )
    .await;
    // At the same time, exactly one gets it.
    let puts = ["carl", "dora", "emil"].map(|name| plane.call("PUT", "/apisix/admin/consumers", with(name, "c-key")));
    let statuses: Vec<_> = futures_util::future::join_all(puts).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
}
