//! The log leaves over HTTP as a bundle that verifies without us, and says so.

use std::path::Path;

use portolan_eventstore::proof::archive::Unpacker;
use portolan_eventstore::proof::{Verdict, Verifier, verify};
use portolan_testkit::python;
use serde_json::{Value, json};

use crate::plane::{ADMIN_KEY, Plane, VIEWER_KEY};

/// Fetches a bundle into a folder.
async fn fetch(plane: &Plane, query: &str, folder: &Path) {
    let request = plane.request("GET", &format!("/api/audit/export{query}")).header("x-api-key", ADMIN_KEY);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/x-tar");
    let mut unpacker = Unpacker::new(folder).unwrap();
    unpacker.feed(&response.bytes().await.unwrap()).unwrap();
    unpacker.finish().unwrap();
}

/// What both verifiers say of it: first and last revision, and what is redacted.
fn verdict(plane: &Plane, bundle: &Path) -> (i64, i64, Value) {
    let key = plane.dir.path().join("cp/log.key");
    let keys = Verifier::parse_list(&std::fs::read_to_string(&key).unwrap()).unwrap();
    let ours = match verify(bundle, &keys, &[], &|_| {}).unwrap() {
        Verdict::Ok(report) => serde_json::to_value(Verdict::Ok(report)).unwrap(),
        Verdict::Fail(failure) => panic!("{failure:?}"),
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit/verify.py");
    let theirs = std::process::Command::new(python::with_requirements(Path::new(env!("CARGO_TARGET_TMPDIR"))))
        .arg(script)
        .arg(bundle)
        .arg("--key")
        .arg(&key)
        .arg("--json")
        .output()
        .unwrap();
    let theirs: Value = serde_json::from_slice(&theirs.stdout).unwrap();
    assert_eq!(ours, theirs);
    (ours["from"].as_i64().unwrap(), ours["to"].as_i64().unwrap(), ours["redacted"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_leaves_as_a_bundle_that_verifies() {
    let plane = Plane::new().await;
    for desc in ["a", "b", "c"] {
        let body = json!({"uri": "/a", "desc": desc, "plugins": {}});
        assert!(plane.call("PUT", "/apisix/admin/routes/1", body).await.status < 300);
    }
    let head = plane.head().await;
    let folder = tempfile::tempdir().unwrap();
    // Nobody waits for the ten seconds between two checkpoints: the range is signed for this.
    fetch(&plane, "?reason=yearly", &folder.path().join("all")).await;
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["reason"]), (&json!("audit.export"), &json!("yearly")));
    assert_eq!(event["resource"], json!({"kind": "log", "id": format!("1..{head}")}));
    assert_eq!((plane.head().await, &event["actor"]["id"]), (head + 1, &json!("ci")));
    let (from, to, redacted) = verdict(&plane, &folder.path().join("all"));
    assert_eq!((from, to, redacted["contexts"].as_i64()), (1, head, Some(0)));

    let part = format!("?from={}&to={}", head - 1, head);
    fetch(&plane, &part, &folder.path().join("part")).await;
    assert_eq!(verdict(&plane, &folder.path().join("part")).0, head - 1);

    // What was erased since is accounted for.
    let order = json!({"actor_id": "ci", "reason": "asked for", "dry_run": false});
    plane.expect("POST", "/api/audit/erasures", order, 200).await;
    fetch(&plane, &format!("?to={head}"), &folder.path().join("erased")).await;
    let (.., redacted) = verdict(&plane, &folder.path().join("erased"));
    assert!(redacted["contexts"].as_i64() > Some(0), "{redacted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_take_it_gets_nothing_and_a_range_that_is_none_is_no_event() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    for query in ["?from=0", "?from=3&to=2", &format!("?to={}", head + 1), "?since=1"] {
        plane.expect("GET", &format!("/api/audit/export{query}"), Value::Null, 400).await;
    }
    assert_eq!(plane.head().await, head);
    assert_eq!(plane.as_key(VIEWER_KEY, "GET", "/api/audit/export", Value::Null).await.status, 403);
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["actor"]["id"]), (&json!("auth.denied"), &json!("eye")));
}
