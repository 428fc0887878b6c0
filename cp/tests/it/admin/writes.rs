//! Creating, replacing, patching and deleting.

use std::time::Duration;

use portolan_testkit::eventually;
use serde_json::{Value, json};

use super::{error, run, upstream};
use crate::plane::Plane;

#[tokio::test(flavor = "multi_thread")]
async fn put_get_delete() {
    let plane = Plane::new().await;
    let key = "/apisix/routes/r1";
    let route = |more: Value| {
        let mut value = json!({"uri": "/a", "upstream": upstream()});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    };
    let stored = route(json!({"desc": "x", "id": "r1"}));
    let missing = json!({"message": "Key not found"});
    run(
        &plane,
        vec![
            ("GET", "/routes/r1", Value::Null, 404, missing.clone()),
            ("PUT", "/routes/r1", route(json!({})), 201, json!({"key": key, "value": route(json!({"id": "r1"}))})),
            ("PUT", "/routes/r1", route(json!({"desc": "x"})), 200, json!({"key": key, "value": stored})),
            ("PUT", "/routes", route(json!({"id": "r1", "desc": "x"})), 200, json!({"key": key, "value": stored})),
            ("DELETE", "/routes/r1", Value::Null, 200, json!({"key": key, "deleted": "1"})),
            ("DELETE", "/routes/r1", Value::Null, 404, missing.clone()),
            ("PATCH", "/routes/r1", json!({"desc": "y"}), 404, missing),
            // A number in the body stays one, in the path it is a text.
            (
                "PUT",
                "/upstreams",
                json!({"id": 7, "nodes": {}, "type": "roundrobin"}),
                201,
                json!({"key": "/apisix/upstreams/7",
            "value": {"id": 7, "nodes": {}, "type": "roundrobin"}}),
            ),
            (
                "PUT",
                "/upstreams/7",
                json!({"id": 7, "nodes": {}}),
                200,
                json!({"key": "/apisix/upstreams/7",
            "value": {"id": "7", "nodes": {}}}),
            ),
            (
                "PUT",
                "/services/s%2e1",
                json!({"name": "n"}),
                201,
                json!({"key": "/apisix/services/s.1",
            "value": {"name": "n", "id": "s.1"}}),
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_keys_and_create_time_stay() {
    let plane = Plane::new().await;
    let put = || plane.call("PUT", "/apisix/admin/services/1", json!({"name": "z", "desc": "a", "hosts": ["h"]}));
    let first = put().await;
    let order = r#"{"key":"/apisix/services/1","value":{"name":"z","desc":"a","hosts":["h"],"id":"1","create_time":"#;
    assert!(first.text.starts_with(order), "{}", first.text);
    let created = first.json()["value"]["create_time"].clone();
    let second = put().await.json();
    assert_eq!(second["value"]["create_time"], created);
    let item = plane.call("GET", "/apisix/admin/services/1", Value::Null).await;
    assert_eq!(item.json()["value"], second["value"]);
    let (made, changed) =
        (item.json()["createdIndex"].as_i64().unwrap(), item.json()["modifiedIndex"].as_i64().unwrap());
    assert_eq!((changed, changed - made), (plane.head().await, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn post_names_the_resource_by_its_own_revision() {
    let plane = Plane::new().await;
    let body = json!({"uri": "/a", "upstream": upstream()});
    let made = plane.expect("POST", "/apisix/admin/routes", body, 201).await;
    let head = plane.head().await;
    let id = format!("{head:020}");
    assert_eq!(made["key"], format!("/apisix/routes/{id}"));
    assert_eq!(made["value"]["id"], id.as_str());
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["resource"]["id"]), (&json!("route.create"), &json!(id)));
    run(
        &plane,
        vec![
            ("POST", "/routes/1", json!({"uri": "/a"}), 400, error("wrong route id, do not need it")),
            ("POST", "/routes", json!({"uri": "/a", "id": 1}), 400, error("wrong route id, do not need it")),
            ("POST", "/consumers", json!({"username": "a"}), 405, error("not supported `POST` method for consumer")),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_posts_at_once_get_different_ids() {
    let plane = Plane::new().await;
    let posts = (0..40).map(|_| plane.call("POST", "/apisix/admin/upstreams", upstream()));
    let answers = futures_util::future::join_all(posts).await;
    let mut keys: Vec<_> = answers.iter().map(|answer| answer.json()["key"].to_string()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 40);
    for answer in &answers {
        let (answer, id) = (answer.json(), answer.json()["value"]["id"].as_str().unwrap().to_owned());
        let item = plane.expect("GET", &format!("/apisix/admin/upstreams/{id}"), Value::Null, 200).await;
        assert_eq!(item["createdIndex"], id.parse::<i64>().unwrap(), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patching() {
    let plane = Plane::new().await;
    let value = |value: Value| json!({"key": "/apisix/services/1", "value": value});
    let nodes = |nodes: Value| json!({"nodes": nodes, "type": "roundrobin"});
    run(&plane, vec![
        ("PUT", "/services/1", json!({"name": "a", "hosts": ["x", "y"], "labels": {"k": "v"}, "upstream": nodes(json!({"a:1": 1}))}), 201, Value::Null),
        ("PATCH", "/services/1", json!({"name": "b", "hosts": ["z"], "labels": {"l": "w"}, "upstream": {"nodes": {"b:1": 2}}}), 200,
            value(json!({"name": "b", "hosts": ["z"], "labels": {"k": "v", "l": "w"}, "upstream": nodes(json!({"a:1": 1, "b:1": 2})), "id": "1"}))),
        ("PATCH", "/services/1", json!({"labels": {"k": null}, "hosts": null, "upstream": {"nodes": {"a:1": null}}}), 200,
            value(json!({"name": "b", "labels": {"l": "w"}, "upstream": nodes(json!({"b:1": 2})), "id": "1"}))),
        ("PATCH", "/services/1/upstream/nodes", json!({"c:1": 3}), 200,
            value(json!({"name": "b", "labels": {"l": "w"}, "upstream": nodes(json!({"c:1": 3})), "id": "1"}))),
        ("PATCH", "/services/1/labels/m", json!("n"), 200,
            value(json!({"name": "b", "labels": {"l": "w", "m": "n"}, "upstream": nodes(json!({"c:1": 3})), "id": "1"}))),
        ("PATCH", "/services/1/name", Value::Null, 400, error("missing new configuration")),
        ("PATCH", "/services/1", json!([1]), 400, error("invalid configuration")),
        ("PATCH", "/services/1", json!({"id": "2"}), 400, error("wrong service id")),
        ("PATCH", "/services/1/name/x", json!(1), 400, error("invalid sub-path: /name")),
        ("PATCH", "/services", json!({}), 400, error("missing service id")),
        ("PATCH", "/services/1/nonsense/x", json!(1), 400, error("invalid configuration: additional properties forbidden, found nonsense")),
        ("PATCH", "/consumers/x", json!({}), 405, error("not supported `PATCH` method for consumer")),
    ]).await;
    let null = plane.request("PATCH", "/apisix/admin/services/1/labels").header("x-api-key", crate::plane::ADMIN_KEY);
    let answer = crate::plane::send(null.body("null")).await;
    assert_eq!((answer.status, answer.json()["value"].get("labels")), (200, None));
    let times =
        plane.expect("PATCH", "/apisix/admin/services/1", json!({"create_time": 5, "update_time": 6}), 200).await;
    assert_eq!((&times["value"]["create_time"], &times["value"]["update_time"]), (&json!(5), &json!(6)));
    let times = plane.expect("PATCH", "/apisix/admin/services/1", json!({"desc": "d"}), 200).await;
    assert_eq!(times["value"]["create_time"], 5);
    assert_ne!(times["value"]["update_time"], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_at_once_are_all_in_the_end() {
    let plane = Plane::new().await;
    plane.expect("PUT", "/apisix/admin/services/1", json!({"name": "a", "labels": {"x": "y"}}), 201).await;
    let patches = (0..30).map(|i| {
        let path = format!("/apisix/admin/services/1/labels/k{i}");
        let plane = &plane;
        async move { plane.call("PATCH", &path, json!("v")).await.status }
    });
    assert!(futures_util::future::join_all(patches).await.into_iter().all(|status| status == 200));
    let item = plane.expect("GET", "/apisix/admin/services/1", Value::Null, 200).await;
    assert_eq!(item["value"]["labels"].as_object().unwrap().len(), 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_named_by_its_username() {
    let plane = Plane::new().await;
    let jack = json!({"key": "/apisix/consumers/jack", "value": {"username": "jack"}});
    run(
        &plane,
        vec![
            ("PUT", "/consumers", json!({"username": "jack"}), 201, jack.clone()),
            ("PUT", "/consumers/jack", json!({"username": "jack"}), 200, jack),
            ("PUT", "/consumers/jill", json!({"username": "jack"}), 400, error("wrong username")),
            ("PUT", "/consumers", json!({}), 400, error("invalid configuration: property \"username\" is required")),
            ("DELETE", "/consumers", Value::Null, 400, error("missing consumer id")),
            ("DELETE", "/consumers/jack", Value::Null, 200, json!({"key": "/apisix/consumers/jack", "deleted": "1"})),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ttl_takes_the_key_away() {
    let plane = Plane::new().await;
    plane.expect("PUT", "/apisix/admin/services/1?ttl=1", json!({"name": "a"}), 201).await;
    eventually(Duration::from_secs(30), async || {
        let answer = plane.call("GET", "/apisix/admin/services/1", Value::Null).await;
        anyhow::ensure!(answer.status == 404, "still there");
        Ok(())
    })
    .await;
    assert_eq!(plane.events(1).await[0]["action"], "lease.expire");
    run(
        &plane,
        vec![
            (
                "PUT",
                "/services/1?ttl=soon",
                json!({"name": "a"}),
                400,
                error("invalid argument ttl: should be a number"),
            ),
            ("PUT", "/services/1?ttl=1e15", json!({"name": "a"}), 400, error("etcdserver: too large lease TTL")),
        ],
    )
    .await;
}
