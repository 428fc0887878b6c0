//! The etcd service as a part of the control plane: its users, and its settings.

use std::sync::Arc;
use std::time::Duration;

use portolan_cp::Config;
use portolan_cp::config::{DpManager, Member};
use portolan_rt::clock::SystemClock;
use reqwest::{Certificate, Client};
use serde_json::{Value, json};

use crate::certificates;
use crate::plane::{Answer, PASSWORD, Plane, config, send};

/// A client without a certificate, as APISIX with user and password.
struct Etcd(Client, String);

impl Etcd {
    fn of(plane: &Plane) -> Self {
        let ca = Certificate::from_pem(&std::fs::read(plane.ca()).unwrap()).unwrap();
        Self(Client::builder().tls_certs_only([ca]).build().unwrap(), plane.at.dp_manager.clone())
    }

    async fn call(&self, path: &str, token: &str, body: Value) -> Answer {
        let request = self.0.post(format!("{}/v3/{path}", self.1)).header("authorization", token);
        send(request.body(body.to_string())).await
    }

    async fn login(&self, name: &str, password: &str) -> Answer {
        self.call("auth/authenticate", "", json!({"name": name, "password": password})).await
    }

    async fn token(&self, name: &str, password: &str) -> String {
        let answer = self.login(name, password).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// The status of a read of everything.
    async fn read(&self, token: &str) -> u16 {
        self.call("kv/range", token, json!({"key": "AA==", "range_end": "AA==", "count_only": true})).await.status
    }
}

async fn plane(settings: DpManager) -> Plane {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let config = Config { dp_manager: settings, ..config(dir.path()) };
    Plane::with(dir, config, Arc::new(SystemClock)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_logs_in_with_the_password_of_the_dashboard() {
    let plane = Plane::new().await;
    let etcd = Etcd::of(&plane);
    assert_eq!(etcd.read("").await, 403);
    let token = etcd.token("root", PASSWORD).await;
    assert_eq!(etcd.read(&token).await, 200);
    let login = &plane.events(1).await[0];
    assert_eq!((&login["action"], &login["actor"]["id"]), (&json!("auth.login"), &json!("root")));
    let put = etcd.call("kv/put", &token, json!({"key": "L2FwaXNpeC9yb3V0ZXMvMQ==", "value": "e30="})).await;
    assert_eq!(put.status, 400, "judged as the Admin API judges: {}", put.text);
    let put = &plane.events(1).await[0];
    assert_eq!((&put["action"], &put["outcome"]), (&json!("etcd.put"), &json!("refused")));
    assert_eq!((&put["actor"]["kind"], &put["actor"]["id"]), (&json!("user"), &json!("root")));

    // Another password, and the token is worth nothing.
    let cookie = session(&plane, PASSWORD).await;
    let body = json!({"old_password": PASSWORD, "new_password": "another good one"}).to_string();
    let change = plane.dashboard("PUT", "/api/password").header("cookie", cookie);
    let change = send(change.header("x-requested-with", "portolan").body(body)).await;
    assert_eq!(change.status, 200, "{}", change.text);
    assert_eq!(etcd.read(&token).await, 401);
    let token = etcd.token("root", "another good one").await;
    assert_eq!(etcd.read(&token).await, 200);
}

async fn session(plane: &Plane, password: &str) -> String {
    let body = json!({"username": "root", "password": password}).to_string();
    let answer = send(plane.dashboard("POST", "/api/login").body(body)).await;
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_is_stopped_here_and_at_the_dashboard() {
    let plane = Plane::new().await;
    let etcd = Etcd::of(&plane);
    for _ in 0..5 {
        let answer = etcd.login("root", "wrong").await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert_eq!(answer.json()["error"], "etcdserver: authentication failed, invalid user ID or password");
    }
    let answer = etcd.login("root", PASSWORD).await;
    assert_eq!((answer.status, &answer.json()["error"]), (429, &json!("etcdserver: too many requests")));
    let body = json!({"username": "root", "password": PASSWORD}).to_string();
    assert_eq!(send(plane.dashboard("POST", "/api/login").body(body)).await.status, 429);
    let events = plane.events(10).await;
    let failed = events.iter().filter(|event| event["action"] == "auth.login_failed").count();
    assert!((1..=2).contains(&failed), "counted, not one event for each: {failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_log_in() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let mut config = config(dir.path());
    config.admin.change_password = true;
    let plane = Plane::with(dir, config, Arc::new(SystemClock)).await;
    let etcd = Etcd::of(&plane);
    assert_eq!(etcd.login("root", PASSWORD).await.status, 400, "the password must be changed first");
    assert_eq!(etcd.login("nobody", PASSWORD).await.status, 400);
    let invited = plane.expect("POST", "/api/invites", json!({"username": "eve", "password": "eve's secret"}), 201);
    let id = invited.await["value"]["id"].as_str().unwrap().to_owned();
    assert_eq!(etcd.login("eve", "eve's secret").await.status, 400, "no role");
    let roles = format!("/api/users/{id}/assigned_roles");
    plane.expect("PUT", &roles, json!({"roles": ["super_admin_id"]}), 200).await;
    let token = etcd.token("eve", "eve's secret").await;
    assert_eq!(etcd.read(&token).await, 200);
    plane.expect("PUT", &roles, json!({"roles": ["viewer_id"]}), 200).await;
    assert_eq!(etcd.read(&token).await, 401);
    assert_eq!(etcd.login("eve", "eve's secret").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_passwords_nobody_connects_without_a_certificate() {
    let plane = plane(DpManager { passwords: false, ..DpManager::default() }).await;
    let etcd = Etcd::of(&plane);
    etcd.0.get(format!("{}/version", etcd.1)).send().await.unwrap_err();
    let (client, _) = certificates::client(&plane, json!({"kind": "admin", "name": "ops"})).await;
    let etcd = Etcd(client, etcd.1);
    assert_eq!(etcd.read("").await, 200);
    let answer = etcd.login("root", PASSWORD).await;
    assert_eq!(answer.json()["error"], "etcdserver: authentication is not enabled", "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_member_has_the_name_and_the_addresses_of_the_settings() {
    let urls = vec!["https://cp-1.example.com:7943".to_owned()];
    let member = Member { name: "cp-1".to_owned(), client_urls: urls.clone(), peer_urls: urls.clone() };
    let plane = plane(DpManager { member, ..DpManager::default() }).await;
    let (client, _) = certificates::client(&plane, json!({"kind": "admin", "name": "ops"})).await;
    let list = Etcd(client, plane.at.dp_manager.clone()).call("cluster/member/list", "", json!({})).await.json();
    let member = &list["members"][0];
    assert_eq!(
        (&member["name"], &member["clientURLs"], &member["peerURLs"]),
        (&json!("cp-1"), &json!(urls), &json!(urls))
    );
}

/// The first lines of the answer to a watch of a data plane that is ahead of the log: up to its end, or for a while after it began.
async fn watch_ahead(settings: DpManager) -> String {
    let told = settings.reload_when_ahead;
    let plane = plane(settings).await;
    let order = json!({"kind": "data_plane", "name": "dp-1", "gateway_group_id": "default"});
    let (client, _) = certificates::client(&plane, order).await;
    let body =
        json!({"create_request": {"key": "L2FwaXNpeA==", "range_end": "L2FwaXNpeQ==", "start_revision": 1_000_000}});
    let watch = client.post(format!("{}/v3/watch", plane.at.dp_manager)).body(body.to_string()).send();
    let mut watch = watch.await.unwrap();
    let mut text = String::new();
    while !text.contains("canceled") {
        // That nothing comes can only be waited for.
        let patience = Duration::from_secs(if text.contains("created") && !told { 2 } else { 30 });
        let Ok(chunk) = tokio::time::timeout(patience, watch.chunk()).await else { break };
        let Some(chunk) = chunk.unwrap() else { break };
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_plane_ahead_of_the_log_is_told_unless_it_is_turned_off() {
    let told = watch_ahead(DpManager::default()).await;
    assert!(told.contains("\"created\":true") && told.contains("\"compact_revision\""), "{told}");
    let not = watch_ahead(DpManager { reload_when_ahead: false, ..DpManager::default() }).await;
    assert!(not.contains("\"created\":true") && !not.contains("canceled"), "{not}");
}
