//! A control plane that runs as a login which may append to the log and do nothing else to it.

use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually, install_crypto, postgres};
use reqwest::{Method, StatusCode};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::gateway::{Gateway, SOON};
use crate::process;

#[tokio::test]
async fn the_gateway_runs_as_a_login_that_cannot_touch_the_log() {
    install_crypto();
    let server = postgres::Server::start().unwrap();
    let database = server.database().await.unwrap();
    let mut admin = PgConnection::connect(database.url()).await.unwrap();
    admin.execute("CREATE ROLE gateway LOGIN").await.unwrap();

    let superuser = process::run(&["db", "protect", "--store", database.url(), "--app-role", "postgres"], &[]).await;
    assert_eq!(superuser.code, 1, "{superuser:?}");
    assert!(superuser.stderr.contains("superuser"), "{superuser:?}");
    let done = process::run(&["db", "protect", "--store", database.url(), "--app-role", "gateway"], &[]).await;
    assert_eq!(done.code, 0, "{done:?}");

    let url = database.url().replacen("postgres@", "gateway@", 1);
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let gateway = Gateway::start(&["--store", &url]).await;
    gateway.put_route("1", "/hello", &upstream).await;
    gateway.becomes("/hello", StatusCode::OK).await;
    let events = gateway.head().await;

    let mut login = PgConnection::connect(&url).await.unwrap();
    for attack in ["DELETE FROM events", "UPDATE keys SET value = ''", "UPDATE log_head SET revision = 0"] {
        assert!(login.execute(attack).await.is_err(), "{attack}");
    }
    let answer = gateway.admin(Method::GET, "/api/audit/events?limit=1", None).await;
    assert_eq!(answer.body["head"].as_u64(), Some(events));
    assert!(gateway.events("action=log.protection_broken").await.is_empty());

    // What an administrator takes apart is in the audit log after the next look.
    let data = gateway.data().to_owned();
    let _dir = gateway.stop().await;
    admin.execute("ALTER TABLE events DISABLE TRIGGER events_no_change").await.unwrap();
    let gateway = Gateway::start_in(&data, &[]).await;
    eventually(SOON, || async {
        let alarms = gateway.events("action=log.protection_broken").await;
        ensure!(!alarms.is_empty(), "no alarm yet");
        let reason = alarms[0]["reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("-trigger events_no_change on events enabled=A"), "{reason}");
        Ok(())
    })
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn only_postgresql_can_be_protected() {
    let refused = process::run(&["db", "protect", "--store", "sqlite:x", "--app-role", "gateway"], &[]).await;
    assert_eq!(refused.code, 64);
    assert!(refused.stderr.contains("postgres://"), "{}", refused.stderr);
}
