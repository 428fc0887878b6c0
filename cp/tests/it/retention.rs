//! Old payloads of the log go by themselves, as an event, and what was told from them is an error that says so.

use std::sync::Arc;
use std::time::Duration;

use portolan_rt::clock::{Clock as _, ManualClock, SystemClock};
use serde_json::{Value, json};

use crate::plane::{Plane, config};

/// A little more than 13 months.
const LATER: Duration = Duration::from_secs(400 * 24 * 3600);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_thirteen_months_is_pruned() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let plane = Plane::with(dir.clone(), config(dir.path()), Arc::new(SystemClock)).await;
    let put = json!({"uri": "/a", "upstream": {"nodes": {"127.0.0.1:1": 1}}});
    plane.expect("PUT", "/apisix/admin/routes/1", put.clone(), 201).await;
    let old = plane.head().await;
    for _ in 0..2 {
        plane.expect("PUT", "/apisix/admin/routes/1", put.clone(), 200).await;
    }
    plane.stop().await;

    let clock = Arc::new(ManualClock::new(SystemClock.now_micros()));
    clock.advance(LATER);
    let plane = Plane::with(dir.clone(), config(dir.path()), clock).await;
    let pruned = async {
        loop {
            let found = plane.expect("GET", "/api/audit/events?action=audit.prune", Value::Null, 200).await;
            let event = plane.expect("GET", &format!("/api/audit/events/{old}"), Value::Null, 200).await;
            if found["events"].as_array().is_some_and(|events| !events.is_empty()) && event["changes"] == json!([]) {
                return (found["events"][0].clone(), event);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (prune, event) = tokio::time::timeout(Duration::from_secs(20), pruned).await.unwrap();
    assert_eq!((&prune["actor"]["id"], &prune["resource"]["kind"]), (&json!("system"), &json!("revisions")));
    assert_eq!((&event["action"], &event["source"]["ip"]), (&json!("route.create"), &Value::Null));
    assert_eq!(event["redacted"], json!(["context", "changes"]));
    let told = plane.expect("POST", "/api/rollback", json!({"to": old}), 410).await;
    assert!(told["error_msg"].as_str().unwrap().contains("were pruned"), "{told}");
    plane.expect("GET", "/apisix/admin/routes/1", Value::Null, 200).await;
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_keeps_what_it_covers_until_it_is_released() {
    let plane = Plane::new().await;
    plane.expect("PUT", "/apisix/admin/routes/1", json!({"uri": "/a", "plugins": {}}), 201).await;
    let scopes = [
        json!({"type": "actor", "actor_id": "ci"}),
        json!({"type": "gateway_group", "gateway_group_id": "default"}),
        json!({"type": "resource", "kind": "route", "id": "1", "gateway_group_id": "default"}),
        json!({"type": "revisions", "first": 1, "last": 9}),
    ];
    let mut ids = Vec::new();
    for scope in &scopes {
        let head = plane.head().await;
        let body = json!({"scope": scope, "reason": "case 7"});
        let hold = &plane.expect("POST", "/api/audit/holds", body, 201).await["value"];
        assert_eq!((&hold["scope"], &hold["reason"]), (scope, &json!("case 7")));
        assert_eq!((&hold["revision"], &hold["actor"]["id"]), (&json!(head + 1), &json!("ci")));
        assert_eq!(plane.head().await, head + 1);
        ids.push(hold["id"].as_str().unwrap().to_owned());
    }
    let found = plane.expect("GET", "/api/audit/holds", Value::Null, 200).await;
    let listed: Vec<_> = found["list"].as_array().unwrap().iter().map(|hold| hold["scope"].clone()).collect();
    assert_eq!((listed.as_slice(), &found["total"]), (scopes.as_slice(), &json!(4)));

    let head = plane.head().await;
    let order = json!({"actor_id": "ci", "reason": "asked for", "dry_run": false});
    let answer = plane.expect("POST", "/api/audit/erasures", order.clone(), 409).await;
    assert_eq!(answer["error_msg"], "a legal hold covers all events of ci");
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["outcome"]), (&json!("audit.erase"), &json!("refused")));
    assert_eq!(plane.head().await, head + 1);

    for id in &ids {
        let path = format!("/api/audit/holds/{id}?reason=closed");
        let headers = [("idempotency-key", id.as_str())];
        let head = plane.head().await;
        for _ in 0..2 {
            assert_eq!(plane.with_headers("DELETE", &path, &headers, Value::Null).await.status, 204);
        }
        assert_eq!(plane.head().await, head + 1);
        let event = &plane.events(1).await[0];
        assert_eq!((&event["action"], &event["reason"]), (&json!("audit.release"), &json!("closed")));
        assert_eq!(event["causation_revision"].to_string(), *id);
        plane.expect("DELETE", &path, Value::Null, 404).await;
    }
    assert_eq!(plane.expect("GET", "/api/audit/holds", Value::Null, 200).await["total"], 0);
    let done = plane.expect("POST", "/api/audit/erasures", order, 200).await;
    assert!(done["contexts"].as_u64().unwrap() > 0 && done["revision"].is_i64(), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_and_pruning_are_looked_at_first() {
    let plane = Plane::new().await;
    for desc in ["a", "b", "c"] {
        let put = json!({"uri": "/a", "desc": desc, "plugins": {}});
        assert!(plane.call("PUT", "/apisix/admin/routes/1", put).await.status < 300);
    }
    let head = plane.head().await;
    for (path, order) in
        [("/api/audit/erasures", json!({"actor_id": "ci"})), ("/api/audit/prune", json!({"before": head}))]
    {
        let looked = plane.expect("POST", path, order.clone(), 200).await;
        assert_eq!((&looked["dry_run"], &looked["revision"]), (&json!(true), &Value::Null), "{path}");
        assert!(looked["contexts"].as_u64().unwrap() > 0, "{path}: {looked}");
        let mut order = order;
        (order["dry_run"], order["reason"]) = (json!(false), json!("asked for"));
        let head = plane.head().await;
        let done = plane.expect("POST", path, order.clone(), 200).await;
        assert_eq!((&done["dry_run"], &done["revision"]), (&json!(false), &json!(head + 1)), "{path}");
        let event = &plane.events(1).await[0];
        assert_eq!((&event["reason"], &event["outcome"]), (&json!("asked for"), &json!("success")), "{path}");
        assert_eq!(plane.head().await, head + 1, "{path}");
        if path.ends_with("prune") {
            assert!(done["changes"].as_u64().unwrap() > 0, "{done}");
            plane.expect("POST", path, order, 200).await;
            assert_eq!(plane.head().await, head + 1, "nothing to do is no event");
        }
    }
    // Memory still reaches back that far, and must not tell what has gone.
    plane.expect("POST", "/api/rollback", json!({"to": head - 1}), 410).await;
    plane.expect("POST", "/api/rollback", json!({"to": head}), 200).await;
    let past = json!({"before": "2001-01-01T00:00:00Z"});
    assert_eq!(plane.expect("POST", "/api/audit/prune", past, 200).await["contexts"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_mean_nothing_are_refused_with_an_event() {
    let plane = Plane::new().await;
    let hold = |scope: Value| json!({"scope": scope, "reason": "r"});
    for (path, order, text) in [
        (
            "holds",
            json!({"scope": {"type": "actor", "actor_id": "ci"}}),
            "reason must have 1 to 4096 characters, none of them NUL",
        ),
        (
            "holds",
            hold(json!({"type": "actor", "actor_id": " "})),
            "actor_id must have 1 to 256 characters, none of them NUL",
        ),
        ("holds", hold(json!({"type": "revisions", "first": 2, "last": 1})), "first must be at least 1"),
        ("holds", hold(json!({"type": "resource", "kind": "ruote", "id": "1"})), "kind is none of a resource"),
        ("holds", hold(json!({"type": "gateway_group", "gateway_group_id": "a/b"})), "gateway_group_id is none"),
        ("holds", hold(json!({"type": "all"})), "unknown variant"),
        ("erasures", json!({"actor_id": "ci", "dry_run": false}), "reason must have"),
        ("erasures", json!({"actor_id": "ci", "reason": "x".repeat(4097)}), "reason must have"),
        ("prune", json!({"before": 1, "reason": " "}), "reason must have"),
        ("prune", json!({"before": 0}), "before must be a revision between 1 and"),
        ("prune", json!({"before": "yesterday"}), "before must be a revision, or a time as RFC 3339 has it"),
        ("prune", json!({"before": "2999-01-01T00:00:00Z"}), "before lies in the future"),
    ] {
        let head = plane.head().await;
        let answer = plane.expect("POST", &format!("/api/audit/{path}"), order.clone(), 400).await;
        assert!(answer["error_msg"].as_str().unwrap().contains(text), "{order}: {answer}");
        assert_eq!(plane.head().await, head + 1, "{order}");
        assert_eq!(plane.events(1).await[0]["outcome"], "refused", "{order}");
    }
}
