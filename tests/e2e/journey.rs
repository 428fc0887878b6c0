//! The main job, end to end, on each store: put a route, find it in the log, have it served, lose both halves, go on serving,
//! take everything back.

use std::time::{Duration, Instant};

use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually, install_crypto, mariadb, postgres};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::gateway::{Found, Gateway, Identity, SOON, route};
use crate::load::Load;
use crate::process::{self, Portolan};

/// No period of anything is as short.
const AT_ONCE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn the_main_job_on_sqlite() {
    journey("sqlite").await;
}

#[tokio::test]
async fn the_main_job_on_postgres() {
    let database = postgres::database().await.unwrap();
    journey(database.url()).await;
}

#[tokio::test]
async fn the_main_job_on_mariadb() {
    let database = mariadb::database().await.unwrap();
    journey(database.url()).await;
}

async fn journey(store: &str) {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let gateway = Gateway::start(&["--store", store, "--no-restart"]).await;

    let created = a_route_is_put_and_logged(&gateway, &upstream).await;
    gateway.becomes("/hello", StatusCode::OK).await;
    it_is_served_at_once(&gateway, &upstream).await;
    etcdctl_sees_the_same_revision(&gateway, created).await;
    let data_plane = both_halves_are_lost(&gateway).await;
    let control_plane = the_control_plane_returns(&gateway, &upstream).await;
    the_old_state_comes_back(&gateway, created).await;
    drop((data_plane, control_plane));
}

/// Items 1 and 2; gives the revision.
async fn a_route_is_put_and_logged(gateway: &Gateway, upstream: &Upstream) -> u64 {
    let body = route("/hello", upstream);
    let answer = gateway.admin(Method::PUT, "/apisix/admin/routes/1", Some(&body)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.body["key"], "/apisix/routes/1");
    let value = &answer.body["value"];
    assert_eq!((&value["id"], &value["uri"], &value["upstream"]), (&json!("1"), &body["uri"], &body["upstream"]));
    assert!(value["create_time"].is_u64() && value["create_time"] == value["update_time"], "{value}");

    let events = gateway.events("resource_kind=route&resource_id=1").await;
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((&event["action"], &event["outcome"]), (&json!("route.create"), &json!("success")));
    assert_eq!((&event["actor"]["id"], &event["actor"]["kind"]), (&json!("admin"), &json!("admin_key")));
    assert_eq!((&event["source"]["ip"], &event["source"]["interface"]), (&json!("127.0.0.1"), &json!("admin_api")));
    assert!(event["recorded_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{event}");
    let change = &event["changes"][0];
    assert_eq!((&change["key"], &change["before"]), (&json!("/apisix/routes/1"), &Value::Null));
    assert_eq!(change["after"]["uri"], "/hello");
    event["revision"].as_u64().unwrap()
}

/// Item 3, from the answer of the Admin API to the first proxied answer: a busy machine may take its time, but not always.
async fn it_is_served_at_once(gateway: &Gateway, upstream: &Upstream) {
    let mut quickest = Duration::MAX;
    let mut rounds = 0..30;
    while quickest > AT_ONCE {
        let round = rounds.next().unwrap_or_else(|| panic!("the quickest of them took {quickest:?}"));
        let (id, uri) = (format!("timed-{round}"), format!("/timed/{round}"));
        let answer = gateway.put_route(&id, &uri, upstream).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        let start = Instant::now();
        gateway.becomes(&uri, StatusCode::OK).await;
        quickest = quickest.min(start.elapsed());
        gateway.admin(Method::DELETE, &format!("/apisix/admin/routes/{id}"), None).await;
    }
}

/// Item 4; and that certificate may not write.
async fn etcdctl_sees_the_same_revision(gateway: &Gateway, created: u64) {
    let (revision, keys) = gateway.etcd_list(Identity::DataPlane, "/apisix/").await;
    let found: Vec<&Found> = keys.iter().filter(|found| found.key.starts_with("/apisix/routes/")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].key.as_str(), found[0].mod_revision), ("/apisix/routes/1", created));
    assert_eq!(revision, gateway.head().await);
    let refused = gateway.etcdctl(Identity::DataPlane, &["put", "/apisix/routes/9", "{}"]).await;
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.stderr.contains("permission denied"), "{refused:?}");
}

