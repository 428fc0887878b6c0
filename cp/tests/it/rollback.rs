//! Putting a group back.

use serde_json::{Value, json};

use crate::plane::Plane;

async fn put(plane: &Plane, path: &str, body: Value) -> i64 {
    let answer = plane.call("PUT", &format!("/apisix/admin{path}"), body).await;
    assert!(answer.status < 300, "{path}: {}", answer.text);
    plane.head().await
}

/// Key and action of each change.
fn actions(result: &Value) -> Vec<(String, String)> {
    let text = |change: &Value, field: &str| change[field].as_str().unwrap().to_owned();
    let changes = result["changes"].as_array().unwrap();
    changes.iter().map(|change| (text(change, "key"), text(change, "action"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_back_as_one_new_event() {
    back_and_forth(Plane::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_back_on_postgres_too() {
    let database = portolan_testkit::postgres::database().await.unwrap();
    back_and_forth(Plane::on(database.url()).await).await;
}

async fn back_and_forth(plane: Plane) {
    put(&plane, "/upstreams/u", json!({"nodes": {"a:1": 1}})).await;
    put(&plane, "/services/kept", json!({"name": "kept"})).await;
    let good = put(&plane, "/routes/1", json!({"uri": "/old", "upstream_id": "u"})).await;
    let before = plane.expect("GET", "/apisix/admin/routes/1", Value::Null, 200).await["value"].clone();
    put(&plane, "/routes/1", json!({"uri": "/new", "plugins": {}})).await;
    put(&plane, "/routes/2", json!({"uri": "/more", "plugins": {}})).await;
    plane.expect("DELETE", "/apisix/admin/upstreams/u", Value::Null, 200).await;

    let head = plane.head().await;
    let plan = plane.expect("POST", "/api/rollback", json!({"gateway_group_id": "default", "to": good}), 200).await;
    let expected = [
        ("/apisix/upstreams/u".to_owned(), "create".to_owned()),
        ("/apisix/routes/1".to_owned(), "update".to_owned()),
        ("/apisix/routes/2".to_owned(), "delete".to_owned()),
    ];
    assert_eq!(actions(&plan), expected);
    assert_eq!((&plan["dry_run"], &plan["revision"]), (&json!(true), &Value::Null));
    assert_eq!((&plan["from"], &plan["to"], &plan["broken_references"]), (&json!(head), &json!(good), &json!([])));
    assert_eq!(plan["changes"][1]["after"], before);
    assert_eq!((&plan["changes"][1]["kind"], &plan["changes"][1]["id"]), (&json!("route"), &json!("1")));
    assert_eq!(plane.head().await, head, "a look changes nothing");

    let order = json!({"to": good, "dry_run": false, "reason": "the new route was wrong"});
    let done = plane.expect("POST", "/api/rollback", order.clone(), 200).await;
    assert_eq!(actions(&done), expected);
    assert_eq!((&done["revision"], &done["from"]), (&json!(head + 1), &json!(head)));
    let now = plane.expect("GET", "/apisix/admin/routes/1", Value::Null, 200).await;
    assert_eq!((&now["value"], &now["modifiedIndex"]), (&before, &json!(head + 1)));
    assert_eq!(plane.call("GET", "/apisix/admin/routes/2", Value::Null).await.status, 404);
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["causation_revision"]), (&json!("group.rollback"), &json!(good)));
    assert_eq!(event["reason"], "the new route was wrong");
    assert_eq!(event["changes"].as_array().unwrap().len(), 3);

    let again = plane.expect("POST", "/api/rollback", order, 200).await;
    assert_eq!((&again["revision"], &again["changes"]), (&Value::Null, &json!([])));
    assert_eq!(plane.head().await, head + 1, "nothing to do is no event");

    // And forward again: the event before the rollback is a place like any other.
    let forward = plane.expect("POST", "/api/rollback", json!({"to": head, "dry_run": false}), 200).await;
    assert_eq!(forward["changes"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_references_are_told() {
    let plane = Plane::new().await;
    put(&plane, "/upstreams/u", json!({"nodes": {"a:1": 1}})).await;
    put(&plane, "/routes/1", json!({"uri": "/a", "upstream_id": "u"})).await;
    plane.expect("DELETE", "/apisix/admin/upstreams/u?force=true", Value::Null, 200).await;
    let broken = plane.head().await;
    plane.expect("DELETE", "/apisix/admin/routes/1", Value::Null, 200).await;
    let plan = plane.expect("POST", "/api/rollback", json!({"to": broken}), 200).await;
    assert_eq!(plan["broken_references"], json!([{"key": "/apisix/routes/1", "kind": "upstream", "id": "u"}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_with_an_event() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    for (i, (body, status, part)) in [
        (json!({}), 400, "missing field `to`"),
        (json!({"to": 0}), 400, "between 1 and"),
        (json!({"to": 1_000_000}), 400, "between 1 and"),
        (json!({"to": "1"}), 400, "invalid type"),
        (json!({"to": 1, "gateway_group_id": "prod"}), 404, "gateway group prod not found"),
        (json!({"to": 1, "force": true}), 400, "unknown field `force`"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = plane.expect("POST", "/api/rollback", body, status).await;
        assert!(answer["error_msg"].as_str().unwrap().contains(part), "{answer}");
        assert_eq!(plane.head().await, head + 1 + i64::try_from(i).unwrap());
        let event = &plane.events(1).await[0];
        assert_eq!((&event["action"], &event["outcome"]), (&json!("group.rollback"), &json!("refused")));
    }
}
