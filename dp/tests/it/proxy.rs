use std::convert::Infallible;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Gateway, SOON, get_json, text};
use crate::raw;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_through_and_tells_of_its_client() {
    let (gateway, _files) = Gateway::new().await;
    assert_eq!(text(&gateway.http()).await, (404, "{\"error_msg\":\"404 Route Not Found\"}\n".into()));
    let upstream = Upstream::start(Reply::echo()).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let client = reqwest::Client::new();
    let request = client
        .post(format!("{}/a%20b//c?x=1", gateway.http()))
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "forged")
        .header("connection", "x-secret")
        .header("x-secret", "1")
        .header("te", "trailers")
        .body("hello");
    let response = request.send().await.unwrap();
    assert_eq!((response.status(), response.headers()["server"].to_str().unwrap()), (StatusCode::OK, "Portolan"));
    let seen: Value = response.json().await.unwrap();
    assert_eq!(
        (&seen["method"], &seen["uri"], &seen["body"]),
        (&json!("POST"), &json!("/a%20b//c?x=1"), &json!("hello"))
    );
    let address = gateway.address();
    let port = address.rsplit(':').next().unwrap();
    for (name, value) in [
        ("host", address.as_str()),
        ("x-forwarded-for", "192.0.2.1, 127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", &address),
        ("x-forwarded-port", port),
        ("content-length", "5"),
    ] {
        assert_eq!(seen["headers"][name], json!([value]), "{name}");
    }
    for name in ["connection", "te", "x-secret", "transfer-encoding"] {
        assert!(seen["headers"].get(name).is_none(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_protocol_reaches_the_upstream() {
    let (gateway, files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&files.ca).unwrap()).unwrap();
    let https = gateway.announced.proxy_https.clone().unwrap();
    let builder = || reqwest::Client::builder().tls_certs_only([ca.clone()]);
    for (client, url, version, scheme) in [
        (builder().http1_only(), gateway.http(), http::Version::HTTP_11, "http"),
        (builder().http2_prior_knowledge(), gateway.http(), http::Version::HTTP_2, "http"),
        (builder().http1_only(), https.clone(), http::Version::HTTP_11, "https"),
        (builder(), https, http::Version::HTTP_2, "https"),
    ] {
        let client = client.build().unwrap();
        let response = client.put(format!("{url}/x?y=1")).body("body").send().await.unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::OK, version));
        let seen: Value = response.json().await.unwrap();
        assert_eq!(
            (&seen["uri"], &seen["body"], &seen["version"]),
            (&json!("/x?y=1"), &json!("body"), &json!("HTTP/1.1"))
        );
        assert_eq!(seen["headers"]["x-forwarded-proto"], json!([scheme]));
        let authority = url.split("://").nth(1).unwrap();
        assert_eq!(seen["headers"]["host"], json!([authority]));
    }
}

