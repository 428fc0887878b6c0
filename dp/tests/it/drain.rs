use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portolan_testkit::eventually;
use serde_json::json;

use crate::harness::{Gateway, SOON};
use crate::raw;

#[tokio::test(flavor = "multi_thread")]
async fn requests_finish_while_readiness_is_off_and_nothing_new_is_taken() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let upstream = raw::Server::start(move |mut stream, _| {
        raw::read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf").unwrap();
        wait.lock().unwrap().recv().unwrap();
        stream.write_all(b"rest").unwrap();
    });
    let (gateway, _files) = Gateway::new().await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    let mut idle = TcpStream::connect(gateway.address()).unwrap();
    let mut busy = TcpStream::connect(gateway.address()).unwrap();
    for stream in [&idle, &busy] {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    busy.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    let head = raw::read_head(&mut busy);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");

    gateway.request_shutdown();
    eventually(SOON, || async {
        let (status, body) = gateway.status().await?;
        ensure!(status == 503 && body["error"] == "shutting down", "{body}");
        Ok(())
    })
    .await;
    let mut nothing = [0];
    assert_eq!(idle.read(&mut nothing).unwrap(), 0, "idle connections are closed");
    eventually(SOON, || async {
        ensure!(TcpStream::connect(gateway.address()).is_err(), "still accepting");
        Ok(())
    })
    .await;
    go_on.send(()).unwrap();
    assert_eq!(raw::read_all(&mut busy), "halfrest");
    gateway.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_streams_finish_and_their_connection_is_told_to_go() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let upstream = raw::Server::start(move |mut stream, _| {
        raw::read_head(&mut stream);
        wait.lock().unwrap().recv().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").unwrap();
    });
    let (gateway, _files) = Gateway::new().await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    let stream = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
    let executor = TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await.unwrap();
    let driving = tokio::task::spawn(connection);
    let request = || Request::get("http://h/").body(Full::<Bytes>::default()).unwrap();
    let running = sender.send_request(request());
    let asked = async {
        let response = running.await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    };
    let shutdown = async {
        eventually(SOON, || async {
            ensure!(upstream.connections() == 1, "the request is not under way");
            Ok(())
        })
        .await;
        gateway.request_shutdown();
        eventually(SOON, || async {
            ensure!(TcpStream::connect(gateway.address()).is_err(), "still accepting");
            Ok(())
        })
        .await;
        go_on.send(()).unwrap();
    };
    let (body, ()) = tokio::join!(asked, shutdown);
    assert_eq!(body, "done");
    // GOAWAY without an error ends the client's side, too.
    driving.await.unwrap().unwrap();
    gateway.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_is_dropped_at_the_deadline() {
    let upstream = raw::Server::start(|mut stream, _| {
        raw::read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf").unwrap();
        raw::read_all(&mut stream);
    });
    let (gateway, _files) = Gateway::with(|config| config.shutdown.drain_seconds = 1).await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    let mut busy = TcpStream::connect(gateway.address()).unwrap();
    busy.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    raw::read_head(&mut busy);
    let began = std::time::Instant::now();
    gateway.stop().unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_request_that_was_under_way_is_the_last_of_its_connection() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let upstream = raw::Server::start(move |mut stream, _| {
        raw::read_head(&mut stream);
        wait.lock().unwrap().recv().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").unwrap();
    });
    let (gateway, _files) = Gateway::new().await;
    gateway.route_to(&[upstream.node()], json!({})).await;
    let mut busy = TcpStream::connect(gateway.address()).unwrap();
    busy.set_read_timeout(Some(SOON)).unwrap();
    // The second one comes too early to know, and is not answered.
    busy.write_all("GET / HTTP/1.1\r\nhost: h\r\n\r\n".repeat(2).as_bytes()).unwrap();
    eventually(SOON, || async {
        ensure!(upstream.connections() == 1, "the request is not under way");
        Ok(())
    })
    .await;
    gateway.request_shutdown();
    eventually(SOON, || async {
        ensure!(TcpStream::connect(gateway.address()).is_err(), "still accepting");
        Ok(())
    })
    .await;
    go_on.send(()).unwrap();
    let answer = raw::read_all(&mut busy);
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("\r\n\r\ndone"), "{answer}");
    gateway.stop().unwrap();
}
