//! User name and password, revoked certificates, and maintenance.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use portolan_etcd_proto::etcdserverpb::auth_client::AuthClient;
use portolan_etcd_proto::etcdserverpb::watch_client::WatchClient;
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{
    AuthStatusRequest, AuthUserAddRequest, AuthenticateRequest, DefragmentRequest, HashKvRequest, LeaseGrantRequest,
    LeaseKeepAliveRequest, PutRequest, RangeRequest, SnapshotRequest, WatchRequest,
};
use portolan_eventstore::proposal::ActorKind;
use portolan_rt::tls::PeerCertificate;
use portolan_testkit::Certificates;
use portolan_testkit::certificates::Issued;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_stream::StreamExt as _;
use tonic::{Code, Request};

use crate::client::{Client, PATIENCE, create, events};
use crate::server::Server;

async fn login(client: &Client, name: &str, password: &str) -> Result<String, tonic::Status> {
    let request = AuthenticateRequest { name: name.to_owned(), password: password.to_owned() };
    let mut auth = AuthClient::with_origin(client.http.clone(), client.origin.clone());
    Ok(auth.authenticate(request).await?.into_inner().token)
}

async fn range_as(client: &Client, header: &'static str, token: &str) -> Result<i64, tonic::Status> {
    let range = RangeRequest { key: "\0".into(), range_end: "\0".into(), ..RangeRequest::default() };
    let mut request = Request::new(range);
    request.metadata_mut().insert(header, token.parse().unwrap());
    Ok(client.kv().range(request).await?.into_inner().count)
}

#[tokio::test]
async fn a_password_gives_a_token_and_a_token_gives_access() {
    let server = Server::start().await;
    server.admin().put("/elsewhere", "v").await;
    let client = server.nobody();
    for (name, password) in [("ann", "wrong"), ("bob", "secret"), ("", "")] {
        let status = login(&client, name, password).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "etcdserver: authentication failed, invalid user ID or password");
    }
    let status = login(&client, "ann", "again").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "etcdserver: too many requests"));
    let failed = server.events("auth.login_failed").await;
    assert_eq!(failed.len(), 1, "one for the address, however many attempts");
    server.pass(Duration::from_secs(60));
    let counted = "3 more since the last event, the last one: too many failed logins";
    portolan_testkit::eventually(PATIENCE, || async {
        let failed = server.events("auth.login_failed").await;
        anyhow::ensure!(failed.len() == 2, "{} events", failed.len());
        let message = failed[0].personal.as_ref().and_then(|personal| personal.message.as_deref());
        anyhow::ensure!(message == Some(counted), "{message:?}");
        Ok(())
    })
    .await;

    let token = login(&client, "ann", "secret").await.unwrap();
    assert_eq!(range_as(&client, "token", &token).await.unwrap(), 1);
    assert_eq!(range_as(&client, "authorization", &token).await.unwrap(), 1);
    // A data plane's certificate shows its group; with the token, everything.
    let data_plane = server.data_plane("eu");
    assert_eq!(data_plane.range("\0", "\0").await.count, 0);
    assert_eq!(range_as(&data_plane, "token", &token).await.unwrap(), 1);
    for (client, token) in [(&client, "else"), (&data_plane, "else.7")] {
        let status = range_as(client, "token", token).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "etcdserver: invalid auth token"));
    }
    login(&client, "ann", "secret").await.unwrap();
    let logins = server.events("auth.login").await;
    assert_eq!(logins.len(), 1, "renewing a token is no login");
    assert_eq!((logins[0].entry.actor.kind, logins[0].entry.actor.id.as_str()), (ActorKind::User, "u-1"));
    server.pass(Duration::from_secs(301));
    assert_eq!(range_as(&client, "token", &token).await.unwrap_err().code(), Code::Unauthenticated);
}