/// Item 5; gives the data plane that was started by hand.
async fn both_halves_are_lost(gateway: &Gateway) -> Portolan {
    let load = Load::start(&format!("{}/hello", gateway.up.field("proxy_http")));
    load.go_on_for(200).await;
    process::kill(gateway.pid("cp")).await;
    load.go_on_for(2000).await;
    let (answered, failed) = load.stop().await;
    assert!(failed.is_empty(), "{} of {answered} failed: {}", failed.len(), failed[0]);

    process::kill(gateway.pid("dp")).await;
    assert!(gateway.proxied("/hello").await.is_err(), "the data plane is still there");
    let data_plane = gateway.start_half("dp").await;
    assert_eq!(data_plane.field("proxy_http"), gateway.up.field("proxy_http"));
    let ready = eventually(SOON, || async {
        let (status, body) = gateway.readiness().await?;
        ensure!(status == StatusCode::OK, "{status}: {body}");
        Ok(body)
    });
    let ready = ready.await;
    assert_eq!(ready["source"], "snapshot", "{ready}");
    assert_eq!(gateway.proxied("/hello").await.unwrap(), (StatusCode::OK, "hello".to_owned()));
    data_plane
}

/// Item 6; gives the control plane that was started by hand.
async fn the_control_plane_returns(gateway: &Gateway, upstream: &Upstream) -> Portolan {
    let control_plane = gateway.start_half("cp").await;
    assert_eq!(control_plane.field("admin_api"), gateway.up.field("admin_api"));
    let answer = gateway.put_route("2", "/second", upstream).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    gateway.becomes("/second", StatusCode::OK).await;
    gateway.becomes("/hello", StatusCode::OK).await;

    let mut value = route("/third", upstream);
    value["id"] = json!("3");
    let put = gateway.etcdctl(Identity::Admin, &["put", "/apisix/routes/3", &value.to_string()]).await;
    assert_eq!((put.code, put.stdout.trim()), (0, "OK"), "{}", put.stderr);
    gateway.becomes("/third", StatusCode::OK).await;
    let events = gateway.events("action=etcd.put&limit=1").await;
    let actor = &events[0]["actor"];
    assert_eq!((&actor["kind"], &actor["auth_method"]), (&json!("certificate"), &json!("mtls")));
    assert_eq!(actor["id"], "etcd-admin", "the common name of the certificate");
    assert_eq!(events[0]["changes"][0]["key"], "/apisix/routes/3");
    control_plane
}

/// Item 7, by the command line, plan first.
async fn the_old_state_comes_back(gateway: &Gateway, created: u64) {
    let head = gateway.head().await;
    let to = created.to_string();
    let plan = gateway.command(&["rollback", "--group", "default", "--to", &to, "--dry-run"]).await;
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.stdout.contains("route 2") && plan.stdout.contains("route 3"), "{}", plan.stdout);
    assert_eq!(gateway.head().await, head, "a dry run writes nothing");

    let done = gateway.command(&["rollback", "--group", "default", "--to", &to, "--reason", "test"]).await;
    assert_eq!(done.code, 0, "{done:?}");
    gateway.becomes("/second", StatusCode::NOT_FOUND).await;
    gateway.becomes("/third", StatusCode::NOT_FOUND).await;
    gateway.becomes("/hello", StatusCode::OK).await;
    let events = gateway.events("limit=1").await;
    assert_eq!((&events[0]["action"], &events[0]["revision"]), (&json!("group.rollback"), &json!(head + 1)));
    assert_eq!((&events[0]["reason"], events[0]["changes"].as_array().unwrap().len()), (&json!("test"), 2));

    let table = gateway.command(&["audit", "events", "--limit", "5"]).await;
    assert!(table.code == 0 && table.stdout.contains("group.rollback"), "{table:?}");
    let history = gateway.command(&["history", "route", "2", "--json"]).await;
    let versions: Value = serde_json::from_str(&history.stdout).unwrap();
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2, "{versions}");
}
