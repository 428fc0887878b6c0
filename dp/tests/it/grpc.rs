//! gRPC through the gateway: the real etcd of these tests as the server, tonic as the client.

use std::time::Duration;

use bytes::Bytes;
use http::Version;
use portolan_etcd_proto::etcdserverpb::kv_client::KvClient;
use portolan_etcd_proto::etcdserverpb::maintenance_client::MaintenanceClient;
use portolan_etcd_proto::etcdserverpb::watch_client::WatchClient;
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{PutRequest, RangeRequest, SnapshotRequest, WatchCreateRequest, WatchRequest};
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Certificates, Upstream};
use serde_json::json;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use crate::harness::Gateway;

async fn to_etcd(more: serde_json::Value) -> (Gateway, crate::harness::Instance) {
    let (gateway, instance) = Gateway::new().await;
    let node = gateway.space.url.strip_prefix("http://").unwrap().to_owned();
    gateway.route_to(&[node], more).await;
    (gateway, instance)
}

async fn channel(url: String) -> Channel {
    Endpoint::from_shared(url).unwrap().connect().await.unwrap()
}

fn put(key: &str) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: Bytes::from_static(b"v"), ..PutRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_streams_and_errors_pass_from_a_real_client_to_a_real_server() {
    let (gateway, _files) = to_etcd(json!({"scheme": "grpc"})).await;
    let channel = channel(gateway.http()).await;
    let mut kv = KvClient::new(channel.clone());
    assert!(kv.put(put("grpc-test")).await.unwrap().into_inner().header.unwrap().revision > 0);

    // An error comes in trailers, here without any body.
    let empty = kv.range(RangeRequest::default()).await.unwrap_err();
    assert_eq!(
        (empty.code(), empty.message().contains("key is not provided")),
        (Code::InvalidArgument, true),
        "{empty}"
    );

    // Both directions stream: the client goes on asking while the server goes on answering.
    let (ask, asked) = tokio::sync::mpsc::channel(4);
    let asked = futures_util::stream::unfold(asked, async |mut asked| Some((asked.recv().await?, asked)));
    let watch = |key: &str| WatchRequest {
        request_union: Some(RequestUnion::CreateRequest(WatchCreateRequest {
            key: key.to_owned().into(),
            ..WatchCreateRequest::default()
        })),
    };
    ask.send(watch("grpc-watched-1")).await.unwrap();
    let mut answers = WatchClient::new(channel).watch(Box::pin(asked)).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().unwrap().created);
    for round in 1..=3 {
        kv.put(put(&format!("grpc-watched-{round}"))).await.unwrap();
        let seen = answers.message().await.unwrap().unwrap();
        assert_eq!(seen.events.len(), 1, "{seen:?}");
        ask.send(watch(&format!("grpc-watched-{}", round + 1))).await.unwrap();
        assert!(answers.message().await.unwrap().unwrap().created);
    }
    drop(ask);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_stream_arrives_whole() {
    let (gateway, _files) = to_etcd(json!({"scheme": "grpc"})).await;
    for _ in 0..40 {
        let large = PutRequest { value: vec![b'v'; 64 * 1024].into(), ..put("grpc-large") };
        KvClient::new(channel(gateway.http()).await).put(large).await.unwrap();
    }
    let mut pieces = MaintenanceClient::new(channel(gateway.http()).await)
        .max_decoding_message_size(64 << 20)
        .snapshot(SnapshotRequest {})
        .await
        .unwrap()
        .into_inner();
    let (mut length, mut left) = (0, u64::MAX);
    while let Some(piece) = pieces.message().await.unwrap() {
        length += piece.blob.len();
        left = piece.remaining_bytes;
    }
    assert!(length > 2 << 20 && left == 0, "{length} bytes, {left} are left");
    assert!(pieces.trailers().await.unwrap().is_some(), "the end comes in trailers");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_share_a_connection() {
    let (gateway, _files) = Gateway::new().await;
    let node = Upstream::start(Reply::echo().after(Duration::from_millis(50))).unwrap();
    gateway.route_to(&[node.node()], json!({"scheme": "grpc"})).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let ask = || async {
        let response = client.get(gateway.http()).header("grpc-timeout", "5S").send().await.unwrap();
        response.json::<serde_json::Value>().await.unwrap()
    };
    let first = ask().await;
    assert_eq!((&first["version"], &first["headers"]["te"]), (&json!("HTTP/2.0"), &json!(["trailers"])));
    assert_eq!(first["uri"], json!(format!("{}/", gateway.http())));
    assert_eq!(first["headers"]["grpc-timeout"], json!(["5S"]), "the deadline is the server's, too");
    let all = (0..40).map(|_| ask());
    futures_util::future::join_all(all).await;
    // One client connection, so one worker.
    assert_eq!((node.requests(), node.connections()), (41, 1));
    // gRPC-Web comes over HTTP/1.1 too, with its trailers in the body.
    let answer = reqwest::Client::new()
        .post(format!("{}/pkg.Service/Method", gateway.http()))
        .header("content-type", "application/grpc-web+proto")
        .body("\0\0\0\0\0")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.version(), Version::HTTP_11);
    let seen: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((&seen["version"], &seen["method"]), (&json!("HTTP/2.0"), &json!("POST")));
    assert_eq!(seen["headers"]["content-type"], json!(["application/grpc-web+proto"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_carries_no_more_requests_than_configured() {
    let (gateway, _files) = Gateway::with(|config| config.runtime.workers = 1).await;
    let node = Upstream::start(Reply::echo()).unwrap();
    gateway.route_to(&[node.node()], json!({"scheme": "grpc", "keepalive_pool": {"requests": 2}})).await;
    for _ in 0..5 {
        assert_eq!(crate::harness::text(&gateway.http()).await.0, 200);
    }
    assert_eq!(node.connections(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcs_offers_http2_and_asks_for_the_host() {
    let (gateway, _files) = Gateway::new().await;
    let authority = Certificates::new().unwrap();
    let issued = authority.server(&["grpc.example"]).unwrap();
    let node = Upstream::start_tls(Reply::echo(), &issued, None).unwrap();
    let upstream = json!({"scheme": "grpcs", "pass_host": "rewrite", "upstream_host": "grpc.example"});
    gateway.route_to(&[node.node()], upstream).await;
    assert_eq!(crate::harness::text(&gateway.http()).await.0, 200);
    let seen = node.take_seen().remove(0);
    assert_eq!((seen.version, seen.uri.to_string().as_str()), (Version::HTTP_2, "https://grpc.example/"));
    assert_eq!(seen.tls.unwrap().server_name.as_deref(), Some("grpc.example"));
}
