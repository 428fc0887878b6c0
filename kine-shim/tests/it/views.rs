//! What each identity sees and may do.

use std::time::{Duration, Instant};

use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::{
    CompactionRequest, DeleteRangeRequest, LeaseGrantRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
};
use portolan_eventstore::proposal::ActorKind;
use tonic::{Code, Status};

use crate::client::{Client, create, events, text};
use crate::server::{DATA_PLANE, Server};

async fn filled() -> Server {
    let server = Server::start().await;
    let admin = server.admin();
    for key in
        ["/apisix/routes/1", "/apisix2/routes/1", "/portolan/groups/eu/routes/1", "/portolan/groups/eu/upstreams/2"]
    {
        admin.put(key, key).await;
    }
    admin.put("/portolan/users/1", "secret").await;
    server
}

fn denied(status: &Status) {
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "etcdserver: permission denied"));
}

async fn put(client: &Client, key: &str) -> Result<(), Status> {
    let request = PutRequest { key: key.to_owned().into(), value: "v".into(), ..PutRequest::default() };
    client.kv().put(request).await.map(drop)
}

async fn delete(client: &Client, key: &str, range_end: &str) -> Result<i64, Status> {
    let request =
        DeleteRangeRequest { key: key.to_owned().into(), range_end: range_end.to_owned().into(), prev_kv: true };
    Ok(client.kv().delete_range(request).await?.into_inner().deleted)
}

#[tokio::test]
async fn each_group_sees_its_own_keys_under_apisix() {
    let server = filled().await;
    let (default, eu, us) = (server.data_plane("default"), server.data_plane("eu"), server.data_plane("us"));
    // What APISIX reads: the prefix without its slash.
    assert_eq!(default.keys("/apisix", "/apisiy").await, ["/apisix/routes/1"]);
    assert_eq!(eu.keys("/apisix", "/apisiy").await, ["/apisix/routes/1", "/apisix/upstreams/2"]);
    assert!(us.keys("/apisix", "/apisiy").await.is_empty());
    assert_eq!(eu.range("/apisix/routes/1", "").await.kvs[0].value, "/portolan/groups/eu/routes/1");
    assert_eq!(eu.range("\0", "\0").await.count, 2);
    assert_eq!(eu.range("/apisix/routes/1", "\0").await.count, 2);
    assert!(eu.keys("/portolan/", "/portolan0").await.is_empty());
    assert!(eu.keys("/portolan/users/1", "").await.is_empty());
    assert_eq!(server.admin().range("\0", "\0").await.count, 5);
    // The revisions are everybody's.
    assert_eq!(eu.range("/apisix/routes/1", "").await.kvs[0].mod_revision, 4);
}

#[tokio::test]
async fn a_watch_shows_the_same_view() {
    let server = filled().await;
    let eu = server.data_plane("eu");
    let mut watch = eu.watch();
    watch.create(create("/apisix", "/apisiy", 2)).await;
    assert_eq!(
        events(&watch.next().await),
        [
            "PUT /apisix/routes/1=/portolan/groups/eu/routes/1@4",
            "PUT /apisix/upstreams/2=/portolan/groups/eu/upstreams/2@5"
        ]
    );
    let admin = server.admin();
    admin.put("/apisix/routes/2", "not eu's").await;
    admin.delete("/portolan/groups/", "/portolan/groups0").await;
    assert_eq!(events(&watch.next().await), ["DELETE /apisix/routes/1@8", "DELETE /apisix/upstreams/2@8"]);
    // A range outside of the view is as good as empty.
    let created = watch.create(create("/portolan/", "/portolan0", 1)).await;
    assert!(!created.canceled, "{created:?}");
    admin.put("/portolan/users/2", "x").await;
    put(&eu, "/apisix/data_plane/x").await.unwrap();
    assert_eq!(events(&watch.next().await), ["PUT /apisix/data_plane/x=v@10"]);
}

