use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::json;

use crate::harness::{Gateway, Instance, SOON, Space, exists, text};
use crate::raw;

/// A gateway that has saved a route, ended; and the configuration to start it again without a control plane.
async fn saved(upstream: &Upstream) -> (Instance, Space) {
    let instance = Instance::new();
    let mut space = Space::new().await;
    let gateway = Gateway::start(instance.config(&space), space.clone());
    gateway.ready().await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    gateway.stop().unwrap();
    space.url = format!("http://{}", raw::closed());
    (instance, space)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_from_disk_when_the_control_plane_is_away() {
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    let (instance, space) = saved(&upstream).await;
    let gateway = Gateway::start(instance.config(&space), space.clone());
    let status = gateway.ready().await;
    assert_eq!((&status["source"], &status["connected"]), (&json!("snapshot"), &json!(false)));
    assert!(status["revision"].as_i64() > Some(0));
    assert_eq!(text(&gateway.http()).await, (200, "ok".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_an_error_and_no_crash() {
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    let (instance, space) = saved(&upstream).await;
    let bytes = std::fs::read(instance.snapshot()).unwrap();
    for damaged in [&bytes[..bytes.len() / 2], b"something else", b""] {
        std::fs::write(instance.snapshot(), damaged).unwrap();
        let gateway = Gateway::start(instance.config(&space), space.clone());
        let (status, body) = gateway.status().await.unwrap();
        assert_eq!(status, 503);
        assert!(body["snapshot_error"].as_str().unwrap().contains("snapshot"), "{body}");
        gateway.stop().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_reaches_the_disk_soon() {
    let (gateway, instance) = Gateway::new().await;
    for at in 0..20 {
        let revision = gateway.space.put("routes/1", &json!({"uri": format!("/{at}"), "plugins": {}})).await;
        eventually(SOON, || async {
            exists(&instance.snapshot())?;
            let (_, body) = gateway.status().await?;
            ensure!(body["snapshot_revision"].as_i64() >= Some(revision), "{body}");
            Ok(())
        })
        .await;
    }
}
