//! Plain connections, and what a client may cost.

use std::net::SocketAddr;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use portolan_rt::serve::{Connection, Limits, Server, listen};
use portolan_rt::task::Supervisor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Client, in_time, tcp};

async fn who(Extension(connection): Extension<Connection>) -> String {
    assert!(connection.peer.is_none() && connection.tls.is_none());
    connection.remote.to_string()
}

/// The head of an answer, and its body as far as it comes along.
async fn answer(io: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let mut filled = 0;
    while !bytes[..filled].windows(4).any(|end| end == b"\r\n\r\n") {
        let more = in_time(io.read(&mut bytes[filled..])).await.unwrap();
        assert_ne!(more, 0, "the connection is closed");
        filled += more;
    }
    String::from_utf8_lossy(&bytes[..filled]).into_owned()
}

fn start(limits: Limits) -> SocketAddr {
    let listener = listen("listen.test", ([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server { name: "test", listener, tls: None, limits };
    server.start(Router::new().route("/", get(who)), &Supervisor::new()).unwrap();
    address
}

#[tokio::test]
async fn http1_and_http2_are_served_on_one_plain_port() {
    let address = start(Limits::default());
    for version in ["h1", "h2"] {
        let io = tcp(address).await;
        let ours = io.local_addr().unwrap().to_string();
        let mut client = match version {
            "h1" => Client::h1(io).await,
            _ => Client::h2(io).await,
        };
        assert_eq!(client.get("/").await, (200, ours), "{version}");
        assert_eq!(client.get("/nothing").await.0, 404);
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_closed() {
    let limits = Limits { header_read: Duration::from_millis(50), ..Limits::default() };
    let address = start(limits);
    for start_of_request in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost:"] {
        let mut io = tcp(address).await;
        io.write_all(start_of_request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        in_time(io.read_to_end(&mut answer)).await.ok();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{start_of_request}");
    }
}

#[tokio::test]
async fn a_body_that_comes_after_its_answer_is_read_and_the_connection_stays() {
    let mut io = tcp(start(Limits::default())).await;
    let body = "x".repeat(100_000);
    for head in ["content-length: 100000", "transfer-encoding: chunked"] {
        io.write_all(format!("POST / HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n").as_bytes()).await.unwrap();
        assert!(answer(&mut io).await.starts_with("HTTP/1.1 405"), "{head}");
        let sent = if head.ends_with("chunked") { format!("186a0\r\n{body}\r\n0\r\n\r\n") } else { body.clone() };
        io.write_all(sent.as_bytes()).await.unwrap();
    }
    io.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(answer(&mut io).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_waits_for_100_continue_is_not_asked_for() {
    let mut io = tcp(start(Limits::default())).await;
    io.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n").await.unwrap();
    assert!(answer(&mut io).await.starts_with("HTTP/1.1 405"));
    assert_eq!(in_time(io.read(&mut [0])).await.unwrap(), 0, "neither 100 nor another answer");
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let limits = Limits { header_bytes: 8192, ..Limits::default() };
    let mut io = tcp(start(limits)).await;
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\nbig: {}\r\n\r\n", "x".repeat(20_000));
    io.write_all(request.as_bytes()).await.ok();
    let mut answer = [0; 12];
    in_time(io.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
}

#[tokio::test]
async fn at_the_limit_a_connection_waits_for_another_to_close() {
    let address = start(Limits { connections: 1, ..Limits::default() });
    let mut first = Client::h1(tcp(address).await).await;
    assert_eq!(first.get("/").await.0, 200);
    let mut second = Client::h1(tcp(address).await).await;
    let waiting = second.get("/");
    tokio::pin!(waiting);
    // The first is served again while the second waits: so the second has had its chance.
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("the limit is passed"),
        answer = first.get("/") => assert_eq!(answer.0, 200),
    }
    drop(first);
    assert_eq!(waiting.await.0, 200);
}