#[tokio::test]
async fn a_data_plane_writes_its_status_only() {
    let server = filled().await;
    let eu = server.data_plane("eu");
    put(&eu, "/apisix/data_plane/server_info/dp-1").await.unwrap();
    assert_eq!(
        server.admin().keys("/portolan/groups/eu/data_plane/", "/portolan/groups/eu/data_plane0").await.len(),
        1
    );
    let event = server.events("etcd.put").await.remove(0);
    assert_eq!((event.entry.actor.id.as_str(), event.entry.gateway_group.as_deref()), (DATA_PLANE, Some("eu")));

    for key in ["/apisix/routes/1", "/apisix/data_plane", "/portolan/groups/eu/data_plane/x", "x"] {
        denied(&put(&eu, key).await.unwrap_err());
        denied(&delete(&eu, key, "").await.unwrap_err());
    }
    denied(&delete(&eu, "/apisix/data_plane/", "\0").await.unwrap_err());
    denied(&delete(&eu, "/apisix/", "/apisix0").await.unwrap_err());
    denied(&eu.kv().compact(CompactionRequest { revision: 2, physical: false }).await.unwrap_err());
    // A transaction is judged by all that it may do.
    let put_op = RequestOp {
        request: Some(Request::RequestPut(PutRequest { key: "/apisix/routes/1".into(), ..PutRequest::default() })),
    };
    let txn = TxnRequest { failure: vec![put_op], ..TxnRequest::default() };
    denied(&eu.kv().txn(txn).await.unwrap_err());

    assert_eq!(delete(&eu, "/apisix/data_plane/", "/apisix/data_plane0").await.unwrap(), 1);
    assert_eq!(eu.keys("/apisix", "/apisiy").await.len(), 2);
}

#[tokio::test]
async fn denials_are_recorded_but_cannot_fill_the_log() {
    let server = filled().await;
    let eu = server.data_plane("eu");
    for _ in 0..20 {
        denied(&put(&eu, "/apisix/routes/1").await.unwrap_err());
    }
    let events = server.events("auth.denied").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].entry.actor.kind, ActorKind::Certificate);
    assert_eq!(events[0].entry.outcome.as_str(), "denied");
    server.pass(Duration::from_secs(61));
    denied(&put(&eu, "/apisix/routes/1").await.unwrap_err());
    assert_eq!(server.events("auth.denied").await.len(), 2);
}

#[tokio::test]
async fn who_has_no_identity_gets_nothing_and_gets_it_late() {
    let server = filled().await;
    let strange = |uri: &str| server.client(&server.authority.client("x", uri).unwrap());
    for client in [server.nobody(), strange("portolan://server/cp"), strange("https://example.com")] {
        let start = Instant::now();
        let range = RangeRequest { key: "/apisix/routes/1".into(), ..RangeRequest::default() };
        let (mut kv, mut other, mut lease) = (client.kv(), client.kv(), client.lease());
        let (range, put, grant) = tokio::join!(
            kv.range(range),
            other.put(PutRequest { key: "k".into(), ..PutRequest::default() }),
            lease.lease_grant(LeaseGrantRequest { id: 0, ttl: 60 }),
        );
        denied(&range.unwrap_err());
        denied(&put.unwrap_err());
        denied(&grant.unwrap_err());

        let mut watch = client.watch();
        let answer = watch.create(create("/apisix/", "/apisix0", 1)).await;
        assert!(answer.canceled && answer.events.is_empty());
        assert_eq!(answer.watch_id, -1);
        assert_eq!(answer.cancel_reason, "rpc error: code = PermissionDenied desc = etcdserver: permission denied");
        assert!(start.elapsed() >= Duration::from_secs(2), "each refusal takes a second");
    }
    let events = server.events("auth.denied").await;
    assert_eq!(events.len(), 1, "one for the address, however many requests");
    assert_eq!(events[0].entry.actor.kind, ActorKind::Anonymous);
}

#[tokio::test]
async fn compares_of_a_data_plane_see_its_view() {
    let server = filled().await;
    let eu = server.data_plane("eu");
    let exists = |key: &str| portolan_etcd_proto::etcdserverpb::Compare {
        key: key.to_owned().into(),
        result: 1,
        ..Default::default()
    };
    for (key, there) in [("/apisix/routes/1", true), ("/portolan/users/1", false), ("/apisix2/routes/1", false)] {
        let answer = eu.kv().txn(TxnRequest { compare: vec![exists(key)], ..TxnRequest::default() }).await.unwrap();
        assert_eq!(answer.into_inner().succeeded, there, "{key}");
    }
    let read = RequestOp {
        request: Some(Request::RequestRange(RangeRequest {
            key: "\0".into(),
            range_end: "\0".into(),
            ..RangeRequest::default()
        })),
    };
    let answer = eu.kv().txn(TxnRequest { success: vec![read], ..TxnRequest::default() }).await.unwrap().into_inner();
    let Some(portolan_etcd_proto::etcdserverpb::response_op::Response::ResponseRange(range)) =
        &answer.responses[0].response
    else {
        panic!("{answer:?}")
    };
    assert_eq!(
        range.kvs.iter().map(|kv| text(&kv.key)).collect::<Vec<_>>(),
        ["/apisix/routes/1", "/apisix/upstreams/2"]
    );
}
