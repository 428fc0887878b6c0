//! The database goes away and comes back.

use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually, install_crypto, postgres};
use reqwest::{Method, StatusCode};

use crate::gateway::{Gateway, SOON, route};
use crate::load::Load;

#[tokio::test]
async fn writes_wait_while_traffic_flows() {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let mut server = postgres::Server::start().unwrap();
    let database = server.database().await.unwrap();
    let gateway = Gateway::start(&["--store", database.url()]).await;
    gateway.put_route("1", "/hello", &upstream).await;
    gateway.becomes("/hello", StatusCode::OK).await;
    let load = Load::start(&format!("{}/hello", gateway.up.field("proxy_http")));
    let head = gateway.head().await;

    server.stop().unwrap();
    let body = route("/second", &upstream);
    let answer = gateway.admin(Method::PUT, "/apisix/admin/routes/2", Some(&body)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert!(answer.retry_after.is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "Retry-After is missing");
    assert!(answer.body["error_msg"].is_string(), "{}", answer.body);
    load.go_on_for(500).await;

    server.start_again().unwrap();
    eventually(SOON, || async {
        let answer = gateway.try_admin(Method::PUT, "/apisix/admin/routes/2", Some(&body)).await?;
        ensure!(answer.status == StatusCode::CREATED, "{}: {}", answer.status, answer.body);
        Ok(())
    })
    .await;
    gateway.becomes("/second", StatusCode::OK).await;
    let written = gateway.events(&format!("after={head}&outcome=success&action=route.create")).await;
    assert_eq!(written.len(), 1, "what was answered with 503 is not in the log: {written:?}");
    let (answered, failed) = load.stop().await;
    assert!(failed.is_empty(), "{} of {answered} failed: {}", failed.len(), failed[0]);
    gateway.stop().await;
}
