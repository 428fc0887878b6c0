//! Time travel over HTTP: what changed, what was, whose business it is, and what can't be told any more.

use std::collections::BTreeMap;

use portolan_cp::config::{Key, Role};
use portolan_rt::clock::SystemClock;
use serde_json::{Value, json};

use crate::plane::{Plane, config};

async fn put(plane: &Plane, path: &str, desc: &str) -> i64 {
    let body = json!({"uri": "/a", "desc": desc, "plugins": {"key-auth": {}}});
    assert!(plane.call("PUT", path, body).await.status < 300, "{path}");
    plane.head().await
}

async fn get(plane: &Plane, path: &str) -> Value {
    plane.expect("GET", path, Value::Null, 200).await
}

/// All pages of changes, one change each.
async fn walk(plane: &Plane, query: &str, to: i64) -> Vec<Value> {
    let mut events = Vec::new();
    let mut from = Some(0);
    while let Some(at) = from {
        let page = get(plane, &format!("/api/history/changes?from={at}&to={to}&limit=1{query}")).await;
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        from = page["next_from"].as_i64();
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_replay_to_the_state_at_every_revision() {
    let plane = Plane::new().await;
    for (id, desc) in [("1", "a"), ("2", "a"), ("1", "b"), ("1", "c")] {
        put(&plane, &format!("/apisix/admin/routes/{id}"), desc).await;
    }
    plane.expect("DELETE", "/apisix/admin/routes/2", Value::Null, 200).await;
    let rollback = json!({"to": plane.head().await - 2, "dry_run": false, "reason": "back"});
    plane.expect("POST", "/api/rollback", rollback, 200).await;
    let head = plane.head().await;
    let events = walk(&plane, "&gateway_group_id=default", head).await;
    let mut replayed: BTreeMap<String, Value> = BTreeMap::new();
    let mut next = events.iter().peekable();
    for revision in 0..=head {
        while let Some(event) = next.next_if(|event| event["revision"] == revision) {
            for change in event["changes"].as_array().unwrap() {
                let key = change["key"].as_str().unwrap().to_owned();
                assert_eq!(replayed.get(&key).unwrap_or(&Value::Null), &change["before"], "{event}");
                match &change["after"] {
                    Value::Null => replayed.remove(&key),
                    after => replayed.insert(key, after.clone()),
                };
            }
        }
        let state = get(&plane, &format!("/api/history/state?at={revision}")).await;
        let list = state["list"].as_array().unwrap();
        let told: BTreeMap<_, _> =
            list.iter().map(|kv| (kv["key"].as_str().unwrap().to_owned(), kv["value"].clone())).collect();
        assert_eq!((told, &state["revision"]), (replayed.clone(), &json!(revision)));
    }
    assert!(next.next().is_none());
    assert_eq!(events.last().unwrap()["action"], "group.rollback");
    // A look back is no event.
    assert_eq!(plane.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_found_by_group_resource_actor_and_action() {
    let plane = Plane::new().await;
    plane.expect("POST", "/api/gateway_groups", json!({"name": "eu"}), 201).await;
    for id in ["1", "2", "1"] {
        put(&plane, &format!("/apisix/admin/routes/{id}"), id).await;
    }
    plane.expect("PUT", "/apisix/admin/consumers/jack", json!({"username": "jack"}), 201).await;
    let credential = json!({"plugins": {"key-auth": {"key": "s3cret-of-jack"}}});
    plane.expect("PUT", "/apisix/admin/consumers/jack/credentials/c", credential, 201).await;
    let state = json!({"changes": [
        {"action": "put", "kind": "routes", "id": "1", "value": {"uri": "/eu", "plugins": {}}},
        {"action": "put", "kind": "routes", "id": "2", "value": {"uri": "/eu", "plugins": {}}},
    ]});
    plane.expect("POST", "/api/apply?gateway_group_id=eu", state, 200).await;
    let head = plane.head().await;
    for (query, expected) in [
        ("&gateway_group_id=default", "route.create route.create route.update consumer.create credential.create"),
        ("&resource_kind=route&resource_id=1", "route.create route.update"),
        ("&resource_kind=routes", "route.create route.create route.update"),
        ("&resource_kind=consumer", "consumer.create"),
        ("&resource_kind=credential&resource_id=jack/credentials/c", "credential.create"),
        ("&gateway_group_id=eu", "group.apply"),
        ("&gateway_group_id=eu&resource_kind=route&resource_id=2", "group.apply"),
        ("&gateway_group_id=eu&actor=ci&action=group.apply", "group.apply"),
        ("&gateway_group_id=eu&actor=nobody", ""),
        ("&actor=ci&action=route.update", "route.update"),
    ] {
        let found = walk(&plane, query, head).await;
        let actions: Vec<_> = found.iter().map(|event| event["action"].as_str().unwrap()).collect();
        assert_eq!(actions.join(" "), expected, "{query}");
        assert!(!format!("{found:?}").contains("s3cret-of-jack"));
    }
    // Of a batch, only the change that was asked for.
    let one = walk(&plane, "&gateway_group_id=eu&resource_kind=route&resource_id=2", head).await;
    assert_eq!(one[0]["changes"].as_array().unwrap().len(), 1);
    let state = get(&plane, "/api/history/state?resource_kind=credential").await;
    assert_eq!((&state["total"], &state["list"][0]["id"]), (&json!(1), &json!("jack/credentials/c")));
    assert!(!state.to_string().contains("s3cret-of-jack"));
    let all = walk(&plane, "", head).await;
    assert!(all.iter().any(|event| event["action"] == "user.create"), "also Portolan's own objects");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_is_the_last_revision_until_then() {
    let plane = Plane::new().await;
    put(&plane, "/apisix/admin/routes/1", "old").await;
    let old = plane.events(1).await[0].clone();
    put(&plane, "/apisix/admin/routes/1", "new").await;
    let at = old["recorded_at"].as_str().unwrap();
    let state = get(&plane, &format!("/api/history/state?at={at}&resource_kind=route&resource_id=1")).await;
    assert_eq!((&state["revision"], &state["recorded_at"]), (&old["revision"], &old["recorded_at"]));
    assert_eq!(state["list"][0]["value"]["desc"], "old");
    let changes = get(&plane, &format!("/api/history/changes?from={at}")).await;
    assert_eq!((&changes["from"], changes["events"].as_array().unwrap().len()), (&old["revision"], 1));
    assert_eq!(get(&plane, "/api/history/state?at=2001-01-01T00:00:00Z").await["total"], 0);
    let head = plane.head().await;
    for (path, text) in [
        ("state?at=2999-01-01T00:00:00Z".to_owned(), "at lies in the future"),
        ("state?at=yesterday".to_owned(), "at must be a revision, or a time as RFC 3339 has it"),
        (format!("state?at={}", head + 1), "at must be a revision between 0 and"),
        ("state?resource_id=1".to_owned(), "resource_id needs a resource_kind"),
        ("state?resource_kind=ruote".to_owned(), "unknown resource type: ruote"),
        ("changes?from=3&to=2".to_owned(), "from, revision 3, comes after to, revision 2"),
        ("changes?limit=0".to_owned(), "limit must be between 1 and 1000"),
        ("changes?since=1".to_owned(), "unknown field"),
    ] {
        let answer = plane.expect("GET", &format!("/api/history/{path}"), Value::Null, 400).await;
        assert!(answer["error_msg"].as_str().unwrap().contains(text), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pruned_is_gone() {
    let plane = Plane::new().await;
    for desc in ["a", "b", "c"] {
        put(&plane, "/apisix/admin/routes/1", desc).await;
    }
    let floor = plane.head().await;
    let order = json!({"before": floor, "reason": "old", "dry_run": false});
    plane.expect("POST", "/api/audit/prune", order, 200).await;
    for path in [format!("state?at={}", floor - 1), format!("changes?from={}", floor - 1), "changes?from=0".into()] {
        let answer = plane.expect("GET", &format!("/api/history/{path}"), Value::Null, 410).await;
        let text = format!("payloads before revision {floor} were pruned");
        assert!(answer["error_msg"].as_str().unwrap().contains(&text), "{path}: {answer}");
    }
    assert_eq!(get(&plane, &format!("/api/history/state?at={floor}")).await["list"][0]["value"]["desc"], "c");
    assert_eq!(get(&plane, "/api/history/changes").await["from"], floor, "from where it can be told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_group_looks_back_on_that_group_alone() {
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let mut settings = config(dir.path());
    settings.admin.keys.push(Key {
        name: "eu".into(),
        key: Some("eu-key-123456".into()),
        key_file: None,
        role: Role::Viewer,
        gateway_group_id: Some("eu".parse().unwrap()),
    });
    let plane = Plane::with(dir, settings, std::sync::Arc::new(SystemClock)).await;
    plane.expect("POST", "/api/gateway_groups", json!({"name": "eu"}), 201).await;
    put(&plane, "/apisix/admin/routes/1", "not of eu").await;
    for path in ["state", "changes"] {
        let own = plane.as_key("eu-key-123456", "GET", &format!("/api/history/{path}"), Value::Null).await;
        assert_eq!(own.status, 200, "{path}: {}", own.text);
        assert!(!own.text.contains("not of eu"), "{path}: {}", own.text);
        let other = format!("/api/history/{path}?gateway_group_id=default");
        assert_eq!(plane.as_key("eu-key-123456", "GET", &other, Value::Null).await.status, 403, "{path}");
    }
}
