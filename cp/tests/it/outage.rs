//! The log goes away: writes are refused, reads go on, and it comes back.

use std::sync::Arc;
use std::time::Duration;

use portolan_rt::clock::SystemClock;
use portolan_testkit::{eventually, postgres};
use serde_json::{Value, json};

use crate::plane::{Plane, config, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_503_until_it_is_back() {
    let mut server = tokio::task::spawn_blocking(postgres::Server::start).await.unwrap().unwrap();
    let database = server.database().await.unwrap();
    let plane = Plane::on(database.url()).await;
    plane.expect("PUT", "/apisix/admin/services/1", json!({"name": "a"}), 201).await;
    let head = plane.head().await;

    let mut server = tokio::task::spawn_blocking(move || {
        server.stop().unwrap();
        server
    })
    .await
    .unwrap();
    for (method, path, body) in [
        ("PUT", "/apisix/admin/services/1", json!({"name": "b"})),
        ("PUT", "/apisix/admin/services/1", json!({"nonsense": 1})),
        ("DELETE", "/apisix/admin/services/1", Value::Null),
        ("POST", "/api/rollback", json!({"to": 1, "dry_run": false})),
        ("GET", "/api/audit/events", Value::Null),
    ] {
        let answer = plane.call(method, path, body).await;
        assert_eq!(answer.status, 503, "{method} {path}: {}", answer.text);
        assert!((1..=5).contains(&answer.header("retry-after").parse::<u64>().unwrap()), "{method} {path}");
        assert!(answer.json()["error_msg"].is_string(), "{method} {path}: {}", answer.text);
    }
    let item = plane.expect("GET", "/apisix/admin/services/1", Value::Null, 200).await;
    assert_eq!(item["value"]["name"], "a");
    assert_eq!(plane.head().await, head);
    let ready = async || send(reqwest::Client::new().get(format!("{}/status/ready", plane.at.status))).await;
    eventually(Duration::from_secs(20), async || {
        let ready = ready().await;
        anyhow::ensure!(ready.json()["components"]["log"]["state"] == "degraded", "{}", ready.text);
        Ok(())
    })
    .await;

    let server = tokio::task::spawn_blocking(move || {
        server.start_again().unwrap();
        server
    })
    .await
    .unwrap();
    eventually(Duration::from_secs(20), async || {
        let answer = plane.call("PUT", "/apisix/admin/services/1", json!({"name": "b"})).await;
        anyhow::ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
        Ok(())
    })
    .await;
    assert_eq!(plane.head().await, head + 1, "what was refused was not written");
    drop((plane, server));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_are_one_control_plane() {
    let database = postgres::database().await.unwrap();
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let replica = async |name: &str| {
        let mut settings = config(dir.path());
        settings.store.url = database.url().to_owned();
        settings.data_dir.path = dir.path().join(name);
        settings.data_dir.secret_key_file = Some(dir.path().join("shared.key"));
        Plane::with(dir.clone(), settings, Arc::new(SystemClock)).await
    };
    std::fs::write(dir.path().join("shared.key"), "5a".repeat(32)).unwrap();
    let (one, two) = (replica("one").await, replica("two").await);
    assert_eq!(std::fs::read(one.ca()).unwrap(), std::fs::read(two.ca()).unwrap());
    one.expect("PUT", "/apisix/admin/services/1", json!({"name": "a"}), 201).await;
    // The second sees it before it decides, even when its memory is behind.
    let duplicate = two.expect("PUT", "/apisix/admin/services/1", json!({"name": "b"}), 200).await;
    assert_eq!(duplicate["value"]["name"], "b");
    eventually(Duration::from_secs(20), async || {
        let item = one.call("GET", "/apisix/admin/services/1", Value::Null).await.json();
        anyhow::ensure!(item["value"]["name"] == "b", "{item}");
        Ok(())
    })
    .await;
    let users = two.expect("GET", "/api/audit/events?action=user.create", Value::Null, 200).await;
    assert_eq!(users["events"].as_array().unwrap().len(), 1);
}
