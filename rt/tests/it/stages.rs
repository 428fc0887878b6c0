//! The two stages of an end, with answers in flight.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use portolan_rt::serve::{Limits, Server, Streams, listen};
use portolan_rt::status::Board;
use portolan_rt::task::Supervisor;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, Sender};

use crate::client::{Client, PATIENCE, in_time, tcp};

const WAYS: [(&str, Streams); 3] = [("h1", Streams::Apart), ("h2", Streams::Apart), ("h2", Streams::Together)];

/// A body that says what a channel says.
struct Told(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Told {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|told| told.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A server whose answers to `/stream` hang on the channels that come out of the returned one.
fn start(supervisor: &Supervisor, limits: Limits) -> (SocketAddr, mpsc::Receiver<Sender<Bytes>>) {
    let (bodies, asked) = mpsc::channel(4);
    let stream = async move || {
        let (say, told) = mpsc::channel(4);
        bodies.send(say).await.unwrap();
        Body::new(Told(told))
    };
    let listener = listen("listen.test", ([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server { name: "test", listener, tls: None, limits };
    server.start(Router::new().route("/stream", get(stream)), supervisor).unwrap();
    (address, asked)
}

async fn chunk(body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    let frame = in_time(body.frame()).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

async fn client(version: &str, address: SocketAddr) -> Client {
    match version {
        "h1" => Client::h1(tcp(address).await).await,
        _ => Client::h2(tcp(address).await).await,
    }
}

#[tokio::test]
async fn a_body_in_flight_is_finished_after_the_soft_stage() {
    for (version, http2_run) in WAYS {
        let supervisor = Supervisor::new();
        let (address, mut asked) = start(&supervisor, Limits { http2_run, ..Limits::default() });
        let mut client = client(version, address).await;
        let mut body = client.try_get("/stream").await.unwrap().into_body();
        let say = asked.recv().await.unwrap();
        say.send("one".into()).await.unwrap();
        assert_eq!(chunk(&mut body).await.unwrap().unwrap(), "one");

        let shutdown = supervisor.shutdown();
        let rest = async {
            shutdown.request();
            in_time(async { while TcpStream::connect(address).await.is_ok() {} }).await;
            say.send("two".into()).await.unwrap();
            drop(say);
            // An answer that is cut short is an error here.
            let rest = in_time(body.collect()).await.unwrap().to_bytes();
            assert_eq!(rest, "two", "{version}");
        };
        let (ended, ()) = tokio::join!(supervisor.run(PATIENCE), rest);
        ended.unwrap();
        assert!(client.try_get("/stream").await.is_err());
    }
}

#[tokio::test]
async fn a_body_that_does_not_end_is_dropped_at_the_deadline() {
    for (version, http2_run) in WAYS {
        let supervisor = Supervisor::new();
        let (address, mut asked) = start(&supervisor, Limits { http2_run, ..Limits::default() });
        let mut client = client(version, address).await;
        let mut body = client.try_get("/stream").await.unwrap().into_body();
        let say = asked.recv().await.unwrap();
        supervisor.shutdown().request();
        in_time(supervisor.run(Duration::from_millis(100))).await.unwrap();
        assert!(chunk(&mut body).await.unwrap().is_err());
        // The body itself is gone with its connection.
        in_time(say.closed()).await;
    }
}

#[tokio::test]
async fn a_listener_of_endless_streams_has_a_drain_of_its_own() {
    let supervisor = Supervisor::new();
    let limits = Limits { drain: Some(Duration::from_millis(50)), ..Limits::default() };
    let (address, mut asked) = start(&supervisor, limits);
    let mut bodies = Vec::new();
    for version in ["h1", "h2", "h2"] {
        let mut client = client(version, address).await;
        bodies.push((client.try_get("/stream").await.unwrap().into_body(), asked.recv().await.unwrap(), client));
    }
    supervisor.shutdown().request();
    let begin = Instant::now();
    supervisor.run(PATIENCE * 2).await.unwrap();
    assert!(begin.elapsed() < PATIENCE);
    for (mut body, ..) in bodies {
        assert!(chunk(&mut body).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn the_status_port_says_not_ready_while_the_rest_drains() {
    let supervisor = Supervisor::new();
    let (address, mut asked) = start(&supervisor, Limits::default());
    let board = Board::new(supervisor.shutdown());
    let listener = listen("listen.status", ([127, 0, 0, 1], 0).into()).unwrap();
    let status_address = listener.local_addr().unwrap();
    let server = Server { name: "status", listener, tls: None, limits: Limits::default() };
    server.start(board, &supervisor.attendants()).unwrap();

    let mut client = client("h1", address).await;
    let body = client.try_get("/stream").await.unwrap().into_body();
    let say = asked.recv().await.unwrap();
    let ready = async || Client::h1(tcp(status_address).await).await.get("/status/ready").await.0;
    assert_eq!(ready().await, 200);

    let rest = async {
        supervisor.shutdown().request();
        assert_eq!(ready().await, 503);
        drop(say);
        in_time(body.collect()).await.unwrap();
    };
    let (ended, ()) = tokio::join!(supervisor.run(PATIENCE), rest);
    ended.unwrap();
    assert!(TcpStream::connect(status_address).await.is_err());
}
