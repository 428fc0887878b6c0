//! What a data plane tells the control plane about itself.

use anyhow::{Context, ensure};
use portolan_etcd_proto::etcdserverpb::RangeRequest;
use portolan_etcd_proto::mvccpb::KeyValue;
use portolan_testkit::eventually;
use serde_json::{Value, json};

use crate::harness::{Gateway, SOON, Space, get_json};

/// All reports below the prefix.
async fn reports(space: &Space) -> Vec<(KeyValue, Value)> {
    all(space, "instances").await
}

async fn all(space: &Space, directory: &str) -> Vec<(KeyValue, Value)> {
    let key = format!("{}data_plane/{directory}/", space.prefix);
    let range_end = format!("{}data_plane/{directory}0", space.prefix);
    let request = RangeRequest { key: key.into(), range_end: range_end.into(), ..RangeRequest::default() };
    let found = space.client().await.range(request).await.unwrap().into_inner().kvs;
    found.into_iter().map(|kv| (kv.clone(), serde_json::from_slice(&kv.value).unwrap())).collect()
}

/// Waits until the one data plane reports this revision.
async fn reported(space: &Space, revision: i64) -> (KeyValue, Value) {
    eventually(SOON, || async {
        let (kv, report) = reports(space).await.pop().context("no report yet")?;
        ensure!(report["applied_revision"].as_i64() >= Some(revision), "{report}");
        Ok((kv, report))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reports_what_it_has_applied_and_disappears_when_it_ends() {
    let (gateway, _files) = Gateway::with(|config| config.report.interval_seconds = 1).await;
    let space = gateway.space.clone();
    let revision = space.put("routes/1", &json!({"uri": "/", "plugins": {}})).await;
    let (first, report) = reported(&space, revision).await;
    assert_eq!(report["applied_revision"], revision);
    assert_eq!((&report["resource_errors"], &report["last_error"]), (&json!(0), &Value::Null));
    assert!(first.lease != 0 && first.key.ends_with(report["id"].as_str().unwrap().as_bytes()));
    assert!(report["started_at"].as_i64() > Some(0) && report["version"].is_string());

    // Its own report is no change that it would report: one write for one change.
    let revision = space.put("routes/2", &json!({"uri": "/b", "plugins": {"nope": {}}})).await;
    let (second, report) = reported(&space, revision).await;
    assert_eq!((report["applied_revision"].as_i64(), second.version), (Some(revision), first.version + 1));
    assert_eq!(report["resource_errors"], 1);
    assert!(report["last_error"].as_str().unwrap().contains("nope"), "{report}");
    assert_eq!(second.lease, first.lease);

    gateway.stop().unwrap();
    assert!(reports(&space).await.is_empty(), "not only when the lease has run out");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_who_it_is_as_apisix_does() {
    let (gateway, _files) = Gateway::new().await;
    let space = gateway.space.clone();
    let (report, told) = reported(&space, 0).await;
    let (key, info) = all(&space, "server_info").await.pop().unwrap();
    assert_eq!((key.lease, key.mod_revision), (report.lease, report.mod_revision), "one event for both");
    assert_eq!((&info["id"], &info["boot_time"]), (&told["id"], &told["started_at"]));
    assert!(info["etcd_version"].as_str().unwrap().starts_with("3."), "{info}");
    assert!(!info["hostname"].as_str().unwrap().is_empty() && info["version"].is_string(), "{info}");
    assert_eq!(get_json(&format!("{}/v1/server_info", gateway.announced.control_api)).await, info);

    gateway.stop().unwrap();
    assert!(all(&space, "server_info").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reports_nothing_when_it_is_told_so() {
    let (gateway, _files) = Gateway::with(|config| config.report.enabled = false).await;
    gateway.put("routes/1", json!({"uri": "/", "plugins": {}})).await;
    assert!(reports(&gateway.space).await.is_empty() && all(&gateway.space, "server_info").await.is_empty());
    let info = get_json(&format!("{}/v1/server_info", gateway.announced.control_api)).await;
    assert_eq!(info["etcd_version"], "unknown");
}
