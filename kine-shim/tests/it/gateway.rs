//! The JSON gateway beside the other faces, and the HTTP around it.

use std::process::Stdio;

use portolan_rt::tls::PeerCertificate;
use portolan_testkit::raw::{Connection, Target};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::client::{PATIENCE, create, events, revision};
use crate::etcdctl::Etcdctl;
use crate::json::{ask, base64, post};
use crate::server::Server;

async fn answer(target: &Target, path: &str, body: &str) -> Value {
    let (status, text) = post(target, path, body.as_bytes()).await;
    assert_eq!(status, 200, "{path} {body}: {text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn one_log_over_all_faces() {
    let server = Server::start().await;
    let (grpc, json) = (server.admin(), server.json_admin());
    let etcdctl = Etcdctl::admin(&server);
    let mut watch = grpc.watch();
    watch.create(create("/apisix/", "/apisix0", 0)).await;
    for round in 0..10 {
        let put = format!("{{\"key\":\"{}\",\"value\":\"MQ==\"}}", base64(b"/apisix/routes/j"));
        let by_json = answer(&json, "/v3/kv/put", &put).await["header"]["revision"].as_str().unwrap().to_owned();
        assert_eq!(by_json, (2 + 2 * round).to_string());
        assert_eq!(grpc.put("/apisix/routes/g", "2").await, 3 + 2 * round);
        let seen = [watch.next().await, watch.next().await];
        assert_eq!(seen.iter().map(revision).collect::<Vec<_>>(), [2 + 2 * round, 3 + 2 * round]);
        assert_eq!(events(&seen[0]), [format!("PUT /apisix/routes/j=1@{}", 2 + 2 * round)]);
        let all = format!("{{\"key\":\"{}\",\"rangeEnd\":\"{}\"}}", base64(b"/apisix/"), base64(b"/apisix0"));
        let read = answer(&json, "/v3/kv/range", &all).await;
        assert_eq!(read["header"]["revision"], (3 + 2 * round).to_string());
        let listed = etcdctl.run(&["get", "--prefix", "/apisix/", "-w", "json"], "").await;
        let listed: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
        assert_eq!(listed["header"]["revision"], 3 + 2 * round);
        for index in 0..2 {
            let (ctl, gateway) = (&listed["kvs"][index], &read["kvs"][index]);
            assert_eq!((&ctl["key"], &ctl["value"]), (&gateway["key"], &gateway["value"]));
            assert_eq!(ctl["mod_revision"].to_string(), gateway["mod_revision"].as_str().unwrap());
        }
        assert_eq!(
            (&read["count"], read["kvs"][1]["version"].as_str()),
            (&"2".into(), Some((round + 1).to_string().as_str()))
        );
    }
    let event = server.events("etcd.put").await.remove(1);
    assert_eq!((event.entry.actor.id.as_str(), event.entry.interface.as_str()), ("ops", "etcd"));
}

#[tokio::test]
async fn http2_and_older_paths() {
    let server = Server::start().await;
    let files =
        server.authority.client("ops", "portolan://admin/ops").unwrap().write(server.dir.path(), "ops").unwrap();
    for (version, path) in [("--http1.1", "/v3beta/cluster/member/list"), ("--http2", "/v3/cluster/member/list")] {
        let output = tokio::process::Command::new("curl")
            .args(["-s", version, "-w", "%{http_version}", "-X", "POST", "--cacert"])
            .arg(server.ca_file())
            .arg("--cert")
            .arg(&files.certificate)
            .arg("--key")
            .arg(&files.key)
            .arg(format!("{}{path}", server.url()))
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, shown) = text.split_at(text.rfind('}').unwrap() + 1);
        assert_eq!(shown, if version == "--http2" { "2" } else { "1.1" });
        let answer: Value = serde_json::from_str(body).unwrap();
        assert_eq!(answer["members"][0]["clientURLs"][0], server.url());
        assert_eq!(answer["members"][0]["ID"], answer["header"]["member_id"]);
    }
}

#[tokio::test]
async fn lines_over_http2_come_when_they_are_there() {
    let server = Server::start().await;
    let files = server.authority.client("dp-1", "portolan://data-plane/default/dp-1").unwrap();
    let files = files.write(server.dir.path(), "dp-1").unwrap();
    let mut curl = tokio::process::Command::new("curl");
    curl.args([
        "-sN",
        "--http2",
        "-d",
        "{\"create_request\":{\"key\":\"L2FwaXNpeC8=\",\"range_end\":\"L2FwaXNpeDA=\"}}",
        "--cacert",
    ]);
    curl.arg(server.ca_file()).arg("--cert").arg(&files.certificate).arg("--key").arg(&files.key);
    curl.arg(format!("{}/v3/watch", server.url())).stdout(Stdio::piped()).kill_on_drop(true);
    let mut curl = curl.spawn().unwrap();
    let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines();
    let mut next = async || tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(next().await.contains("\"created\":true"));
    for _ in 0..3 {
        let revision = server.admin().put("/apisix/routes/1", "{}").await;
        assert!(next().await.contains(&format!("\"mod_revision\":\"{revision}\"")));
    }
}

