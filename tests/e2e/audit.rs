//! An auditor's way: the key on the first day, a bundle from a running gateway, both verifications, and somebody who rewrites history.

use std::fs;
use std::path::Path;

use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually, install_crypto, postgres};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};

use crate::gateway::{Gateway, SOON};
use crate::process;

/// Runs a command under `audit` with `--json`: its exit code and answer.
async fn audit(args: &[&str]) -> (i32, Value) {
    let args: Vec<&str> = ["--json", "audit"].into_iter().chain(args.iter().copied()).collect();
    let output = process::run(&args, &[]).await;
    let answer = serde_json::from_str(&output.stdout);
    (output.code, answer.unwrap_or_else(|_| panic!("{args:?}: {output:?}")))
}

/// From the first start to a bundle that verifies; leaves `log.key` and `bundle` in the folder.
async fn walk(gateway: &Gateway, store: &str, folder: &Path) {
    let path = |name: &str| folder.join(name).display().to_string();
    let (code, key) = audit(&["key", "--store", store]).await;
    assert_eq!(code, 0);
    fs::write(path("log.key"), key["key"].as_str().unwrap()).unwrap();

    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    gateway.put_route("1", "/hello", &upstream).await;
    let routed = gateway.head().await;
    // A checkpoint covers it within ten seconds.
    eventually(SOON, || async {
        let (code, verdict) = audit(&["verify", "--store", store, "--key", &path("log.key")]).await;
        ensure!(code == 0 && verdict["result"] == "OK", "{verdict}");
        ensure!(verdict["tree_size"].as_u64() >= Some(routed), "{verdict}");
        Ok(())
    })
    .await;

    let args = ["export", "--store", store, "--out", &path("bundle"), "--reason", "the yearly audit"];
    let (code, exported) = audit(&args).await;
    assert_eq!((code, exported["from"].as_u64()), (0, Some(1)));
    assert!(exported["to"].as_u64() >= Some(routed));
    eventually(SOON, || async {
        let recorded = gateway.events("action=audit.export").await;
        ensure!(recorded.len() == 1 && recorded[0]["reason"] == "the yearly audit", "{recorded:?}");
        Ok(())
    })
    .await;
    let (code, verdict) = audit(&["verify", &path("bundle"), "--key", &path("log.key")]).await;
    assert_eq!((code, &verdict["result"], &verdict["to"]), (0, &"OK".into(), &exported["to"]), "{verdict}");
}

