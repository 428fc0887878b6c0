//! Portolan's own API, the dashboard and the status port.

use serde_json::{Value, json};

use crate::plane::{ADMIN_KEY, Plane, send};

#[tokio::test(flavor = "multi_thread")]
async fn resources_and_history() {
    let plane = Plane::new().await;
    for name in ["a", "b"] {
        plane.call("PUT", "/apisix/admin/services/s", json!({ "name": name })).await;
    }
    let head = plane.head().await;
    let list = plane.expect("GET", "/api/groups/default/resources/services", Value::Null, 200).await;
    assert_eq!((&list["revision"], &list["total"]), (&json!(head), &json!(1)));
    let item = plane.expect("GET", "/api/groups/default/resources/services/s", Value::Null, 200).await;
    assert_eq!(list["list"][0], item);
    assert_eq!((&item["id"], &item["version"], &item["mod_revision"]), (&json!("s"), &json!(2), &json!(head)));
    assert_eq!(item["create_revision"], head - 1);
    plane.expect("DELETE", "/apisix/admin/services/s", Value::Null, 200).await;

    for kind in ["services", "service"] {
        let history =
            plane.expect("GET", &format!("/api/history/{kind}/s?gateway_group_id=default"), Value::Null, 200).await;
        let versions = history["versions"].as_array().unwrap();
        let shown: Vec<_> =
            versions.iter().map(|v| (v["action"].as_str().unwrap(), v["value"]["name"].clone())).collect();
        assert_eq!(
            shown,
            [("service.delete", Value::Null), ("service.update", json!("b")), ("service.create", json!("a"))]
        );
        assert_eq!(versions[2]["actor"]["id"], "ci");
    }
    for (path, text) in [
        ("/api/groups/prod/resources/services", "gateway group prod not found"),
        ("/api/groups/default/resources/ssl", "unknown resource type: ssl"),
        ("/api/groups/default/resources/services/s", "service s not found"),
        ("/api/history/services/nobody", "service nobody has never existed"),
        ("/api/audit/events/1000000", "event 1000000 not found"),
        ("/api/nothing", "no such path"),
    ] {
        let answer = plane.expect("GET", path, Value::Null, 404).await;
        assert_eq!(answer, json!({ "error_msg": text }), "{path}");
    }
    assert_eq!(plane.call("DELETE", "/api/status", Value::Null).await.status, 405);
}

