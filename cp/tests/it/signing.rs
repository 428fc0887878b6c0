//! The log of a control plane is signed with a key of its own, and verifies.

use std::sync::Arc;
use std::time::Duration;

use portolan_cp::Config;
use portolan_eventstore::proof::checkpoint::notes_of;
use portolan_eventstore::proof::{Checkpoint, Log, Verifier, verify_store};
use portolan_rt::clock::SystemClock;
use portolan_rt::task::Supervisor;
use serde_json::{Value, json};

use crate::plane::{self, Plane};

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_made_once_and_signs_checkpoints_that_leave_the_database() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let mut settings = plane::config(dir.path());
    settings.audit.origin = Some("example.com/portolan".into());
    settings.audit.checkpoint_file = Some(dir.path().join("checkpoints"));
    let url = settings.store.url.clone();
    let plane = Plane::with(dir.clone(), settings.clone(), Arc::new(SystemClock)).await;
    let vkey = std::fs::read_to_string(dir.path().join("cp/log.key")).unwrap();
    let keys = Verifier::parse_list(&vkey).unwrap();
    assert_eq!(keys[0].name(), "example.com/portolan");
    let made = plane.expect("GET", "/api/audit/events?action=log.key_created", Value::Null, 200).await;
    assert_eq!(made["events"][0]["changes"][0]["after"]["key"], vkey.trim());
    plane.stop().await;

    // Another start is the same key, under the name that was fixed.
    let plane = Plane::with(
        dir.clone(),
        Config { audit: settings.audit.clone(), ..plane::config(dir.path()) },
        Arc::new(SystemClock),
    )
    .await;
    let made = plane.expect("GET", "/api/audit/events?action=log.key_created", Value::Null, 200).await;
    assert_eq!(
        (made["events"].as_array().unwrap().len(), std::fs::read_to_string(dir.path().join("cp/log.key")).unwrap()),
        (1, vkey)
    );
    plane
        .expect("PUT", "/apisix/admin/routes/1", json!({"uri": "/a", "upstream": {"nodes": {"127.0.0.1:1": 1}}}), 201)
        .await;

    let log = Log::open(&url).await.unwrap();
    assert_eq!(log.published_keys().await.unwrap(), [keys[0].to_string()]);
    let kept = async {
        loop {
            let text = std::fs::read_to_string(dir.path().join("checkpoints")).unwrap_or_default();
            if !text.is_empty() {
                return notes_of(&text);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let kept = tokio::time::timeout(Duration::from_secs(20), kept).await.unwrap();
    assert!(Checkpoint::open(&kept[0], &keys).unwrap().size >= 1);
    let verdict = verify_store(&log, &keys, &kept, &|_| {}).await.unwrap();
    assert!(verdict.is_ok(), "{verdict}");
    plane.stop().await;

    settings.audit.origin = Some("example.com/other".into());
    let refused = portolan_cp::start(&settings, Arc::new(SystemClock), &Supervisor::new()).await.unwrap_err();
    assert!(format!("{:#}", anyhow::Error::from(refused)).contains("example.com/portolan, which can't change"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_changes_the_key_and_everything_still_verifies() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let settings = plane::config(dir.path());
    let url = settings.store.url.clone();
    let plane = Plane::with(dir.clone(), settings.clone(), Arc::new(SystemClock)).await;
    let shown = || Verifier::parse_list(&std::fs::read_to_string(dir.path().join("cp/log.key")).unwrap()).unwrap();
    let old = shown();
    let now = plane.expect("GET", "/api/audit/key", Value::Null, 200).await;
    assert_eq!((&now["key"], &now["previous"]), (&json!(old[0].to_string()), &json!([])));

    let path = "/api/audit/key/rotate";
    let refused = plane.expect("POST", path, json!({}), 400).await;
    assert!(refused["error_msg"].as_str().unwrap().contains("reason must have"), "{refused}");
    let head = plane.head().await;
    let headers = [("idempotency-key", "once")];
    let first = plane.with_headers("POST", path, &headers, json!({"reason": "yearly"})).await.json();
    let again = plane.with_headers("POST", path, &headers, json!({"reason": "yearly"})).await.json();
    assert_eq!((&first, &first["revision"], &first["covered"]), (&again, &json!(head + 1), &json!(true)));
    assert_eq!(first["previous"], json!([old[0].to_string()]));
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["reason"]), (&json!("log.key_rotated"), &json!("yearly")));
    assert_eq!(event["changes"][0]["after"]["key"], first["key"]);
    // The file that is handed to auditors holds both by now.
    let keys = shown();
    assert_eq!((keys.len(), json!(keys[0].to_string()), &keys[1]), (2, first["key"].clone(), &old[0]));
    let verdict =
        async |keys: &[Verifier]| verify_store(&Log::open(&url).await.unwrap(), keys, &[], &|_| {}).await.unwrap();
    assert!(verdict(&keys).await.is_ok(), "{}", verdict(&keys).await);
    let note = Log::open(&url).await.unwrap().checkpoint().await.unwrap().unwrap().1;
    assert!(Checkpoint::open(&note, &old).is_ok() && Checkpoint::open(&note, &keys[..1]).is_ok(), "{note}");

    // After a start it is the new one that signs, and the old one never again.
    plane.stop().await;
    let plane = Plane::with(dir.clone(), settings, Arc::new(SystemClock)).await;
    plane.expect("PUT", "/apisix/admin/routes/1", json!({"uri": "/a", "plugins": {}}), 201).await;
    let export = plane.request("GET", "/api/audit/export").header("x-api-key", plane::ADMIN_KEY).send().await.unwrap();
    assert_eq!(export.status(), 200);
    let note = Log::open(&url).await.unwrap().checkpoint().await.unwrap().unwrap().1;
    assert!(Checkpoint::open(&note, &old).is_err() && Checkpoint::open(&note, &keys[..1]).is_ok(), "{note}");
    assert!(verdict(&keys).await.is_ok());
    assert_eq!(plane.as_key(plane::VIEWER_KEY, "POST", path, json!({"reason": "r"})).await.status, 403);
}
