//! Leases: streams, expiry, and whose they are.

use std::time::Duration;

use portolan_etcd_proto::etcdserverpb::{
    LeaseGrantRequest, LeaseKeepAliveRequest, LeaseLeasesRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest,
    PutRequest,
};
use portolan_testkit::eventually;
use tonic::Code;

use crate::client::{Client, PATIENCE, create, events};
use crate::server::{DATA_PLANE, Server};

async fn grant(client: &Client, id: i64, ttl: i64) -> i64 {
    client.lease().lease_grant(LeaseGrantRequest { id, ttl }).await.unwrap().into_inner().id
}

async fn put(client: &Client, key: &str, lease: i64) -> Result<i64, tonic::Status> {
    let request = PutRequest { key: key.to_owned().into(), lease, ..PutRequest::default() };
    Ok(client.kv().put(request).await?.into_inner().header.unwrap().revision)
}

async fn time_to_live(client: &Client, id: i64) -> i64 {
    let request = LeaseTimeToLiveRequest { id, keys: false };
    client.lease().lease_time_to_live(request).await.unwrap().into_inner().ttl
}

async fn keep_alive(client: &Client, ids: &[i64]) -> Vec<i64> {
    let requests: Vec<_> = ids.iter().map(|id| LeaseKeepAliveRequest { id: *id }).collect();
    let mut answers = client.lease().lease_keep_alive(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let mut ttls = Vec::new();
    while let Some(answer) = tokio::time::timeout(PATIENCE, answers.message()).await.unwrap().unwrap() {
        assert_eq!(answer.id, ids[ttls.len()], "in the order of the requests");
        ttls.push(answer.ttl);
    }
    ttls
}

#[tokio::test]
async fn an_unrenewed_lease_ends_with_its_keys_as_one_event() {
    let server = Server::start().await;
    let admin = server.admin();
    let lease = grant(&admin, 0, 60).await;
    assert!(lease > 0);
    for key in ["b", "a"] {
        put(&admin, key, lease).await.unwrap();
    }
    let mut watch = admin.watch();
    watch.create(create("a", "z", 0)).await;

    server.pass(Duration::from_secs(59));
    assert_eq!(keep_alive(&admin, &[lease, 4711, lease]).await, [60, 0, 60]);
    server.pass(Duration::from_secs(59));
    assert_eq!(time_to_live(&admin, lease).await, 1);
    assert_eq!(admin.keys("a", "z").await, ["a", "b"]);

    server.pass(Duration::from_secs(2));
    assert_eq!(events(&watch.next().await), ["DELETE a@4", "DELETE b@4"]);
    eventually(PATIENCE, || async {
        let ttl = time_to_live(&admin, lease).await;
        anyhow::ensure!(ttl == -1, "the lease is still there: {ttl}");
        Ok(())
    })
    .await;
    let expired = server.events("lease.expire").await;
    assert_eq!((expired.len(), expired[0].changes.len()), (1, 2));
}

#[tokio::test]
async fn a_data_plane_has_to_do_with_its_own_leases_only() {
    let server = Server::start().await;
    let (admin, data_plane) = (server.admin(), server.data_plane("eu"));
    let foreign = grant(&admin, 0, 60).await;
    put(&admin, "/portolan/secret", foreign).await.unwrap();
    let own = grant(&data_plane, 0, 60).await;
    put(&data_plane, "/apisix/data_plane/server_info/dp-1", own).await.unwrap();

    let leases = data_plane.lease().lease_leases(LeaseLeasesRequest {}).await.unwrap().into_inner().leases;
    assert_eq!(leases.iter().map(|lease| lease.id).collect::<Vec<_>>(), [own]);
    let request = LeaseTimeToLiveRequest { id: own, keys: true };
    let answer = data_plane.lease().lease_time_to_live(request).await.unwrap().into_inner();
    assert_eq!(answer.keys, ["/apisix/data_plane/server_info/dp-1"]);
    assert_eq!(time_to_live(&data_plane, foreign).await, -1);
    assert_eq!(keep_alive(&data_plane, &[foreign, own]).await, [0, 60]);
    let status = data_plane.lease().lease_revoke(LeaseRevokeRequest { id: foreign }).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "etcdserver: requested lease not found"));
    let status = put(&data_plane, "/apisix/data_plane/x", foreign).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "etcdserver: requested lease not found"));

    data_plane.lease().lease_revoke(LeaseRevokeRequest { id: own }).await.unwrap();
    assert!(admin.keys("/portolan/groups/", "/portolan/groups0").await.is_empty());
    let revoked = server.events("lease.revoke").await;
    assert_eq!(revoked[0].entry.actor.id, DATA_PLANE);
}