/// Who misspells what to wait for would take the answer for that of a change that is live.
#[tokio::test(flavor = "multi_thread")]
async fn one_waits_for_applied_or_for_nothing() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    let body = json!({"to": head, "gateway_group_id": "default"});
    for query in ["wait=aplied", "wait", "wait=", "wait=applied&wait=x"] {
        let answer = plane.expect("POST", &format!("/api/rollback?{query}"), body.clone(), 400).await;
        assert_eq!(answer["error_msg"], "one can only wait for a change to be applied: wait=applied", "{query}");
    }
    assert_eq!(plane.head().await, head);
    for query in ["wait=applied", "wait=applied&wait=applied", "waiting=1"] {
        plane.expect("POST", &format!("/api/rollback?{query}"), body.clone(), 200).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_by_page_and_filter() {
    let plane = Plane::new().await;
    for i in 0..7 {
        plane.call("PUT", &format!("/apisix/admin/services/{i}"), json!({"name": "n"})).await;
    }
    plane.call("PUT", "/apisix/admin/services/0", json!({"nonsense": 1})).await;
    let all = plane.expect("GET", "/api/audit/events?limit=500", Value::Null, 200).await;
    let events = all["events"].as_array().unwrap();
    let head = plane.head().await;
    assert_eq!((&all["head"], &all["next_before"]), (&json!(head), &Value::Null));
    let revisions: Vec<i64> = events.iter().map(|event| event["revision"].as_i64().unwrap()).collect();
    assert_eq!(revisions, (1..=head).rev().collect::<Vec<_>>());
    assert_eq!(events.last().unwrap()["action"], "log.created");

    let (mut before, mut seen) = (Value::Null, Vec::new());
    loop {
        let query = before.as_i64().map_or(String::new(), |before| format!("&before={before}"));
        let page = plane.expect("GET", &format!("/api/audit/events?limit=3{query}"), Value::Null, 200).await;
        seen.extend(page["events"].as_array().unwrap().iter().map(|event| event["revision"].as_i64().unwrap()));
        before = page["next_before"].clone();
        if before.is_null() {
            break;
        }
    }
    assert_eq!(seen, revisions);

    for (query, count) in [
        ("action=service.create", 7),
        ("outcome=refused", 1),
        ("actor=ci", 8),
        ("actor=nobody", 0),
        ("resource_kind=service&resource_id=0", 2),
        ("gateway_group_id=default", 8),
        ("after=1&before=3", 1),
        ("after=-9223372036854775808&before=3", 2),
        ("after=9223372036854775807", 0),
        ("before=-9223372036854775808", 0),
    ] {
        let page = plane.expect("GET", &format!("/api/audit/events?limit=100&{query}"), Value::Null, 200).await;
        assert_eq!(page["events"].as_array().unwrap().len(), count, "{query}");
    }
    // A slip of the pen must not look like an empty log.
    plane.expect("GET", "/api/audit/events?outcome=sucess", Value::Null, 400).await;
    let one = plane.expect("GET", &format!("/api/audit/events/{head}"), Value::Null, 200).await;
    assert_eq!(one, events[0]);
    let fields: Vec<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "revision",
            "event_id",
            "recorded_at",
            "action",
            "outcome",
            "actor",
            "source",
            "reason",
            "request_id",
            "trace_id",
            "gateway_group_id",
            "resource",
            "causation_revision",
            "error",
            "changes",
            "redacted",
            "leaf_hash",
        ]
    );
    for query in ["limit=0", "limit=501", "limit=x", "nonsense=1", "before=x"] {
        let answer = plane.call("GET", &format!("/api/audit/events?{query}"), Value::Null).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
    }
    assert_eq!(plane.call("GET", "/api/audit/events/x", Value::Null).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_ports() {
    let plane = Plane::new().await;
    let status = plane.expect("GET", "/api/status", Value::Null, 200).await;
    assert_eq!((&status["store"], &status["gateway_groups"]), (&json!("sqlite"), &json!(["default"])));
    let get = async |path: &str| send(reqwest::Client::new().get(format!("{}{path}", plane.at.status))).await;
    assert_eq!(get("/status").await.json(), json!({"status": "ok"}));
    let ready = get("/status/ready").await;
    assert_eq!((ready.status, &ready.json()["components"]["log"]["state"]), (200, &json!("ready")));
    let metrics = get("/metrics").await;
    for line in [
        format!("portolan_cp_revision {}", status["revision"]),
        "portolan_cp_log_available 1".to_owned(),
        "portolan_cp_http_requests_total{listener=\"admin_api\",status=\"200\"} 1".to_owned(),
        "portolan_cp_append_seconds_count ".to_owned(),
    ] {
        assert!(metrics.text.contains(&line), "{line}\n{}", metrics.text);
    }
    assert_eq!(get("/api/status").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_strict_and_its_api_is_the_same() {
    let plane = Plane::new().await;
    for path in ["/", "/routes", "/services/1?tab=history", "/index.html"] {
        let page = send(plane.dashboard("GET", path)).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!((page.header("x-content-type-options"), page.header("x-frame-options")), ("nosniff", "DENY"));
    }
    assert_eq!(send(plane.dashboard("GET", "/assets/no-such.js")).await.status, 404);
    let page = send(plane.dashboard("GET", "/")).await;
    // A checkout without `npm run build` has a page that says so, and no assets.
    if let Some((_, rest)) = page.text.split_once("src=\"/assets/") {
        let path = format!("/assets/{}", rest.split('"').next().unwrap());
        let asset = send(plane.dashboard("GET", &path)).await;
        assert_eq!((asset.status, asset.header("cache-control")), (200, "public, max-age=31536000, immutable"));
        assert!(asset.header("content-type").starts_with("text/javascript"), "{}", asset.header("content-type"));
        assert_eq!(page.header("cache-control"), "no-cache");
        let again = plane.dashboard("GET", "/").header("if-none-match", page.header("etag"));
        assert_eq!(send(again).await.status, 304);
    }
    assert_eq!(send(plane.dashboard("POST", "/")).await.status, 405);
    let api = send(plane.dashboard("GET", "/api/status").header("x-api-key", ADMIN_KEY)).await;
    assert_eq!((api.status, api.header("cache-control")), (200, "no-store"));
    let unknown = send(plane.dashboard("GET", "/api/nothing")).await;
    assert_eq!((unknown.status, unknown.json()), (404, json!({"error_msg": "no such path"})));
    // The APISIX face is not here, but the enterprise face.
    let face = send(plane.dashboard("GET", "/apisix/admin/routes").header("x-api-key", ADMIN_KEY)).await;
    assert_eq!((face.status, face.json(), face.header("server")), (200, json!({"total": 0, "list": []}), ""));
    let document = plane.expect("GET", "/api/openapi.json", Value::Null, 200).await;
    assert_eq!(document["openapi"], "3.1.0");
}