#[tokio::test]
async fn status_alarms_and_what_is_not_there() {
    let server = Server::start().await;
    let json = server.json_admin();
    let status = answer(&json, "/v3/maintenance/status", "").await;
    assert_eq!((&status["version"], &status["raftTerm"]), (&"3.5.33".into(), &"1".into()));
    assert_eq!(status["leader"], status["header"]["member_id"]);
    for action in ["GET", "ACTIVATE", "DEACTIVATE"] {
        let body = format!("{{\"action\":\"{action}\",\"alarm\":\"NOSPACE\"}}");
        assert!(answer(&json, "/v3/maintenance/alarm", &body).await.get("alarms").is_none());
    }
    let hash = answer(&json, "/v3/maintenance/hash", "").await;
    assert!(hash["hash"].is_u64(), "32 bits are a number: {hash}");
    for path in ["/v3/maintenance/downgrade", "/v3/maintenance/snapshot", "/v3/auth/user/add"] {
        let (status, text) = post(&json, path, b"{}").await;
        assert_eq!(status, 501, "{path}: {text}");
        let error: Value = serde_json::from_str(&text).unwrap();
        assert!(error["code"] == 12 || error["error"]["http_code"] == 501, "{text}");
    }
}

#[tokio::test]
async fn browsers_may_ask() {
    let server = Server::start().await;
    let target = server.json(None);
    let mut connection = Connection::open(&target).await.unwrap();
    connection.send(b"OPTIONS /v3/kv/range HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let head = connection.head().await.unwrap();
    assert_eq!(head.status, 200);
    for (name, value) in [
        ("access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-headers", "accept, content-type, authorization"),
    ] {
        assert_eq!(head.header(name), Some(value));
    }
    assert!(connection.body(&head).await.unwrap().is_empty());
    let head = ask(&mut connection, &target, "/v3/nothing", b"{}").await;
    assert_eq!((head.status, head.header("content-type")), (404, Some("text/plain; charset=utf-8")));
    assert_eq!(connection.body(&head).await.unwrap(), b"Not Found\n");
}

#[tokio::test]
async fn requests_of_a_stream_come_one_by_one() {
    let server = Server::start().await;
    let target = server.json_admin();
    let mut connection = Connection::open(&target).await.unwrap();
    connection
        .send(b"POST /v3/watch HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2b\r\n{\"create_request\":{\"key\":\"YQ==\"}} {\"create_\r\n")
        .await
        .unwrap();
    assert_eq!(connection.head().await.unwrap().status, 200);
    let line =
        async |connection: &mut Connection| String::from_utf8(connection.chunk().await.unwrap().unwrap()).unwrap();
    assert!(line(&mut connection).await.contains("\"created\":true"));
    connection.send(b"2e\r\nrequest\":{\"key\":\"Yg==\",\"watch_id\":\"7\"}}       \r\n").await.unwrap();
    assert!(line(&mut connection).await.contains("\"watch_id\":\"7\",\"created\":true"));
    server.admin().put("b", "v").await;
    assert!(line(&mut connection).await.contains("\"watch_id\":\"7\",\"events\":["));
    connection.send(b"2a\r\n{\"cancel_request\":{\"watch_id\":7}}          \r\n0\r\n\r\n").await.unwrap();
    assert!(line(&mut connection).await.contains("\"watch_id\":\"7\",\"canceled\":true"));
    server.admin().put("a", "v").await;
    assert!(
        line(&mut connection).await.contains("\"events\":["),
        "the end of the requests is not the end of the watch"
    );
}

#[tokio::test]
async fn a_watch_is_there_for_a_data_plane_as_it_sees_the_keys() {
    let server = Server::start().await;
    let target = server.json_data_plane("eu");
    let mut connection = Connection::open(&target).await.unwrap();
    let body = format!(
        "{{\"create_request\":{{\"key\":\"{}\",\"range_end\":\"{}\",\"prev_kv\":true}}}}",
        base64(b"/apisix/"),
        base64(b"/apisix0")
    );
    assert_eq!(ask(&mut connection, &target, "/v3/watch", body.as_bytes()).await.status, 200);
    connection.chunk().await.unwrap();
    for value in ["1", "2"] {
        server.admin().put("/portolan/groups/eu/routes/1", value).await;
    }
    connection.chunk().await.unwrap();
    let line = String::from_utf8(connection.chunk().await.unwrap().unwrap()).unwrap();
    let event: Value = serde_json::from_str(&line).unwrap();
    let event = &event["result"]["events"][0];
    for kv in ["kv", "prev_kv"] {
        assert_eq!(event[kv]["key"], base64(b"/apisix/routes/1"));
    }
    assert_eq!((&event["kv"]["value"], &event["prev_kv"]["value"]), (&"Mg==".into(), &"MQ==".into()));
    // A connection that is gone takes its watch with it; nobody waits for that here.
    drop(connection);
    tokio::time::timeout(PATIENCE, server.admin().put("k", "v")).await.unwrap();
}

#[tokio::test]
async fn a_revoked_certificate_loses_its_lines() {
    let server = Server::start().await;
    let issued = server.authority.client("dp-9", "portolan://data-plane/eu/dp-9").unwrap();
    let target = server.json(Some(&issued));
    let mut connection = Connection::open(&target).await.unwrap();
    let watch = b"{\"create_request\":{\"key\":\"AA==\",\"range_end\":\"AA==\"}}";
    assert_eq!(ask(&mut connection, &target, "/v3/watch", watch).await.status, 200);
    connection.chunk().await.unwrap();
    let der = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let serial = PeerCertificate::from_der(&der).unwrap().serial;
    server.admin().put(&format!("{}{serial}", portolan_kine_shim::REVOKED_PREFIX), "{}").await;
    let last = String::from_utf8(connection.chunk().await.unwrap().unwrap()).unwrap();
    let text = "etcdserver: permission denied";
    assert_eq!(
        last,
        format!(
            "{{\"error\":{{\"grpc_code\":7,\"http_code\":403,\"message\":\"{text}\",\"http_status\":\"Forbidden\"}}}}\n"
        )
    );
    assert_eq!(connection.chunk().await.unwrap(), None);
}

pub async fn metrics(target: &Target) -> (u16, String) {
    let mut connection = Connection::open(target).await.unwrap();
    connection.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let head = connection.head().await.unwrap();
    let body = connection.body(&head).await.unwrap();
    (head.status, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn metrics_bear_etcds_names() {
    let server = Server::start().await;
    let (json, grpc) = (server.json_admin(), server.admin());
    let mut watch = grpc.watch();
    watch.create(create("a", "", 0)).await;
    watch.create(create("b", "", 0)).await;
    let (status, _) = post(&json, "/v3/kv/put", b"{\"key\":\"YQ==\"}").await;
    assert_eq!(status, 200);
    grpc.put("a", "v").await;
    watch.next().await;
    watch.next().await;
    post(&json, "/v3/kv/put", b"{}").await;
    grpc.range("a", "").await;
    let txn = b"{\"success\":[{\"request_range\":{\"key\":\"YQ==\"}},{\"request_delete_range\":{\"key\":\"Yg==\"}}]}";
    assert_eq!(post(&json, "/v3/kv/txn", txn).await.0, 200);
    assert_eq!(post(&json, "/v3/lease/grant", b"{\"TTL\":60,\"ID\":7}").await.0, 200);
    post(&json, "/v3/lease/keepalive", b"{\"ID\":7}").await;
    assert_eq!(post(&json, "/v3/lease/revoke", b"{\"ID\":7}").await.0, 200);
    let (status, text) = metrics(&json).await;
    assert_eq!(status, 200);
    let put = "grpc_type=\"unary\",grpc_service=\"etcdserverpb.KV\",grpc_method=\"Put\"";
    for line in [
        "etcd_debugging_mvcc_current_revision 3",
        "etcd_debugging_mvcc_keys_total 1",
        "etcd_debugging_mvcc_watch_stream_total 1",
        "etcd_debugging_mvcc_watcher_total 2",
        "etcd_debugging_mvcc_events_total 2",
        "etcd_server_has_leader 1",
        "etcd_mvcc_put_total 2",
        "etcd_mvcc_range_total 2",
        "etcd_mvcc_delete_total 1",
        "etcd_mvcc_txn_total 1",
        "etcd_debugging_lease_granted_total 1",
        "etcd_debugging_lease_renewed_total 1",
        "etcd_debugging_lease_revoked_total 1",
        "etcd_server_proposals_committed_total 3",
        "etcd_server_proposals_applied_total 3",
        "etcd_server_proposals_pending 0",
        "etcd_server_proposals_failed_total 0",
        "etcd_disk_backend_commit_duration_seconds_count 3",
        "etcd_server_is_leader 1",
        "etcd_server_version{server_version=\"3.5.33\"} 1",
        &format!("grpc_server_started_total{{{put}}} 3"),
        &format!("grpc_server_handled_total{{{put},grpc_code=\"OK\"}} 2"),
        &format!("grpc_server_handled_total{{{put},grpc_code=\"InvalidArgument\"}} 1"),
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
    }
    drop(watch);
    portolan_testkit::eventually(PATIENCE, || async {
        let (_, text) = metrics(&json).await;
        let gone = ["etcd_debugging_mvcc_watch_stream_total 0", "etcd_debugging_mvcc_watcher_total 0"];
        anyhow::ensure!(gone.iter().all(|line| text.contains(line)), "{text}");
        Ok(())
    })
    .await;
    for other in [server.json(None), server.json_data_plane("default")] {
        assert_eq!(metrics(&other).await.0, 403);
    }
}
