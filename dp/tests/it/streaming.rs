//! Answers that come piece by piece, and gRPC in the forms that browsers and TLS give it.

use std::io::Write;
use std::sync::{Mutex, mpsc};

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use portolan_etcd_proto::etcdserverpb::PutRequest;
use portolan_etcd_proto::etcdserverpb::kv_client::KvClient;
use portolan_testkit::Upstream;
use portolan_testkit::upstream::Reply;
use serde_json::json;
use tonic::transport::Endpoint;

use crate::harness::Gateway;
use crate::raw;

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_when_they_are_sent() {
    let (send, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let node = raw::Server::start(move |mut stream, _| {
        raw::read_head(&mut stream);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for _ in 0..2 {
            stream.write_all(b"9\r\ndata: x\n\n\r\n").unwrap();
            wait.lock().unwrap().recv().unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
    });
    let (gateway, instance) = Gateway::new().await;
    gateway.route_to(&[node.address.to_string()], json!({})).await;
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&instance.ca).unwrap()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    let https = format!("https://localhost:{}", gateway.https_address().rsplit_once(':').unwrap().1);
    for (url, version) in [(gateway.http(), http::Version::HTTP_11), (https, http::Version::HTTP_2)] {
        let mut response = client.get(url).send().await.unwrap();
        assert_eq!(
            (response.version(), &response.headers()["content-type"]),
            (version, &"text/event-stream".parse().unwrap())
        );
        for _ in 0..2 {
            // The next one is sent only after this one is here.
            assert_eq!(response.chunk().await.unwrap().unwrap(), "data: x\n\n");
            send.send(()).unwrap();
        }
        assert!(response.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_client_may_come_over_tls() {
    let (gateway, instance) = Gateway::new().await;
    let node = gateway.space.url.strip_prefix("http://").unwrap().to_owned();
    gateway.route_to(&[node], json!({"scheme": "grpc"})).await;
    let roots = portolan_rt::tls::Roots::load(instance.ca.clone()).unwrap();
    let tls = portolan_rt::tls::client_config(&roots, None, &["h2"]).unwrap();
    let connector = tokio_rustls::TlsConnector::from(tls);
    let address = gateway.https_address();
    let connect = tower::service_fn(move |_| {
        let (connector, address) = (connector.clone(), address.clone());
        async move {
            let stream = tokio::net::TcpStream::connect(address).await?;
            let stream = connector.connect("localhost".try_into().unwrap(), stream).await?;
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    let channel = Endpoint::from_static("http://localhost").connect_with_connector(connect).await.unwrap();
    let put =
        PutRequest { key: Bytes::from_static(b"grpc-tls"), value: Bytes::from_static(b"v"), ..PutRequest::default() };
    assert!(KvClient::new(channel).put(put).await.unwrap().into_inner().header.unwrap().revision > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_web_passes_as_it_is() {
    let (gateway, _files) = Gateway::new().await;
    // A message and the trailers, which are a frame of the body.
    let frames = "\u{0}\u{0}\u{0}\u{0}\u{2}hi\u{0}\u{0}\u{0}\u{0}\u{f}grpc-status:0\r\n";
    let mut reply = Reply::text(frames);
    reply.headers.insert("content-type", "application/grpc-web+proto".parse().unwrap());
    let upstream = Upstream::start(reply).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let request = reqwest::Client::new().post(format!("{}/pkg.Service/Call", gateway.http()));
    let request = request.header("content-type", "application/grpc-web+proto").header("x-grpc-web", "1");
    let response = request.body("\u{0}\u{0}\u{0}\u{0}\u{1}q").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/grpc-web+proto");
    assert_eq!(response.bytes().await.unwrap(), frames);
    let seen = upstream.take_seen();
    assert_eq!((seen[0].uri.path(), &*seen[0].body), ("/pkg.Service/Call", &b"\0\0\0\0\x01q"[..]));
    assert_eq!(seen[0].headers["x-grpc-web"], "1");
}
