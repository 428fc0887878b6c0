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
    let told = plane.expect("POST", "/api/rollback", json!({"to": old}), 410).await;
    assert!(told["error_msg"].as_str().unwrap().contains("were pruned"), "{told}");
    plane.expect("GET", "/apisix/admin/routes/1", Value::Null, 200).await;
    plane.stop().await;
}