/// A token and the streams that it opened end with the password that it was given for, and with the rights of its holder.
#[tokio::test]
async fn a_changed_user_loses_the_token_and_its_streams() {
    let server = Server::start().await;
    let client = server.nobody();
    for changed in [2, 0] {
        let token = login(&client, "ann", "secret").await.unwrap();
        let request =
            WatchRequest { request_union: Some(RequestUnion::CreateRequest(create("/apisix/", "/apisix0", 0))) };
        let mut request = Request::new(tokio_stream::once(request).chain(tokio_stream::pending()));
        request.metadata_mut().insert("token", token.parse().unwrap());
        let mut watch = WatchClient::with_origin(client.http.clone(), client.origin.clone());
        let mut watch = watch.watch(request).await.unwrap().into_inner();
        assert!(watch.message().await.unwrap().unwrap().created);
        server.ann.store(changed, Ordering::Relaxed);
        // What changes a user is an event.
        server.admin().put("/elsewhere", "v").await;
        let ended = tokio::time::timeout(PATIENCE, watch.message()).await.unwrap().unwrap_err();
        assert_eq!(ended.message(), "etcdserver: invalid auth token");
        assert_eq!(range_as(&client, "token", &token).await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert_eq!(login(&client, "ann", "secret").await.unwrap_err().code(), Code::InvalidArgument);
}

/// Who is denied something is told at once, who goes on is told late.
#[tokio::test]
async fn a_peer_that_goes_on_asking_waits() {
    let server = Server::start().await;
    let (data_plane, other) = (server.data_plane("eu"), server.data_plane("us"));
    let put = PutRequest { key: "/apisix/routes/1".into(), value: "{}".into(), ..PutRequest::default() };
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(data_plane.kv().put(put.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    }
    // Each of them late would be twenty seconds.
    assert!(start.elapsed() < Duration::from_secs(19), "{:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(data_plane.kv().put(put).await.unwrap_err().code(), Code::PermissionDenied);
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    // What it may do it does as before.
    assert_eq!(data_plane.put("/apisix/data_plane/a", "{}").await, 3);
    assert_eq!(other.range("/apisix/", "/apisix0").await.count, 0);
    assert_eq!(server.events("auth.denied").await.len(), 1);
}

#[tokio::test]
async fn users_are_not_made_here() {
    let server = Server::start().await;
    let admin = server.admin();
    let mut auth = AuthClient::with_origin(admin.http.clone(), admin.origin.clone());
    let status = auth.auth_status(AuthStatusRequest {}).await.unwrap().into_inner();
    assert!(status.enabled);
    let status = auth.user_add(AuthUserAddRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "not served by portolan: members, users and roles are the control plane's");
}

/// Opens streams with a certificate, revokes it, and gives the time until all of them have ended.
async fn time_to_revoke(server: &Server, issued: &Issued) -> Duration {
    let revoked = server.client(issued);
    let (mut watch, mut quiet) = (revoked.watch(), revoked.watch());
    watch.create(create("/apisix/", "/apisix0", 0)).await;
    quiet.create(create("/apisix/nothing", "", 0)).await;
    let lease = revoked.lease().lease_grant(LeaseGrantRequest { id: 0, ttl: 60 }).await.unwrap().into_inner().id;
    let asking = tokio_stream::once(LeaseKeepAliveRequest { id: lease }).chain(tokio_stream::pending());
    let mut alive = revoked.lease().lease_keep_alive(asking).await.unwrap().into_inner();
    assert_eq!(alive.message().await.unwrap().unwrap().ttl, 60);

    let der = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let serial = PeerCertificate::from_der(&der).unwrap().serial;
    let start = Instant::now();
    server.admin().put(&format!("{}{serial}", portolan_kine_shim::REVOKED_PREFIX), "{}").await;
    for stream in [&mut watch, &mut quiet] {
        assert_eq!(stream.try_next().await.unwrap_err().code(), Code::PermissionDenied);
    }
    let ended = tokio::time::timeout(PATIENCE, alive.message()).await.unwrap();
    assert_eq!(ended.unwrap_err().code(), Code::PermissionDenied);
    start.elapsed()
}

#[tokio::test]
async fn a_revoked_certificate_loses_its_streams_within_a_second() {
    let server = Server::start().await;
    let (admin, other) = (server.admin(), server.data_plane("eu"));
    let mut kept = other.watch();
    kept.create(create("/apisix/", "/apisix0", 0)).await;
    // A machine that is busy with other tests may take its time, but not always.
    let (mut quickest, mut issued) = (Duration::MAX, None);
    for _ in 0..10 {
        let one = server.authority.client("dp-9", "portolan://data-plane/eu/dp-9").unwrap();
        quickest = quickest.min(time_to_revoke(&server, &one).await);
        issued = Some(one);
        if quickest < Duration::from_secs(1) {
            break;
        }
    }
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
    let revoked = server.client(&issued.unwrap());
    let request = RangeRequest { key: "/apisix/routes/1".into(), ..RangeRequest::default() };
    assert_eq!(revoked.kv().range(request.clone()).await.unwrap_err().code(), Code::PermissionDenied);

    // Others go on, and a revocation that is taken back lets the certificate in again.
    let revision = admin.put("/portolan/groups/eu/routes/1", "v").await;
    assert_eq!(events(&kept.next().await), [format!("PUT /apisix/routes/1=v@{revision}")]);
    admin.delete(portolan_kine_shim::REVOKED_PREFIX, "/portolan/revoked0").await;
    portolan_testkit::eventually(PATIENCE, || async {
        revoked.kv().range(request.clone()).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_authority_comes_and_goes_while_connections_stand() {
    let server = Server::start().await;
    let other = Certificates::new().unwrap();
    let issued = other.client("ops-2", "portolan://admin/ops-2").unwrap();
    let (before, refused) = (server.admin(), server.client(&issued));
    let mut watch = before.watch();
    watch.create(create("a", "", 0)).await;
    let request = RangeRequest { key: "a".into(), ..RangeRequest::default() };
    refused.kv().range(request.clone()).await.unwrap_err();
    server.roots.replace(other.ca().as_bytes()).unwrap();
    assert_eq!(server.client(&issued).put("a", "1").await, 2);
    server.admin().kv().range(request).await.unwrap_err();
    assert_eq!(events(&watch.next().await), ["PUT a=1@2"]);
    assert_eq!(before.put("a", "2").await, 3, "who is in stays in, unless revoked");
}

#[tokio::test]
async fn maintenance_answers_what_means_something() {
    let server = Server::start().await;
    let admin = server.admin();
    let hash = async |revision| {
        let answer = admin.maintenance().hash_kv(HashKvRequest { revision }).await.map(tonic::Response::into_inner)?;
        Ok::<_, tonic::Status>((answer.hash, answer.header.unwrap().revision))
    };
    admin.put("a", "1").await;
    let (first, _) = hash(0).await.unwrap();
    admin.put("a", "2").await;
    let (second, revision) = hash(0).await.unwrap();
    assert_ne!(first, second);
    assert_eq!((hash(2).await.unwrap(), revision), ((first, 3), 3));
    assert_eq!(hash(4).await.unwrap_err().message(), "etcdserver: mvcc: required revision is a future revision");
    let denied = server.data_plane("eu").maintenance().hash_kv(HashKvRequest { revision: 0 }).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    admin.maintenance().defragment(DefragmentRequest {}).await.unwrap();
    let status = admin.maintenance().snapshot(SnapshotRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "no etcd snapshots here: back up the database that holds the event log");
}
