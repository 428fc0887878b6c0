use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use portolan_dp::resource::Document;
use portolan_dp::snapshot_file::{Key, SnapshotFile};
use portolan_dp::store::Store;
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_configuration_is_not_written_to_disk() {
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    let (gateway, instance) = Gateway::new().await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    let revision = gateway.space.put("routes/2", &json!({"uri": "/b", "plugins": {}})).await;
    eventually(SOON, || async {
        let (_, body) = gateway.status().await?;
        ensure!(body["snapshot_revision"].as_i64() >= Some(revision), "{body}");
        Ok(())
    })
    .await;
    let written = std::fs::metadata(instance.snapshot()).unwrap();
    // What others tell of themselves; each of them moves the revision.
    for at in 0..5 {
        let revision = gateway.space.put("data_plane/instances/other", &json!({"applied_revision": at})).await;
        gateway.applied(revision).await;
    }
    gateway.stop().unwrap();
    let after = std::fs::metadata(instance.snapshot()).unwrap();
    assert_eq!((after.ino(), after.modified().unwrap()), (written.ino(), written.modified().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_from_disk_is_not_written_again() {
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    let (instance, space) = saved(&upstream).await;
    let written = std::fs::metadata(instance.snapshot()).unwrap();
    let gateway = Gateway::start(instance.config(&space), space.clone());
    let status = gateway.ready().await;
    assert_eq!((&status["source"], &status["snapshot_revision"]), (&json!("snapshot"), &status["revision"]));
    gateway.stop().unwrap();
    assert_eq!(std::fs::metadata(instance.snapshot()).unwrap().ino(), written.ino());
}

/// Writes one snapshot after the other until it is killed; it is started by the test below.
#[test]
#[ignore = "a process for another test, not a test"]
fn writer() {
    let args: Vec<String> = std::env::args().collect();
    let directory = args.iter().find_map(|arg| arg.strip_prefix("--skip=dir:")).unwrap();
    let (file, key) = (
        SnapshotFile::new(Path::new(directory).join("snapshot"), "/apisix/"),
        Key::load(&Path::new(directory).join("dp.key")).unwrap(),
    );
    let mut store = Store::default();
    for revision in 1.. {
        let key_of = |id: i64| Arc::<str>::from(format!("/apisix/routes/{id}"));
        // Sizes differ, so that a mixture of two files would show.
        let value = vec![b'x'; 1000 + usize::try_from(revision % 7).unwrap() * 10_000].into();
        store.put(Document { key: key_of(revision % 50), value, create_revision: 1, mod_revision: revision });
        store.revision = revision;
        file.save(&key, &store).unwrap();
        println!("saved {revision}");
    }
}

#[test]
fn a_killed_process_leaves_a_whole_snapshot() {
    let instance = Instance::new();
    let directory = instance.dir.path().display().to_string();
    let file = SnapshotFile::new(instance.snapshot(), "/apisix/");
    let key = Key::load(&instance.files.key).unwrap();
    let mut last = 0;
    for round in 0..20_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "snapshot::writer", "--ignored", "--nocapture", &format!("--skip=dir:{directory}")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut saved = || -> i64 {
            let line = lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix("saved ")?.parse().ok());
            line.unwrap()
        };
        let mut at_least = saved();
        // Kill at a different moment of its work each time: after some writes and a part of the next one.
        for _ in 0..round % 5 {
            at_least = saved();
        }
        let moment = std::time::Instant::now();
        while moment.elapsed() < Duration::from_micros(round * 137) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let store = file.load(&key).unwrap();
        assert!(store.revision >= at_least, "{} < {at_least}", store.revision);
        last = last.max(store.revision);
    }
    assert!(last > 1);
}
