//! Which data planes there are, and which revision is live on how many of them.

use anyhow::{Context, ensure};
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually, install_crypto};
use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::gateway::{Gateway, Identity, SOON, route};
use crate::process::Portolan;

/// A data plane more, with the certificate and settings of the first and ports of its own.
async fn another(gateway: &Gateway) -> Portolan {
    let config = gateway.data().join("dp.yaml").display().to_string();
    let snapshot = format!("--set=snapshot.path={}", gateway.data().join("second/snapshot").display());
    let mut args = vec!["dp", "--config", &config, &snapshot];
    args.extend(["http", "https", "status", "metrics", "control"].map(|name| match name {
        "http" => "--set=listen.http=127.0.0.1:0",
        "https" => "--set=listen.https=127.0.0.1:0",
        "status" => "--set=listen.status=127.0.0.1:0",
        "metrics" => "--set=listen.metrics=127.0.0.1:0",
        _ => "--set=listen.control=127.0.0.1:0",
    }));
    Portolan::start(&args, &gateway.data().with_extension("second.log")).await.unwrap()
}

/// Waits until this many of this many serve the revision.
async fn live(gateway: &Gateway, query: &str, live: u64, total: u64) -> Value {
    eventually(SOON, || async {
        let answer = gateway.try_admin(Method::GET, &format!("/api/instances{query}"), None).await?;
        ensure!(answer.status == StatusCode::OK, "{}", answer.body);
        let counted = (answer.body["live"].as_u64(), answer.body["total"].as_u64());
        ensure!(counted == (Some(live), Some(total)), "{}", answer.body);
        Ok(answer.body)
    })
    .await
}

/// Puts a route and waits for the data planes; gives what the answer says of them.
async fn put_and_wait(gateway: &Gateway, id: &str, body: &Value) -> anyhow::Result<(String, String)> {
    let url = format!("{}/apisix/admin/routes/{id}?wait=applied", gateway.up.field("admin_api"));
    let request = reqwest::Client::new().put(url).header("X-API-KEY", gateway.up.field("admin_key"));
    let answer = request.body(body.to_string()).send().await?;
    ensure!(answer.status().is_success(), "{}", answer.status());
    let header = |name: &str| {
        let value = answer.headers().get(name).with_context(|| format!("no {name}"))?;
        Ok::<_, anyhow::Error>(value.to_str()?.to_owned())
    };
    Ok((header("x-portolan-revision")?, header("x-portolan-applied")?))
}

#[tokio::test]
async fn a_write_says_on_how_many_data_planes_it_is_live() {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let gateway = Gateway::start(&["--set=dp.report.enabled=true", "--set=dp.report.interval_seconds=1"]).await;
    let one = live(&gateway, "", 1, 1).await;
    let first = &one["list"][0];
    assert_eq!(
        (&first["gateway_group_id"], &first["kind"], &first["live"]),
        (&json!("default"), &json!("portolan"), &json!(true))
    );
    assert!(first["name"].as_str().is_some_and(|name| !name.is_empty()), "{first}");
    assert_eq!((&first["resource_errors"], &first["last_error"]), (&json!(0), &Value::Null));

    // Whoever waited is served at once.
    for id in ["a", "b", "c"] {
        let (_, applied) = put_and_wait(&gateway, id, &route(&format!("/{id}"), &upstream)).await.unwrap();
        assert_eq!(applied, "1/1");
        assert_eq!(gateway.proxied(&format!("/{id}")).await.unwrap(), (StatusCode::OK, "hello".to_owned()));
    }

    // One that does not follow is known by it.
    let second = another(&gateway).await;
    live(&gateway, "", 2, 2).await;
    let process = Pid::from_raw(second.pid()).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let answer = gateway.put_route("d", "/d", &upstream).await;
    let revision = gateway.events("action=route.create&limit=1").await[0]["revision"].clone();
    assert_eq!(answer.status, StatusCode::CREATED);
    let behind = live(&gateway, &format!("?revision={revision}"), 1, 2).await;
    let late = behind["list"].as_array().unwrap().iter().find(|instance| instance["live"] == json!(false)).unwrap();
    assert!(late["applied_revision"].as_i64() < revision.as_i64(), "{late}");
    kill_process(process, Signal::CONT).unwrap();
    live(&gateway, &format!("?revision={revision}"), 2, 2).await;

    // One that ends is gone at once.
    assert_eq!(second.terminate().await.0, Some(0));
    live(&gateway, "", 1, 1).await;
    let groups = gateway.admin(Method::GET, "/api/gateway_groups/default", None).await.body;
    assert_eq!((&groups["value"]["data_planes"], &groups["value"]["prefix"]), (&json!(1), &json!("/apisix/")));
}

#[tokio::test]
async fn a_group_with_live_data_planes_is_not_deleted_by_mistake() {
    install_crypto();
    let gateway = Gateway::start(&[]).await;
    let made = gateway.admin(Method::POST, "/api/gateway_groups", Some(&json!({"name": "prod"}))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let granted = gateway.etcdctl(Identity::Admin, &["lease", "grant", "60"]).await;
    let lease = granted.stdout.split_whitespace().nth(1).unwrap().to_owned();
    // What an APISIX data plane says of itself.
    let key = "/portolan/groups/prod/data_plane/server_info/uid";
    let value = json!({"id": "uid", "version": "3.18.0", "hostname": "h", "boot_time": 5}).to_string();
    let put = gateway.etcdctl(Identity::Admin, &["put", "--lease", &lease, key, &value]).await;
    assert_eq!(put.code, 0, "{}", put.stderr);
    let seen = gateway.admin(Method::GET, "/api/instances?gateway_group_id=prod", None).await.body;
    assert_eq!(
        (&seen["total"], &seen["list"][0]["kind"], &seen["list"][0]["live"]),
        (&json!(0), &json!("apisix"), &Value::Null)
    );
    let refused = gateway.admin(Method::DELETE, "/api/gateway_groups/prod", None).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.body["error_msg"], "gateway group prod still has 1 live data planes; force=true ignores it");
    let gone = gateway.admin(Method::DELETE, "/api/gateway_groups/prod?force=true", None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.body);
}
