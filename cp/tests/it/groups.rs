//! Gateway groups: each with its own part of the key space, and keys that reach no further.

use std::time::Duration;

use portolan_testkit::eventually;
use serde_json::{Value, json};

use crate::plane::Plane;

#[tokio::test(flavor = "multi_thread")]
async fn making_changing_and_deleting_them() {
    let plane = Plane::new().await;
    let list = plane.expect("GET", "/api/gateway_groups", Value::Null, 200).await;
    assert_eq!((&list["total"], &list["list"][0]["id"]), (&json!(1), &json!("default")));
    let facts = json!({"name": "prod", "labels": {"zone": "eu"}});
    let made = plane.expect("POST", "/api/gateway_groups", facts.clone(), 201).await;
    assert_eq!((&made["value"]["id"], &made["value"]["labels"]), (&json!("prod"), &json!({"zone": "eu"})));
    plane.expect("POST", "/api/gateway_groups", facts, 409).await;
    let other = plane.expect("POST", "/api/gateway_groups", json!({"name": "Eu west"}), 201).await;
    let id = other["value"]["id"].as_str().unwrap().to_owned();
    for (filter, names) in [
        ("name=prod", vec!["prod"]),
        ("search=west", vec!["Eu west"]),
        ("search=prod&name=prod", vec!["prod"]),
        ("name=x", vec![]),
    ] {
        let list = plane.expect("GET", &format!("/api/gateway_groups?{filter}"), Value::Null, 200).await;
        let found: Vec<_> = list["list"].as_array().unwrap().iter().map(|group| group["name"].clone()).collect();
        assert_eq!(json!(found), json!(names), "{filter}");
    }
    let path = format!("/api/gateway_groups/{id}");
    plane.expect("PUT", &path, json!({"name": "prod"}), 409).await;
    let changed = plane.expect("PUT", &path, json!({"description": "d"}), 200).await;
    assert_eq!((&changed["value"]["name"], &changed["value"]["description"]), (&json!("Eu west"), &json!("d")));
    assert_eq!(plane.call("DELETE", &path, Value::Null).await.status, 204);
    plane.expect("GET", &path, Value::Null, 404).await;
    assert_eq!(plane.call("DELETE", &path, Value::Null).await.status, 404);
    plane.expect("DELETE", "/api/gateway_groups/default", Value::Null, 400).await;
    plane.expect("PUT", "/api/gateway_groups/default", json!({"name": "main"}), 200).await;
    let list = plane.expect("GET", "/api/gateway_groups", Value::Null, 200).await;
    assert_eq!((&list["list"][0]["id"], &list["list"][0]["name"]), (&json!("default"), &json!("main")));
    for wrong in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "x", "id": "a/b"}),
        json!({"name": "x", "more": 1}),
        json!({"name": "x", "labels": {"a": 1}}),
    ] {
        plane.expect("POST", "/api/gateway_groups", wrong, 400).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_of_groups_are_apart() {
    let plane = Plane::new().await;
    plane.expect("POST", "/api/gateway_groups", json!({"name": "prod"}), 201).await;
    let stored =
        plane.expect("PUT", "/apisix/admin/upstreams/1?gateway_group_id=prod", json!({"nodes": {}}), 201).await;
    assert_eq!(stored["key"], "/portolan/groups/prod/upstreams/1");
    let event = &plane.events(1).await[0];
    assert_eq!(event["gateway_group_id"], "prod");
    plane.expect("GET", "/apisix/admin/upstreams/1", Value::Null, 404).await;
    let route = json!({"uri": "/", "upstream_id": "1"});
    plane.expect("PUT", "/apisix/admin/routes/1", route.clone(), 400).await;
    plane.expect("PUT", "/apisix/admin/routes/1?gateway_group_id=prod", route, 201).await;
    let list = plane.expect("GET", "/api/groups/prod/resources/routes", Value::Null, 200).await;
    assert_eq!(list["total"], 1);
    let history = plane.expect("GET", "/api/history/route/1?gateway_group_id=prod", Value::Null, 200).await;
    assert_eq!(history["versions"].as_array().unwrap().len(), 1);
    let audit =
        plane.expect("GET", "/api/audit/events?gateway_group_id=prod&action=route.create", Value::Null, 200).await;
    assert_eq!(audit["events"].as_array().unwrap().len(), 1);
    let status = plane.expect("GET", "/api/status", Value::Null, 200).await;
    assert_eq!(status["gateway_groups"], json!(["default", "prod"]));
    for (method, path, body) in [
        ("GET", "/apisix/admin/routes?gateway_group_id=none", Value::Null),
        ("PUT", "/apisix/admin/services/1?gateway_group_id=none", json!({})),
        ("DELETE", "/apisix/admin/services/1?gateway_group_id=none", Value::Null),
        ("PUT", "/apisix/admin/services/1?gateway_group_id=a%2fb", json!({})),
        ("GET", "/api/groups/none/resources/routes", Value::Null),
        ("POST", "/api/rollback", json!({"to": 1, "gateway_group_id": "none"})),
        ("POST", "/api/apply?gateway_group_id=none", json!({})),
        ("GET", "/api/export?gateway_group_id=none", Value::Null),
    ] {
        let answer = plane.call(method, path, body).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
    }
    let back = plane
        .expect("POST", "/api/rollback", json!({"to": 2, "gateway_group_id": "prod", "dry_run": false}), 200)
        .await;
    assert_eq!(back["changes"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_with_resources_goes_only_by_force() {
    let plane = Plane::new().await;
    plane.expect("POST", "/api/gateway_groups", json!({"name": "prod"}), 201).await;
    plane.expect("PUT", "/apisix/admin/services/1?gateway_group_id=prod", json!({}), 201).await;
    let refused = plane.expect("DELETE", "/api/gateway_groups/prod", Value::Null, 400).await;
    assert_eq!(refused["error_msg"], "gateway group prod still has 1 resources; force=true deletes them");
    let head = plane.head().await;
    for (method, path) in [("DELETE", "/api/gateway_groups/prod?force=maybe"), ("POST", "/api/apply?force=maybe")] {
        plane.expect(method, path, Value::Null, 400).await;
    }
    assert_eq!(plane.head().await, head + 2, "refused, with an event");
    assert_eq!(plane.call("DELETE", "/api/gateway_groups/prod?force=true", Value::Null).await.status, 204);
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], event["changes"].as_array().unwrap().len()), (&json!("gateway_group.delete"), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_groups_key_implies_the_group_and_reaches_no_further() {
    let plane = Plane::new().await;
    plane.expect("POST", "/api/gateway_groups", json!({"name": "prod"}), 201).await;
    let made = plane.head().await;
    let key = |answer: Value| answer["value"]["key"].as_str().unwrap().to_owned();
    let first = key(plane.expect("PUT", "/api/gateway_groups/prod/admin_key", Value::Null, 200).await);
    let prod = key(plane.expect("PUT", "/api/gateway_groups/prod/admin_key", Value::Null, 200).await);
    assert!(prod.starts_with("a7adm-") && !plane.events(1).await[0].to_string().contains(&prod));
    assert_eq!(plane.as_key(&first, "GET", "/apisix/admin/routes", Value::Null).await.status, 401, "replaced");

    let again = [("idempotency-key", "k")];
    let path = "/api/gateway_groups/prod/admin_key";
    let repeated = plane.with_headers("PUT", path, &again, Value::Null).await;
    assert_eq!(repeated.status, 400, "a repeated answer would hold a key that is none: {}", repeated.text);

    let stored = plane.as_key(&prod, "PUT", "/apisix/admin/services/1", json!({})).await;
    assert_eq!((stored.status, &stored.json()["key"]), (201, &json!("/portolan/groups/prod/services/1")));
    let event = &plane.events(1).await[0];
    assert_eq!((&event["actor"]["id"], &event["gateway_group_id"]), (&json!("prod-admin"), &json!("prod")));
    for (method, path, body) in [
        ("GET", "/apisix/admin/services/1", Value::Null),
        ("GET", "/api/export", Value::Null),
        ("POST", "/api/apply?dry_run=true", json!({})),
        ("POST", "/api/rollback", json!({"to": made})),
        ("GET", "/api/gateway_groups", Value::Null),
        ("GET", "/api/audit/events", Value::Null),
        ("GET", "/api/status", Value::Null),
    ] {
        let answer = plane.as_key(&prod, method, path, body).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
    }
    let list = plane.as_key(&prod, "GET", "/api/gateway_groups", Value::Null).await.json();
    assert_eq!((&list["total"], &list["list"][0]["id"]), (&json!(1), &json!("prod")));
    let events = plane.as_key(&prod, "GET", "/api/audit/events", Value::Null).await.json();
    assert!(events["events"].as_array().unwrap().iter().all(|event| event["gateway_group_id"] == "prod"));
    assert_eq!(plane.as_key(&prod, "GET", "/api/audit/events/1", Value::Null).await.status, 404);
    let csr = crate::certificates::csr();
    for (method, path, body) in [
        ("GET", "/apisix/admin/services?gateway_group_id=default", Value::Null),
        ("PUT", "/apisix/admin/services/1?gateway_group_id=default", json!({})),
        ("GET", "/api/export?gateway_group_id=default", Value::Null),
        ("GET", "/api/groups/default/resources/routes", Value::Null),
        ("GET", "/api/audit/events?gateway_group_id=default", Value::Null),
        ("POST", "/api/apply?gateway_group_id=default", json!({})),
        ("POST", "/api/rollback", json!({"to": 1, "gateway_group_id": "default"})),
        ("POST", "/api/gateway_groups", json!({"name": "mine"})),
        ("PUT", "/api/gateway_groups/prod/admin_key", Value::Null),
        ("POST", "/api/invites", json!({"username": "eve", "password": "a long password"})),
        ("GET", "/api/users", Value::Null),
        ("POST", "/api/certificates", json!({"kind": "admin", "name": "x", "csr": csr})),
        (
            "POST",
            "/api/certificates",
            json!({"kind": "data_plane", "name": "x", "csr": csr, "gateway_group_id": "default"}),
        ),
    ] {
        let answer = plane.as_key(&prod, method, path, body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
    }
    let order = json!({"kind": "data_plane", "name": "dp-1", "csr": csr});
    let issued = plane.as_key(&prod, "POST", "/api/certificates", order).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let record = &plane.events(1).await[0];
    assert_eq!(
        (&record["gateway_group_id"], &record["changes"][0]["after"]["gateway_group_id"]),
        (&json!("prod"), &json!("prod"))
    );
    plane.call("DELETE", "/api/gateway_groups/prod?force=true", Value::Null).await;
    assert_eq!(
        plane.as_key(&prod, "GET", "/apisix/admin/routes", Value::Null).await.status,
        401,
        "gone with its group"
    );
}

/// Whoever had a group must not look into another one that gets its id, nor the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_apart_from_a_former_one_of_its_id() {
    let plane = Plane::new().await;
    let made = || plane.expect("POST", "/api/gateway_groups", json!({"name": "prod"}), 201);
    made().await;
    let consumer = json!({"username": "jack", "plugins": {"key-auth": {"key": "former secret"}}});
    plane.expect("PUT", "/apisix/admin/consumers?gateway_group_id=prod", consumer, 201).await;
    let order = json!({"kind": "data_plane", "name": "dp-1", "gateway_group_id": "prod"});
    let (former, _) = crate::certificates::client(&plane, order.clone()).await;
    let (range, body) = (format!("{}/v3/kv/range", plane.at.dp_manager), r#"{"key":"L2FwaXNpeA=="}"#);
    let ask = async |client: &reqwest::Client| client.post(&range).body(body).send().await.unwrap().status();
    assert_eq!(ask(&former).await, 200);
    let last = plane.head().await;
    assert_eq!(plane.call("DELETE", "/api/gateway_groups/prod?force=true", Value::Null).await.status, 204);
    made().await;
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], event["changes"].as_array().unwrap().len()), (&json!("gateway_group.create"), 2));
    eventually(Duration::from_secs(20), async || {
        let status = ask(&former).await;
        anyhow::ensure!(status == 403, "the former certificate is answered {status}");
        Ok(())
    })
    .await;
    let (new, _) = crate::certificates::client(&plane, order).await;
    assert_eq!(ask(&new).await, 200);

    let key = plane.expect("PUT", "/api/gateway_groups/prod/admin_key", Value::Null, 200).await;
    let key = key["value"]["key"].as_str().unwrap();
    for (method, path, body, status) in [
        ("POST", "/api/rollback", json!({"to": last}), 400),
        ("POST", "/api/rollback", json!({"to": last, "dry_run": false}), 400),
        ("GET", &format!("/api/history/state?at={last}"), Value::Null, 400),
        ("GET", "/api/history/state?at=2020-01-01T00:00:00Z", Value::Null, 400),
        ("GET", &format!("/api/history/changes?from={last}"), Value::Null, 400),
        ("GET", "/api/history/consumer/jack", Value::Null, 404),
        ("GET", &format!("/api/audit/events/{last}"), Value::Null, 404),
        ("GET", "/api/history/state", Value::Null, 200),
        ("GET", "/api/history/changes", Value::Null, 200),
        ("GET", "/api/audit/events?after=1", Value::Null, 200),
    ] {
        let answer = plane.as_key(key, method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert!(!answer.text.contains("jack") || status == 404, "{method} {path}: {}", answer.text);
    }
    // Whoever administers all may bring back what was deleted.
    let back = plane.expect("POST", "/api/rollback", json!({"to": last, "gateway_group_id": "prod"}), 200).await;
    assert_eq!(back["changes"][0]["id"], "jack");
}