#[tokio::test]
async fn a_bundle_comes_from_the_control_plane_as_from_the_database() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(&[]).await;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let store = format!("sqlite:{}", gateway.data().join("portolan.db").display());
    let (_, key) = audit(&["key", "--store", &store]).await;
    fs::write(path("log.key"), key["key"].as_str().unwrap()).unwrap();
    let head = gateway.head().await;
    // What has just happened is in it: it is signed for this.
    let exported =
        gateway.command(&["--json", "audit", "export", "--out", &path("bundle"), "--reason", "yearly"]).await;
    assert_eq!(exported.code, 0, "{exported:?}");
    let exported: Value = serde_json::from_str(&exported.stdout).unwrap();
    assert_eq!((exported["from"].as_u64(), exported["to"].as_u64()), (Some(1), Some(head)));
    let event = &gateway.events("action=audit.export").await[0];
    assert_eq!((&event["reason"], &event["actor"]["kind"]), (&"yearly".into(), &"admin_key".into()));
    let (code, verdict) = audit(&["verify", &path("bundle"), "--key", &path("log.key")]).await;
    assert_eq!((code, verdict["to"].as_u64()), (0, Some(head)), "{verdict}");

    // Byte for byte what the database gives, but for the checkpoints, of which there may be more by now.
    let (out, last) = (path("direct"), head.to_string());
    let direct = ["export", "--store", &store, "--out", &out, "--from", "1", "--to", &last];
    assert_eq!(audit(&direct).await.0, 0);
    for name in ["entries-0000000000000001.jsonl", "payloads-0000000000000001.jsonl"] {
        let read = |bundle: &str| fs::read(folder.path().join(bundle).join(name)).unwrap();
        assert!(read("bundle") == read("direct"), "{name}");
    }
    // Another key takes over; who has only the old one is told, who adds the new one sees it all.
    let rotated = gateway.command(&["audit", "rotate-key", "--reason", "yearly"]).await;
    assert_eq!(rotated.code, 0, "{rotated:?}");
    let keys = process::run(&["audit", "key", "--store", &store], &[]).await.stdout;
    assert!(keys.starts_with(rotated.stdout.trim()) && keys.contains(key["key"].as_str().unwrap()), "{keys}");
    fs::write(path("both.key"), keys).unwrap();
    let later = gateway.admin(Method::PUT, "/apisix/admin/routes/1", Some(&json!({"uri": "/a", "plugins": {}}))).await;
    assert!(later.status.is_success(), "{later:?}");
    assert_eq!(gateway.command(&["audit", "export", "--out", &path("later")]).await.code, 0);
    for (file, code) in [("log.key", 1), ("both.key", 0)] {
        let (found, verdict) = audit(&["verify", &path("later"), "--key", &path(file)]).await;
        assert_eq!(found, code, "{file}: {verdict}");
    }
    let again = gateway.command(&["audit", "export", "--out", &path("bundle")]).await;
    assert!(again.code == 1 && again.stderr.contains("could not write"), "{again:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_log_on_sqlite_is_exported_verified_and_found_out() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(&[]).await;
    let database = gateway.data().join("portolan.db").display().to_string();
    let store = format!("sqlite:{database}");
    walk(&gateway, &store, folder.path()).await;
    let _dir = gateway.stop().await;

    let (bundle, key) = (folder.path().join("bundle"), folder.path().join("log.key").display().to_string());
    let entries = bundle.join("entries-0000000000000001.jsonl");
    let text = fs::read_to_string(&entries).unwrap();
    fs::write(&entries, text.replacen("log.created", "log.Created", 1)).unwrap();
    let (code, verdict) = audit(&["verify", &bundle.display().to_string(), "--key", &key]).await;
    assert_eq!((code, &verdict["revision"], &verdict["kind"]), (1, &1.into(), &"leaf".into()), "{verdict}");

    let mut raw = SqliteConnection::connect(&store).await.unwrap();
    raw.execute("DROP TRIGGER events_no_update; UPDATE events SET actor_id = 'somebody else' WHERE revision = 2")
        .await
        .unwrap();
    raw.close().await.unwrap();
    let (code, verdict) = audit(&["verify", "--store", &store, "--key", &key]).await;
    assert_eq!((code, &verdict["revision"], &verdict["kind"]), (1, &2.into(), &"column".into()), "{verdict}");
}

#[tokio::test]
async fn a_login_that_cannot_touch_the_log_signs_exports_and_verifies_it() {
    install_crypto();
    let server = postgres::Server::start().unwrap();
    let database = server.database().await.unwrap();
    let mut admin = PgConnection::connect(database.url()).await.unwrap();
    admin.execute("CREATE ROLE gateway LOGIN").await.unwrap();
    let done = process::run(&["db", "protect", "--store", database.url(), "--app-role", "gateway"], &[]).await;
    assert_eq!(done.code, 0, "{done:?}");
    let url = database.url().replacen("postgres@", "gateway@", 1);
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(&["--store", &url]).await;
    walk(&gateway, &url, folder.path()).await;
    let mut login = PgConnection::connect(&url).await.unwrap();
    for attack in
        ["DELETE FROM checkpoints", "INSERT INTO checkpoints SELECT size + 100, root, note, at FROM checkpoints"]
    {
        assert!(login.execute(attack).await.is_err(), "{attack}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_to_verify_must_be_said_once() {
    for args in [
        &["audit", "verify", "--key", "k"][..],
        &["audit", "verify", "b", "--store", "sqlite:x", "--key", "k"],
        &["audit", "verify", "b"],
        &["audit", "verify", "b", "--key", "/no/such/file"],
        &["audit", "export", "--store", "sqlite:x"],
    ] {
        assert_eq!(process::run(args, &[]).await.code, 64, "{args:?}");
    }
    let missing = process::run(&["audit", "export", "--store", "sqlite:/no/such/log.db", "--out", "x"], &[]).await;
    assert_eq!(missing.code, 1, "{missing:?}");
}
