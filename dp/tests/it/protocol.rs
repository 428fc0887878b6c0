//! Requests that no client should send, and limits.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::json;

use crate::harness::{Gateway, SOON};
use crate::raw;

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_of_proxies_are_refused() {
    let (gateway, _files) = Gateway::new().await;
    for method in ["TRACE / HTTP/1.1\r\nhost: h\r\n\r\n", "CONNECT h:80 HTTP/1.1\r\nhost: h:80\r\n\r\n"] {
        assert_eq!(status(&raw::exchange(&gateway.address(), method.as_bytes())), 405, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_may_come_before_the_answers_to_earlier_ones() {
    let upstream = Upstream::start(Reply::echo()).unwrap();
    let (gateway, _files) = Gateway::new().await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    let one = |at: usize, more: &str| match at % 2 {
        0 => format!("GET /{at} HTTP/1.1\r\nhost: h\r\n{more}\r\n"),
        _ => format!(
            "POST /{at} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n{more}\r\n3\r\n{at:03}\r\n0\r\n\r\n"
        ),
    };
    let all: String = (0..9).map(|at| one(at, "")).collect::<String>() + &one(9, "connection: close\r\n");
    let answers = raw::exchange(&gateway.address(), all.as_bytes());
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 10, "{answers}");
    let seen = upstream.take_seen();
    let asked: Vec<String> = seen.iter().map(|seen| seen.uri.to_string()).collect();
    assert_eq!(asked, (0..10).map(|at| format!("/{at}")).collect::<Vec<_>>(), "in their order");
    assert_eq!((&seen[2].body[..], &seen[3].body[..]), (&b""[..], &b"003"[..]));
    let places: Vec<usize> = (0..10).map(|at| answers.find(&format!("\"uri\":\"/{at}\"")).unwrap()).collect();
    assert!(places.is_sorted(), "{answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold() {
    let (gateway, _files) = Gateway::with(|config| {
        config.limits.header_bytes = 8192;
        config.limits.header_count = 20;
        config.limits.body_bytes = 1000;
        config.limits.header_seconds = 1;
        config.limits.body_seconds = 1;
    })
    .await;
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let address = gateway.address();
    let send = |text: String| status(&raw::exchange(&address, text.as_bytes()));
    let large = "x".repeat(20_000);
    assert_eq!(send(format!("GET / HTTP/1.1\r\nhost: h\r\nx-large: {large}\r\n\r\n")), 431);
    let many: String = (0..30).map(|at| format!("x-{at}: 1\r\n")).collect();
    assert_eq!(send(format!("GET / HTTP/1.1\r\nhost: h\r\n{many}\r\n")), 431);
    let body = "x".repeat(2000);
    assert_eq!(send(format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2000\r\n\r\n{body}")), 413);
    assert_eq!(
        send(format!("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n7d0\r\n{body}\r\n0\r\n\r\n")),
        413
    );
    assert_eq!(
        send(format!(
            "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n{}",
            &body[..1000]
        )),
        200
    );
    // A body that never comes.
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nab").unwrap();
    assert_eq!(status(&raw::read_all(&mut stream)), 408);
    // A head that never ends, and a connection without a word, are closed.
    for bytes in [&b"GET / HTTP/1.1\r\nhost"[..], b"", b"P", b"PR"] {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(bytes).unwrap();
        let began = std::time::Instant::now();
        raw::read_all(&mut stream);
        assert!(began.elapsed() < Duration::from_secs(8), "{bytes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_cut_off() {
    let (gateway, _files) = Gateway::with(|config| config.limits.send_seconds = 1).await;
    // More than all buffers between the two hold.
    let upstream = Upstream::start(Reply::text(&"x".repeat(64 << 20))).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    let active = "apisix_nginx_http_current_connections{state=\"active\"} ";
    let connections = || async {
        let text = crate::harness::text(&format!("{}/apisix/prometheus/metrics", gateway.announced.metrics)).await.1;
        let line = text.lines().find_map(|line| line.strip_prefix(active)).unwrap_or("none").to_owned();
        anyhow::Ok(line)
    };
    eventually(SOON, || async {
        let now = connections().await?;
        anyhow::ensure!(upstream.requests() == 1 && now == "0", "{now} connections");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_pass_both_ways() {
    let (sender, received) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let upstream = raw::Server::start(move |mut stream, _| {
        let mut all = raw::read_head(&mut stream);
        while !all.ends_with("x-sum: 1\r\n\r\n") {
            let more = raw::read_head(&mut stream);
            if more.is_empty() {
                break;
            }
            all.push_str(&more);
        }
        sender.lock().unwrap().send(all).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntrailer: x-done\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-done: yes\r\n\r\n")
            .unwrap();
    });
    let (gateway, _files) = Gateway::new().await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    let request = "POST / HTTP/1.1\r\nhost: h\r\nte: trailers\r\nconnection: te, close\r\ntrailer: x-sum\r\n\
                   transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n";
    let answer = raw::exchange(&gateway.address(), request.as_bytes());
    let seen = received.recv_timeout(SOON).unwrap();
    assert!(seen.ends_with("0\r\nx-sum: 1\r\n\r\n"), "{seen:?}");
    assert!(answer.ends_with("0\r\nx-done: yes\r\n\r\n"), "{answer:?}");
}