/// Sends back each piece of a body as it comes.
async fn echo_stream() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let service = service_fn(|request: Request<Incoming>| async {
                    Ok::<_, Infallible>(Response::new(request.into_body()))
                });
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
            });
        }
    });
    address.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_stream_both_ways() {
    const PIECES: usize = 1024;
    const PIECE: usize = 64 * 1024;
    let (gateway, _files) = Gateway::new().await;
    gateway.route_to(&[echo_stream().await], json!({})).await;
    let stream = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driving = tokio::task::spawn(connection);
    // Pieces are sent only while echoes come back: neither side ever holds the whole body.
    let (received, seen) = tokio::sync::watch::channel(0_usize);
    let pieces = stream::iter(0..PIECES).then(move |at| {
        let mut seen = seen.clone();
        async move {
            seen.wait_for(|seen| seen + 8 * 1024 * 1024 > at * PIECE).await.unwrap();
            Ok::<_, Infallible>(Frame::data(Bytes::from(vec![at as u8; PIECE])))
        }
    });
    let request = Request::post("/stream").header("host", "h").body(StreamBody::new(Box::pin(pieces))).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        for (offset, byte) in data.iter().enumerate() {
            assert_eq!(*byte, ((total + offset) / PIECE) as u8);
        }
        total += data.len();
        received.send_replace(total);
    }
    assert_eq!(total, PIECES * PIECE);
    drop(sender);
    driving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_head_and_empty_answers_keep_their_framing() {
    let upstream = raw::Server::start(|mut stream, _| {
        loop {
            let head = raw::read_head(&mut stream);
            if head.is_empty() {
                return;
            }
            let answer = if head.starts_with("HEAD") {
                "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\nx-a: 1\r\n\r\n"
            } else if head.contains("/chunked") {
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
            } else if head.contains("/304") {
                "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n"
            } else {
                "HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n"
            };
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let (gateway, _files) = Gateway::with(|config| config.runtime.workers = 1).await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    let client = reqwest::Client::new();
    let url = gateway.http();
    for _ in 0..2 {
        let head = client.head(format!("{url}/x")).send().await.unwrap();
        assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "1234"));
        assert_eq!(text(&format!("{url}/chunked")).await, (200, "hello world".into()));
        assert_eq!(text(&format!("{url}/304")).await, (304, String::new()));
        assert_eq!(text(&format!("{url}/204")).await, (204, String::new()));
    }
    assert_eq!(upstream.connections(), 1, "every answer left its connection fit for the next");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_keep_their_connections() {
    const CLIENTS: usize = 100;
    const REQUESTS: usize = 30;
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let mut clients = JoinSet::new();
    let address = Arc::new(gateway.address());
    for _ in 0..CLIENTS {
        let address = address.clone();
        clients.spawn(async move {
            let stream = tokio::net::TcpStream::connect(&*address).await.unwrap();
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            let driving = tokio::task::spawn(connection);
            for _ in 0..REQUESTS {
                sender.ready().await.unwrap();
                let request = Request::get("/").header("host", "h").body(Full::<Bytes>::default()).unwrap();
                let response = sender.send_request(request).await.unwrap();
                assert_eq!(response.status(), StatusCode::OK);
                assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
            }
            drop(sender);
            driving.await.unwrap().unwrap();
        });
    }
    clients.join_all().await;
    assert_eq!(upstream.requests(), CLIENTS * REQUESTS);
    assert!(upstream.connections() <= CLIENTS + 2, "{}", upstream.connections());
    let metrics = text(&format!("{}/apisix/prometheus/metrics", gateway.announced.metrics)).await.1;
    let line = metrics.lines().find(|line| line.starts_with("apisix_http_status{code=\"200\",route=\"all\"")).unwrap();
    assert!(line.ends_with(" 3000"), "{line}");
    assert!(line.contains("matched_uri=\"/*\"") && line.contains("node=\"127.0.0.1\""), "{line}");
    assert!(metrics.contains("apisix_http_latency_bucket{type=\"request\",route=\"all\""), "{metrics}");
    assert!(metrics.contains("\napisix_http_requests_total 3000\n"), "{metrics}");
    assert!(metrics.contains("\nportolan_dp_control_plane_connected 1\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_nodes_step_in_for_those_that_cannot_be_reached() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    gateway.route_to(&[raw::closed(), upstream.node(), raw::closed()], json!({})).await;
    for _ in 0..6 {
        assert_eq!(text(&gateway.http()).await, (200, "ok".into()));
    }
    let client = reqwest::Client::new();
    let posted = client.post(gateway.http()).body("x".repeat(100_000)).send().await.unwrap();
    assert_eq!(posted.status(), 200, "a body that was not touched goes to the next node");
    gateway.route_to(&[raw::closed(), upstream.node()], json!({"retries": 0})).await;
    let mut statuses = [text(&gateway.http()).await.0, text(&gateway.http()).await.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 502]);
    gateway.route_to(&[raw::closed(), raw::closed()], json!({})).await;
    assert_eq!(text(&gateway.http()).await.0, 502);
    gateway.route_to(&[], json!({"nodes": {}})).await;
    assert_eq!(text(&gateway.http()).await.0, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_upstreams_are_given_up() {
    let (gateway, _files) = Gateway::new().await;
    let slow = Upstream::start(Reply::text("late").after(Duration::from_secs(30))).unwrap();
    let timeout = |connect: f64, read: f64| json!({"timeout": {"connect": connect, "send": 1, "read": read}});
    gateway.route_to(&[slow.node()], timeout(1.0, 0.3)).await;
    let began = Instant::now();
    assert_eq!(text(&gateway.http()).await.0, 504);
    assert!(began.elapsed() < Duration::from_secs(10));
    let (_listener, _held, hanging) = raw::hanging();
    gateway.route_to(&[hanging], timeout(0.3, 1.0)).await;
    assert_eq!(text(&gateway.http()).await.0, 504);
    // Half an answer, then silence: the client must not take it for a whole one.
    let halting = raw::Server::start(|mut stream, _| {
        raw::read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").unwrap();
        raw::read_all(&mut stream);
    });
    gateway.route_to(&[halting.node()], timeout(1.0, 0.3)).await;
    let response = reqwest::get(gateway.http()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooled_connection_that_died_is_no_error() {
    // Answers once per connection, says keep-alive, and closes when the next request comes.
    let upstream = raw::Server::start(|mut stream, _| {
        raw::read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        raw::read_head(&mut stream);
    });
    let (gateway, _files) = Gateway::with(|config| config.runtime.workers = 1).await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    for _ in 0..10 {
        assert_eq!(text(&gateway.http()).await, (200, "ok".into()));
    }
    // A POST may have been seen; it is not sent twice.
    let posted = reqwest::Client::new().post(gateway.http()).body("x").send().await.unwrap();
    assert_eq!(posted.status(), 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_and_hosts_are_as_configured() {
    let (gateway, _files) = Gateway::new().await;
    let [one, two, none] = [(); 3].map(|()| Upstream::start(Reply::echo()).unwrap());
    let port = |upstream: &Upstream| upstream.address().port();
    let nodes = json!([
        {"host": "127.0.0.1", "port": port(&one), "weight": 3},
        {"host": "localhost", "port": port(&two), "weight": 1},
        {"host": "127.0.0.1", "port": port(&none), "weight": 0},
    ]);
    gateway.put("upstreams/u", json!({"nodes": nodes, "pass_host": "node"})).await;
    gateway.put("services/s", json!({"upstream_id": "u"})).await;
    gateway.put("routes/r", json!({"uri": "/*", "service_id": "s"})).await;
    for _ in 0..20 {
        assert_eq!(text(&gateway.http()).await.0, 200);
    }
    assert_eq!((one.requests(), two.requests(), none.requests()), (15, 5, 0));
    assert_eq!(one.take_seen()[0].headers["host"], one.node());
    assert_eq!(two.take_seen()[0].headers["host"], format!("localhost:{}", port(&two)));
    gateway
        .put("upstreams/u", json!({"nodes": {one.node(): 1}, "pass_host": "rewrite", "upstream_host": "inner.example"}))
        .await;
    assert_eq!(get_json(&gateway.http()).await["headers"]["host"], json!(["inner.example"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_may_speak_tls_and_is_verified_on_demand() {
    let (gateway, files) = Gateway::new().await;
    let (inner, inner_files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::text("inside")).unwrap();
    inner.route_to(&[upstream.node()], json!({})).await;
    let node = inner.announced.proxy_https.clone().unwrap().replace("https://", "");
    gateway.route_to(std::slice::from_ref(&node), json!({"scheme": "https"})).await;
    assert_eq!(text(&gateway.http()).await, (200, "inside".into()));
    gateway.route_to(std::slice::from_ref(&node), json!({"scheme": "https", "tls": {"verify": true}})).await;
    assert_eq!(text(&gateway.http()).await.0, 502, "nobody here trusts that authority");
    drop((gateway, files));
    let (trusting, _files) = Gateway::with(|config| config.tls.trusted_ca = Some(inner_files.ca.clone())).await;
    trusting.route_to(&[node], json!({"scheme": "https", "tls": {"verify": true}})).await;
    assert_eq!(text(&trusting.http()).await, (200, "inside".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_upgraded_when_the_route_says_so() {
    let upstream = raw::Server::start(|mut stream, _| {
        let head = raw::read_head(&mut stream).to_lowercase();
        if !head.contains("upgrade: websocket") {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
            return;
        }
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nhello")
            .unwrap();
        let mut byte = [0; 4];
        std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
        stream.write_all(&byte).unwrap();
    });
    let (gateway, _files) = Gateway::new().await;
    let route = |on: bool| json!({"uri": "/*", "enable_websocket": on, "upstream": {"nodes": {upstream.node(): 1}}});
    let request = b"GET /ws HTTP/1.1\r\nhost: h\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\r\nping";
    gateway.put("routes/1", route(true)).await;
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(request).unwrap();
    let answer = raw::read_all(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\nhelloping"), "{answer}");
    gateway.put("routes/1", route(false)).await;
    assert!(raw::exchange(&gateway.address(), request).starts_with("HTTP/1.1 400"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_port_shows_what_is_in_memory() {
    let (gateway, _files) = Gateway::new().await;
    let revision = gateway.space.put("routes/r", &json!({"uri": "/a", "plugins": {}})).await;
    gateway.applied(revision).await;
    gateway.put("services/s", json!({"hosts": ["a.example"]})).await;
    gateway.put("upstreams/u", json!({"nodes": {"127.0.0.1:80": 1}})).await;
    let control = gateway.announced.control_api.clone();
    let routes = get_json(&format!("{control}/v1/routes")).await;
    assert_eq!(routes[0]["value"], json!({"uri": "/a", "plugins": {}}));
    assert_eq!(routes[0]["modifiedIndex"], revision);
    assert_eq!(get_json(&format!("{control}/v1/service/s")).await["value"]["hosts"], json!(["a.example"]));
    assert_eq!(get_json(&format!("{control}/v1/upstreams")).await.as_array().unwrap().len(), 1);
    assert_eq!(text(&format!("{control}/v1/route/x")).await, (404, "{\"error_msg\":\"route[x] not found\"}".into()));
    assert_eq!(get_json(&format!("{control}/v1/healthcheck")).await, json!({}));
    assert_eq!(get_json(&format!("{control}/v1/schema")).await["plugins"]["key-auth"]["priority"], 2500);
    let status = text(&format!("{}/status", gateway.announced.status)).await;
    assert_eq!(status.0, 200);
    eventually(SOON, || async { Ok(()) }).await;
}
