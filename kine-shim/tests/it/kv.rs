//! Range, Put, DeleteRange, Txn, Compact and what surrounds them. Most of their rules are in `differential.rs`.

use std::sync::Arc;

use portolan_etcd_proto::etcdserverpb::{
    AlarmRequest, CompactionRequest, MemberListRequest, PutRequest, RangeRequest, StatusRequest,
};
use portolan_etcd_proto::health::HealthCheckRequest;
use portolan_kine_shim::{ConfigCheck, KeyAndValue, Settings};
use tonic::Code;

use crate::server::{ADMIN, Server};

fn put(key: &str, size: usize) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: vec![b'x'; size].into(), ..PutRequest::default() }
}

#[tokio::test]
async fn a_write_is_an_event_with_the_certificate_as_its_actor() {
    let server = Server::start().await;
    let revision = server.admin().put("/apisix/routes/1", "{}").await;
    assert_eq!(revision, 2);
    let events = server.events("etcd.put").await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.revision, 2);
    assert_eq!(event.entry.actor.id, ADMIN);
    assert_eq!(event.entry.actor.auth_method, "mtls");
    assert_eq!(event.entry.interface, "etcd");
    assert_eq!(event.entry.gateway_group.as_deref(), Some("default"));
    let resource = event.entry.resource.as_ref().unwrap();
    assert_eq!((resource.kind.as_str(), resource.id.as_str()), ("route", "1"));
    assert_eq!(event.changes.len(), 1);
}

struct RefuseBad;

impl ConfigCheck for RefuseBad {
    fn concerns(&self, key: &[u8]) -> bool {
        key.starts_with(b"/apisix/routes/")
    }

    fn check(&self, puts: &[KeyAndValue]) -> Result<(), String> {
        match puts.iter().find(|put| put.value == "bad") {
            Some(put) => Err(format!("{} is bad", String::from_utf8_lossy(&put.key))),
            None => Ok(()),
        }
    }
}

#[tokio::test]
async fn invalid_configuration_is_refused_and_the_refusal_recorded() {
    let server = Server::start_with(Arc::new(RefuseBad), Settings::default()).await;
    let admin = server.admin();
    let request = PutRequest { key: "/apisix/routes/1".into(), value: "bad".into(), ..PutRequest::default() };
    let status = admin.kv().put(request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "/apisix/routes/1 is bad"));
    assert_eq!(admin.range("/apisix/routes/1", "").await.count, 0);
    let events = server.events("etcd.put").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].entry.outcome.as_str(), "refused");
    assert_eq!(admin.put("/apisix/routes/1", "good").await, 3, "the refusal took revision 2");
    assert_eq!(admin.put("/elsewhere", "bad").await, 4, "not the check's business");
}

#[tokio::test]
async fn large_requests_are_refused_in_etcds_words() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.kv().put(put("k", 1_500_000)).await.unwrap();
    let status = admin.kv().put(put("k", 1_572_864)).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "etcdserver: request is too large"));
    let status = admin.kv().put(put("k", 2_097_152)).await.unwrap_err();
    // Key, value and their tags.
    let text = format!("grpc: received message larger than max ({} vs. 2097152)", 2_097_152 + 3 + 5);
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, text.as_str()));
}

#[tokio::test]
async fn compaction_is_honoured() {
    let server = Server::start().await;
    let admin = server.admin();
    for value in ["a", "b", "c"] {
        admin.put("k", value).await;
    }
    admin.kv().compact(CompactionRequest { revision: 3, physical: true }).await.unwrap();
    let at = |revision| RangeRequest { key: "k".into(), revision, ..RangeRequest::default() };
    let status = admin.kv().range(at(2)).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(status.message(), "etcdserver: mvcc: required revision has been compacted");
    assert_eq!(admin.kv().range(at(3)).await.unwrap().into_inner().kvs[0].value, "b");
}

#[tokio::test]
async fn the_cluster_is_this_replica_as_the_client_reached_it() {
    let server = Server::start().await;
    let admin = server.admin();
    let members = admin.cluster().member_list(MemberListRequest { linearizable: true }).await.unwrap().into_inner();
    let header = members.header.unwrap();
    let [member] = members.members.as_slice() else { panic!("{:?}", members.members) };
    assert_eq!((member.name.as_str(), member.client_ur_ls.as_slice()), ("portolan", &[server.url()][..]));
    assert!(member.id != 0 && header.cluster_id != 0 && header.raft_term != 0);
    assert_eq!(header.member_id, member.id);

    let status = admin.maintenance().status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.leader, member.id);
    assert!(status.db_size > 0, "{status:?}");
    let alarms = admin.maintenance().alarm(AlarmRequest::default()).await.unwrap().into_inner();
    assert!(alarms.alarms.is_empty());
    let health = admin.health().check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(health.status, 1);
}

#[tokio::test]
async fn version_and_health_answer_plain_http() {
    let server = Server::start().await;
    for (path, status, body) in [
        ("/version", 200, r#"{"etcdserver":"3.5.33","etcdcluster":"3.5.0"}"#),
        ("/health", 200, r#"{"health":"true","reason":""}"#),
        ("/health?serializable=true", 200, r#"{"health":"true","reason":""}"#),
        ("/livez", 200, "ok\n"),
        ("/livez?verbose", 200, "[+]serializable_read ok\nok\n"),
        ("/livez/data_corruption", 404, "404 page not found\n"),
        ("/readyz", 200, "ok\n"),
        ("/readyz?verbose", 200, "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\nok\n"),
        (
            "/readyz?verbose&exclude=data_corruption&exclude=x",
            200,
            "[+]serializable_read ok\n[+]linearizable_read ok\nok\n",
        ),
        ("/readyz/linearizable_read?verbose", 200, "[+]linearizable_read ok\nok\n"),
        ("/v3/kv/range", 405, "Method Not Allowed\n"),
        ("/v3beta/kv/put", 405, "Method Not Allowed\n"),
        ("/v3/kv/ranges", 404, "Not Found\n"),
        ("/v3/", 404, "Not Found\n"),
        ("/v3alpha/kv/range", 404, "404 page not found\n"),
        ("/anything", 404, "404 page not found\n"),
    ] {
        let output = tokio::process::Command::new("curl")
            .args(["-s", "-w", "%{http_code}", "--cacert"])
            .arg(server.ca_file())
            .arg(format!("{}{path}", server.url()))
            .output()
            .await
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{body}{status}"), "{path}");
    }
}
