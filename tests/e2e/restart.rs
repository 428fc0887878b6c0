//! What survives: a second start on the same data, a killed child, a killed parent.

use anyhow::ensure;
use portolan_testkit::ports::Reserved;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually, install_crypto};
use reqwest::{Method, StatusCode};

use crate::gateway::{Gateway, SOON};
use crate::process;

#[tokio::test]
async fn a_second_start_keeps_everything() {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let first = Gateway::start(&[]).await;
    first.put_route("1", "/hello", &upstream).await;
    let kept =
        ["admin_key", "admin_password", "admin_user", "ca", "dp_cert"].map(|name| first.up.field(name).to_owned());
    let certificate = std::fs::read(first.up.field("dp_cert")).unwrap();
    let head = first.head().await;
    let data = first.data().to_owned();
    let _dir = first.stop().await;

    let second = Gateway::start_in(&data, &[]).await;
    assert_eq!(
        ["admin_key", "admin_password", "admin_user", "ca", "dp_cert"].map(|name| second.up.field(name).to_owned()),
        kept
    );
    assert_eq!(std::fs::read(second.up.field("dp_cert")).unwrap(), certificate);
    second.becomes("/hello", StatusCode::OK).await;
    assert_eq!(second.head().await, head, "a start alone writes nothing new");
    assert_eq!(second.events("resource_kind=route&resource_id=1").await.len(), 1);
    second.stop().await;
}

#[tokio::test]
async fn a_killed_child_comes_back_on_its_ports() {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let gateway = Gateway::start(&[]).await;
    gateway.put_route("1", "/hello", &upstream).await;
    gateway.becomes("/hello", StatusCode::OK).await;

    process::kill(gateway.pid("dp")).await;
    gateway.becomes("/hello", StatusCode::OK).await;
    process::kill(gateway.pid("cp")).await;
    eventually(SOON, || async {
        let answer = gateway.try_admin(Method::GET, "/apisix/admin/routes/1", None).await?;
        ensure!(answer.status == StatusCode::OK, "{}", answer.status);
        Ok(())
    })
    .await;
    gateway.put_route("2", "/second", &upstream).await;
    gateway.becomes("/second", StatusCode::OK).await;
    gateway.stop().await;
}

#[tokio::test]
async fn the_children_end_with_a_killed_parent() {
    install_crypto();
    let mut gateway = Gateway::start(&[]).await;
    let children = ["cp", "dp"].map(|half| gateway.pid(half));
    gateway.up.kill().await;
    eventually(SOON, || async {
        let alive: Vec<_> = children.into_iter().filter(|pid| process::lives(*pid)).collect();
        ensure!(alive.is_empty(), "{alive:?} live on");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn without_the_control_plane_the_data_plane_starts_from_its_snapshot() {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    // Ports that the second start must know beforehand, since nobody tells it the control plane's.
    let ports = [Reserved::take().unwrap(), Reserved::take().unwrap()];
    let manager = format!("--set=listen.dp_manager={}", ports[0].address());
    let http = format!("--set=listen.http={}", ports[1].address());
    let options = [manager.as_str(), http.as_str()];
    let first = Gateway::start(&options).await;
    first.put_route("1", "/hello", &upstream).await;
    first.becomes("/hello", StatusCode::OK).await;
    let data = first.data().to_owned();
    let proxy = first.up.field("proxy_http").to_owned();
    let _dir = first.stop().await;

    // A store that can't be opened.
    let database = data.join("portolan.db");
    std::fs::rename(&database, data.join("away")).unwrap();
    std::fs::create_dir(&database).unwrap();
    let starting = Gateway::start_in(&data, &options);
    let meanwhile = async {
        eventually(SOON * 2, || async {
            let answer = reqwest::get(format!("{proxy}/hello")).await?;
            ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
            Ok(())
        })
        .await;
        std::fs::remove_dir(&database).unwrap();
        std::fs::rename(data.join("away"), &database).unwrap();
    };
    let (second, ()) = tokio::join!(starting, meanwhile);
    second.put_route("2", "/second", &upstream).await;
    second.becomes("/second", StatusCode::OK).await;
    second.stop().await;
}
